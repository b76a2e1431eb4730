"""The SQL that both databases understand, by name; parameters are ``?`` everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from prana_py.stores.sql.schedules import SCHEDULES

HEADER: Final = (
    "number, id, workflow_id, workflow_version, digest, status, created_at, ended_at, parent_id, parent_wait, "
    "trigger_type, schedule_id, owner, epoch, wake_at, crashes, quarantine, error"
)
"""The columns of a header, in the order in which ``records.Header`` has them."""

SHARED: Final[Mapping[str, str]] = {
    **SCHEDULES,
    # ── workflows ─────────────────────────────────────────────────────────────────────────────────────────────────
    "workflow.insert": """
        INSERT INTO workflow (id, version, digest, name, definition, published_at) VALUES (?, ?, ?, ?, ?, ?)
    """,
    "workflow.newest": """
        SELECT version, digest, definition FROM workflow WHERE id = ? ORDER BY version DESC LIMIT 1
    """,
    "workflow.newest_version": "SELECT max(version) FROM workflow WHERE id = ?",
    "workflow.by_version": "SELECT version, digest, definition FROM workflow WHERE id = ? AND version = ?",
    "workflow.versions": """
        SELECT id, version, digest, name, published_at FROM workflow WHERE id = ? ORDER BY version
    """,
    "workflow.all": """
        SELECT id, version, digest, name, published_at FROM workflow AS w
        WHERE version = (SELECT max(version) FROM workflow WHERE id = w.id) ORDER BY id
    """,
    # ── how executions come to be ─────────────────────────────────────────────────────────────────────────────────
    "execution.start": """
        INSERT INTO execution (id, workflow_id, workflow_version, digest, status, created_at, parent_id, parent_wait,
            trigger_type, idempotency_key, idempotency_digest, owner, epoch)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1) RETURNING number
    """,
    # A child, an error workflow, or what was submitted: whoever asks for it twice finds the first.
    "execution.submit": """
        INSERT INTO execution (id, workflow_id, workflow_version, status, created_at, parent_id, parent_wait,
            trigger_type, schedule_id, idempotency_key, idempotency_digest, submission, wake_at, epoch)
        VALUES (?, ?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT (id) DO NOTHING
    """,
    # The pending one becomes a running one, under the lease of whoever claimed it.
    "execution.begin": """
        UPDATE execution SET status = ?, workflow_version = ?, digest = ?, submission = NULL
        WHERE number = ? AND epoch = ?
    """,
    "execution.unstartable": """
        UPDATE execution SET status = 'failed', submission = NULL, owner = NULL, wake_at = NULL, ended_at = ?, error = ?
        WHERE number = ? AND epoch = ?
    """,
    "execution.by_idempotency_key": """
        SELECT id, idempotency_digest FROM execution WHERE workflow_id = ? AND idempotency_key = ?
    """,
    "execution.header": f"SELECT {HEADER} FROM execution WHERE id = ?",
    "execution.number": "SELECT number FROM execution WHERE id = ?",
    "execution.children": f"SELECT {HEADER} FROM execution WHERE parent_id = ? ORDER BY number",
    # ── what changes about them ───────────────────────────────────────────────────────────────────────────────────
    "execution.status": "UPDATE execution SET status = ? WHERE number = ?",
    "execution.migrated": "UPDATE execution SET workflow_version = ?, digest = ? WHERE number = ?",
    "execution.ended": """
        UPDATE execution SET status = ?, ended_at = ?, error = ?, owner = NULL, wake_at = NULL WHERE number = ?
    """,
    # Whoever posts a letter wakes the execution, or marks it for when it is released.
    "execution.wake": """
        UPDATE execution SET wake_at = ? WHERE id = ? AND (wake_at IS NULL OR wake_at > ?)
            AND status NOT IN ('completed', 'failed', 'cancelled')
    """,
    "execution.wake_to_letter": """
        UPDATE execution SET wake_at = ? WHERE id = ? AND (wake_at IS NULL OR wake_at > ?)
            AND status NOT IN ('completed', 'failed', 'cancelled')
            AND EXISTS (SELECT 1 FROM inbox WHERE inbox.execution = execution.number AND dedupe_key = ?)
    """,
    # ── leases ────────────────────────────────────────────────────────────────────────────────────────────────────
    # Somebody has looked, and found it free.
    "execution.claim_next": """
        UPDATE execution SET owner = ?, epoch = epoch + 1, wake_at = NULL, status = coalesce(?, status)
        WHERE number = ? AND epoch = ? AND owner IS NULL AND quarantine IS NULL
            AND status NOT IN ('completed', 'failed', 'cancelled')
    """,
    "execution.release": """
        UPDATE execution SET owner = NULL, status = coalesce(?, status), wake_at = CASE WHEN EXISTS (
            SELECT 1 FROM inbox WHERE execution = execution.number AND refusal IS NULL) THEN ? ELSE ? END
        WHERE number = ? AND epoch = ? AND status NOT IN ('completed', 'failed', 'cancelled')
    """,
    # A statement of its own, after the row is locked: a letter that came meanwhile is either seen here, or wakes the
    # execution itself.
    "execution.release_to_letters": """
        UPDATE execution SET wake_at = ? WHERE number = ? AND owner IS NULL
            AND status NOT IN ('completed', 'failed', 'cancelled')
            AND EXISTS (SELECT 1 FROM inbox WHERE execution = execution.number AND refusal IS NULL)
    """,
    # Whoever drove it cannot write any more, either.
    "execution.quarantine": """
        UPDATE execution SET quarantine = ?, owner = NULL, wake_at = NULL, epoch = epoch + 1
        WHERE number = ? AND epoch = ?
    """,
    "execution.tell_more": "UPDATE execution SET quarantine = ? WHERE id = ? AND quarantine IS NOT NULL",
    "execution.unquarantine": """
        UPDATE execution SET quarantine = NULL, crashes = 0, crash_place = NULL, wake_at = ?
        WHERE id = ? AND quarantine IS NOT NULL
    """,
    "execution.next_due": """
        SELECT min(wake_at) FROM execution
        WHERE crashes < ? AND wake_at IS NOT NULL AND owner IS NULL AND quarantine IS NULL
    """,
    "holder.insert": "INSERT INTO holder (id, until, process) VALUES (?, ?, ?)",
    "holder.renew": "UPDATE holder SET until = ? WHERE id = ?",
    "holder.delete": "DELETE FROM holder WHERE id = ?",
    # It stays until somebody has taken what it held, and has told of it.
    "holder.bury": "UPDATE holder SET until = 0 WHERE id = ?",
    "holder.forget": """
        DELETE FROM holder WHERE until < ? AND id NOT IN (SELECT owner FROM execution WHERE owner IS NOT NULL)
    """,
    "execution.owned": "SELECT id, number, epoch, status FROM execution WHERE owner = ?",
    "holder.of": """
        SELECT h.id, h.until, h.process FROM execution AS e JOIN holder AS h ON h.id = e.owner WHERE e.id = ?
    """,
    "holder.all": "SELECT id, until, process FROM holder",
    # ── journals ──────────────────────────────────────────────────────────────────────────────────────────────────
    # Without the lease there is nothing to insert, and a journal row cannot be nothing: so a lost lease is an error.
    "journal.append": """
        INSERT INTO journal (place, body) VALUES (?, (SELECT ? FROM execution WHERE number = ? AND epoch = ?))
    """,
    "journal.append_more": "INSERT INTO journal (place, body) VALUES (?, ?)",
    "journal.rows": "SELECT body FROM journal WHERE place >= ? AND place < ? ORDER BY place",
    "journal.rows_of_free": """
        SELECT j.body FROM execution AS e JOIN journal AS j ON j.place >= e.number << 28
            AND j.place < (e.number + 1) << 28
        WHERE e.id = ? AND e.owner IS NULL ORDER BY j.place
    """,
    "journal.last": "SELECT max(place) FROM journal WHERE place >= ? AND place < ?",
    # ── waits ─────────────────────────────────────────────────────────────────────────────────────────────────────
    "wait.open": """
        INSERT INTO wait (execution, wait_id, kind, node_key, name, wake_at, opened_at) VALUES (?, ?, ?, ?, ?, ?, ?)
    """,
    "wait.close": "DELETE FROM wait WHERE execution = ? AND wait_id = ?",
    "wait.close_all": "DELETE FROM wait WHERE execution = ?",
    "wait.of": """
        SELECT wait_id, kind, node_key, name, wake_at, opened_at FROM wait WHERE execution = ? ORDER BY wait_id
    """,
    # ── inbox ─────────────────────────────────────────────────────────────────────────────────────────────────────
    "inbox.post": """
        INSERT INTO inbox (execution, dedupe_key, payload, sent_at)
        SELECT number, ?, ?, ? FROM execution
        WHERE id = ? AND status NOT IN ('completed', 'failed', 'cancelled')
        ON CONFLICT (execution, dedupe_key) DO NOTHING
    """,
    # Only the last of several children that a parent waits for together has to tell it: the others would do so in vain.
    "inbox.post_as_last": """
        INSERT INTO inbox (execution, dedupe_key, payload, sent_at)
        SELECT number, ?, ?, ? FROM execution AS parent
        WHERE id = ? AND status NOT IN ('completed', 'failed', 'cancelled')
            AND NOT (coalesce(owner, '') = ? AND epoch = ?)
            AND NOT EXISTS (
            SELECT 1 FROM execution AS child WHERE child.parent_id = parent.id AND child.parent_wait = ?
                AND child.status IN ('pending', 'running', 'suspended')
        )
        ON CONFLICT (execution, dedupe_key) DO NOTHING
    """,
    "inbox.of": """
        SELECT number, payload FROM inbox WHERE execution = ? AND refusal IS NULL AND number > ? ORDER BY number
    """,
    "inbox.has_for": """
        SELECT 1 FROM execution AS e JOIN inbox AS i ON i.execution = e.number
        WHERE e.id = ? AND i.refusal IS NULL LIMIT 1
    """,
    "inbox.met": "DELETE FROM inbox WHERE number = ?",
    # Only who has asked comes to read why not; other executions do not.
    "inbox.refuse": """
        UPDATE inbox SET refusal = ? WHERE number = ? AND (dedupe_key LIKE 'asked %' OR dedupe_key LIKE 'delivered %')
    """,
    "inbox.forget": "DELETE FROM inbox WHERE number = ? AND refusal IS NULL",
    "inbox.letter": """
        SELECT i.number, i.refusal FROM inbox AS i JOIN execution AS e ON e.number = i.execution
        WHERE e.id = ? AND i.dedupe_key = ?
    """,
    # ── deliveries ────────────────────────────────────────────────────────────────────────────────────────────────
    "delivery.of": """
        SELECT d.digest FROM delivery AS d JOIN execution AS e ON e.number = d.execution
        WHERE e.id = ? AND d.delivery_id = ?
    """,
    "delivery.take_in": """
        INSERT INTO delivery (execution, delivery_id, digest, taken_in_at)
        SELECT number, ?, ?, ? FROM execution
        WHERE id = ? AND status NOT IN ('completed', 'failed', 'cancelled')
        ON CONFLICT (execution, delivery_id) DO NOTHING
    """,
    "delivery.forget": """
        DELETE FROM delivery WHERE execution = (SELECT number FROM execution WHERE id = ?) AND delivery_id = ?
    """,
    "delivery.outdated": """
        DELETE FROM delivery WHERE execution = (SELECT number FROM execution WHERE id = ?) AND taken_in_at < ?
    """,
    # ── mutexes ───────────────────────────────────────────────────────────────────────────────────────────────────
    "mutex.line_up": """
        INSERT INTO mutex (name, execution, run) VALUES (?, ?, ?) ON CONFLICT (name, execution, run) DO NOTHING
    """,
    "mutex.line_up_by_lease": """
        INSERT INTO mutex (name, execution, run)
        SELECT ?, number, ? FROM execution WHERE number = ? AND epoch = ?
        ON CONFLICT (name, execution, run) DO NOTHING
    """,
    "mutex.first": """
        SELECT m.ticket, m.execution, m.run, e.id FROM mutex AS m JOIN execution AS e ON e.number = m.execution
        WHERE m.name = ? ORDER BY m.ticket LIMIT 1
    """,
    "mutex.of": "SELECT ticket, name, run FROM mutex WHERE execution = ? ORDER BY ticket",
    "mutex.leave": "DELETE FROM mutex WHERE ticket = ?",
    # ── large values ──────────────────────────────────────────────────────────────────────────────────────────────
    "blob.insert": "INSERT INTO blob (hash, body) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING",
    "blob.use": "INSERT INTO blob_use (execution, hash) VALUES (?, ?) ON CONFLICT (execution, hash) DO NOTHING",
    "blob.all_of": """
        SELECT b.hash, b.body FROM execution AS e JOIN blob_use AS u ON u.execution = e.number
        JOIN blob AS b ON b.hash = u.hash WHERE e.id = ?
    """,
    "blob.of": "SELECT b.hash, b.body FROM blob_use AS u JOIN blob AS b ON b.hash = u.hash WHERE u.execution = ?",
}
