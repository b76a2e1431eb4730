"""What a join policy of your own is told, and what it may answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias, final

import msgspec

from prana_py.identifiers import ConnectionKey


@final
class Queues(dict[ConnectionKey, tuple[Any, ...]]):
    """The values that wait at a join, by incoming connection in definition order, the oldest of each first."""

    __slots__ = ("more_can_come",)

    def __init__(self, waiting: Mapping[ConnectionKey, tuple[Any, ...]], *, more_can_come: bool) -> None:
        super().__init__(waiting)
        self.more_can_come = more_can_come
        """Other work can still reach the join; a policy that waits when none can, and names no instant, starves."""

    @property
    def total(self) -> int:
        """How many values wait in all."""
        return sum(map(len, self.values()))


class Consume(msgspec.Struct, frozen=True):
    """The join runs now, with so many of the oldest values of each connection; without ``counts`` one of each."""

    counts: Mapping[ConnectionKey, int] | None = None


class WaitUntil(msgspec.Struct, frozen=True):
    """The join does not run yet; it is asked again when anything happens, and at this instant at the latest."""

    until: datetime | None = None


Verdict: TypeAlias = Consume | WaitUntil

JoinPolicy: TypeAlias = Callable[[Queues, Mapping[str, Any], datetime], Verdict]
"""``(queues, state, now) -> Consume(…) | WaitUntil(…)``: a pure function of what it is given."""
