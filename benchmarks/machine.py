"""How fast this machine is, so that figures from several machines can be compared."""

from __future__ import annotations

from collections.abc import Callable
from statistics import geometric_mean, median
from time import perf_counter_ns
from typing import Any, Final

import msgspec
from pyrsistent import PMap, pmap


class _Sample(msgspec.Struct, frozen=True, gc=False):
    """Eight fields, as a small record has."""

    a: int = 0
    b: int = 0
    c: int = 0
    d: int = 0
    e: int = 0
    f: int = 0
    g: int = 0
    h: int = 0


_SAMPLE: Final = _Sample()
_CHANGES: Final[dict[str, Any]] = {"a": 1, "b": 2}
_MAP: Final[PMap[int, int]] = pmap({number: number for number in range(100)})

REFERENCE_NS: Final = {"replace": 89.0, "replace from a dict": 218.0, "get of a PMap": 250.0, "set of a PMap": 1750.0}
"""What these cost on the machine for which the targets were written down."""

_ACTIONS: Final[dict[str, Callable[[], object]]] = {
    "replace": lambda: msgspec.structs.replace(_SAMPLE, a=1, b=2),
    "replace from a dict": lambda: msgspec.structs.replace(_SAMPLE, **_CHANGES),
    "get of a PMap": lambda: _MAP.get(5),
    "set of a PMap": lambda: _MAP.set(5, 6),
}


def plain_loop(rounds: int = 100_000) -> int:
    """A fixed loop of pure Python: arithmetic, a comparison, a list that grows."""
    value, kept = 1, [0]
    for number in range(rounds):
        value = (value * 31 + number) % 1_000_003
        if value < 1_000:
            kept.append(value)
    return len(kept)


def plain_loop_ms(rounds: int = 9) -> float:
    """How long the fixed loop takes here, in milliseconds: the speed figure."""
    taken = []
    for _ in range(rounds):
        begun = perf_counter_ns()
        plain_loop()
        taken.append((perf_counter_ns() - begun) / 1e6)
    return median(taken)


def slowness(rounds: int = 9) -> float:
    """How many times slower this machine is than the one of the targets, by operations that were timed on both."""
    return geometric_mean(_time_of(name, rounds) / expected for name, expected in REFERENCE_NS.items())


def _time_of(name: str, rounds: int, repeats: int = 2_000) -> float:
    action = _ACTIONS[name]
    taken = []
    for _ in range(rounds):
        begun = perf_counter_ns()
        for _ in range(repeats):
            action()
        taken.append((perf_counter_ns() - begun) / repeats)
    return median(taken)
