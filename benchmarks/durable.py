"""``python -m benchmarks.durable``: what keeping executions costs, beside the bare driver that keeps the same rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter_ns
from typing import Any, Final, Literal

from benchmarks import workflows
from benchmarks.bare import BarePostgresql, BareSqlite
from benchmarks.figures import Figure
from benchmarks.nodes import step
from benchmarks.table import is_wanted, options_of, show
from prana_py import WorkflowBuilder, node, wait_for_webhook
from prana_py.engine.engine import Engine
from prana_py.engine.keeper import Durability
from prana_py.engine.worker import Worker
from prana_py.execution.storage import rows_of

Synchronous = Literal["normal", "full"]

DSN: Final = os.environ.get("PRANA_BENCHMARK_DSN", "")
"""A PostgreSQL database to measure; without it those figures are left out."""


@node
def ask() -> Any:
    """Wait for somebody."""
    return wait_for_webhook(timeout=timedelta(days=1))


@node
def pass_on(input: Any) -> Any:
    """Give what was given."""
    return input


NODES: Final = (step, ask, pass_on)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure everything, or what is asked for, and print it."""
    options = options_of("python -m benchmarks.durable", __doc__, arguments)
    show(measured(quick=options.quick, only=options.only), as_json=options.json)


def measured(*, quick: bool = False, only: Iterable[str] = ()) -> Iterator[Figure]:
    """Every figure, one after the other, each with a folder of its own."""
    wanted = tuple(only)
    for name, measure in FIGURES.items():
        if is_wanted(name, wanted):
            with TemporaryDirectory(prefix="prana-bench-") as folder:
                yield from measure(Path(folder), 3 if quick else 9)


def chains(folder: Path, rounds: int) -> Iterator[Figure]:
    """A commit a node; ten nodes a commit; only at boundaries."""
    cases: list[tuple[Synchronous, Durability, int, float | None]] = [
        ("normal", "each_node", 100, 40),
        ("normal", "each_node", 1_000, 40),
        ("normal", "each_node", 9_999, None),
        ("full", "each_node", 100, None),
        ("full", "each_node", 1_000, None),
        ("normal", "batched", 1_000, 20),
        ("normal", "boundaries", 1_000, None),
        ("full", "batched", 1_000, None),
    ]
    for number, (synchronous, durability, size, target) in enumerate(cases):
        place = folder / str(number)
        place.mkdir()
        with _engine(place, synchronous, durability) as engine:
            engine.publish(workflows.chain(size))
            bodies = rows_of(engine.start("chain", 0))
            floor = BareSqlite(place / "floor.db", synchronous)
            at_once = {"each_node": 1, "batched": 10, "boundaries": len(bodies)}[durability]
            ours, bare = _in_turn(
                partial(engine.start, "chain", 0),
                partial(floor.commit_each, bodies, at_once=at_once),
                rounds if size < 5_000 else 3,
            )
            floor.close()
        if synchronous == "full" and durability == "each_node":
            target = bare / size + 30
        name = f"chain, {durability}, {synchronous.upper()}"
        yield Figure(name, size, "µs a node", ours / size, bare / size, target, is_time=True)


def growth(folder: Path, rounds: int) -> Iterator[Figure]:
    """Whether a node costs more in a long execution than in a short one."""
    costs = {}
    with _engine(folder) as engine:
        for size in (10, 1_000, 9_999):
            engine.publish(workflows.chain(size))
            engine.start("chain", 0)
            repeats = max(1, 1_000 // size)
            taken = [_time(partial(_repeat, partial(engine.start, "chain", 0), repeats)) for _ in range(rounds)]
            costs[size] = median(taken) / size / repeats
            yield Figure("cost a node by length", size, "µs a node", costs[size], costs[10], None, is_time=True)


def short(folder: Path, rounds: int) -> Iterator[Figure]:
    """Executions of five nodes; the target is three thousand a second."""
    with _engine(folder) as engine:
        engine.publish(workflows.chain(5))
        bodies = rows_of(engine.start("chain", 0))
        floor = BareSqlite(folder / "floor.db", "normal")
        ours, bare = _in_turn(
            partial(_repeat, partial(engine.start, "chain", 0)),
            partial(_repeat, partial(floor.commit_each, bodies)),
            rounds,
        )
        floor.close()
        yield Figure("five-node execution", 5, "µs an execution", ours / 100, bare / 100, 333, is_time=True)


def cycles(folder: Path, rounds: int) -> Iterator[Figure]:
    """Start, suspend, store; load, resume, finish."""
    flow = WorkflowBuilder("asking")
    flow.add(ask).then(flow.add(pass_on))
    with _engine(folder) as engine:
        engine.publish(flow.build())

        def cycle() -> Any:
            waiting = engine.start("asking", {"id": 7})
            return engine.resume(engine.token(waiting), {"ok": True})

        bodies = rows_of(cycle())
        half = next(place for place, body in enumerate(bodies) if b"suspended" in body) + 1
        floor = BareSqlite(folder / "floor.db", "normal")
        ours, bare = _in_turn(
            partial(_repeat, cycle),
            partial(_repeat, partial(floor.cycle, (bodies[:half], bodies[half:]))),
            rounds,
        )
        floor.close()
        yield Figure("start, suspend, load, resume, finish", 2, "µs a cycle", ours / 100, bare / 100, 400, is_time=True)


def wake_up(folder: Path, rounds: int) -> Iterator[Figure]:
    """From a request to the first call of the node, in a worker of the same process, and of another engine."""
    seen: list[int] = []

    @node
    def look() -> None:
        seen.append(perf_counter_ns())

    flow = WorkflowBuilder("looking")
    flow.add(look)
    with (
        _engine(folder, nodes=[look]) as here,
        _engine(folder, nodes=[look]) as there,
        Worker(here, concurrency=2),
    ):
        here.publish(flow.build())
        for name, engine in (("in process", here), ("from another engine", there)):
            latencies = []
            for _ in range(rounds * 10):
                asked = perf_counter_ns()
                here.wait_for(engine.submit("looking"))
                latencies.append((seen[-1] - asked) / 1e6)
            yield Figure(f"wake-up, {name}", 1, "ms, median", median(latencies), None, 5 if engine is here else None)


def disk(folder: Path, rounds: int) -> Iterator[Figure]:
    """What a chain of a thousand nodes with 1 KB each takes on disk."""
    with _engine(folder) as engine:
        flow = WorkflowBuilder("carrying")
        last = flow.add("manual.trigger", "start")
        for number in range(1, 1_000):
            last = last.then(flow.add(pass_on, f"n{number}"))
        engine.publish(flow.build())
        before = _size(folder / "bench.db")
        numbers = count()
        bodies: list[bytes] = []
        for _ in range(5):
            bodies += rows_of(engine.start("carrying", f"{next(numbers)}".ljust(1_000, "x")))
        ours = _size(folder / "bench.db") - before
    floor = BareSqlite(folder / "floor.db", "normal")
    floor.commit_each(bodies, at_once=1_000)
    floor.close()
    bare = _size(folder / "floor.db")
    yield Figure("disk, 1 KB a node", 1_000, "bytes a node run", ours / 5_000, bare / 5_000, 1.3 * bare / 5_000)


def large_values(folder: Path, rounds: int) -> Iterator[Figure]:
    """A value of 100 KB that ten nodes hand on: how often it is kept."""
    with _engine(folder) as engine:
        flow = WorkflowBuilder("heavy")
        last = flow.add("manual.trigger", "start")
        for number in range(1, 11):
            last = last.then(flow.add(pass_on, f"n{number}"))
        engine.publish(flow.build())
        engine.start("heavy", "small")
        values = (os.urandom(50_000).hex() for _ in count())
        before = _size(folder / "bench.db")
        taken = [_time(lambda: engine.start("heavy", {"document": next(values)})) for _ in range(rounds)]
        grown = (_size(folder / "bench.db") - before) / rounds
    yield Figure("100 KB through 10 nodes: disk", 10, "bytes an execution", grown, 100_000, 1.3 * 100_000)
    yield Figure("100 KB through 10 nodes: time", 10, "µs a node", median(taken) / 11, None, None, is_time=True)


def postgresql(folder: Path, rounds: int) -> Iterator[Figure]:
    """A commit a node in PostgreSQL, on the same machine."""
    if not DSN:
        return
    with Engine(DSN, nodes=NODES) as engine:
        engine.publish(workflows.chain(100))
        bodies = rows_of(engine.start("chain", 0))
        floor = BarePostgresql(DSN)
        ours, bare = _in_turn(lambda: engine.start("chain", 0), lambda: floor.commit_each(bodies), rounds)
        floor.close()
    yield Figure("chain, each_node, PostgreSQL", 100, "µs a node", ours / 100, bare / 100, 250, is_time=True)


FIGURES: Final[dict[str, Callable[[Path, int], Iterator[Figure]]]] = {
    "chain": chains,
    "growth": growth,
    "five": short,
    "cycle": cycles,
    "wake": wake_up,
    "disk": disk,
    "large": large_values,
    "postgresql": postgresql,
}


def _engine(
    folder: Path,
    synchronous: Synchronous = "normal",
    durability: Durability = "each_node",
    nodes: Sequence[Any] = (),
) -> Engine:
    return Engine(
        f"sqlite:///{folder / 'bench.db'}",
        nodes=[*NODES, *nodes],
        synchronous=synchronous,
        durability=durability,
    )


def _in_turn(ours: Callable[[], Any], floor: Callable[[], Any], rounds: int) -> tuple[float, float]:
    """Medians in microseconds, each after the other in every round."""
    floor()
    samples = [(_time(ours), _time(floor)) for _ in range(rounds)]
    return median(taken for taken, _ in samples), median(taken for _, taken in samples)


def _repeat(action: Callable[[], Any], times: int = 100) -> None:
    for _ in range(times):
        action()


def _time(action: Callable[[], Any]) -> float:
    begun = perf_counter_ns()
    action()
    return (perf_counter_ns() - begun) / 1_000


def _size(database: Path) -> int:
    """Bytes of a database, with whatever is still in its log put where it belongs."""
    import sqlite3

    connection = sqlite3.connect(database)
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    finally:
        connection.close()
    return int(pages) * int(size)


if __name__ == "__main__":
    main()
