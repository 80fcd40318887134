"""Programs that do not end their sessions themselves; the first argument says how they end."""

import os
import signal
import sys

import agentops
from agentops import ActionEvent

from told import event, session_started, tell


def start(count):
    """That many sessions, each with one event."""
    # A long wait: nothing is sent before the end but what the end sends.
    agentops.init(auto_start_session=False, max_wait_time=60_000, max_queue_size=1000, instrument_llm_calls=False)
    sessions = [session_started(agentops.start_session([f"session {number}"])) for number in range(count)]
    for number, session in enumerate(sessions):
        tell("tags", session=session.session_id, tags=[f"session {number}"])
        made = ActionEvent(action_type="before the end", params={"number": number})
        session.record(made)
        stored = {"id": made.id, "action_type": "before the end", "params": {"number": number}}
        event(session.session_id, "actions", stored)
    return sessions


def main():
    how, count = sys.argv[1], int(sys.argv[2])
    sessions = start(count)
    if how == "raise":
        for session in sessions:
            tell("end", session=session.session_id, state="Fail", reason_begins="the reason: Traceback")
        raise RuntimeError("the reason")
    if how == "interrupt":
        for session in sessions:
            tell("end", session=session.session_id, state="Fail", reason="Signal SIGINT detected")
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the handler ends the program")
    if how == "analytics":
        for session in sessions:
            tell("analytics_while_running", session=session.session_id, answer=session.get_analytics())
    assert how in ("analytics", "leave"), how


main()
