"""What live executions weigh, beside the layout that this engine replaces. Run as a module, it weighs one layout.

``structure`` is everything but the payload: the outputs are small numbers, which Python has anyway. The payload is
weighed apart; both layouts hold it once, by reference.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks import legacy
from benchmarks.nodes import NODES, step
from prana_py import LocalRuntime, WorkflowBuilder, compile_workflow

TOP: Final = Path(__file__).resolve().parent.parent
NODES_EACH: Final = 96
PAYLOAD_BYTES: Final = 1_000


def ours(count: int, size: int = NODES_EACH) -> list[Any]:
    """Executions that wait in their last node; all share one graph."""
    builder = WorkflowBuilder("chain")
    last = builder.add("manual.trigger", "start")
    for number in range(1, size - 1):
        last = last.then(builder.add(step, f"n{number}"))
    last.then(builder.add("wait.wait", "wait", mode="webhook"))
    graph = compile_workflow(builder.build(), NODES)
    runtime = LocalRuntime(NODES)
    return [runtime.execute(graph, 0) for _ in range(count)]


def legacy_with_one_graph(count: int, size: int = NODES_EACH) -> list[Any]:
    """The legacy layout at its best: the host caches the graph."""
    workflow = legacy.legacy_workflow(size)
    graph = legacy.legacy_graph(workflow)
    outputs = list(range(size - 1))
    return [legacy.Held(workflow, graph, legacy.legacy_execution(number, graph, outputs)) for number in range(count)]


def legacy_with_own_graphs(count: int, size: int = NODES_EACH) -> list[Any]:
    """The legacy layout after a load: the stored form holds the graph, so that each execution comes with its own."""
    held = []
    outputs = list(range(size - 1))
    for number in range(count):
        workflow = legacy.legacy_workflow(size)
        graph = legacy.legacy_graph(workflow)
        held.append(legacy.Held(workflow, graph, legacy.legacy_execution(number, graph, outputs)))
    return held


def payload(count: int, size: int = NODES_EACH) -> list[Any]:
    """The outputs of all runs."""
    return [{"number": number, "text": "x" * (PAYLOAD_BYTES - number % 7)} for number in range(count * (size - 1))]


LAYOUTS: Final[dict[str, Callable[[int], list[Any]]]] = {
    "ours": ours,
    "legacy, one graph": legacy_with_one_graph,
    "legacy, own graphs": legacy_with_own_graphs,
    "payload": payload,
}


def traced_bytes(make: Callable[[int], Any], count: int) -> int:
    """What ``make`` leaves behind, by Python's own count."""
    make(1)
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        held = make(count)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del held
    return after - before


def resident_bytes(layout: str, count: int) -> int:
    """By how much a fresh process grows: what the machine must have."""
    command = [sys.executable, "-m", "benchmarks.memory", layout, str(count)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=TOP)
    return int(json.loads(done.stdout))


def bytes_per_run(size: int = 1_000) -> tuple[float, float]:
    """What one settled run adds to a live execution, and what keeping a bare pair of its key and output would."""
    from benchmarks.workflows import idle_chain

    graph, runtime = compile_workflow(idle_chain(size), NODES), LocalRuntime(NODES)
    keys = list(graph.nodes)
    engine = traced_bytes(lambda count: [runtime.execute(graph, 0) for _ in range(count)], 10)
    floor = traced_bytes(lambda count: [[(key, 0) for key in keys] for _ in range(count)], 10)
    return engine / size / 10, floor / size / 10


def _grown_by(layout: str, count: int) -> int:
    make = LAYOUTS[layout]
    make(1)
    gc.collect()
    before = _resident()
    held = make(count)
    gc.collect()
    grown = _resident() - before
    del held
    return grown


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as pages:
        return int(pages.read().split()[1]) * 4096


if __name__ == "__main__":
    print(json.dumps(_grown_by(sys.argv[1], int(sys.argv[2]))))
