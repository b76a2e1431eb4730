"""The rows of a run, in memory: an append-only sequence that shares everything with its earlier selves.

Rows are sealed in chunks of 32, because the collector walks a C vector element by element, and may even clear live
objects behind one whose elements it tracks: so a chunk is an object that the collector does not see.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from pyrsistent import PVector, pvector

from prana_py.execution.rows import Row

CHUNK: Final = 32


class Chunk(msgspec.Struct, frozen=True, gc=False):
    """32 rows that will not change."""

    rows: tuple[Row, ...]


NOTHING_SEALED: Final[PVector[Chunk]] = pvector()


class Trail(msgspec.Struct, frozen=True, gc=False):
    """Sealed chunks, and the open end."""

    sealed: PVector[Chunk] = NOTHING_SEALED
    tail: tuple[Row, ...] = ()
    dropped: int = 0
    """How many rows are not kept any more, because the history is bounded."""
    look_at: int = 0
    """At how many rows a bounded history is looked through again."""

    def append(self, row: Row) -> Trail:
        """This trail and one more row."""
        tail = (*self.tail, row)
        if len(tail) < CHUNK:
            return Trail(self.sealed, tail, self.dropped, self.look_at)
        return Trail(self.sealed.append(Chunk(tail)), (), self.dropped, self.look_at)

    def __len__(self) -> int:
        return len(self.sealed) * CHUNK + len(self.tail)

    def __iter__(self) -> Iterator[Row]:
        for chunk in self.sealed:
            yield from chunk.rows
        yield from self.tail

    def since(self, position: int) -> Iterator[Row]:
        """The rows from ``position`` on, without touching those before."""
        first, skipped = divmod(position, CHUNK)
        for index in range(first, len(self.sealed)):
            yield from self.sealed[index].rows[skipped if index == first else 0 :]
        if first >= len(self.sealed):
            yield from self.tail[position - len(self.sealed) * CHUNK :]
        else:
            yield from self.tail
