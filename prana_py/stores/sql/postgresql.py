"""The SQL that PostgreSQL wants in its own way, with all that is shared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from prana_py.stores.sql.listing import listing
from prana_py.stores.sql.retention import RETENTION
from prana_py.stores.sql.shared import SHARED
from prana_py.stores.sql.transfer import TRANSFER

NOW: Final = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint) * 1000"
"""Nanoseconds, as the database's clock has them: its grain is a microsecond."""

POSTGRESQL: Final[Mapping[str, str]] = {
    **SHARED,
    **TRANSFER,
    **RETENTION,
    **listing(names_index=False),
    "clock.now": f"SELECT {NOW}",
    "journal.append": """
        INSERT INTO journal (place, body)
        VALUES (?, (SELECT CAST(? AS bytea) FROM execution WHERE number = ? AND epoch = ?))
    """,
    # It locks the execution, so that nobody takes it up and releases it again before the letter can be seen: also where
    # it is due already, and so need not be woken.
    "inbox.post": """
        INSERT INTO inbox (execution, dedupe_key, payload, sent_at)
        SELECT number, CAST(? AS text), CAST(? AS bytea), CAST(? AS bigint) FROM execution
        WHERE id = ? AND status NOT IN ('completed', 'failed', 'cancelled')
        FOR NO KEY UPDATE
        ON CONFLICT (execution, dedupe_key) DO NOTHING
    """,
    "execution.claim": f"""
        UPDATE execution SET owner = ?, epoch = epoch + 1, wake_at = NULL,
            crashes = CASE WHEN owner IS NULL THEN crashes
                WHEN crash_place IS NOT DISTINCT FROM (SELECT max(place) FROM journal WHERE place >= number << 28
                    AND place < (number + 1) << 28) THEN crashes + 1 ELSE 1 END,
            crash_place = CASE WHEN owner IS NULL THEN crash_place
                ELSE (SELECT max(place) FROM journal WHERE place >= number << 28 AND place < (number + 1) << 28) END
        WHERE id = ? AND quarantine IS NULL AND status NOT IN ('completed', 'failed', 'cancelled')
            AND (owner IS NULL OR owner NOT IN (SELECT id FROM holder WHERE until > {NOW}))
        RETURNING number, epoch, status, crashes, workflow_version, submission
    """,
    # Workers that look at the same moment do not queue up behind each other's rows.
    "execution.due": """
        SELECT id, NULL FROM execution
        WHERE wake_at <= ? AND crashes < ? AND wake_at IS NOT NULL AND owner IS NULL AND quarantine IS NULL
        ORDER BY wake_at LIMIT ? FOR UPDATE SKIP LOCKED
    """,
    "execution.orphaned": f"""
        SELECT id, coalesce((SELECT process FROM holder WHERE holder.id = owner), owner) FROM execution
        WHERE owner IS NOT NULL AND owner NOT IN (SELECT id FROM holder WHERE until > {NOW}) AND owner <> ?
        LIMIT ? FOR UPDATE SKIP LOCKED
    """,
    # Of two children that end at the same time, the second one sees that the first has.
    "execution.lock": "SELECT 1 FROM execution WHERE id = ? FOR UPDATE",
    # Whoever lines up and whoever leaves see each other.
    "mutex.line_up_by_lease": """
        INSERT INTO mutex (name, execution, run)
        SELECT CAST(? AS text), number, CAST(? AS bytea) FROM execution WHERE number = ? AND epoch = ?
        ON CONFLICT (name, execution, run) DO NOTHING
    """,
    "mutex.lock": "SELECT pg_advisory_xact_lock(hashtextextended(?, 0))",
    "inbox.post_as_last": """
        INSERT INTO inbox (execution, dedupe_key, payload, sent_at)
        SELECT number, CAST(? AS text), CAST(? AS bytea), CAST(? AS bigint) FROM execution AS parent
        WHERE id = ? AND status NOT IN ('completed', 'failed', 'cancelled')
            AND NOT (coalesce(owner, '') = ? AND epoch = ?)
            AND NOT EXISTS (
            SELECT 1 FROM execution AS child WHERE child.parent_id = parent.id AND child.parent_wait = ?
                AND child.status IN ('pending', 'running', 'suspended')
        )
        ON CONFLICT (execution, dedupe_key) DO NOTHING
    """,
    "delivery.take_in": """
        INSERT INTO delivery (execution, delivery_id, digest, taken_in_at)
        SELECT number, CAST(? AS text), CAST(? AS text), CAST(? AS bigint) FROM execution
        WHERE id = ? AND status NOT IN ('completed', 'failed', 'cancelled')
        ON CONFLICT (execution, delivery_id) DO NOTHING
    """,
    # Whoever uses a large value that is there already locks it, so that it is not thrown away in the same moment.
    "blob.insert": "INSERT INTO blob (hash, body) VALUES (?, ?) ON CONFLICT (hash) DO UPDATE SET hash = EXCLUDED.hash",
    "blob.lock": "SELECT 1 FROM blob WHERE hash = ? FOR UPDATE",
}
