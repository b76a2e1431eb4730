"""Requests that carry an id of their own: remembered with the letter that they became, so that twice is once."""

from __future__ import annotations

from typing import Final

from prana_py.identifiers import ExecutionId, Instant
from prana_py.stores import inbox
from prana_py.stores.records import Content
from prana_py.stores.statements import Operation, Statement

KEPT_NS: Final = 30 * 86_400 * 1_000_000_000
"""How long a delivery is remembered at least, while its execution is kept: 30 days."""


def letter_key(delivery_id: str) -> str:
    """The key of the letter that a delivery became."""
    return f"delivered {delivery_id}"


def known(execution_id: ExecutionId, delivery_id: str) -> Operation[str | None]:
    """The digest of what was delivered under an id before."""
    rows = (yield Statement("delivery.of", (execution_id, delivery_id))).rows
    return rows[0][0] if rows else None


def take_in(
    execution_id: ExecutionId, delivery_id: str, digest: str, content: Content, now: Instant
) -> Operation[str | None]:
    """Remember a delivery and send its letter; or the digest of the one before. ``None``: nothing can be sent."""
    yield Statement("delivery.outdated", (execution_id, now - KEPT_NS))
    taken = yield Statement("delivery.take_in", (delivery_id, digest, now, execution_id))
    if taken.touched:
        yield from inbox.post(execution_id, letter_key(delivery_id), content, now)
        return digest
    return (yield from known(execution_id, delivery_id))


def refuse(execution_id: ExecutionId, delivery_id: str, letter: int) -> Operation[None]:
    """The sender has read why not. Nothing has come of it, so it may be delivered again, and is new then."""
    yield Statement("delivery.forget", (execution_id, delivery_id))
    yield from inbox.tear_up(letter)
