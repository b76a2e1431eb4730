"""``python -m benchmarks.scale``: what very many executions cost that only wait, and timers that are due at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, perf_counter_ns, process_time, sleep
from typing import Any, Final

from benchmarks import listing
from benchmarks.figures import Figure
from benchmarks.population import clone, fill_with_waiting, in_batches
from benchmarks.table import is_wanted, options_of, show
from prana_py import LocalRuntime, WorkflowBuilder, node, wait_for_interval
from prana_py.engine.engine import Engine
from prana_py.engine.worker import Worker
from prana_py.identifiers import Instant
from prana_py.stores import leases
from prana_py.testing.fake_clock import FakeClock

HOUR: Final = 3600 * 1_000_000_000
FIRST: Final = "f" * 16


@node
def rest() -> Any:
    """Wait for a minute."""
    return wait_for_interval(60)


@node
def go_on() -> None:
    """Nothing."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure everything, or what is asked for, and print it."""
    options = options_of("python -m benchmarks.scale", __doc__, arguments)
    show(measured(quick=options.quick, only=options.only), as_json=options.json)


def measured(*, quick: bool = False, only: Iterable[str] = ()) -> Iterator[Figure]:
    """Every figure, one after the other, each with a folder of its own."""
    wanted = tuple(only)
    for name, (measure, size) in FIGURES.items():
        if is_wanted(name, wanted):
            with TemporaryDirectory(prefix="prana-bench-") as folder:
                yield from measure(Path(folder) / "many.db", size // 1000 if quick else size)


def waiting(file: Path, count: int) -> Iterator[Figure]:
    """What is asked, and how busy a worker is, while so many wait and none is due."""
    with Engine(f"sqlite:///{file}") as engine:
        now = engine.runtime.clock.now()
        fill_with_waiting(engine.database, count, Instant(now - count), Instant(now + HOUR))
        asked: dict[str, Callable[[], Any]] = {
            "next due": leases.next_due,
            "claim of what is due": lambda: leases.claim_due("nobody", Instant(now), 8),
        }
        for name, ask in asked.items():
            yield Figure(f"{name}, all waiting", count, "ms", _median_ms(engine, ask), None, 5, is_time=True)
        yield Figure("idle worker, all waiting", count, "% of a core", _idle_percent(engine), None, 1)


def _median_ms(engine: Engine, ask: Callable[[], Any]) -> float:
    return median(_ms(lambda: engine.database.transact(ask)) for _ in range(50))


def _idle_percent(engine: Engine, seconds: float = 20) -> float:
    with Worker(engine):
        sleep(2)  # until it has found that there is nothing to do
        began, used = perf_counter(), process_time()
        sleep(seconds)
        return 100 * (process_time() - used) / (perf_counter() - began)


def lists(file: Path, count: int) -> Iterator[Figure]:
    """Pages of all kinds of lists: the slowest kind."""
    with Engine(f"sqlite:///{file}") as engine:
        listing.filled(engine, count)
        took = [listing.measured(engine, asked) for asked in listing.kinds(count)]
        yield Figure(
            "a page of 50, slowest kind, p95", count, "ms", max(each.p95 for each in took), None, 50, is_time=True
        )


def timers(file: Path, count: int) -> Iterator[Figure]:
    """So many timers at once: what each costs."""
    clock = FakeClock()
    runtime = LocalRuntime(clock=clock)
    with Engine(f"sqlite:///{file}", nodes=[rest, go_on], runtime=runtime, lease=timedelta(days=1)) as engine:
        flow = WorkflowBuilder("resting")
        flow.add(rest).then(flow.add(go_on))
        engine.publish(flow.build())
        engine.start("resting", execution_id=FIRST)
        clone(engine, FIRST, count - 1)
        clock.advance(minutes=1)
        began = perf_counter_ns()
        fired = sum(in_batches(engine, 100))
        yield Figure("timers due at once", fired, "µs each", (perf_counter_ns() - began) / fired / 1000, None, None)


FIGURES: Final[dict[str, tuple[Callable[[Path, int], Iterator[Figure]], int]]] = {
    "waiting": (waiting, 1_000_000),
    "lists": (lists, 1_000_000),
    "timers": (timers, 100_000),
}


def _ms(action: Callable[[], Any]) -> float:
    began = perf_counter_ns()
    action()
    return (perf_counter_ns() - began) / 1e6


if __name__ == "__main__":
    main()
