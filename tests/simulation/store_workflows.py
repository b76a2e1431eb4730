"""Small random workflows for the simulation of stores: the random ones, with what reaches beyond one execution."""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import Any, NamedTuple

from prana_py import CompileError, ExecutionGraph
from prana_py.graph.compile import compile_workflow
from prana_py.model.document import dump_workflow
from prana_py.model.workflow import Workflow
from prana_py.runtimes.graph_cache import GraphCache
from tests.simulation.random_nodes import RANDOM_CATALOG
from tests.simulation.random_workflows import RandomWorkflow

MOST_BLOCKS = 4


class SmallWorkflow(RandomWorkflow):
    """A few blocks; some of its nodes may hold a mutex of all executions, or run at most once."""

    def __init__(self, random: Random, name: str, *, wild: bool, child: str | None) -> None:
        super().__init__(random, name, wild=wild, child=child)
        self.left = random.randint(1, MOST_BLOCKS)

    def settings(self) -> dict[str, Any]:
        settings = super().settings()
        if self.wild and self.random.random() < 0.25:
            settings |= {"mutex": "printer", "mutex_reach": "global"}
        if self.wild and self.random.random() < 0.2:
            settings["delivery"] = "at_most_once"
        return settings


class Pair(NamedTuple):
    """A workflow and the one that it may call, as written and as compiled."""

    workflows: tuple[Workflow, Workflow]
    graphs: tuple[ExecutionGraph, ExecutionGraph]
    texts: tuple[str, str]
    cache: GraphCache
    """The engines of all worlds look here before they look into the store."""

    @property
    def is_confluent(self) -> bool:
        """Whatever happens to them, they come to the same: nothing races, and nothing is interrupted by a crash."""
        return all(graph.is_confluent and not _may_be_interrupted(graph) for graph in self.graphs)


@lru_cache(maxsize=4)
def pair(seed: int) -> Pair | None:
    """What a seed makes; ``None`` where that does not compile."""
    random = Random(seed)
    wild = bool(seed % 2)
    child = SmallWorkflow(random, "child", wild=wild, child=None).build()
    main = SmallWorkflow(random, "main", wild=wild, child="child").build()
    try:
        graphs = compile_workflow(main, RANDOM_CATALOG), compile_workflow(child, RANDOM_CATALOG)
    except CompileError:
        return None
    return Pair((main, child), graphs, (dump_workflow(main), dump_workflow(child)), _warm_cache(graphs))


def _warm_cache(graphs: tuple[ExecutionGraph, ExecutionGraph]) -> GraphCache:
    """It knows all that will be asked for: else the first world would go another way than the others."""
    cache = GraphCache(_refuse, RANDOM_CATALOG)
    for graph in graphs:
        for trigger in ("", graph.trigger_node_key):
            cache.made(graph.workflow_id, f"1/{trigger}", lambda graph=graph: graph)  # type: ignore[misc]  # bound now
    return cache


def _may_be_interrupted(graph: ExecutionGraph) -> bool:
    return any(vertex.settings.delivery == "at_most_once" for vertex in graph.vertices)


def _refuse(workflow_id: str, version: object) -> Workflow:
    raise AssertionError("engines look their workflows up in the store")
