"""Seven hundred events as fast as they come; the argument is the size of the SDK's queue."""

import os
import sys
import threading

import agentops
from agentops import ActionEvent

from told import event, session_started, tell

COUNT = 700
# Far more than recording one event ever takes.
STUCK_AFTER = 5.0


def record_all(session, done):
    for number in range(COUNT):
        made = ActionEvent(action_type="step", params={"number": number}, returns="x" * (number % 100))
        session.record(made)
        done.append(made)


def main():
    agentops.init(auto_start_session=False, max_wait_time=60_000, max_queue_size=int(sys.argv[1]))
    session = session_started(agentops.start_session())
    done = []
    recorder = threading.Thread(target=record_all, args=(session, done), daemon=True)
    recorder.start()
    recorder.join(STUCK_AFTER)
    if recorder.is_alive():
        tell("stuck", session=session.session_id, after=len(done))
        os._exit(0)
    for made in done:
        stored = {"id": made.id, "action_type": "step", "params": made.params, "returns": made.returns}
        event(session.session_id, "actions", stored)
    session.end_session("Success")
    tell("end", session=session.session_id, state="Success", reason=None, at=session.end_timestamp)


main()
