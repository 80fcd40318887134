"""A value that the SDK sends though it is no JSON: it is kept as its name, and what was sent with it is kept, too."""

import agentops
from agentops import ActionEvent

from told import event, session_started, tell


def main():
    agentops.init(auto_start_session=False, max_wait_time=60_000, max_queue_size=1000, instrument_llm_calls=False)
    session = session_started(agentops.start_session())
    made = ActionEvent(action_type="divide", returns=float("nan"))
    session.record(made)
    event(session.session_id, "actions", {"id": made.id, "action_type": "divide", "returns": "NaN"})
    made = ActionEvent(action_type="beside it", returns="text with \x00, \x1b[31m and \u2028")
    session.record(made)
    stored = {"id": made.id, "action_type": "beside it", "returns": made.returns}
    event(session.session_id, "actions", stored)
    session.end_session("Success")
    tell("end", session=session.session_id, state="Success", reason=None, at=session.end_timestamp)


main()
