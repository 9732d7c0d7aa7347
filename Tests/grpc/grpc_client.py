"""Calls the origin beside it (grpc_origin.py), through whatever is between them, with Python's grpcio.

    grpc_client.py PORT [AUTHORITY]

Without the file of a certificate authority there is no TLS. Prints a line for each case, `ok NAME` or `FAILED NAME: why`, and how many
there were; the exit status is 1 if one failed.
"""

import itertools
import queue
import sys
import traceback
import uuid

import grpc

SECONDS = 30
MEGABYTE = 1 << 20
CASES = []
# Calls have names by which the origin knows them; it may have other clients.
names = (f"{uuid.uuid4()}-{number}" for number in itertools.count())


def case(function):
    CASES.append(function)
    return function


class Client:
    def __init__(self, port, authority):
        # What is in the environment about proxies doesn't concern this.
        options = [("grpc.enable_http_proxy", 0), ("grpc.ssl_target_name_override", "localhost"), ("grpc.enable_retries", 0)]
        target = f"127.0.0.1:{port}"
        if authority:
            credentials = grpc.ssl_channel_credentials(open(authority, "rb").read())
            self.channel = grpc.secure_channel(target, credentials, options)
        else:
            self.channel = grpc.insecure_channel(target, options[:1] + options[2:])

    def unary(self, method):
        return self.channel.unary_unary(f"/test.Echo/{method}")

    def server_stream(self, method):
        return self.channel.unary_stream(f"/test.Echo/{method}")

    def client_stream(self, method):
        return self.channel.stream_unary(f"/test.Echo/{method}")

    def both_stream(self, method):
        return self.channel.stream_stream(f"/test.Echo/{method}")

    def end_of(self, name):
        """How the origin saw the end of a call."""
        return self.unary("EndOf")(name.encode(), timeout=SECONDS).decode()

    def release(self, name):
        self.unary("Release")(name.encode(), timeout=SECONDS)


def expect(found, wanted, what):
    if found != wanted:
        raise AssertionError(f"{what} is {found!r:.200}, not {wanted!r:.200}")


def expect_error(call, code, details=None):
    """The error with which `call` ends."""
    try:
        result = call()
    except grpc.RpcError as error:
        expect(error.code(), code, f"the status ({error.details()})")
        if details is not None:
            expect(error.details(), details, "the message")
        return error
    raise AssertionError(f"no error, but {result!r:.200}")


# ---- the four kinds of calls ---------------------------------------------------------------------------------


@case
def unary(client):
    expect(client.unary("Echo")(b"hello", timeout=SECONDS), b"hello", "the answer")


@case
def an_empty_message(client):
    expect(client.unary("Echo")(b"", timeout=SECONDS), b"", "the answer")


@case
def server_streaming(client):
    answers = list(client.server_stream("Count")(b"500 100", timeout=SECONDS))
    expect([int.from_bytes(answer[:4], "big") for answer in answers], list(range(500)), "the numbers")
    expect({len(answer) for answer in answers}, {100}, "the sizes")


@case
def a_stream_without_messages(client):
    expect(list(client.server_stream("Count")(b"0 4", timeout=SECONDS)), [], "the answers")


@case
def a_message_comes_before_the_next_is_made(client):
    name = next(names)
    answers = client.server_stream("Pause")(b"", timeout=SECONDS, metadata=[("call", name)])
    expect(next(answers), b"one", "the first message")
    client.release(name)
    expect(list(answers), [b"two"], "the rest")


@case
def client_streaming(client):
    expect(client.client_stream("Total")((b"x" * 100 for _ in range(500)), timeout=SECONDS), b"500 50000", "the answer")
    expect(client.client_stream("Total")(iter(()), timeout=SECONDS), b"0 0", "the answer to nothing")


@case
def bidirectional_streaming(client):
    messages = [b"%d" % number for number in range(200)]
    answers = client.both_stream("Converse")(iter(messages), timeout=SECONDS)
    expect(list(answers), [b"re: " + message for message in messages], "the answers")


@case
def a_conversation_in_turns(client):
    """Each message is sent only once the answer to the one before has come."""
    asked = queue.Queue()
    answers = client.both_stream("Converse")(iter(asked.get, None), timeout=SECONDS)
    for number in range(100):
        asked.put(b"%d" % number)
        expect(next(answers), b"re: %d" % number, "the answer")
    asked.put(None)
    expect(list(answers), [], "the rest")
    expect(answers.code(), grpc.StatusCode.OK, "the status")


# ---- big ones, and many --------------------------------------------------------------------------------------


@case
def a_megabyte_both_ways(client):
    message = bytes(range(256)) * (MEGABYTE // 256)
    for _ in range(3):
        expect(client.unary("Echo")(message, timeout=SECONDS) == message, True, "the answer's being the same")


@case
def twenty_megabytes_in_a_stream(client):
    answers = client.server_stream("Count")(b"320 65536", timeout=SECONDS)
    expect(sum(len(answer) for answer in answers), 20 * MEGABYTE, "the size")


@case
def twenty_megabytes_from_the_client(client):
    answer = client.client_stream("Total")((b"x" * 65536 for _ in range(320)), timeout=SECONDS)
    expect(answer, b"320 %d" % (20 * MEGABYTE), "the answer")


@case
def a_hundred_calls_at_once(client):
    echo = client.unary("Echo")
    futures = [echo.future(b"%d" % number * 100, timeout=SECONDS) for number in range(100)]
    for number, future in enumerate(futures):
        expect(future.result(), b"%d" % number * 100, "the answer")


@case
def five_hundred_calls_one_after_the_other(client):
    echo = client.unary("Echo")
    for number in range(500):
        expect(echo(b"%d" % number, timeout=SECONDS), b"%d" % number, "the answer")


@case
def compressed_messages(client):
    message = b"again and " * 10_000
    expect(client.unary("Echo")(message, timeout=SECONDS, compression=grpc.Compression.Gzip) == message, True, "the answer's being the same")


# ---- metadata ------------------------------------------------------------------------------------------------


@case
def metadata(client):
    given = [("x-text", "a, b"), ("x-text", "c"), ("x-data-bin", bytes(range(256))), ("x-data-bin", b""), ("x-long", "v" * 4000)]
    answer, call = client.unary("Mirror").with_call(b"m", timeout=SECONDS, metadata=given)
    expect(answer, b"m", "the answer")
    for found, when in ((call.initial_metadata(), "first"), (call.trailing_metadata(), "last")):
        expect([pair for pair in map(tuple, found) if pair[0].startswith("x-") and pair[0] in dict([*given, ("x-when", 0)])],
               [*given, ("x-when", when)], f"the metadata that comes {when}")


@case
def initial_metadata_come_before_the_message_is_made(client):
    name = next(names)
    answers = client.server_stream("AnswerHead")(b"m", timeout=SECONDS, metadata=[("call", name)])
    expect(dict(answers.initial_metadata()).get("x-when"), "first", "the initial metadata")
    client.release(name)
    expect(list(answers), [b"m"], "the answer")


# ---- errors --------------------------------------------------------------------------------------------------


@case
def an_error_with_trailers(client):
    answers = client.server_stream("Fail")(b"", timeout=SECONDS)
    expect(next(answers), b"half", "the message before the error")
    error = expect_error(lambda: next(answers), grpc.StatusCode.FAILED_PRECONDITION, "100 % naïve\nsecond line ☂")
    found = dict(error.trailing_metadata())
    expect(found.get("x-reason"), "because", "a trailer")
    expect(found.get("x-detail-bin"), bytes(range(256)), "a binary trailer")


@case
def trailers_only(client):
    error = expect_error(lambda: client.unary("FailAtOnce")(b"", timeout=SECONDS), grpc.StatusCode.PERMISSION_DENIED, "not you")
    expect(dict(error.trailing_metadata()).get("x-reason"), "none", "a trailer")


@case
def an_unknown_method(client):
    expect_error(lambda: client.unary("Nothing")(b"", timeout=SECONDS), grpc.StatusCode.UNIMPLEMENTED)


@case
def an_error_while_the_client_still_sends(client):
    """The answer is complete before the request is (RFC 9113 § 8.1)."""
    endless = itertools.repeat(b"x" * 1000)
    expect_error(lambda: client.client_stream("RefuseStream")(endless, timeout=SECONDS), grpc.StatusCode.RESOURCE_EXHAUSTED, "enough")


# ---- ends before the end -------------------------------------------------------------------------------------


@case
def a_deadline(client):
    name = next(names)
    expect_error(lambda: client.unary("HangSilently")(b"", timeout=0.5, metadata=[("call", name)]), grpc.StatusCode.DEADLINE_EXCEEDED)
    expect(client.end_of(name), "with a deadline", "what the origin saw")


@case
def a_deadline_within_a_stream(client):
    name = next(names)
    answers = client.server_stream("Hang")(b"", timeout=1, metadata=[("call", name)])
    expect(next(answers), b"began", "the first message")
    expect_error(lambda: next(answers), grpc.StatusCode.DEADLINE_EXCEEDED)
    expect(client.end_of(name), "with a deadline", "what the origin saw")


@case
def a_cancelled_stream(client):
    name = next(names)
    answers = client.server_stream("Hang")(b"", metadata=[("call", name)])
    expect(next(answers), b"began", "the first message")
    answers.cancel()
    expect_error(lambda: next(answers), grpc.StatusCode.CANCELLED)
    expect(client.end_of(name), "without a deadline", "what the origin saw")


@case
def fifty_cancelled_calls_leave_their_siblings_alone(client):
    """A call goes on, on the same connection, while others are taken back."""
    name = next(names)
    sibling = client.server_stream("Pause")(b"", timeout=SECONDS, metadata=[("call", name)])
    expect(next(sibling), b"one", "the sibling's first message")
    cancelled = []
    for _ in range(50):
        its_name = next(names)
        call = client.server_stream("Hang")(b"", metadata=[("call", its_name)])
        expect(next(call), b"began", "the first message")
        call.cancel()
        cancelled.append(its_name)
    for its_name in cancelled:
        expect(client.end_of(its_name), "without a deadline", "what the origin saw")
    client.release(name)
    expect(list(sibling), [b"two"], "the rest of the sibling")


def main():
    client = Client(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
    failed = 0
    for run in CASES:
        name = run.__name__.replace("_", " ")
        try:
            run(client)
            print(f"ok {name}", flush=True)
        except Exception as problem:  # whatever it is, the other cases are run
            failed += 1
            place = traceback.extract_tb(problem.__traceback__)[-1].lineno
            why = f"{problem.code()} {problem.details()}" if isinstance(problem, grpc.RpcError) else str(problem)
            print(f"FAILED {name}: {type(problem).__name__}: {' '.join(why.split())} (line {place})", flush=True)
    print(f"{len(CASES)} cases", flush=True)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
