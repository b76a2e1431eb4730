"""Executions out of a store and into one, whole: header, journal, large values, letters, turns at mutexes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from prana_py.execution.suspension import Suspension
from prana_py.identifiers import ExecutionId, Instant
from prana_py.stores.executions import wait_columns
from prana_py.stores.records import PLACES
from prana_py.stores.sql.transfer import COLUMNS
from prana_py.stores.statements import Batch, Many, Operation, Statement


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """All that a store has of one execution."""

    header: Mapping[str, Any]
    wake_at: Instant | None = None
    """From when on somebody is to begin it, if nobody has; ``None``: it is in line behind others."""
    bodies: list[bytes]
    blobs: Mapping[bytes, bytes]
    letters: list[tuple[str, bytes, Instant, str | None]] = []
    """Key, content, when it was sent, and why it was refused."""
    deliveries: list[tuple[str, str, Instant]] = []
    turns: list[tuple[str, bytes]] = []
    """At mutexes of all executions: name and run."""

    @property
    def id(self) -> ExecutionId:
        found: ExecutionId = self.header["id"]
        return found


def take_out(execution_id: ExecutionId) -> Operation[list[Parcel]]:
    """An execution and its children, and theirs; none: it is not known. They stay where they are."""
    parcels: list[Parcel] = []
    wanted = [execution_id]
    while wanted:
        one = wanted.pop(0)
        rows = (yield Statement("transfer.header", (one,))).rows
        if rows:
            parcels.append((yield from _parcel(*rows[0])))
            wanted += [child for (child,) in (yield Statement("transfer.children", (one,))).rows]
    return parcels


def _parcel(number: int, wake_at: Instant | None, *columns: Any) -> Operation[Parcel]:
    first = number * PLACES
    journal, blobs, letters, deliveries, turns = yield Batch(
        (
            Statement("journal.rows", (first, first + PLACES)),
            Statement("blob.of", (number,)),
            Statement("transfer.letters", (number,)),
            Statement("transfer.deliveries", (number,)),
            Statement("transfer.turns", (number,)),
        )
    )
    return Parcel(
        header=dict(zip(COLUMNS, map(_plain, columns), strict=True)),
        wake_at=wake_at,
        bodies=[bytes(body) for (body,) in journal.rows],
        blobs={bytes(name): bytes(body) for name, body in blobs.rows},
        letters=[(key, bytes(payload), at, refusal) for key, payload, at, refusal in letters.rows],
        deliveries=[tuple(row) for row in deliveries.rows],
        turns=[(name, bytes(run)) for name, run in turns.rows],
    )


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def put_in(parcel: Parcel, suspensions: Iterable[Suspension], wake_at: Instant | None) -> Operation[None]:
    """Keep an execution that is not known here yet; it is driven from ``wake_at`` on."""
    columns = tuple(parcel.header[name] for name in COLUMNS)
    number: int = (yield Statement("transfer.insert", (*columns, wake_at))).rows[0][0]
    asks: list[Statement | Many] = []
    if parcel.bodies:
        first = number * PLACES
        asks.append(Many("journal.append_more", [(first + place, body) for place, body in enumerate(parcel.bodies)]))
    for name, body in parcel.blobs.items():
        asks += (Statement("blob.insert", (name, body)), Statement("blob.use", (number, name)))
    asks += [Statement("wait.open", (number, wait.wait_id, *wait_columns(wait))) for wait in suspensions]
    asks += [Statement("transfer.letter", (number, *letter)) for letter in parcel.letters]
    asks += [Statement("transfer.delivery", (number, *delivery)) for delivery in parcel.deliveries]
    asks += [Statement("mutex.line_up", (name, number, run)) for name, run in parcel.turns]
    asks.append(Statement("notify", (parcel.id,)))
    yield Batch(tuple(asks))
