"""One session, two processes: the first starts it and runs the second, which inherits it."""

import os
import subprocess
import sys

import agentops
from agentops import ActionEvent, record_action

from told import event, session_started, tell


@record_action("in")
def work(process):
    return process


def record(session, process):
    work(process)
    event(session, "actions", {"action_type": "in", "params": {"process": process}, "returns": process})
    made = ActionEvent(action_type="by hand", params={"process": process})
    agentops.record(made)
    event(session, "actions", {"id": made.id, "action_type": "by hand", "params": {"process": process}})


def first():
    session = session_started(agentops.init(default_tags=["first"], max_wait_time=60_000, instrument_llm_calls=False))
    record(session.session_id, "first")
    subprocess.run([sys.executable, __file__, str(session.session_id)], check=True, timeout=60)
    work("first, again")
    params = {"process": "first, again"}
    event(session.session_id, "actions", {"action_type": "in", "params": params, "returns": "first, again"})
    tell("tags", session=session.session_id, tags=["first"])
    agentops.end_session("Success", "both are done")
    tell("end", session=session.session_id, state="Success", reason="both are done", at=session.end_timestamp)


def second(inherited):
    session = agentops.init(
        inherited_session_id=inherited,
        default_tags=["second"],
        max_wait_time=60_000,
        instrument_llm_calls=False,
    )
    assert str(session.session_id) == inherited
    tell("joined", session=inherited, pid=os.getpid())
    record(inherited, "second")
    agentops.end_session("Indeterminate")


if len(sys.argv) > 1:
    second(sys.argv[1])
else:
    first()
