"""Recorded functions of every shape, called in one session; what each call should leave behind is told."""

import asyncio

import agentops
from agentops import record_action, record_tool

from told import event, opaque


class Page:
    """What a browsing agent gets: the SDK takes the screenshot from it."""

    def __init__(self, screenshot):
        self.screenshot = screenshot


@record_action("plan")
def plan(goal, steps=3, *, style="brief"):
    return f"{goal} in {steps} steps, {style}"


@record_action()
def pair(left, right):
    return left, right


@record_action("look")
def look(url):
    return Page(url)


@record_action("async plan")
async def async_plan(goal, hints=None):
    await asyncio.sleep(0)
    return {"goal": goal, "hints": hints}


@record_tool("search")
def search(query, limit=2):
    return [f"{query} {number}" for number in range(limit)]


@record_tool()
async def fetch(url):
    await asyncio.sleep(0)
    return {"url": url, "status": 200, "ratio": 0.1, "big": 2**53 + 1}


@record_tool("odd values")
def odd_values(numbers, text):
    return {"set": numbers, "text": text}


@record_action("count up")
def count_up(to):
    yield from range(to)


@record_tool("async count")
async def async_count(to):
    for number in range(to):
        yield number


@record_action("fails")
def fails(reason):
    raise ValueError(reason)


@record_tool("async fails")
async def async_fails(reason):
    raise KeyError(reason)


def call_all(session):
    """Calls every function once, and tells it."""
    plan("fly", style="long")
    params = {"goal": "fly", "steps": 3, "style": "long"}
    event(session, "actions", {"action_type": "plan", "params": params, "returns": "fly in 3 steps, long"})

    pair(1, [2, None])
    params = {"left": 1, "right": [2, None]}
    event(session, "actions", {"action_type": "pair", "params": params, "returns": [1, [2, None]]})

    page = look("https://example.invalid/a.png")
    stored = {
        "action_type": "look",
        "params": {"url": "https://example.invalid/a.png"},
        "returns": opaque(page),
        "screenshot": "https://example.invalid/a.png",
    }
    event(session, "actions", stored)

    search("größe \U0001f680 \"quoted\"\n<b>", limit=1)
    params = {"query": "größe \U0001f680 \"quoted\"\n<b>", "limit": 1}
    returns = ["größe \U0001f680 \"quoted\"\n<b> 0"]
    event(session, "tools", {"name": "search", "params": params, "returns": returns})

    odd_values({1}, text="")
    params = {"numbers": opaque({1}), "text": ""}
    returns = {"set": opaque({1}), "text": ""}
    event(session, "tools", {"name": "odd values", "params": params, "returns": returns})
    asyncio.run(_call_async(session))
    _call_generators(session)
    _call_failing(session)


async def _call_async(session):
    await async_plan("swim", hints=["a", {"b": True}])
    params = {"goal": "swim", "hints": ["a", {"b": True}]}
    event(session, "actions", {"action_type": "async plan", "params": params, "returns": dict(params)})

    returns = await fetch("https://example.invalid")
    params = {"url": "https://example.invalid"}
    event(session, "tools", {"name": "fetch", "params": params, "returns": returns})


def _call_generators(session):
    items = count_up(3)
    stored = {"action_type": "count up", "params": {"to": 3}, "returns": opaque(items)}
    assert list(items) == [0, 1, 2]
    event(session, "actions", stored, values=[0, 1, 2])

    items = async_count(2)
    stored = {"name": "async count", "params": {"to": 2}, "returns": opaque(items)}
    asyncio.run(_drain(items))
    event(session, "tools", stored, values=[0, 1])


async def _drain(items):
    return [item async for item in items]


def _call_failing(session):
    try:
        fails("no way")
    except ValueError:
        stored = {"action_type": "fails", "params": {"reason": "no way"}, "returns": None}
        event(session, "actions", stored, raised={"error_type": "ValueError", "details": "no way"})
    try:
        asyncio.run(async_fails("gone"))
    except KeyError:
        stored = {"name": "async fails", "params": {"reason": "gone"}, "returns": None}
        event(session, "tools", stored, raised={"error_type": "KeyError", "details": "'gone'"})


def call_deprecated(session):
    """The name that recorded functions had before."""

    @agentops.record_function("old name")
    def renamed(value):
        return value

    renamed(None)
    event(session, "actions", {"action_type": "old name", "params": {"value": None}, "returns": None})
