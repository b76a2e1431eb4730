"""The SQL of schedules: which there are, which are due, and what goes on of what they have started."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

KEPT: Final = (
    "id, workflow_id, version, node_key, position, schedule, next_at, last_at, seen_at, paused"
)  # fmt: skip
"""The columns of a schedule, in the order in which ``schedules.Kept`` has them."""

_GOES_ON: Final = "status IN ('pending', 'running', 'suspended') AND quarantine IS NULL"

_IN_LINE: Final = "status = 'pending' AND owner IS NULL AND wake_at IS NULL AND quarantine IS NULL"
"""Nobody drives it, and nothing will wake it but the end of the one before it."""

_OF_THE_SAME: Final = "schedule_id = (SELECT schedule_id FROM execution WHERE number = ?)"

SCHEDULES: Final[Mapping[str, str]] = {
    "schedule.insert": f"INSERT INTO schedule ({KEPT}) VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?, 0)",
    "schedule.same_again": "UPDATE schedule SET version = ? WHERE id = ?",
    "schedule.change": """
        UPDATE schedule SET version = ?, schedule = ?, next_at = ?, seen_at = ? WHERE id = ?
    """,
    "schedule.delete": "DELETE FROM schedule WHERE id = ?",
    "schedule.pause": "UPDATE schedule SET paused = 1 WHERE id = ? AND paused = 0",
    "schedule.resume": "UPDATE schedule SET paused = 0, next_at = ?, seen_at = ? WHERE id = ? AND paused = 1",
    "schedule.one": f"SELECT {KEPT} FROM schedule WHERE id = ?",
    "schedule.of_workflow": f"SELECT {KEPT} FROM schedule WHERE workflow_id = ? ORDER BY node_key, position",
    "schedule.all": f"SELECT {KEPT} FROM schedule ORDER BY workflow_id, node_key, position",
    "schedule.due": f"""
        SELECT {KEPT} FROM schedule WHERE next_at <= ? AND paused = 0 ORDER BY next_at LIMIT ?
    """,
    # Those that were dealt with in what is the future now: the clock was ahead.
    "schedule.ahead": f"""
        SELECT {KEPT} FROM schedule WHERE seen_at > ? AND paused = 0 ORDER BY seen_at LIMIT ?
    """,
    "schedule.next_due": "SELECT min(next_at) FROM schedule WHERE paused = 0",
    # Whoever moves it on starts what was due; all others find that it has been moved.
    "schedule.advance": """
        UPDATE schedule SET next_at = ?, last_at = coalesce(?, last_at), seen_at = ?
        WHERE id = ? AND paused = 0 AND coalesce(next_at, -1) = ?
    """,
    "schedule.going_on": f"""
        SELECT id, number, CASE WHEN {_IN_LINE} THEN 1 ELSE 0 END FROM execution
        WHERE schedule_id = ? AND {_GOES_ON} ORDER BY number LIMIT ?
    """,
    "schedule.line_up": "UPDATE execution SET wake_at = NULL WHERE id = ? AND status = 'pending' AND owner IS NULL",
    # Taken by whoever ends an execution of a schedule, and by whoever fires it: so one of them sees the other.
    "schedule.take_turns": """
        UPDATE schedule SET seen_at = seen_at WHERE id = (SELECT schedule_id FROM execution WHERE number = ?)
    """,
    "schedule.next_in_line": f"""
        UPDATE execution SET wake_at = ?
        WHERE number = (SELECT min(number) FROM execution WHERE {_OF_THE_SAME} AND {_IN_LINE})
            AND NOT EXISTS (SELECT 1 FROM execution WHERE {_OF_THE_SAME} AND {_GOES_ON} AND NOT ({_IN_LINE}))
    """,
}
