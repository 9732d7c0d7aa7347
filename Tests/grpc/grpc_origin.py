"""An origin for the tests that speaks gRPC, by Python's grpcio: what its client sends comes back, and what becomes of calls is kept.

    grpc_origin.py [CERTIFICATE KEY]

It listens on a port without TLS and, with a certificate, on another with it. Its first line of output names them. Messages are bytes:
there is no protocol buffer in them. It ends by a signal.
"""

import concurrent.futures
import signal
import sys
import threading

import grpc

# Calls under test at once; each takes a thread as long as it runs.
THREADS = 128
SECONDS = 20
YEAR_SECONDS = 365 * 86_400
SERVICE = "test.Echo"


class Calls:
    """What became of the calls that have a name, in their metadata."""

    def __init__(self):
        self.changed = threading.Condition()
        self.ended = {}
        self.released = set()

    def note_end(self, name, how):
        with self.changed:
            self.ended[name] = how
            self.changed.notify_all()

    def release(self, name):
        with self.changed:
            self.released.add(name)
            self.changed.notify_all()

    def wait_for_end(self, name):
        with self.changed:
            self.changed.wait_for(lambda: name in self.ended, SECONDS)
            return self.ended.get(name, "goes on")

    def wait_for_release(self, name):
        with self.changed:
            return self.changed.wait_for(lambda: name in self.released, SECONDS)


calls = Calls()


def watch(context):
    """The call's name, having arranged that its end is kept."""
    name = dict(context.invocation_metadata()).get("call", "")
    # Without a deadline there is all the time that its clock can tell.
    deadline = (context.time_remaining() or YEAR_SECONDS) < YEAR_SECONDS
    context.add_callback(lambda: calls.note_end(name, f"{'with' if deadline else 'without'} a deadline"))
    return name


def echo(request, context):
    return request


def mirror(request, context):
    """The request's metadata as initial and as trailing metadata."""
    given = [(key, value) for key, value in context.invocation_metadata() if key.startswith("x-")]
    context.send_initial_metadata([*given, ("x-when", "first")])
    context.set_trailing_metadata([*given, ("x-when", "last")])
    return request


def answer_head(request, context):
    """Initial metadata at once, the message only once the client has seen it."""
    name = watch(context)
    context.send_initial_metadata([("x-when", "first")])
    if not calls.wait_for_release(name):
        context.abort(grpc.StatusCode.INTERNAL, "the client has not seen the initial metadata")
    yield request


def count(request, context):
    """As many messages as the request says, each of a size: b"3 1000"."""
    number, size = map(int, request.split())
    for index in range(number):
        yield index.to_bytes(4, "big") + b"m" * (size - 4)


def pause(request, context):
    """One message, and another once the client has said that it came."""
    name = watch(context)
    yield b"one"
    if not calls.wait_for_release(name):
        context.abort(grpc.StatusCode.INTERNAL, "the client has not seen the first message")
    yield b"two"


def hang(request, context):
    """One message and no end, until the client gives up."""
    name = watch(context)
    yield b"began"
    calls.wait_for_end(name)


def hang_silently(request, context):
    calls.wait_for_end(watch(context))
    return b""


def total(requests, context):
    messages = size = 0
    for request in requests:
        messages, size = messages + 1, size + len(request)
    return b"%d %d" % (messages, size)


def refuse_stream(requests, context):
    """An error before the client has ended its stream."""
    next(requests)
    context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "enough")


def converse(requests, context):
    for request in requests:
        yield b"re: " + request


def fail(request, context):
    """A message, and then an error with trailers. Only what is percent-encoded comes through (gRPC over HTTP/2, Status-Message)."""
    yield b"half"
    context.set_trailing_metadata([("x-reason", "because"), ("x-detail-bin", bytes(range(256)))])
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "100 % naïve\nsecond line ☂")


def fail_at_once(request, context):
    """An error without a message: the answer is trailers only."""
    context.set_trailing_metadata([("x-reason", "none")])
    context.abort(grpc.StatusCode.PERMISSION_DENIED, "not you")


def end_of(request, context):
    return calls.wait_for_end(request.decode()).encode()


def release(request, context):
    calls.release(request.decode())
    return b""


def handlers():
    unary, stream = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
    return {
        "Echo": unary(echo), "Mirror": unary(mirror), "AnswerHead": stream(answer_head), "Count": stream(count), "Pause": stream(pause),
        "Hang": stream(hang), "HangSilently": unary(hang_silently), "Total": grpc.stream_unary_rpc_method_handler(total),
        "RefuseStream": grpc.stream_unary_rpc_method_handler(refuse_stream), "Converse": grpc.stream_stream_rpc_method_handler(converse),
        "Fail": stream(fail), "FailAtOnce": unary(fail_at_once), "EndOf": unary(end_of), "Release": unary(release),
    }


def main():
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(THREADS), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers())])
    ports = [server.add_insecure_port("127.0.0.1:0")]
    if len(sys.argv) == 3:
        certificate, key = (open(path, "rb").read() for path in sys.argv[1:])
        ports.append(server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)])))
    server.start()
    print("grpc ports", *ports, flush=True)
    signal.sigwait([signal.SIGTERM, signal.SIGINT])
    server.stop(None)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
    main()
