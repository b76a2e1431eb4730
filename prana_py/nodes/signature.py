"""What a function asks for: its parameters, and what the engine hands in by itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, final, get_args, get_origin, get_type_hints

import msgspec

from prana_py.errors import UsageError
from prana_py.nodes.context import NodeContext
from prana_py.nodes.copying import SCALARS


@final
class Marker:
    """A value that stands for something which is no value."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


REQUIRED: Final = Marker("REQUIRED")
ABSENT: Final[Any] = Marker("ABSENT")
"""A default that tells a parameter which was not given from one that is null."""
PARAM: Final = Marker("PARAM")
"""``input: Annotated[Any, PARAM]`` is a parameter although the name means something else."""

EXECUTE_NAMES: Final = frozenset(("ctx", "input", "inputs"))
RESUME_NAMES: Final = frozenset((*EXECUTE_NAMES, "data", "suspension"))
PREPARE_NAMES: Final = frozenset(("ctx",))


class Parameter(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """One parameter of a node: what it may be, and what it is when it is not given."""

    name: str
    annotation: Any = Any
    default: Any = REQUIRED
    nullable: bool = True
    """Null is a value of it; else null takes the default."""
    ready: frozenset[type] = frozenset()
    """Values of exactly these types are handed in as they are."""

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


class Signature(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """What a function asks for, by name."""

    parameters: tuple[Parameter, ...] = ()
    injected: tuple[tuple[str, str, Any], ...] = ()
    """Triples of (the function's name for it, what it is: ``ctx``, ``input``, ``data`` …, its annotation)."""
    more: bool = False
    """The function takes any further parameter (``**params``)."""
    returns: Any = Any
    description: str = ""


def read_signature(
    function: Callable[..., Any], injectable: frozenset[str], *, known: Mapping[str, Parameter] | None = None
) -> Signature:
    """The signature of a node's function. With ``known`` (the node's parameters) an only name that is not among them
    and means nothing else is the data of the resume.
    """
    hints = _hints(function)
    parameters: list[Parameter] = []
    injected: list[tuple[str, str, Any]] = []
    more = False
    for parameter in inspect.signature(function).parameters.values():
        annotation = hints.get(parameter.name, Any)
        match parameter.kind:
            case parameter.VAR_KEYWORD:
                more = True
                continue
            case parameter.VAR_POSITIONAL | parameter.POSITIONAL_ONLY:
                raise _unusable(
                    function, f"its parameter {parameter.name!r} cannot be given by name, and a workflow names all"
                )
        means = _meaning(parameter.name, annotation, injectable)
        if means is not None:
            injected.append((parameter.name, means, annotation))
        else:
            parameters.append(_known(parameter, known) or _parameter(parameter, annotation))
    if known is not None:
        parameters, injected = _find_data(function, parameters, injected, known)
    return Signature(
        parameters=tuple(parameters),
        injected=tuple(injected),
        more=more,
        returns=hints.get("return", Any),
        description=inspect.cleandoc(function.__doc__ or ""),
    )


def unwrapped(annotation: Any) -> tuple[Any, bool]:
    """The annotation without ``Annotated`` and ``None``, and whether null is a value of it."""
    if get_origin(annotation) is Annotated:
        return unwrapped(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        members = get_args(annotation)
        rest = tuple(member for member in members if member is not NoneType)
        if len(rest) < len(members):
            return (unwrapped(rest[0])[0] if len(rest) == 1 else Union[rest]), True  # noqa: UP007  # of a tuple
    return annotation, annotation in (Any, object, None, NoneType)


def is_constrained(annotation: Any) -> bool:
    """Whether values must be checked beyond their type."""
    if get_origin(annotation) is Annotated:
        return any(isinstance(item, msgspec.Meta) for item in get_args(annotation)[1:])
    if get_origin(annotation) in (Union, UnionType):
        return any(map(is_constrained, get_args(annotation)))
    return False


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except NameError as error:
        reason = (
            f"the name {error.name!r} in its annotations is not known where it is defined; import it there at run time"
        )
        raise _unusable(function, reason) from error


def _meaning(name: str, annotation: Any, injectable: frozenset[str]) -> str | None:
    if get_origin(annotation) is Annotated and PARAM in get_args(annotation)[1:]:
        return None
    if unwrapped(annotation)[0] is NodeContext:
        return "ctx"
    return name if name in injectable else None


def _parameter(parameter: inspect.Parameter, annotation: Any) -> Parameter:
    default = REQUIRED if parameter.default is parameter.empty else parameter.default
    kind, nullable = unwrapped(annotation)
    if parameter.annotation is parameter.empty:
        # Whoever wrote no type accepts null, unless a default says what stands for nothing.
        nullable = default is REQUIRED
    return Parameter(
        name=parameter.name,
        annotation=annotation,
        default=default,
        nullable=nullable or default is None,
        ready=_ready(kind, nullable or default is None, annotation),
    )


def _known(parameter: inspect.Parameter, known: Mapping[str, Parameter] | None) -> Parameter | None:
    """What the node says of a parameter which this function of it only names."""
    return known.get(parameter.name) if known and parameter.annotation is parameter.empty else None


def ready_types(annotation: Any) -> frozenset[type]:
    """Values of exactly these types are what the annotation says, and cannot be changed."""
    return _ready(*unwrapped(annotation), annotation)


def _ready(kind: Any, nullable: bool, annotation: Any) -> frozenset[type]:
    null = frozenset((NoneType,)) if nullable else frozenset()
    if is_constrained(annotation):
        return null
    if kind is Any or kind is object:
        return (SCALARS - {NoneType}) | null
    if isinstance(kind, type) and kind in SCALARS and kind is not NoneType:
        return frozenset((kind,)) | null
    return null


def _find_data(
    function: Callable[..., Any],
    parameters: list[Parameter],
    injected: list[tuple[str, str, Any]],
    known: Mapping[str, Parameter],
) -> tuple[list[Parameter], list[tuple[str, str, Any]]]:
    strangers = [parameter for parameter in parameters if parameter.name not in known]
    has_data = any(means == "data" for _, means, _ in injected)
    if not strangers:
        return parameters, injected
    if len(strangers) > 1 or has_data:
        names = ", ".join(repr(stranger.name) for stranger in strangers)
        raise _unusable(
            function, f"nothing is called {names}; it may ask for data, ctx, suspension and the node's parameters"
        )
    data = strangers[0]
    rest = [parameter for parameter in parameters if parameter is not data]
    return rest, [*injected, (data.name, "data", data.annotation)]


def _unusable(function: Callable[..., Any], reason: str) -> UsageError:
    name = getattr(function, "__qualname__", repr(function))
    return UsageError(f"{name} cannot be a node: {reason}", code="node_unusable", function=name)


def is_duration(annotation: Any) -> bool:
    """Whether a parameter is a duration, which people write as ``30s`` or as a number of seconds."""
    return unwrapped(annotation)[0] is timedelta
