"""Two sessions at the same time: each event is in the one it was recorded in, and nothing in the other."""

import agentops
from agentops import ActionEvent, ErrorEvent, LLMEvent, ToolEvent, record_action, record_tool, track_agent

from told import event, session_started, tell


@record_action("act")
def act(value):
    return value


@record_tool("use")
def use(value):
    return [value]


@record_tool("fails in one of two")
def fails():
    raise RuntimeError("which session?")


@track_agent("of one session")
class Agent:
    def __init__(self, session=None):
        pass


def fill(session, mark):
    """The same events in each, told apart by `mark`."""
    id = session.session_id
    act(mark, session=session)
    event(id, "actions", {"action_type": "act", "params": {"value": mark}, "returns": mark})
    use(mark, session=session)
    event(id, "tools", {"name": "use", "params": {"value": mark}, "returns": [mark]})

    @session.patch
    @record_action("patched")
    def patched(value):
        return value

    patched(mark)
    event(id, "actions", {"action_type": "patched", "params": {"value": mark}, "returns": mark})
    made = ToolEvent(name="by hand", params={"mark": mark})
    session.record(made)
    event(id, "tools", {"id": made.id, "name": "by hand", "params": {"mark": mark}})
    session.record(ErrorEvent(error_type="Known", details=mark))
    event(id, "errors", {"error_type": "Known", "details": mark})
    agent = Agent(session=session)
    tell("agent", session=id, id=agent.agentops_agent_id, name="of one session")
    made = session.create_agent(name="by hand", agent_id=f"agent {mark}")
    tell("agent", session=id, id=made, name="by hand")
    try:
        fails(session=session)
    except RuntimeError:
        raised = {"error_type": "RuntimeError", "details": "which session?"}
        event(id, "tools", {"name": "fails in one of two", "params": {}}, raised=raised, several=True)


def call(session, model, cost):
    """A call of a model, and what it costs."""
    made = LLMEvent(prompt="a", completion="b", model=model, prompt_tokens=150, completion_tokens=80)
    session.record(made)
    stored = {"id": made.id, "model": model, "prompt_tokens": 150, "completion_tokens": 80}
    event(session.session_id, "llms", stored, cost=cost)


def end(session, state, **about):
    """Ends one, and tells which cost the SDK was told."""
    cost = session.end_session(end_state=state, **about)
    tell("end", session=session.session_id, state=state, reason=about.get("end_state_reason"), at=session.end_timestamp)
    return cost


def main():
    agentops.init(auto_start_session=False, max_wait_time=60_000, max_queue_size=1000, instrument_llm_calls=False)
    one = session_started(agentops.start_session(tags=["one", "both"]))
    two = session_started(agentops.start_session(["two", "both"]))
    tell("tags", session=one.session_id, tags=["one", "both", "late"])
    one.add_tags(["late"])
    tell("tags", session=two.session_id, tags=["two", "alone"])
    two.set_tags(["two", "alone"])
    fill(one, "one")
    fill(two, "two")
    try:
        act("whose?")
    except ValueError:
        tell("nothing", why="a recorded function without its session does not run")
    agentops.record(ActionEvent(action_type="whose?"))
    tell("nothing", why="an event without its session is refused by the SDK")

    call(one, "gpt-4", "0.0093")
    cost = end(one, "Fail", end_state_reason="stopped by hand")
    tell("token_cost", session=one.session_id, cost=str(cost))

    # One call that nobody can price: what the others cost is known, the sum is not.
    call(two, "gpt-4", "0.0093")
    call(two, "nobody-knows-this-model", None)
    end(two, "Indeterminate")


main()
