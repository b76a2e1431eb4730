"""The figures that are not a time a node: memory, growth with length, and what the import costs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from statistics import median
from typing import Final

import msgspec

from benchmarks import memory
from benchmarks.nodes import NODES
from benchmarks.workflows import chain
from prana_py import LocalRuntime, compile_workflow
from prana_py.execution.rows import Settled


class Figure(msgspec.Struct, frozen=True):
    """One row of the table."""

    name: str
    size: int
    unit: str
    value: float
    floor: float | None
    target: float | None
    is_time: bool = False
    """A slower machine may take longer in proportion."""
    more_is_better: bool = False

    @property
    def ratio(self) -> float | None:
        return self.value / self.floor if self.floor else None

    def meets(self, slowness: float) -> bool:
        """Whether the target is reached, on a machine that is so much slower than the one it was set for."""
        assert self.target is not None
        if self.more_is_better:
            return self.value >= self.target
        return self.value <= self.target * (max(slowness, 1.0) if self.is_time else 1.0)

    def verdict(self, slowness: float) -> str:
        if self.target is None:
            return ""
        if self.meets(1.0):
            return "yes"
        return "yes, scaled" if self.meets(slowness) else "no"


def import_time(quick: bool) -> Iterator[Figure]:
    """A fresh process each time: ``import prana_py`` beside the libraries that it needs."""
    pairs = [(_import_ms("prana_py"), _import_ms("msgspec, pyrsistent")) for _ in range(3 if quick else 11)]
    ours, floor = (median(taken) for taken in zip(*pairs, strict=True))
    yield Figure("import prana_py", 1, "ms", ours, floor, 60, is_time=True)
    whole = median(_import_ms("prana_py.engine.run") for _ in range(3 if quick else 11))
    yield Figure("import of what runs a workflow", 1, "ms", whole, floor, None, is_time=True)


def _import_ms(what: str) -> float:
    program = f"from time import perf_counter as now\nt = now()\nimport {what}\nprint((now() - t) * 1e3)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=memory.TOP)
    return float(done.stdout)


def run_bytes(quick: bool) -> Iterator[Figure]:
    """What a settled run adds to an execution in memory."""
    size = 200 if quick else 1_000
    ours, floor = memory.bytes_per_run(size)
    yield Figure("bytes a settled run", size, "bytes a run", ours, floor, 320)


def growth(quick: bool) -> Iterator[Figure]:
    """Whether the last nodes of a long run cost more than the first: by the times in the journal."""
    size = 2_000 if quick else 9_999
    graph, runtime = compile_workflow(chain(size), NODES), LocalRuntime(NODES)
    first, last = [], []
    for _ in range(3 if quick else 9):
        at = [row.at for row in runtime.execute(graph, 0).history() if isinstance(row, Settled)]
        window = size // 10
        first.append((at[10 + window] - at[10]) / window / 1_000)
        last.append((at[-1] - at[-1 - window]) / window / 1_000)
    early, late = median(first), median(last)
    yield Figure("cost of the last nodes of a chain", size, "µs a node", late, early, None, is_time=True)
    yield Figure("growth from first to last", size, "times", late / early, 1.0, 1.2)


def against_legacy(quick: bool) -> Iterator[Figure]:
    """Live executions of 96 nodes each, beside the layout that this one replaces (its floor, here: its ceiling)."""
    count = 50 if quick else 1_000
    traced = {name: memory.traced_bytes(make, count) / count for name, make in memory.LAYOUTS.items()}
    yield from _compared("traced", traced, count)
    resident = {name: memory.resident_bytes(name, count) / count for name in memory.LAYOUTS}
    yield from _compared("resident", resident, count)


def _compared(how: str, weights: dict[str, float], count: int) -> Iterator[Figure]:
    ours, payload = weights["ours"], weights["payload"]
    yield Figure(f"memory ({how}): payload", count, "bytes an execution", payload, None, None)
    for layout, short in (("legacy, one graph", "one graph"), ("legacy, own graphs", "own graphs")):
        theirs = weights[layout]
        yield Figure(f"memory ({how}): structure, {short}", count, "bytes an execution", ours, theirs, None)
        yield Figure(
            f"memory ({how}): less, {short}", count, "% less", _less(ours, theirs), None, 66, more_is_better=True
        )
        whole = _less(ours + payload, theirs + payload)
        yield Figure(f"memory ({how}): less with payload, {short}", count, "% less", whole, None, None)


def _less(ours: float, theirs: float) -> float:
    return (1 - ours / theirs) * 100


FIGURES: Final[dict[str, Callable[[bool], Iterator[Figure]]]] = {
    "growth": growth,
    "bytes": run_bytes,
    "memory": against_legacy,
    "import": import_time,
}
