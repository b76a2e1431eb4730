"""What to do about an error, by its code."""

from __future__ import annotations

from typing import Final

from prana_py.cli.screen import Screen
from prana_py.errors import DocumentError, PranaError

_LOOK: Final = "`prana executions show ID` tells what it waits for"
_AGAIN: Final = "`prana executions show ID --token` gives the token of a wait that is open"

_BY_CODE: Final = {
    "db_missing": "write --db orders.db, or set PRANA_DB=orders.db",
    "store_not_found": "`prana start` and `prana workflows publish` make one",
    "execution_not_found": "`prana executions list` tells which there are",
    "workflow_not_found": "`prana workflows list` tells which there are, `prana workflows publish FILE` adds one",
    "execution_exists": "take another --id; with --key the same start twice is one execution",
    "idempotency_mismatch": "take another --key for another start",
    "execution_final": "`prana executions retry ID` and `prana executions fork ID` make a new one of it",
    "execution_busy": "try again when it is at rest; `prana executions show ID` tells",
    "wait_not_open": _LOOK,
    "wait_ambiguous": f"{_LOOK}; name one with --wait-id",
    "wait_expired": "whoever drives it next lets it go on as expired; a worker does so by itself",
    "token_wrong": _AGAIN,
    "token_old": _AGAIN,
    "token_reused": _AGAIN,
    "token_withdrawn": _AGAIN,
    "token_foreign": "--db names another store than the one that the token is for",
    "token_early": "try again later, with the same token",
    "not_started": "`prana worker` starts what was submitted",
    "not_answered_yet": "nothing is to be done: it will be met; `prana executions show ID` tells when it was",
    "quarantined": "when it is mended, `prana executions release ID` lets it be driven again",
    "position_unknown": "`prana executions show ID` tells how many rows there are",
    "cursor_invalid": "the page before tells its --after",
    "schedule_not_found": "`prana schedules list` tells which there are",
    "migration_refused": "finish or cancel that work, or publish a version that has a place for it",
    "schema_old": "`prana migrate` does it",
    "node_type_unknown": "--nodes MODULE, or --nodes FILE.py, says where its node types are",
}


def show_next_step(screen: Screen, error: PranaError) -> None:
    """The code, and the next step in a line."""
    codes = [problem.code for problem in error.problems] if isinstance(error, DocumentError) else [error.code]
    step = next((_BY_CODE[code] for code in codes if code in _BY_CODE), None)
    screen.line("  ", (f"[{error.code}]", "dim"), f" {step}" if step else " docs/reference/errors.md tells more")
