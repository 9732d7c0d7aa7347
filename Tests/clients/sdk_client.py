"""Asks demo-upstream, through whatever is before it, with httpx and with the SDKs of OpenAI, Anthropic and Google, over HTTP/2.

    sdk_client.py PORT AUTHORITY

Prints a line for each case, `ok NAME` or `FAILED NAME: why`, and how many there were; the exit status is 1 if one failed.
"""

import asyncio
import ssl
import sys
import traceback

import anthropic
import httpx
import httpx2
import openai
from google import genai
from google.genai import errors, types

SECONDS = 30
CASES = []
QUESTION = [{"role": "user", "content": "Hello, how are you?"}]


def case(function):
    CASES.append(function)
    return function


class Site:
    def __init__(self, port, authority):
        self.url = f"https://localhost:{port}"
        self.options = {"http2": True, "verify": ssl.create_default_context(cafile=authority), "trust_env": False, "timeout": SECONDS}

    def httpx(self):
        return httpx.Client(base_url=self.url, **self.options)

    def client(self, kind=httpx2.Client):
        """One of the SDKs' own library. Whatever isn't answered by HTTP/2 fails."""

        def check(response):
            expect(response.http_version, "HTTP/2", "the version")

        async def check_later(response):
            check(response)

        return kind(event_hooks={"response": [check if kind is httpx2.Client else check_later]}, **self.options)

    def openai(self, path=""):
        return openai.OpenAI(api_key="none", base_url=self.url + path + "/v1", http_client=self.client(), max_retries=0)

    def anthropic(self, path=""):
        return anthropic.Anthropic(api_key="none", base_url=self.url + path, http_client=self.client(), max_retries=0)


    def genai(self, path):
        arguments = {"http2": True, "verify": self.options["verify"], "trust_env": False}
        options = types.HttpOptions(base_url=self.url + path, client_args=arguments, async_client_args=arguments, timeout=SECONDS * 1000)
        return genai.Client(api_key="none", vertexai=False, http_options=options)


def expect(found, wanted, what):
    if found != wanted:
        raise AssertionError(f"{what} is {found!r:.200}, not {wanted!r:.200}")


# ---- httpx ---------------------------------------------------------------------------------------------------


@case
def httpx_gets(site):
    with site.httpx() as client:
        for _ in range(20):
            answer = client.get("/bytes?count=100000")
            expect((answer.http_version, answer.status_code, len(answer.content)), ("HTTP/2", 200, 100_000), "the answer")


@case
def httpx_posts_with_and_without_a_length(site):
    body = bytes(range(256)) * 4096
    with site.httpx() as client:
        for content in (body, (body[start : start + 10_000] for start in range(0, len(body), 10_000))):
            answer = client.post("/echo", content=content)
            expect((answer.http_version, answer.status_code, answer.content == body), ("HTTP/2", 200, True), "the answer")


@case
def httpx_heads_and_errors(site):
    with site.httpx() as client:
        expect(client.head("/bytes?count=5").content, b"", "the content")
        for status in (204, 304, 404, 503):
            expect(client.get(f"/status/{status}").status_code, status, "the status")


@case
def httpx_reads_events(site):
    with site.httpx() as client, client.stream("GET", "/events?count=20&interval=5ms") as answer:
        expect(answer.http_version, "HTTP/2", "the version")
        expect(sum(line.startswith("data:") for line in answer.iter_lines()), 20, "the number of events")


@case
def httpx_leaves_streams_and_goes_on(site):
    with site.httpx() as client:
        for _ in range(10):
            with client.stream("GET", "/events?count=100000&interval=1ms") as answer:
                next(answer.iter_lines())
        expect(client.get("/health").status_code, 200, "the status")


@case
def httpx_asks_fifty_times_at_once(site):
    async def ask():
        async with httpx.AsyncClient(base_url=site.url, **site.options) as client:
            return await asyncio.gather(*(client.get(f"/bytes?count={1000 + number}") for number in range(50)))

    answers = asyncio.run(ask())
    expect([len(answer.content) for answer in answers], [1000 + number for number in range(50)], "the sizes")
    expect({answer.http_version for answer in answers}, {"HTTP/2"}, "the versions")


# ---- the SDKs ------------------------------------------------------------------------------------------------


@case
def openai_lists_models(site):
    with site.openai() as client:
        expect(len(list(client.models.list())) > 0, True, "there being models")


@case
def openai_completes(site):
    with site.openai() as client:
        whole = client.chat.completions.create(model="demo", messages=QUESTION).choices[0].message.content
        pieces = [chunk.choices[0].delta.content or "" for chunk in client.chat.completions.create(model="demo", messages=QUESTION, stream=True)
                  if chunk.choices]
        expect("".join(pieces), whole, "what was streamed")
        expect(len(pieces) > 2, True, "there being pieces")


@case
def openai_responds(site):
    with site.openai() as client:
        whole = client.responses.create(model="demo", input="Hello").output_text
        events = list(client.responses.create(model="demo", input="Hello", stream=True))
        expect("".join(event.delta for event in events if event.type == "response.output_text.delta"), whole, "what was streamed")
        expect(events[-1].type, "response.completed", "the last event")


@case
def openai_is_told_of_errors(site):
    with site.openai() as client:
        try:
            client.chat.completions.create(model="demo", messages=QUESTION, extra_headers={"X-Demo-Status": "429"})
        except openai.RateLimitError:
            return
        raise AssertionError("no error")


@case
def openai_leaves_a_stream(site):
    with site.openai() as client:
        for _ in range(5):
            stream = client.chat.completions.create(model="demo", messages=QUESTION, stream=True)
            next(iter(stream))
            stream.close()
        expect(len(list(client.models.list())) > 0, True, "there being models")


@case
def openai_streams_twenty_times_at_once(site):
    async def complete(client):
        stream = await client.chat.completions.create(model="demo", messages=QUESTION, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])

    async def ask():
        http = site.client(httpx2.AsyncClient)
        async with openai.AsyncOpenAI(api_key="none", base_url=site.url + "/v1", http_client=http, max_retries=0) as client:
            return await asyncio.gather(*(complete(client) for _ in range(20)))

    answers = asyncio.run(ask())
    expect(len(answers[0]) > 0, True, "there being an answer")
    expect(set(answers), {answers[0]}, "the answers")


@case
def anthropic_answers(site):
    with site.anthropic() as client:
        expect(len(client.messages.create(model="demo", max_tokens=100, messages=QUESTION).content[0].text) > 0, True, "there being an answer")
        with client.messages.stream(model="demo", max_tokens=100, messages=QUESTION) as stream:
            pieces = list(stream.text_stream)
            expect("".join(pieces), stream.get_final_message().content[0].text, "what was streamed")
        expect(len(pieces) > 2, True, "there being pieces")


@case
def openai_tells_why_the_gateway_refuses(site):
    with site.openai("/full/openai") as client:
        try:
            client.chat.completions.create(model="demo", messages=QUESTION)
        except openai.APIStatusError as problem:
            expect((problem.status_code, problem.code, problem.type), (413, "body_too_large", "invalid_request_error"), "the error")
            expect("the body is larger than client_max_body_size" in problem.message, True, "the message being told")
        else:
            raise AssertionError("nothing was refused")


@case
def anthropic_tells_why_the_gateway_refuses(site):
    with site.anthropic("/full/anthropic") as client:
        try:
            client.messages.create(model="demo", max_tokens=100, messages=QUESTION)
        except anthropic.APIStatusError as problem:
            expect(problem.status_code, 413, "the status")
            expect(problem.body["error"]["type"], "request_too_large", "the error's type")
            expect("the body is larger than client_max_body_size" in str(problem), True, "the message being told")
        else:
            raise AssertionError("nothing was refused")


@case
def genai_tells_why_the_gateway_refuses(site):
    client = site.genai("/full/gemini")
    for ask in (client.models.generate_content, lambda **call: list(client.models.generate_content_stream(**call))):
        try:
            ask(model="demo", contents="Hello")
        except errors.ClientError as problem:
            expect((problem.code, problem.status), (413, "INVALID_ARGUMENT"), "the error")
            expect("the body is larger than client_max_body_size" in problem.message, True, "the message being told")
        else:
            raise AssertionError("nothing was refused")


# ---- the cache ------------------------------------------------------------------------------------------------


def asked_twice(ask):
    """What the first asking got of the origin, and the second of the cache."""
    (miss, answer), (hit, again) = ask(), ask()
    expect(miss, "gateway; fwd=miss; stored", "the first Cache-Status")
    expect(hit.startswith("gateway; hit; ttl="), True, f"the second Cache-Status ({hit}) being a hit")
    expect(again, answer, "the second answer")
    return answer


def parsed(create, **question):
    """The SDK's objects."""

    def ask():
        raw = create.with_raw_response.create(**question)
        answer = raw.parse()
        return raw.headers["cache-status"], list(answer) if question.get("stream") else answer

    return asked_twice(ask)


def raw(create, **question):
    """The bytes as they come."""

    def ask():
        with create.with_streaming_response.create(**question) as answer:
            return answer.headers["cache-status"], b"".join(answer.iter_bytes())

    return asked_twice(ask)


def both(create, **question):
    """Objects of a question, and bytes of another."""
    for stream in ({}, {"stream": True}):
        parsed(create, **question, **stream)
    # One more member makes another question of it.
    question["extra_body"] = {"seed": 7}
    body = raw(create, **question)
    expect(body[:1], b"{", "the first byte")
    events = raw(create, **question, stream=True)
    expect(events.count(b"\n\n") > 2, True, "there being events")
    return events


@case
def openai_completions_are_cached(site):
    with site.openai("/cached/openai") as client:
        events = both(client.chat.completions, model="demo", messages=QUESTION)
        expect(events.endswith(b"data: [DONE]\n\n"), True, "the stream being whole")


@case
def openai_responses_are_cached(site):
    with site.openai("/cached/openai") as client:
        events = both(client.responses, model="demo", input="Hello")
        expect(b"event: response.completed\n" in events, True, "the stream being whole")


@case
def anthropic_messages_are_cached(site):
    with site.anthropic("/cached/anthropic") as client:
        events = both(client.messages, model="demo", max_tokens=100, messages=QUESTION)
        expect(b"event: message_stop\n" in events, True, "the stream being whole")


@case
def the_same_question_in_other_words_of_json_is_cached(site):
    with site.httpx() as client:
        spellings = (
            b'{"model":"demo","max_tokens":100,"messages":[{"role":"user","content":"H\xc3\xa9llo"}]}',
            b'{ "messages": [{"content": "H\\u00e9llo", "role": "user"}], "max_tokens": 1e2, "model": "d\\u0065mo" }',
        )
        answers = [
            client.post("/cached/openai/v1/chat/completions", content=body, headers={"Content-Type": "application/json"}) for body in spellings
        ]
        expect([answer.status_code for answer in answers], [200, 200], "the statuses")
        expect(answers[0].headers["cache-status"], "gateway; fwd=miss; stored", "the first Cache-Status")
        expect(answers[1].headers["cache-status"].startswith("gateway; hit; ttl="), True, "the second Cache-Status being a hit")
        expect(answers[1].content, answers[0].content, "the second answer")


def main():
    site = Site(int(sys.argv[1]), sys.argv[2])
    failed = 0
    for run in CASES:
        name = run.__name__.replace("_", " ")
        try:
            run(site)
            print(f"ok {name}", flush=True)
        except Exception as problem:  # whatever it is, the other cases are run
            failed += 1
            place = traceback.extract_tb(problem.__traceback__)[-1]
            print(f"FAILED {name}: {type(problem).__name__}: {' '.join(str(problem).split())} ({place.name} {place.lineno})", flush=True)
    print(f"{len(CASES)} cases", flush=True)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
