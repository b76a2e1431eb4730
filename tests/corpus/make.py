"""Writes the corpus of this format anew: ``python -m tests.corpus.make``. What was released is never written anew."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prana_py import LocalRuntime, WorkflowBuilder
from prana_py.engine.engine import Engine
from prana_py.stores.documents import FORMAT
from prana_py.testing import FakeClock
from tests.corpus.nodes import NODES, ask, double, flaky, large, listen, pause

HERE = Path(__file__).parent

Build = Callable[[WorkflowBuilder], Any]


def chain(*nodes: Any, settings: Any = None) -> Build:
    def build(flow: WorkflowBuilder) -> None:
        last = None
        for added in (flow.add(node, settings=settings) for node in nodes):
            if last is not None:
                last.then(added)
            last = added

    return build


def looped(flow: WorkflowBuilder) -> None:
    each = flow.add("core.for_each", "each", items="{{ $input }}", max_concurrency=2)
    each.then(flow.add(ask), port="loop").then(each)
    each.then(flow.add("core.noop", "after"), port="done")


def met(flow: WorkflowBuilder) -> None:
    start, meet = flow.add("core.noop", "start"), flow.add("core.noop", "meet", settings={"join": "all"})
    for key, node in (("quick", double), ("slow", ask)):
        start.then(flow.add(node, key)).then(meet)


def parent(flow: WorkflowBuilder) -> None:
    flow.add("workflow.execute", "call", workflow_id="asks", mode="async").then(flow.add("core.noop", "after"))


def locked(flow: WorkflowBuilder) -> None:
    for key in ("one", "two"):
        flow.add(ask, key, settings={"mutex": "m"})


WORKFLOWS: dict[str, tuple[Build, Any]] = {
    "asks": (chain(ask, double), 1),
    "pauses": (chain(double, pause), 1),
    "listens": (chain(listen, double), 1),
    "large": (chain(large, ask), 1),
    "retries": (chain(flaky, settings={"retry": {"max_attempts": 2, "delay": "1h"}}), 1),
    "looped": (looped, [1, 2, 3]),
    "met": (met, 1),
    "parent": (parent, 1),
    "locked": (locked, 1),
    "done": (chain(double, double), 1),
}


def fill(engine: Engine) -> None:
    """One execution of each workflow, as far as it goes by itself; one that was moved, one that nobody has begun."""
    for name, (build, _) in WORKFLOWS.items():
        flow = WorkflowBuilder(name)
        build(flow)
        engine.publish(flow.build())
    for name, (_, value) in WORKFLOWS.items():
        engine.start(name, value, idempotency_key=f"the only {name}")
    moved = engine.start("asks", 2)
    changed = WorkflowBuilder("asks")
    chain(ask, double, double)(changed)
    engine.publish(changed.build())
    engine.migrate_execution(moved.id, 2)
    engine.submit("done", 5)


def main() -> None:
    database = HERE / f"store_{FORMAT}.db"
    database.unlink(missing_ok=True)
    with Engine(f"sqlite:///{database}", nodes=NODES, runtime=LocalRuntime(clock=FakeClock())) as engine:
        fill(engine)
        roots = [summary.id for summary in engine.list() if summary.parent_id is None]
        documents = [engine.export(one) for one in reversed(roots)]
    (HERE / f"documents_{FORMAT}.json").write_text(json.dumps(documents, indent=1) + "\n", encoding="utf-8")
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("VACUUM")
    connection.close()
    for beside in HERE.glob(f"{database.name}*"):
        if beside != database:
            beside.unlink()


if __name__ == "__main__":
    main()
