"""Map directives: maps such as ``{"#if": [condition, yes, no]}`` that stand for a value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, Protocol

from prana_py.expressions.evaluation import Compute, Evaluation, weight
from prana_py.expressions.operators import equal
from prana_py.expressions.plain import outward
from prana_py.expressions.truth import true_in_directive

OWN_NAMES: Final = frozenset({"$loop", "$self"})
"""What a directive gives to the templates inside it."""

_SELF: Final = "{{ $self }}"


class Compile(Protocol):
    """Compiles an argument; the path says where among the arguments it stands."""

    def __call__(self, value: Any, *path: int) -> Compute: ...


class Directive(NamedTuple):
    """A directive: which arguments make it one (anything else is an ordinary key), and how to carry it out."""

    fits: Callable[[list[Any]], bool]
    build: Callable[[list[Any], Compile], Compute]
    spreads: bool = False
    """In a pipe, a list of arguments follows the value; otherwise it is one argument."""

    def takes(self, arguments: Any) -> bool:
        """Whether these are arguments for it."""
        return isinstance(arguments, list) and self.fits(arguments)


def _map(arguments: list[Any], compile_: Compile) -> Compute:
    collection, each = compile_(arguments[0], 0), compile_(arguments[1], 1)
    return lambda names: [_spent(names, each(inside)) for _, inside in _rounds(names, collection)]


def _flat_map(arguments: list[Any], compile_: Compile) -> Compute:
    mapped = _map(arguments, compile_)

    def flat(names: Evaluation) -> list[Any]:
        results = mapped(names)
        return [item for result in results for item in (result if isinstance(result, list) else [result])]

    return flat


def _filter(arguments: list[Any], compile_: Compile) -> Compute:
    collection, condition = compile_(arguments[0], 0), compile_(arguments[1], 1)
    return lambda names: [item for item, inside in _rounds(names, collection) if true_in_directive(condition(inside))]


def _merge(arguments: list[Any], compile_: Compile) -> Compute:
    parts = tuple(compile_(argument, index) for index, argument in enumerate(arguments))

    def merge(names: Evaluation) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for part in parts:
            fields = part(names)
            merged.update(fields if isinstance(fields, dict) else {})
        _spent(names, merged)
        return merged

    return merge


def _if(arguments: list[Any], compile_: Compile) -> Compute:
    condition, yes = compile_(arguments[0], 0), compile_(arguments[1], 1)
    no = compile_(arguments[2] if len(arguments) == 3 else None, 2)
    return lambda names: yes(names) if true_in_directive(condition(names)) else no(names)


def _case(arguments: list[Any], compile_: Compile) -> Compute:
    value = compile_(arguments[0], 0)
    cases = _pairs(arguments[1], compile_, 1)
    default = compile_(arguments[2] if len(arguments) == 3 else None, 2)

    def case(names: Evaluation) -> Any:
        wanted = value(names)
        for pattern, result in cases:
            if equal(wanted, pattern(names)):
                return result(names)
        return default(names)

    return case


def _cond(arguments: list[Any], compile_: Compile) -> Compute:
    cases = _pairs(arguments[0], compile_, 0)

    def cond(names: Evaluation) -> Any:
        for condition, result in cases:
            if true_in_directive(condition(names)):
                return result(names)
        return None

    return cond


def _pick(arguments: list[Any], compile_: Compile) -> Compute:
    source, wanted = compile_(arguments[0], 0), compile_(arguments[1], 1)

    def pick(names: Evaluation) -> dict[str, Any]:
        fields = source(names)
        if not isinstance(fields, dict):
            return {}
        return {key: fields[key] for key in wanted(names) if isinstance(key, str) and key in fields}

    return pick


def _pipe(arguments: list[Any], compile_: Compile) -> Compute:
    initial = compile_(arguments[0], 0)
    stages = tuple(compile_(_with_self(stage), 1, index) for index, stage in enumerate(arguments[1]))

    def pipe(names: Evaluation) -> Any:
        value = initial(names)
        for stage in stages:
            inside = Evaluation(names)
            inside["$self"] = value
            value = stage(inside)
        return value

    return pipe


def _with_self(stage: Any) -> Any:
    """A stage of a pipe with the value so far as the first argument of its directive."""
    if not isinstance(stage, dict):
        return stage
    for name, directive in DIRECTIVES.items():
        if name in stage and name != "#cond":
            given = stage[name]
            following = given if directive.spreads and isinstance(given, list) else [given]
            return {**stage, name: [_SELF, *following]}
    return stage


def _rounds(names: Evaluation, collection: Compute) -> Iterator[tuple[Any, Evaluation]]:
    """The items of a collection, each with names in which ``$loop`` tells of it; what is no list has none."""
    items = outward(collection(names))
    parent = outward(names["$loop"])
    for index, item in enumerate(items if isinstance(items, list) else ()):
        inside = Evaluation(names)
        inside.spend(1)
        inside["$loop"] = {"item": item, "index": index, "parentloop": parent}
        yield item, inside


def _spent(names: Evaluation, value: Any) -> Any:
    names.spend(weight(value))
    return value


def _pairs(pairs: list[list[Any]], compile_: Compile, place: int) -> tuple[tuple[Compute, Compute], ...]:
    return tuple(
        (compile_(pair[0], place, index, 0), compile_(pair[1], place, index, 1)) for index, pair in enumerate(pairs)
    )


def _two(arguments: list[Any]) -> bool:
    return len(arguments) == 2


def _are_pairs(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in value)


DIRECTIVES: Final[dict[str, Directive]] = {
    "#pipe": Directive(lambda arguments: _two(arguments) and isinstance(arguments[1], list), _pipe),
    "#map": Directive(_two, _map),
    "#flat_map": Directive(_two, _flat_map),
    "#filter": Directive(_two, _filter),
    "#merge": Directive(bool, _merge, spreads=True),
    "#if": Directive(lambda arguments: len(arguments) in (2, 3), _if, spreads=True),
    "#case": Directive(lambda arguments: len(arguments) in (2, 3) and _are_pairs(arguments[1]), _case, spreads=True),
    "#cond": Directive(lambda arguments: len(arguments) == 1 and _are_pairs(arguments[0]), _cond),
    "#pick": Directive(lambda arguments: _two(arguments) and isinstance(arguments[1], (list, str)), _pick),
}
