"""Parameters as they were rendered, as a node's function takes them: checked, converted, all problems at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from prana_py.errors import nearest
from prana_py.model.durations import parse_duration
from prana_py.model.known_types import make_known
from prana_py.nodes.copying import SCALARS
from prana_py.nodes.returns import NodeFailure
from prana_py.nodes.signature import ABSENT, Parameter, Signature, is_duration, unwrapped

_AT: Final = re.compile(r" - at `\$(?P<path>.*)`\Z", re.DOTALL)


class ParamsInvalid(NodeFailure):
    """Parameters that a node cannot take; trying again cannot help."""

    def __init__(self, node_type: str, problems: list[tuple[str, str]]) -> None:
        said = "; ".join(f"{path} {message}" for path, message in problems)
        listed = [{"path": path, "message": message} for path, message in problems]
        super().__init__(
            "params_invalid",
            f"the parameters of node type {node_type!r} cannot be taken: {said}",
            details={"type": node_type, "problems": listed},
            retryable=False,
        )


class Parameters:
    """The parameters of one function, ready to be bound."""

    __slots__ = ("_aliases", "_copy", "_known", "_more", "_rows", "_strays", "node_type")

    def __init__(
        self,
        node_type: str,
        signature: Signature,
        *,
        copy: Callable[[Any], Any],
        aliases: Mapping[str, str],
        strays: bool = False,
    ) -> None:
        self.node_type = node_type
        make_known(*(parameter.annotation for parameter in signature.parameters))
        self._rows: Final = tuple((parameter.name, parameter.ready, parameter) for parameter in signature.parameters)
        self._known: Final = frozenset(parameter.name for parameter in signature.parameters)
        self._aliases: Final = dict(aliases)
        self._copy: Final = copy
        self._more: Final = signature.more
        self._strays: Final = strays
        """Further parameters are somebody else's: ``resume`` may ask for some of the node's only."""

    def bind(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The keyword arguments for what was given; ``ParamsInvalid`` names every problem."""
        if self._aliases:
            given = self._renamed(given)
        arguments: dict[str, Any] = {}
        taken = 0
        for name, ready, parameter in self._rows:
            value = given.get(name, ABSENT)
            if value is ABSENT:
                if parameter.required:
                    raise ParamsInvalid(self.node_type, list(self.problems(given)))
                continue
            taken += 1
            if type(value) in ready:
                arguments[name] = value
            elif value is not None or parameter.required:
                try:
                    arguments[name] = self._converted(parameter, value)
                except ValueError:
                    raise ParamsInvalid(self.node_type, list(self.problems(given))) from None
        if taken != len(given):
            self._bind_more(given, arguments)
        return arguments

    def _bind_more(self, given: Mapping[str, Any], arguments: dict[str, Any]) -> None:
        if self._more:
            arguments.update((name, self._copy(given[name])) for name in given if name not in self._known)
        elif not self._strays:
            raise ParamsInvalid(self.node_type, list(self.problems(given)))

    def problems(self, given: Mapping[str, Any], templated: frozenset[str] = frozenset()) -> Iterator[tuple[str, str]]:
        """What is wrong, as (path, message); what is in ``templated`` is known only later, and counts as given."""
        given = self._renamed(given)
        later = frozenset(self._aliases.get(name, name) for name in templated)
        for name, ready, parameter in self._rows:
            if name in later:
                continue
            value = given.get(name, ABSENT)
            if value is ABSENT:
                if parameter.required:
                    yield name, "is required"
            elif type(value) not in ready:
                yield from self._value_problems(parameter, value)
        if not (self._more or self._strays):
            for name in given:
                if name not in self._known and name not in templated:
                    yield str(name), f"is unknown{nearest(str(name), self._known)}"

    def _value_problems(self, parameter: Parameter, value: Any) -> Iterator[tuple[str, str]]:
        if value is None and not parameter.nullable:
            if parameter.required:
                yield parameter.name, "is required, and null"
            return
        try:
            self._converted(parameter, value)
        except ValueError as error:
            match = _AT.search(str(error))
            path = parameter.name + (match["path"] if match else "")
            reason = _AT.sub("", str(error))
            yield path, f"is invalid: {reason[:1].lower()}{reason[1:]} (given: {_shown(value)})"

    def _converted(self, parameter: Parameter, value: Any) -> Any:
        if value is None and not parameter.nullable:
            raise ValueError("is required, and null")
        return converted(self._copy(value), parameter.annotation)

    def _renamed(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._aliases.keys().isdisjoint(given):
            return given
        renamed: dict[str, Any] = {}
        for name, value in given.items():
            own = self._aliases.get(name, name)
            if own not in given or own == name:
                renamed[own] = value
        return renamed


def converted(value: Any, annotation: Any) -> Any:
    """The value as its annotation says; ``ValueError`` tells what is wrong with it.

    Types are strict, but for text that stands for something else ("5" for a number, as a template gives it), for
    numbers without a fraction, and for durations as people write them.
    """
    kind, _ = unwrapped(annotation)
    if kind is Any or kind is object:
        return value
    if is_duration(annotation) and type(value) in (str, int, float):
        value = parse_duration(value)
    if isinstance(kind, type) and type(value) is kind and kind not in SCALARS and kind not in (dict, list, tuple, set):
        return value
    try:
        return msgspec.convert(value, annotation)
    except msgspec.ValidationError:
        if type(value) is str or (type(value) is float and value.is_integer()):
            return msgspec.convert(value, annotation, strict=False)
        raise


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
