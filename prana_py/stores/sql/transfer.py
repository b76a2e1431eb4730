"""The SQL that takes executions out of a store whole, and puts them into one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

COLUMNS: Final = (
    "id",
    "workflow_id",
    "workflow_version",
    "digest",
    "status",
    "created_at",
    "ended_at",
    "parent_id",
    "parent_wait",
    "trigger_type",
    "schedule_id",
    "idempotency_key",
    "idempotency_digest",
    "submission",
    "quarantine",
    "error",
)
"""What of a header goes with an execution wherever it goes; who drives it, and since when, does not."""

TRANSFER: Final[Mapping[str, str]] = {
    "transfer.header": f"SELECT number, wake_at, {', '.join(COLUMNS)} FROM execution WHERE id = ?",
    "transfer.children": "SELECT id FROM execution WHERE parent_id = ? ORDER BY number",
    "transfer.letters": "SELECT dedupe_key, payload, sent_at, refusal FROM inbox WHERE execution = ? ORDER BY number",
    "transfer.deliveries": """
        SELECT delivery_id, digest, taken_in_at FROM delivery WHERE execution = ? ORDER BY taken_in_at, delivery_id
    """,
    "transfer.turns": "SELECT name, run FROM mutex WHERE execution = ? ORDER BY ticket",
    "transfer.insert": f"""
        INSERT INTO execution ({", ".join(COLUMNS)}, wake_at, epoch)
        VALUES ({", ".join("?" for _ in COLUMNS)}, ?, 0) RETURNING number
    """,
    "transfer.letter": """
        INSERT INTO inbox (execution, dedupe_key, payload, sent_at, refusal) VALUES (?, ?, ?, ?, ?)
    """,
    "transfer.delivery": "INSERT INTO delivery (execution, delivery_id, digest, taken_in_at) VALUES (?, ?, ?, ?)",
}
