"""What goes wrong with a database, in words that name it and the next step, whichever driver said so."""

from __future__ import annotations

from typing import Final, NamedTuple

from prana_py.errors import StorageError

RETRY_DELAYS: Final = (0.005, 0.02, 0.05, 0.1, 0.2)
"""Seconds to wait before the second try of a transaction, the third, …"""

TRIES: Final = (*RETRY_DELAYS, None)
"""What to wait after each try that was refused; there is none after the last."""


class Conflict(StorageError):
    """A key is taken already."""

    code = "conflict"


class Fenced(StorageError):
    """The lease under which something was to be written does not hold any more."""

    code = "fenced"


class Failure(NamedTuple):
    """A driver's error, in the words of the store."""

    error: StorageError
    again: bool = False
    """Nothing was committed, and it was nobody's fault: the same may well succeed a little later."""


def conflict(place: str, why: object, key: str | None) -> Failure:
    """A unique key is there already."""
    return Failure(Conflict(f"{place}: a row with this key is there already ({why})", key=key))


def fenced(place: str, why: object, column: str | None) -> Failure:
    """What must not be NULL was: whoever writes has lost the lease."""
    return Failure(Fenced(f"{place}: the lease under which this was written is lost ({why})", column=column))


def busy(place: str, why: object) -> Failure:
    """Others hold what this transaction needs."""
    message = f"{place} is held by other transactions for too long ({why}); look for one that does not end, then retry"
    return Failure(StorageError(message, code="store_busy"), again=True)


def full(place: str, why: object) -> Failure:
    """There is no room left."""
    message = f"{place} has no room left ({why}); nothing was written: free some space, then retry"
    return Failure(StorageError(message, code="store_full"))


def read_only(place: str, why: object) -> Failure:
    """It may be read only."""
    message = f"{place} cannot be written ({why}); open it for writing, and check the permissions of file and folder"
    return Failure(StorageError(message, code="store_readonly"))


def corrupt(place: str, why: object) -> Failure:
    """It is no database, or a damaged one."""
    message = f"{place} is damaged, or is no database ({why}); restore it from a backup, or name another one"
    return Failure(StorageError(message, code="store_corrupt"))


def unavailable(place: str, why: object, *, again: bool = True) -> Failure:
    """It cannot be reached, or was lost before anything was to be committed."""
    message = f"{place} cannot be reached ({why}); check that it exists and runs, and that its address is right"
    return Failure(StorageError(message, code="store_unavailable"), again)


def unknown(place: str, why: object) -> Failure:
    """It was lost while it committed."""
    message = f"{place} was lost while it committed ({why}); read what it holds before doing the same again"
    return Failure(StorageError(message, code="commit_unknown"))


def old_schema(place: str, why: object) -> Failure:
    """Its tables are not there, or older than the code."""
    message = f"{place} does not have the tables that this version of prana_py needs ({why}); run `prana migrate`"
    return Failure(StorageError(message, code="schema_old"))


def other(place: str, why: object) -> Failure:
    """Whatever else a driver says."""
    return Failure(StorageError(f"{place} refused: {why}", code="store_failed"))
