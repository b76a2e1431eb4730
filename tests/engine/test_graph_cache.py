"""A graph is compiled once for each version of a workflow, however many ask, and forgotten when it must be."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from prana_py import LocalRuntime, Workflow, WorkflowBuilder
from prana_py.builtin_nodes.all_nodes import builtin_catalog
from prana_py.errors import CompileError, NotFoundError, UsageError
from prana_py.identifiers import WorkflowId
from prana_py.runtimes.graph_cache import GraphCache, Version


def flow(version: int = 1, *, workflow_id: str = "flow") -> Workflow:
    builder = WorkflowBuilder(workflow_id, version=version)
    builder.add("data.set", key="set", values={"version": version})
    return builder.build()


class Shelf:
    """Workflows by version; it knows how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[WorkflowId, Version]] = []

    def __call__(self, workflow_id: WorkflowId, version: Version) -> Workflow:
        self.asked.append((workflow_id, version))
        if not isinstance(version, int) or version > 9:
            raise NotFoundError(f"there is no version {version}")
        return flow(version, workflow_id=workflow_id)


def cache_of(shelf: Shelf, max_size: int = 8) -> GraphCache:
    return GraphCache(shelf, builtin_catalog(), max_size)


def test_a_version_is_loaded_and_compiled_once():
    shelf = Shelf()
    cache = cache_of(shelf)

    graphs = [cache.get("flow", 1) for _ in range(3)]

    assert graphs[0] is graphs[1] is graphs[2]
    assert shelf.asked == [("flow", 1)]
    assert (cache.statistics.hits, cache.statistics.misses) == (2, 1)


def test_the_graph_that_was_asked_for_longest_ago_makes_room():
    shelf = Shelf()
    cache = cache_of(shelf, max_size=2)
    cache.get("flow", 1)
    cache.get("flow", 2)
    cache.get("flow", 1)

    cache.get("flow", 3)
    cache.get("flow", 1)

    assert shelf.asked == [("flow", 1), ("flow", 2), ("flow", 3)]
    assert (cache.statistics.evictions, cache.statistics.size) == (1, 2)


def test_threads_that_ask_at_once_share_one_compilation():
    shelf = Shelf()
    cache = cache_of(shelf)
    together = Barrier(8)

    def ask() -> object:
        together.wait(timeout=10)
        return cache.get("flow", 1)

    with ThreadPoolExecutor(8) as pool:
        graphs = {id(asked.result()) for asked in [pool.submit(ask) for _ in range(8)]}

    assert len(graphs) == 1
    assert shelf.asked == [("flow", 1)]


def test_a_failure_is_told_and_not_remembered():
    shelf = Shelf()
    cache = cache_of(shelf)

    for _ in range(2):
        with pytest.raises(NotFoundError):
            cache.get("flow", 10)

    assert len(shelf.asked) == 2
    assert (cache.statistics.failures, cache.statistics.size) == (2, 0)


def test_one_version_or_all_of_a_workflow_can_be_forgotten():
    shelf = Shelf()
    cache = cache_of(shelf)
    for version in (1, 2, 3):
        cache.get("flow", version)
    cache.get("other", 1)

    assert cache.invalidate("flow", 2) == 1
    assert cache.invalidate("flow") == 2
    assert cache.statistics.size == 1


def test_what_is_invalidated_while_it_is_compiled_is_not_kept():
    loading, go_on = Event(), Event()

    def slowly(workflow_id: WorkflowId, version: Version) -> Workflow:
        loading.set()
        assert go_on.wait(timeout=10)
        return flow()

    cache = GraphCache(slowly, builtin_catalog())
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(cache.get, "flow", 1)
        assert loading.wait(timeout=10)
        cache.invalidate("flow", 1)
        go_on.set()

        assert asked.result(timeout=10).workflow_id == "flow"
    assert cache.statistics.size == 0


def test_a_cache_without_room_is_refused():
    with pytest.raises(UsageError, match="room for at least 1"):
        cache_of(Shelf(), max_size=0)


def test_a_runtime_compiles_equal_workflows_once():
    runtime = LocalRuntime()

    graphs = {id(runtime.execute(flow()).execution_graph) for _ in range(3)}

    assert len(graphs) == 1
    assert runtime.graph_cache.statistics.misses == 1


def test_a_runtime_tells_workflows_apart_by_what_they_say():
    runtime = LocalRuntime()

    outputs = [runtime.execute(flow(version)).output for version in (1, 2, 1)]

    assert outputs == [{"version": 1}, {"version": 2}, {"version": 1}]


def test_a_workflow_that_does_not_compile_tells_why_every_time():
    runtime = LocalRuntime()
    broken = Workflow(id="broken", name="broken")

    for _ in range(2):
        with pytest.raises(CompileError, match="no trigger"):
            runtime.execute(broken)
