"""How time is taken: two things in turn, round after round, and the medians of both."""

from __future__ import annotations

import gc
from collections.abc import Callable
from statistics import median
from time import perf_counter_ns
from typing import NamedTuple

SAMPLE_NS = 4_000_000
"""A sample lasts at least this long, so that the clock's own grain does not matter."""


class Times(NamedTuple):
    """Medians, in microseconds a call."""

    ours: float
    floor: float


def in_turn(ours: Callable[[], object], floor: Callable[[], object], *, rounds: int) -> Times:
    """The time that each takes. What slows the machine for a while slows both, so that their ratio stays true."""
    calls = [(action, _calls_per_sample(action)) for action in (ours, floor)]
    samples: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for (action, repeats), taken in zip(calls, samples, strict=True):
            taken.append(_sample(action, repeats))
    return Times(median(samples[0]), median(samples[1]))


def _calls_per_sample(action: Callable[[], object]) -> int:
    action()
    once = max(1, int(_sample(action, 1) * 1_000))
    return max(1, SAMPLE_NS // once)


def _sample(action: Callable[[], object], repeats: int) -> float:
    """Microseconds a call. The collector stays on, as it is in any program, but starts each sample afresh."""
    gc.collect()
    begun = perf_counter_ns()
    for _ in range(repeats):
        action()
    return (perf_counter_ns() - begun) / repeats / 1_000
