"""What a program did, as it did it: one JSON object a line on standard output.

Whoever runs the program compares these lines with what the server has afterwards. Fields of `event` lines have the
names they have in an export. A value that JSON cannot hold is told as `{"$opaque": type}`.
"""

import json
import uuid


def opaque(value):
    """A value that no JSON can hold, by the name of its type."""
    return {"$opaque": type(value).__qualname__}


def tell(what, **fields):
    """One line."""
    print(json.dumps({"did": what, **fields}, default=_plain), flush=True)


def event(session, kind, stored, **about):
    """An event that was recorded; `about` says what the release may do to it."""
    tell("event", session=session, kind=kind, stored=stored, **about)


def session_started(session):
    """A session of the SDK that runs."""
    tell("session", session=session.session_id, init=session.init_timestamp)
    return session


def _plain(value):
    if isinstance(value, uuid.UUID):
        return str(value)
    return opaque(value)
