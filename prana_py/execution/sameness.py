"""Whether two values of an execution are the same: every field of every part, but what is host data or shared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec
from pyrsistent import PVector

from prana_py.execution.execution import Execution
from prana_py.execution.scope_state import Queue
from prana_py.execution.trail import Trail
from prana_py.graph.execution_graph import ExecutionGraph, Route, Vertex

UNCOMPARED: Final[Mapping[type, frozenset[str]]] = {Execution: frozenset({"environment"})}
"""Fields that are given anew whenever an execution is loaded."""

_NAMES: Final[Mapping[type, Callable[[Any], Any]]] = {
    ExecutionGraph: lambda graph: graph.digest,
    Vertex: lambda vertex: vertex.key,
    Route: lambda route: route.key,
    # How much of these two is a shared past, and how it is chunked, is not part of what they say.
    Queue: lambda queue: (tuple(queue), queue.present),
    Trail: lambda trail: (tuple(trail), trail.dropped),
}
"""What stands for a part that is compared by something else than its fields."""


def same_state(one: Execution, other: Execution) -> bool:
    """All fields are equal: the graph by its digest, and the environment not at all."""
    return difference(one, other) is None


def difference(one: Any, other: Any, place: str = "") -> str | None:
    """The first part in which two values differ, with both; ``None`` when they are the same."""
    if one is other:
        return None
    name = _NAMES.get(type(one))
    if name is not None and type(one) is type(other):
        return difference(name(one), name(other), place)
    if _shape(one) != _shape(other):
        return f"{place or 'value'}: {one!r} is not {other!r}"
    for part, mine, theirs in _parts(one, other):
        found = difference(mine, theirs, f"{place}{part}")
        if found is not None:
            return found
    return None


def _shape(value: Any) -> Any:
    """What two values must have in common before their parts are looked at; of one without parts, itself."""
    if isinstance(value, msgspec.Struct):
        return type(value)
    if isinstance(value, Mapping):
        return dict, frozenset(value)
    if isinstance(value, list | tuple | PVector):
        return PVector if isinstance(value, PVector) else type(value), len(value)
    return type(value), "nan" if value != value else value


def _parts(one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    """The parts of two values of one shape, in pairs."""
    if isinstance(one, msgspec.Struct):
        skipped = UNCOMPARED.get(type(one), frozenset())
        for field in one.__struct_fields__:
            if field not in skipped:
                yield f".{field}", getattr(one, field), getattr(other, field)
    elif isinstance(one, Mapping):
        for key, mine in one.items():
            yield f"[{key!r}]", mine, other[key]
    elif isinstance(one, list | tuple | PVector):
        for index, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            yield f"[{index}]", mine, theirs
