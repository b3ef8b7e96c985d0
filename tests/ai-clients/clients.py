"""Speaks with the gateway as the official clients do; each check fails loudly."""

import sys

import anthropic
import openai

url, key = sys.argv[1:]
MESSAGES = [{"role": "user", "content": "hello there"}]
SAID = "tiny heard: hello there"


def with_openai():
    client = openai.OpenAI(base_url=f"{url}/providers/openai/v1", api_key=key, max_retries=0)
    assert [model.id for model in client.models.list()] == ["local/tiny"]
    answer = client.chat.completions.create(model="tiny", messages=MESSAGES)
    assert answer.choices[0].message.content == SAID, answer
    assert answer.usage.total_tokens == 8, answer
    stream = client.chat.completions.create(model="local/tiny", messages=MESSAGES, stream=True)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert text == SAID, text
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
    answer = client.chat.completions.create(model="tiny", messages=MESSAGES, tools=tools)
    assert answer.choices[0].message.tool_calls[0].function.name == "look", answer
    for model, error in [
        ("nothing", openai.NotFoundError),
        ("local/nothing", openai.NotFoundError),
    ]:
        try:
            client.chat.completions.create(model=model, messages=MESSAGES)
            raise SystemExit(f"{model} didn't fail")
        except error as found:
            assert found.body["code"], found
    try:
        bad = openai.OpenAI(base_url=f"{url}/providers/openai/v1", api_key="muster_no_key", max_retries=0)
        bad.models.list()
        raise SystemExit("a wrong key was accepted")
    except openai.AuthenticationError:
        pass
    print(f"openai {openai.__version__}: models, plain, streamed, tools, errors, a wrong key")


def with_anthropic():
    client = anthropic.Anthropic(base_url=f"{url}/providers/anthropic", api_key=key, max_retries=0)
    answer = client.messages.create(model="tiny", max_tokens=50, messages=MESSAGES, system="Be short.")
    assert answer.content[0].text == SAID, answer
    assert (answer.stop_reason, answer.usage.output_tokens) == ("end_turn", 5), answer
    with client.messages.stream(model="tiny", max_tokens=50, messages=MESSAGES) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == SAID and final.usage.output_tokens == 5, (text, final)
    tools = [{"name": "look", "input_schema": {"type": "object", "properties": {}}}]
    answer = client.messages.create(model="tiny", max_tokens=50, messages=MESSAGES, tools=tools)
    block = answer.content[0]
    assert (block.type, block.name, block.input) == ("tool_use", "look", {"at": 1}), answer
    followed = MESSAGES + [
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": block.id, "content": "seen"}]},
    ]
    client.messages.create(model="tiny", max_tokens=50, messages=followed)
    try:
        client.messages.create(model="nothing", max_tokens=50, messages=MESSAGES)
        raise SystemExit("an unknown model didn't fail")
    except anthropic.NotFoundError:
        pass
    print(f"anthropic {anthropic.__version__}: plain, streamed, tools, errors")


with_openai()
with_anthropic()
