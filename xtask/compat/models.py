"""The package openai, which knows nothing of agentops: what `agentops run --capture-llm` records of it."""

import json

import openai

client = openai.OpenAI(max_retries=0)
QUESTION = {"model": "gpt-4o", "messages": [{"role": "user", "content": "2 + 2?"}]}
TOOL = {"type": "function", "function": {"name": "search", "parameters": {"type": "object"}}}
told = {}

answer = client.chat.completions.create(**QUESTION)
told["plain"] = answer.choices[0].message.content

stream = client.chat.completions.create(**QUESTION, stream=True, stream_options={"include_usage": True})
told["stream"] = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)

answer = client.chat.completions.create(**QUESTION, tools=[TOOL])
told["tool"] = answer.choices[0].message.tool_calls[0].function.arguments

try:
    client.chat.completions.create(**QUESTION)
except openai.BadRequestError as error:
    told["error"] = error.body["message"]

answer = client.with_options(max_retries=1).chat.completions.create(**QUESTION)
told["retried"] = answer.choices[0].message.content

stream = client.chat.completions.create(**QUESTION, stream=True)
text = ""
for chunk in stream:
    text += chunk.choices[0].delta.content or ""
    if text == "one two ":
        break
stream.close()
told["cancelled"] = text

print(json.dumps(told))
