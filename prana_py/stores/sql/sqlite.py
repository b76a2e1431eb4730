"""The SQL that SQLite wants in its own way, with all that is shared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from prana_py.stores.sql.listing import listing
from prana_py.stores.sql.retention import RETENTION
from prana_py.stores.sql.shared import SHARED
from prana_py.stores.sql.transfer import TRANSFER

NOW: Final = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) * 1000000"
"""Nanoseconds, as the database's clock has them: its grain is a millisecond."""

SQLITE: Final[Mapping[str, str]] = {
    **SHARED,
    **TRANSFER,
    **RETENTION,
    **listing(names_index=True),
    "clock.now": f"SELECT {NOW}",
    # Free, or left by a holder who does not say any more that he lives. The crashes of one that gets nowhere count.
    "execution.claim": f"""
        UPDATE execution SET owner = ?, epoch = epoch + 1, wake_at = NULL,
            crashes = CASE WHEN owner IS NULL THEN crashes
                WHEN crash_place IS (SELECT max(place) FROM journal WHERE place >= number << 28
                    AND place < (number + 1) << 28) THEN crashes + 1 ELSE 1 END,
            crash_place = CASE WHEN owner IS NULL THEN crash_place
                ELSE (SELECT max(place) FROM journal WHERE place >= number << 28 AND place < (number + 1) << 28) END
        WHERE id = ? AND quarantine IS NULL AND status NOT IN ('completed', 'failed', 'cancelled')
            AND (owner IS NULL OR owner NOT IN (SELECT id FROM holder WHERE until > {NOW}))
        RETURNING number, epoch, status, crashes, workflow_version, submission
    """,
    "execution.due": """
        SELECT id, NULL FROM execution
        WHERE wake_at <= ? AND crashes < ? AND wake_at IS NOT NULL AND owner IS NULL AND quarantine IS NULL
        ORDER BY wake_at LIMIT ?
    """,
    "execution.orphaned": f"""
        SELECT id, coalesce((SELECT process FROM holder WHERE holder.id = owner), owner) FROM execution
        WHERE owner IS NOT NULL AND owner NOT IN (SELECT id FROM holder WHERE until > {NOW}) AND owner <> ?
        LIMIT ?
    """,
    # Nobody else writes meanwhile anyway, so there is nothing to be done.
    "execution.lock": "",
    "execution.release_to_letters": "",
    "blob.lock": "",
    "mutex.lock": "",
}
