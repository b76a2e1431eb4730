"""The SQL that throws away what is over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

RETENTION: Final[Mapping[str, str]] = {
    # Oldest first, behind a place. Nothing has ended before it was created, so the index finds what may be old enough.
    "prune.old": """
        SELECT number, id, parent_id, created_at, ended_at FROM execution
        WHERE status = ? AND (created_at, number) > (?, ?) AND created_at < ? ORDER BY created_at, number LIMIT ?
    """,
    "prune.old_of_workflow": """
        SELECT number, id, parent_id, created_at, ended_at FROM execution
        WHERE workflow_id = ? AND status = ? AND (created_at, number) > (?, ?) AND created_at < ?
        ORDER BY created_at, number LIMIT ?
    """,
    "prune.newest": """
        SELECT created_at, number FROM execution WHERE status = ? ORDER BY created_at DESC, number DESC LIMIT ?
    """,
    "prune.newest_of_workflow": """
        SELECT created_at, number FROM execution WHERE workflow_id = ? AND status = ?
        ORDER BY created_at DESC, number DESC LIMIT ?
    """,
    "prune.live_child": """
        SELECT 1 FROM execution WHERE parent_id = ? AND status NOT IN ('completed', 'failed', 'cancelled') LIMIT 1
    """,
    "prune.live_parent": """
        SELECT 1 FROM execution WHERE id = ? AND status NOT IN ('completed', 'failed', 'cancelled')
    """,
    "prune.execution": "DELETE FROM execution WHERE number = ? AND status IN ('completed', 'failed', 'cancelled')",
    "prune.journal": "DELETE FROM journal WHERE place >= ? AND place < ?",
    "prune.waits": "DELETE FROM wait WHERE execution = ?",
    "prune.letters": "DELETE FROM inbox WHERE execution = ?",
    "prune.deliveries": "DELETE FROM delivery WHERE execution = ?",
    "prune.turns": "DELETE FROM mutex WHERE execution = ?",
    "prune.blobs_of": "SELECT hash FROM blob_use WHERE execution = ?",
    "prune.uses": "DELETE FROM blob_use WHERE execution = ?",
    "prune.blob": """
        DELETE FROM blob WHERE hash = ? AND NOT EXISTS (SELECT 1 FROM blob_use WHERE blob_use.hash = blob.hash)
    """,
}
