"""Asks demo-upstream through the gateway with the SDKs of OpenAI, Anthropic and Google, and adds up the tokens that they report.

    sdk_tokens.py PORT AUTHORITY

Prints a line for each of eight questions: `LOCATION INPUT OUTPUT`. What the gateway counted is for the caller to compare.
"""

import sys

from sdk_client import QUESTION, Site


def openai_tokens(site):
    with site.openai("/told/openai") as client:
        completions = client.chat.completions
        yield of_completion(completions.create(model="demo", messages=QUESTION).usage)
        chunks = completions.create(model="demo", messages=QUESTION, stream=True, stream_options={"include_usage": True})
        yield of_completion([chunk.usage for chunk in chunks if chunk.usage][-1])
        yield of_message(client.responses.create(model="demo", input="Hello, how are you?").usage)
        events = client.responses.create(model="demo", input="Hello, how are you?", stream=True)
        yield of_message([event.response.usage for event in events if event.type == "response.completed"][-1])


def anthropic_tokens(site):
    with site.anthropic("/told/anthropic") as client:
        question = {"model": "demo", "max_tokens": 100, "messages": QUESTION}
        yield of_message(client.messages.create(**question).usage)
        with client.messages.stream(**question) as stream:
            yield of_message(stream.get_final_message().usage)


def gemini_tokens(site):
    client = site.genai("/told/gemini")
    yield of_content(client.models.generate_content(model="demo", contents="Hello, how are you?").usage_metadata)
    chunks = client.models.generate_content_stream(model="demo", contents="Hello, how are you?")
    yield of_content([chunk.usage_metadata for chunk in chunks if chunk.usage_metadata][-1])


def of_completion(usage):
    return usage.prompt_tokens, usage.completion_tokens


def of_message(usage):
    return usage.input_tokens, usage.output_tokens


def of_content(usage):
    return usage.prompt_token_count, usage.candidates_token_count


def main():
    site = Site(int(sys.argv[1]), sys.argv[2])
    for name, ask in (("openai", openai_tokens), ("anthropic", anthropic_tokens), ("gemini", gemini_tokens)):
        for tokens_in, tokens_out in ask(site):
            print(f"/told/{name}/ {tokens_in} {tokens_out}", flush=True)


if __name__ == "__main__":
    main()
