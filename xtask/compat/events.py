"""Events built by hand, of every kind and with every field, recorded in one session."""

import traceback
from uuid import uuid4

import agentops
from agentops import ActionEvent, ErrorEvent, LLMEvent, ToolEvent

from told import event

START = "2026-02-03T04:05:06.123456+00:00"
END = "2026-02-03T04:05:07.654321+00:00"


def _record(session, made, kind, stored, **about):
    agentops.record(made)
    event(session, kind, {"id": made.id, **stored}, **about)


def record_all(session):
    """One after the other."""
    _actions(session)
    _llms(session)
    _tools(session)
    _errors(session)


def _actions(session):
    made = ActionEvent(
        action_type="click",
        params={"x": 1, "y": [2.5, None], "on": {"deep": {"er": True}}},
        returns=["a", "b"],
        logs="went well",
        screenshot="https://example.invalid/click.png",
        init_timestamp=START,
        end_timestamp=END,
    )
    stored = {
        "action_type": "click",
        "params": {"x": 1, "y": [2.5, None], "on": {"deep": {"er": True}}},
        "returns": ["a", "b"],
        "logs": "went well",
        "screenshot": "https://example.invalid/click.png",
        "init_timestamp": START,
        "end_timestamp": END,
    }
    _record(session, made, "actions", stored)
    made = ActionEvent("actions", action_type="bare")
    _record(session, made, "actions", {"action_type": "bare", "returns": None})


def _llms(session):
    messages = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "what is 1 + 1? ½ · \u4e8c"},
    ]
    answer = {"role": "assistant", "content": "2"}
    thread = uuid4()
    made = LLMEvent(
        prompt=messages,
        completion=answer,
        model="gpt-4",
        prompt_tokens=150,
        completion_tokens=80,
        thread_id=thread,
        params={"temperature": 0.5},
        returns={"finish": "stop"},
        init_timestamp=START,
        end_timestamp=END,
    )
    stored = {
        "prompt": {"type": "chatml", "messages": messages},
        "completion": {"type": "chatml", "messages": answer},
        "model": "gpt-4",
        "prompt_tokens": 150,
        "completion_tokens": 80,
        "thread_id": thread,
        "params": {"temperature": 0.5},
        "returns": {"finish": "stop"},
        "init_timestamp": START,
        "end_timestamp": END,
    }
    _record(session, made, "llms", stored, cost="0.0093")

    made = LLMEvent(prompt="say hi", completion="hi", model="gpt-4", prompt_tokens=1, completion_tokens=1)
    stored = {
        "prompt": {"type": "string", "string": "say hi"},
        "completion": {"type": "string", "string": "hi"},
        "model": "gpt-4",
        "prompt_tokens": 1,
        "completion_tokens": 1,
    }
    _record(session, made, "llms", stored, cost="0.00009")

    # The later release knows the cost of a call that somebody else counted.
    if "cost" in LLMEvent.__dataclass_fields__:
        made = LLMEvent(prompt="x", completion="y", model="in-house", prompt_tokens=7, completion_tokens=8, cost=0.125)
        stored = {"model": "in-house", "prompt_tokens": 7, "completion_tokens": 8}
        _record(session, made, "llms", stored, cost="0.125")


def _tools(session):
    made = ToolEvent(name="sql", params={"query": "select 1; --"}, returns="1 row", logs={"ms": 3})
    stored = {
        "name": "sql",
        "params": {"query": "select 1; --"},
        "returns": "1 row",
        "logs": {"ms": 3},
    }
    _record(session, made, "tools", stored)


def _errors(session):
    made = ErrorEvent(error_type="Refused", code="E17", details="the other side said no", logs="line 1\nline 2")
    stored = {
        "error_type": "Refused",
        "code": "E17",
        "details": "the other side said no",
        "logs": "line 1\nline 2",
    }
    agentops.record(made)
    event(session, "errors", stored)

    try:
        raise TimeoutError("took too long")
    except TimeoutError as error:
        made = ErrorEvent(exception=error)
        logs = traceback.format_exc()
        agentops.record(made)
    stored = {"error_type": "TimeoutError", "details": "took too long", "logs": logs}
    event(session, "errors", stored)

    # The trigger was recorded before: it must be there once, also when the error brings it along.
    cause = ToolEvent(name="upload", params={"file": "a.txt"}, returns=None)
    _record(session, cause, "tools", {"name": "upload", "params": {"file": "a.txt"}})
    made = ErrorEvent(trigger_event=cause, exception=OSError("disk full"), details={"free": "0"})
    agentops.record(made)
    stored = {"error_type": "OSError", "details": {"free": "0"}}
    event(session, "errors", stored, trigger=cause.id)
