"""What a node does with the arrivals on its incoming connections."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from prana_py.model.bounds import Count, Name, Period


class Inclusive(msgspec.Struct, frozen=True, tag="inclusive"):
    """Runs once, as soon as no other live work can still reach the node, with what arrived."""


class All(msgspec.Struct, frozen=True, tag="all"):
    """Runs when every incoming connection has an arrival."""


class Every(msgspec.Struct, frozen=True, tag="each"):
    """Runs once per arrival, in order."""


class FirstOf(msgspec.Struct, frozen=True, tag="first"):
    """Runs on the n-th arrival of a wave; what happens to the rest of the wave is ``on_rest``."""

    n: Count = 1
    on_rest: Literal["ignore", "cancel"] = "ignore"
    block: bool = False
    """The next wave waits until this one's downstream work is quiet."""


class Batch(msgspec.Struct, frozen=True, tag="batch"):
    """Runs with a list when ``size`` arrivals have gathered, when ``within`` is over, or when no more can come."""

    size: Count = msgspec.field(name="batch")
    within: Period | None = None


class Custom(msgspec.Struct, frozen=True, tag="policy"):
    """Runs when a registered pure function of the queues and the state says so."""

    name: Name = msgspec.field(name="policy")


Join: TypeAlias = Inclusive | All | Every | FirstOf | Batch | Custom
"""Written as ``"inclusive"``, ``"all"``, ``"each"``, ``"first"``, ``{"n": 2, "on_rest": "cancel", "block": true}``,
``{"batch": 10, "within": "5s"}`` or ``{"policy": "name"}``."""
