"""Putting together what came by several ports: ``data.merge``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from prana_py.errors import nearest
from prana_py.nodes.definition import node
from prana_py.nodes.returns import NodeFailure


@node(type="data.merge", name="Merge", category="data", inputs=("*",), reads_only=True, blocks=False)
def merge(
    inputs: Any,
    strategy: str = "append",
    input_a: Any = None,
    input_b: Any = None,
    key: str | None = None,
    choose: str | None = None,
) -> Any:
    """What came by all ports as one value; parameters ``input_a`` and ``input_b`` stand in for the ports where given.

    ``append``: a list of the values; ``merge``: maps, later ones over earlier ones; ``deep``: the same within them;
    ``concat``: lists end to end, flattened; ``object``: a map of ports to values; ``zip``: lists side by side;
    ``join``: lists of maps by the field ``key``; ``choose``: the port named so, else the first value that is not null.
    """
    given = {name: value for name, value in (("input_a", input_a), ("input_b", input_b)) if value is not None}
    values: Mapping[str, Any] = given or inputs
    if strategy == "join":
        return _join(values, key)
    if strategy == "choose":
        return _choose(values, choose)
    put_together = _STRATEGIES.get(strategy)
    if put_together is None:
        known = (*_STRATEGIES, "join", "choose")
        raise _failure(f"there is no strategy {strategy!r}{nearest(strategy, known)}; it is one of {', '.join(known)}")
    return put_together(values)


def _append(values: Mapping[str, Any]) -> Any:
    return list(values.values())


def _shallow(values: Mapping[str, Any]) -> Any:
    merged: dict[str, Any] = {}
    for value in values.values():
        if isinstance(value, Mapping):
            merged.update(value)
    return merged


def _deep(values: Mapping[str, Any]) -> Any:
    merged: dict[str, Any] = {}
    for value in values.values():
        if isinstance(value, Mapping):
            _put_over(merged, value)
    return merged


def _put_over(target: dict[str, Any], source: Mapping[str, Any]) -> None:
    """Put a map over another, also within maps of the same key. The target is ours, the source is not."""
    open_pairs: list[tuple[dict[str, Any], Mapping[str, Any]]] = [(target, source)]
    while open_pairs:
        into, other = open_pairs.pop()
        for key, value in other.items():
            if not isinstance(value, Mapping):
                into[key] = value
                continue
            below = into.get(key)
            if not isinstance(below, dict):
                below = into[key] = {}
            open_pairs.append((below, value))


def _concat(values: Mapping[str, Any]) -> Any:
    """Lists end to end, and the lists in them too. What is no list is left out."""
    flat: list[Any] = []
    waiting: list[Any] = [value for value in reversed(list(values.values())) if _is_list(value)]
    while waiting:
        value = waiting.pop()
        if _is_list(value):
            waiting.extend(reversed(value))
        else:
            flat.append(value)
    return flat


def _object(values: Mapping[str, Any]) -> Any:
    return dict(values)


def _zip(values: Mapping[str, Any]) -> Any:
    """Maps of the ports to their elements, as many as the longest list has; what is missing is null."""
    lists = _lists(values)
    longest = max(map(len, lists.values()), default=0)
    return [
        {port: items[index] if index < len(items) else None for port, items in lists.items()}
        for index in range(longest)
    ]


def _join(values: Mapping[str, Any], key: str | None) -> Any:
    """Maps that agree in the field ``key``, later ports over earlier ones, in the order they first come."""
    if not key:
        raise _failure("the strategy 'join' needs key, the field to join by")
    joined: dict[tuple[str, Any], dict[str, Any]] = {}
    for port, items in _lists(values).items():
        for item in items:
            if not isinstance(item, Mapping):
                raise _failure(f"the strategy 'join' takes lists of maps, but {port!r} has {type(item).__name__}")
            if (value := item.get(key)) is not None:
                joined.setdefault(_comparable(value), {}).update(item)
    return list(joined.values())


def _comparable(value: Any) -> tuple[str, Any]:
    """What makes two values of a key the same: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "number", value
    try:
        hash(value)
    except TypeError:
        return "text", repr(value)
    return type(value).__name__, value


def _choose(values: Mapping[str, Any], port: str | None) -> Any:
    if port is None:
        return next((value for value in values.values() if value is not None), None)
    if port not in values:
        came = ", ".join(map(repr, values)) or "nothing"
        raise _failure(f"nothing came by port {port!r}, which is to be chosen; there is {came}")
    return values[port]


def _lists(values: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    for port, value in values.items():
        if value is not None and not _is_list(value):
            raise _failure(f"the strategy takes lists, but {port!r} has {type(value).__name__}")
    return {port: value if value is not None else [] for port, value in values.items()}


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _failure(message: str) -> NodeFailure:
    return NodeFailure("merge_error", message, retryable=False)


_STRATEGIES: Final[dict[str, Callable[[Mapping[str, Any]], Any]]] = {
    "append": _append,
    "merge": _shallow,
    "deep": _deep,
    "concat": _concat,
    "object": _object,
    "zip": _zip,
}
