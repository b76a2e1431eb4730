"""What PostgreSQL's error codes, and a lost connection, mean for a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from prana_py.stores import failures
from prana_py.stores.failures import Failure

_BY_STATE: Final[Mapping[str, Callable[[str, object], Failure]]] = {
    "40001": failures.busy,  # not serializable
    "40P01": failures.busy,  # deadlock
    "55P03": failures.busy,  # lock not available
    "53100": failures.full,
    "25006": failures.read_only,
    "42501": failures.read_only,  # no privilege
    "XX001": failures.corrupt,
    "XX002": failures.corrupt,
    "42P01": failures.old_schema,  # no such table
    "42703": failures.old_schema,  # no such column
    "53300": failures.unavailable,  # too many connections
}

_FAREWELLS: Final = {"57P01", "57P05", "25P03"}
"""The server ends the session and says so: a command that is answered with this has not been carried out.

Whoever waits for replicas during a commit is not told in this way, but finds the connection closed.
"""


def failure(error: Any, place: str, *, is_lost: bool, commits: bool) -> Failure:
    """The driver's error in the words of the store. ``commits``: a commit may have been sent already."""
    why = " ".join(str(error).split())
    state = error.sqlstate
    if state == "23505":
        return failures.conflict(place, why, error.diag.constraint_name)
    if state == "23502":
        return failures.fenced(place, why, error.diag.column_name)
    if is_lost or (state or "").startswith(("08", "57P")):
        may_be_done = commits and state not in _FAREWELLS
        return failures.unknown(place, why) if may_be_done else failures.unavailable(place, why)
    return _BY_STATE.get(state, failures.other)(place, why)
