"""What is measured: each group has a size, its floor, and the number it should reach."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from benchmarks import floors, workflows
from benchmarks.compile_floor import plain_maps
from benchmarks.nodes import NODES, ROUNDS
from prana_py import AsyncLocalRuntime, LocalRuntime, Workflow, compile_workflow
from prana_py.execution.storage import load_rows, rows_of
from prana_py.expressions.names import Names
from prana_py.expressions.template import Template, compile_template
from prana_py.runtimes.graph_cache import GraphCache


class Group(NamedTuple):
    """Something to time, beside its floor."""

    name: str
    size: int
    unit: str
    """``node``, ``row``, … : what one part of the work is called."""
    parts: int
    """How many of those one call does."""
    ours: Callable[[], Any]
    floor: Callable[[], Any]
    target: float | None
    """Microseconds a part, at most."""


def groups(*, quick: bool = False) -> Iterator[Group]:
    """All groups, each made when it is its turn."""
    yield from chains()
    yield from shapes()
    yield from starts()
    yield from templates()
    yield from storing()
    yield from caching()
    yield from compiling((100, 1_000) if quick else (100, 1_000, 9_999))


def running(
    name: str, size: int, workflow: Workflow, value: Any, floor: Callable[[], Any], target: float | None
) -> Group:
    """A group that runs a workflow from its start to its end."""
    graph = compile_workflow(workflow, NODES)
    runtime = LocalRuntime(NODES)
    settled = runtime.execute(graph, value).next_index
    return Group(name, size, "node", settled, partial(runtime.execute, graph, value), floor, target)


def running_async(
    name: str, size: int, workflow: Workflow, value: Any, floor: Callable[[], Any], target: float | None
) -> Group:
    """A group that runs a workflow on an event loop, from its start to its end."""
    graph = compile_workflow(workflow, NODES)
    runtime = AsyncLocalRuntime(NODES)
    settled = asyncio.run(runtime.execute(graph, value)).next_index
    return Group(name, size, "node", settled, lambda: asyncio.run(runtime.execute(graph, value)), floor, target)


def chains(sizes: tuple[int, ...] = (10, 100, 1_000)) -> Iterator[Group]:
    """Chains: of plain nodes, of async ones, of nodes with templates."""
    for size in sizes:
        yield running("chain", size, workflows.chain(size), 0, partial(floors.chain, size), 4)
    for size in sizes[1:]:
        floor = partial(floors.async_chain, size)
        yield running_async("async chain", size, workflows.async_chain(size), 0, floor, 6)
    ada = {"name": "Ada"}
    for size in sizes[1:2]:
        floor = partial(floors.templated_chain, size, ada)
        yield running("chain with templates", size, workflows.templated_chain(size), ada, floor, 5)


def shapes(arms: int = 100, choices: int = 100, items: int = 1_000) -> Iterator[Group]:
    """What branches, meets and goes round."""
    numbers = list(range(items))
    yield running("diamond", arms, workflows.diamond(arms), 0, partial(floors.diamond, arms), 6)
    yield running("conditional", choices, workflows.conditional(choices), 0, partial(floors.conditional, choices), 6)
    yield running("loop", ROUNDS, workflows.loop(), 0, floors.loop, 5)
    yield running("for each", items, workflows.for_each(), numbers, partial(floors.for_each, numbers), None)


def starts() -> Iterator[Group]:
    """A short workflow of five nodes, its trigger among them, again and again: what starting and ending cost."""
    group = running("whole execution", 5, workflows.chain(4), 0, partial(floors.chain, 4), None)
    yield group._replace(unit="execution", parts=1, target=25)


class _Input(Names):
    """The names that a template sees, with nothing but the input."""

    __slots__ = ()


def _hello(value: Any) -> str:
    return f"Hello, {value['user']['name'].upper()}"


TEMPLATES: Final[tuple[tuple[str, str, Callable[[Any], Any]], ...]] = (
    ("path", "{{ $input.user.name }}", lambda value: value["user"]["name"]),
    ("arithmetic", "{{ $input.total * 2 + 1 }}", lambda value: value["total"] * 2 + 1),
    (
        "condition",
        "{{ $input.total > 10 and $input.user.name == 'Ada' }}",
        lambda v: v["total"] > 10 and v["user"]["name"] == "Ada",
    ),
    ("text", "Hello, {{ $input.user.name | upper }}", _hello),
)
DATA: Final = {"user": {"name": "Ada"}, "total": 20}


def templates() -> Iterator[Group]:
    """Evaluating a template that has been compiled."""
    for name, source, floor in TEMPLATES:
        template = compile_template(source)
        assert isinstance(template, Template)
        names = _Input({"$input": DATA})
        yield Group(f"template: {name}", 1, "evaluation", 1, partial(template.evaluate, names), partial(floor, DATA), 1)


def storing(size: int = 1_000) -> Iterator[Group]:
    """Encoding the journal of a run, and making the run of it again."""
    graph = compile_workflow(workflows.chain(size), NODES)
    execution = LocalRuntime(NODES).execute(graph, 0)
    bodies = rows_of(execution)
    encoder, decoder = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder()
    plain = [decoder.decode(body) for body in bodies]
    yield Group(
        "encode",
        size,
        "row",
        len(bodies),
        partial(rows_of, execution),
        lambda: [encoder.encode(row) for row in plain],
        None,
    )
    yield Group(
        "load",
        size,
        "row",
        len(bodies),
        partial(load_rows, graph, bodies),
        lambda: [decoder.decode(body) for body in bodies],
        4,
    )


def caching(size: int = 100) -> Iterator[Group]:
    """Asking for a graph that has been compiled: as a dict would give it."""
    workflow = workflows.chain(size)
    cache = GraphCache(lambda _id, _version: workflow, NODES)
    graphs = {(workflow.id, workflow.version): cache.get(workflow.id, workflow.version)}
    yield Group(
        "cache hit",
        size,
        "look-up",
        1,
        partial(cache.get, workflow.id, workflow.version),
        lambda: graphs[workflow.id, workflow.version],
        None,
    )


_COMPILE_MS: Final = {100: 3.0, 1_000: 25.0}


def compiling(sizes: tuple[int, ...]) -> Iterator[Group]:
    """From a workflow to its graph."""
    for size in sizes:
        workflow = workflows.chain(size)
        target = _COMPILE_MS.get(size)
        yield Group(
            "compile",
            size,
            "node",
            size,
            partial(compile_workflow, workflow, NODES),
            partial(plain_maps, workflow),
            None if target is None else target * 1_000 / size,
        )
