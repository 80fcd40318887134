"""Every call and decorator of the SDK's documentation, in one session that ends well."""

import os

import agentops
from agentops import ActionEvent, record_action, record_tool, track_agent

import events
import functions
from told import event, session_started, tell

KEY = os.environ["AGENTOPS_API_KEY"]


@track_agent("researcher")
class Researcher:
    """Its recorded methods are the agent's, wherever it stands on the call stack."""

    def work(self):
        self.note("begun")
        return find("a needle")

    @record_action("note")
    def note(self, text):
        return text


@track_agent()
class Reviewer:
    """Its name is its role."""

    def __init__(self):
        self.role = "reviewer"


@record_tool("find")
def find(what):
    return len(what)


def start():
    """Configures by every way there is, and starts the session."""
    agentops.configure(max_wait_time=60_000, max_queue_size=1000, default_tags=["first"])
    agentops.set_api_key(KEY)
    agentops.set_parent_key("22222222-2222-4222-8222-222222222222")
    assert agentops.get_api_key() == KEY
    session = agentops.init(
        api_key=KEY,
        parent_key="22222222-2222-4222-8222-222222222222",
        endpoint=os.environ["AGENTOPS_API_ENDPOINT"],
        max_wait_time=60_000,
        max_queue_size=1000,
        default_tags=["second"],
        instrument_llm_calls=False,
        auto_start_session=True,
        skip_auto_end_session=False,
    )
    assert agentops.init(api_key=KEY) is None, "a second init starts nothing"
    return session_started(session)


def agents(session, waiting):
    """Agents made before there was a session, by class, by function and by hand."""
    tell("agent", session=session, id=waiting.agentops_agent_id, name="researcher")
    tell("agent", session=session, id=standalone.agentops_agent_id, name="standalone")
    made = Reviewer()
    tell("agent", session=session, id=made.agentops_agent_id, name="reviewer")
    named = Researcher(agentops_name="named at birth")
    tell("agent", session=session, id=named.agentops_agent_id, name="named at birth")
    agentops.create_agent("by hand", agent_id="agent-123")
    tell("agent", session=session, id="agent-123", name="by hand")
    made = agentops.create_agent(name="without an id")
    tell("agent", session=session, id=made, name="without an id")


def agent_works(session, agent_id, work):
    """`work` is a bound method: no frame of ours holds the agent itself."""
    work()
    # The SDK passes `self` as an argument like any other.
    about = {"params": {"self": {"$opaque": "Researcher"}, "text": "begun"}, "returns": "begun"}
    event(session, "actions", {"action_type": "note", "agent_id": agent_id, **about})
    event(session, "tools", {"name": "find", "agent_id": agent_id, "params": {"what": "a needle"}, "returns": 8})


@track_agent("standalone")
def standalone():
    """A function can be an agent, too."""


def tags(session):
    agentops.add_tags(["third", "first"])
    agentops.add_tags("fourth")
    agentops.set_tags(["only", "these"])
    agentops.add_tags(["and this"])
    tell("tags", session=session, tags=["only", "these", "and this"])


def analytics(session):
    """Only the later release has it."""
    if hasattr(session, "get_analytics"):
        answer = session.get_analytics()
        tell("analytics", session=session.session_id, answer=answer)


def main():
    waiting = [Researcher()]
    session = start()
    id = session.session_id
    agents(id, waiting[0])
    tags(id)
    agent_works(id, waiting[0].agentops_agent_id, waiting[0].work)
    functions.call_all(id)
    functions.call_deprecated(id)
    events.record_all(id)
    assert agentops.get_session(id) is session
    agentops.stop_instrumenting()
    analytics(session)

    # The documentation names the state Failure; the SDK says a warning and goes on.
    agentops.end_session("Failure")
    tell("refused_end", session=id, still_running=session.is_running)
    made = ActionEvent(action_type="after the refused end")
    agentops.record(made)
    event(id, "actions", {"id": made.id, "action_type": "after the refused end"})

    session.set_video("https://example.invalid/first.mp4")
    agentops.end_session("Success", end_state_reason="all good", video="https://example.invalid/run.mp4")
    tell("counts", session=id, counts=session.event_counts)
    tell("end", session=id, state="Success", reason="all good", at=session.end_timestamp)
    tell("video", session=id, video="https://example.invalid/run.mp4")
    agentops.end_session("Fail", end_state_reason="there is nothing left to end")


main()
