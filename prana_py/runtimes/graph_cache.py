"""Graphs that were compiled before: each version of a workflow once, however many threads ask for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from prana_py.errors import UsageError
from prana_py.graph.compile import compile_workflow
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.graph.fingerprint import fingerprint
from prana_py.identifiers import WorkflowId
from prana_py.model.join_policy import JoinPolicy
from prana_py.model.node_spec import NodeTypes
from prana_py.model.workflow import Workflow

if TYPE_CHECKING:
    from concurrent.futures import Future

Version: TypeAlias = int | str
"""The number of a version, or the digest of what it says."""

Loader: TypeAlias = Callable[[WorkflowId, Version], Workflow | ExecutionGraph]
"""Gives one version of a workflow, or raises the error that the asker should see."""

Key: TypeAlias = tuple[WorkflowId, Version]


class CacheStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """How well a cache does."""

    hits: int
    misses: int
    failures: int
    """Of the misses: how many could not be loaded or compiled, and so are not kept."""
    evictions: int
    size: int
    max_size: int


class _Entry:
    """A graph, and when it was last asked for."""

    __slots__ = ("graph", "used")

    def __init__(self, graph: ExecutionGraph, used: int) -> None:
        self.graph = graph
        self.used = used


class GraphCache:
    """Compiles on the first demand and remembers the graphs that were asked for last. Safe to use from any thread.

    A hit takes no lock: it is one look-up in a dict. What is evicted stays valid for whoever holds it.
    """

    def __init__(
        self,
        loader: Loader,
        nodes: NodeTypes,
        max_size: int = 256,
        *,
        policies: Mapping[str, JoinPolicy] | None = None,
    ) -> None:
        if max_size < 1:
            raise UsageError(f"max_size is {max_size}; a cache must have room for at least 1 graph")
        self.loader = loader
        self.nodes = nodes
        self.max_size = max_size
        self.policies = policies or {}
        self._entries: dict[Key, _Entry] = {}
        self._compiling: dict[Key, Future[ExecutionGraph]] = {}
        self._lock = Lock()
        self._ticks = count(1)
        self._asked = 0
        self._misses = 0
        self._failures = 0
        self._evictions = 0

    def get(self, workflow_id: WorkflowId, version: Version) -> ExecutionGraph:
        """The graph of one version of a workflow, loaded and compiled if it is not at hand."""
        key = (workflow_id, version)
        entry = self._entries.get(key)
        if entry is not None:
            entry.used = self._asked = next(self._ticks)
            return entry.graph
        return self._made(key, lambda: self.loader(workflow_id, version))

    def find(self, workflow_id: WorkflowId, version: Version) -> ExecutionGraph | None:
        """The graph, if it is at hand."""
        entry = self._entries.get((workflow_id, version))
        if entry is None:
            return None
        entry.used = self._asked = next(self._ticks)
        return entry.graph

    def made(self, workflow_id: WorkflowId, version: Version, make: Callable[[], ExecutionGraph]) -> ExecutionGraph:
        """The graph, made by ``make`` if it is not at hand; of several threads that ask, one makes it."""
        return self.find(workflow_id, version) or self._made((workflow_id, version), make)

    def graph_of(self, workflow: Workflow) -> ExecutionGraph:
        """The graph of a workflow that the caller holds: found by what it says, not by which object it is."""
        try:
            digest = fingerprint(workflow)
        except (TypeError, ValueError, RecursionError):
            return self._compiled(workflow)  # whatever has no digest is no workflow, and the compiler says why
        key = (workflow.id, digest)
        entry = self._entries.get(key)
        if entry is not None:
            entry.used = self._asked = next(self._ticks)
            return entry.graph
        return self._made(key, lambda: workflow)

    def invalidate(self, workflow_id: WorkflowId, version: Version | None = None) -> int:
        """Forget one version, or all versions; how many were forgotten. What is being compiled will not be kept."""
        with self._lock:
            for key in [key for key in self._compiling if _matches(key, workflow_id, version)]:
                del self._compiling[key]
            gone = [key for key in self._entries if _matches(key, workflow_id, version)]
            for key in gone:
                del self._entries[key]
        return len(gone)

    @property
    def statistics(self) -> CacheStatistics:
        """How often it was asked, and what came of it."""
        with self._lock:
            return CacheStatistics(
                hits=self._asked,
                misses=self._misses,
                failures=self._failures,
                evictions=self._evictions,
                size=len(self._entries),
                max_size=self.max_size,
            )

    def _made(self, key: Key, load: Callable[[], Workflow | ExecutionGraph]) -> ExecutionGraph:
        """Compile it, or wait for the thread that does already."""
        from concurrent.futures import Future

        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                return entry.graph
            pending = self._compiling.get(key)
            mine: Future[ExecutionGraph] = Future()
            if pending is None:
                self._compiling[key] = mine
                self._misses += 1
        if pending is not None:
            return pending.result()
        try:
            graph = self._compiled(load())
        except BaseException as error:
            self._settle(key, mine, None)
            mine.set_exception(error)
            raise
        self._settle(key, mine, graph)
        mine.set_result(graph)
        return graph

    def _compiled(self, given: Workflow | ExecutionGraph) -> ExecutionGraph:
        return compile_workflow(given, self.nodes, policies=self.policies) if isinstance(given, Workflow) else given

    def _settle(self, key: Key, mine: Future[ExecutionGraph], graph: ExecutionGraph | None) -> None:
        """Keep what was compiled, unless it was invalidated in the meantime."""
        with self._lock:
            wanted = self._compiling.get(key) is mine
            if wanted:
                del self._compiling[key]
            if graph is None:
                self._failures += 1
            elif wanted:
                self._make_room()
                self._entries[key] = _Entry(graph, self._asked)

    def _make_room(self) -> None:
        while len(self._entries) >= self.max_size:
            oldest = min(self._entries, key=lambda key: self._entries[key].used)
            del self._entries[oldest]
            self._evictions += 1


def _matches(key: Key, workflow_id: WorkflowId, version: Version | None) -> bool:
    return key[0] == workflow_id and version in (None, key[1])
