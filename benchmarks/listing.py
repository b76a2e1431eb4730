"""How long a page of a list takes when a store holds very many executions: ``python -m benchmarks.listing``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final, NamedTuple

from prana_py.engine.engine import Engine
from prana_py.stores.statements import Operation, Statement

BEGINNING: Final = datetime(2030, 1, 1, tzinfo=UTC)
GAP: Final = timedelta(seconds=10)
"""From one start to the next."""

PAGES: Final = 40
"""So many of each kind are timed."""

_FILL: Final = """
    INSERT INTO execution (id, workflow_id, workflow_version, digest, status, created_at, ended_at, parent_id,
        parent_wait, trigger_type, epoch, quarantine)
    WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ?)
    SELECT printf('%016x%016x', n * 2654435761 % 4294967296, n),
        'workflow ' || (CASE WHEN n % 2 THEN 0 ELSE n % 500 END), 1, 'digest',
        CASE WHEN n % 1000 < 5 THEN 'suspended' WHEN n % 100 < 3 THEN 'failed' WHEN n % 5000 = 7 THEN 'running'
            ELSE 'completed' END, ? + n * ?, ? + n * ? + 1000000,
        CASE WHEN n % 20 = 0 THEN printf('parent %d', n / 2000) END, CASE WHEN n % 20 = 0 THEN 'call#0' END,
        CASE WHEN n % 20 = 0 THEN 'workflow' WHEN n % 7 = 0 THEN 'schedule' ELSE 'manual' END, 1,
        CASE WHEN n % 10000 = 5 THEN 'row_invalid' END
    FROM counted
"""


class Took(NamedTuple):
    """How long pages of one kind took, in milliseconds."""

    asked: str
    median: float
    p95: float
    worst: float


def filled(engine: Engine, count: int) -> None:
    """Make so many headers; half of them of one workflow."""
    first = int(BEGINNING.timestamp()) * 1_000_000_000
    gap = int(GAP.total_seconds()) * 1_000_000_000

    def fill() -> Operation[None]:
        yield Statement("benchmark.fill", (count, first, gap, first, gap))

    engine.plain.learn({"benchmark.fill": _FILL})
    engine.plain.transact(fill)


def kinds(count: int) -> Iterator[dict[str, Any]]:
    """What is asked for: what consoles ask, and the worst that can be asked."""
    middle = BEGINNING + GAP * (count // 2)
    yield {}
    yield {"status": "completed"}
    yield {"status": ("running", "suspended", "pending")}
    yield {"workflow": "workflow 0"}
    yield {"workflow": "workflow 0", "status": "failed"}
    yield {"workflow": "workflow 4"}
    yield {"parent": "parent 40"}
    yield {"trigger_type": "schedule"}
    yield {"workflow": "workflow 0", "trigger_type": "schedule"}
    yield {"started_before": middle}
    yield {"workflow": "workflow 0", "started_after": middle, "started_before": middle + timedelta(hours=1)}
    yield {"quarantined": True}
    yield {"quarantined": False, "status": "failed"}
    yield {"trigger_type": "nobody's"}
    yield {"workflow": "workflow 0", "trigger_type": "nobody's"}


def measured(engine: Engine, asked: dict[str, Any]) -> Took:
    """Turn the pages of one kind."""
    times, after = [], None
    for _ in range(PAGES):
        began = perf_counter()
        page = engine.list(**asked, after=after)
        times.append((perf_counter() - began) * 1000)
        after = page.next
    times.sort()
    said = ", ".join(f"{name}={value}" for name, value in asked.items()) or "everything"
    return Took(said, times[PAGES // 2], times[PAGES * 95 // 100], times[-1])


def main(count: int) -> None:
    """Print how long each kind of page takes."""
    with TemporaryDirectory() as folder, Engine(f"sqlite:///{Path(folder) / 'many.db'}") as engine:
        filled(engine, count)
        print(f"{count:,} executions; milliseconds for a page of 50")
        for asked in kinds(count):
            took = measured(engine, asked)
            print(f"{took.median:9.2f} {took.p95:9.2f} {took.worst:9.2f}  {took.asked}")
        began = perf_counter()
        found = engine.count()
        print(f"{(perf_counter() - began) * 1000:9.2f} to count {found:,}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
