"""How a function is called for an invocation: made once per node type, so that a call costs next to nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Final, TypeAlias

from prana_py.driver.invocation import Invocation
from prana_py.nodes.context import Host, NodeContext
from prana_py.nodes.parameters import Parameters, converted
from prana_py.nodes.returns import NodeFailure
from prana_py.nodes.signature import Signature, ready_types, unwrapped

Caller: TypeAlias = Callable[[Invocation, Host], Any]
Copy: TypeAlias = Callable[[Any], Any]
Bind: TypeAlias = Callable[[Mapping[str, Any]], dict[str, Any]]

SCALAR_TYPES: Final[frozenset[type]] = frozenset({bool, int, float, str, bytes, type(None)})


def caller(
    function: Callable[..., Any],
    signature: Signature,
    *,
    node_type: str,
    copy: Copy,
    aliases: Mapping[str, str],
    strays: bool = False,
) -> Caller:
    """The function with an invocation for its arguments."""
    bind = Parameters(node_type, signature, copy=copy, aliases=aliases, strays=strays).bind
    makers = [(name, _maker(means, annotation, copy, node_type)) for name, means, annotation in signature.injected]
    if not makers:
        return lambda invocation, host: function(**bind(invocation.params))
    if len(makers) > 1:
        return _with_several(function, bind, makers)
    takes_params = bool(signature.parameters) or signature.more
    _, means, annotation = signature.injected[0]
    if means == "input" and not takes_params and _takes_one_by_place(function):
        return _with_input(function, bind, _taken_as_it_is(annotation), makers[0][1])
    return _with_one(function, bind, *makers[0]) if takes_params else _with_only(function, bind, *makers[0])


def _with_several(function: Callable[..., Any], bind: Bind, makers: list[tuple[str, Caller]]) -> Caller:
    def call(invocation: Invocation, host: Host) -> Any:
        arguments = bind(invocation.params)
        for name, make in makers:
            arguments[name] = make(invocation, host)
        return function(**arguments)

    return call


def _with_one(function: Callable[..., Any], bind: Bind, name: str, make: Caller) -> Caller:
    def call(invocation: Invocation, host: Host) -> Any:
        arguments = bind(invocation.params)
        arguments[name] = make(invocation, host)
        return function(**arguments)

    return call


def _with_input(function: Callable[..., Any], bind: Bind, ready: frozenset[type], make: Caller) -> Caller:
    """The input is all that the function takes: what needs neither conversion nor a copy is handed over as it is."""

    def call(invocation: Invocation, host: Host) -> Any:
        if invocation.params:
            bind(invocation.params)
        value = invocation.input
        return function(value if type(value) in ready else make(invocation, host))

    return call


def _takes_one_by_place(function: Callable[..., Any]) -> bool:
    code = getattr(function, "__code__", None)
    return code is not None and code.co_argcount == 1 and not code.co_kwonlyargcount


def _taken_as_it_is(annotation: Any) -> frozenset[type]:
    """The types whose values are passed on without a look: scalars, which nobody can change."""
    return SCALAR_TYPES if unwrapped(annotation)[0] in (Any, object) else ready_types(annotation)


def _with_only(function: Callable[..., Any], bind: Bind, name: str, make: Caller) -> Caller:
    """The shortest way: there is nothing to bind, though whoever gave parameters is told so."""

    def call(invocation: Invocation, host: Host) -> Any:
        if invocation.params:
            bind(invocation.params)
        return function(**{name: make(invocation, host)})

    return call


def _maker(means: str, annotation: Any, copy: Copy, node_type: str) -> Caller:
    match means:
        case "ctx":
            return lambda invocation, host: NodeContext(invocation, host, copy)
        case "input":
            return _typed(attrgetter("input"), annotation, copy, "input_invalid", node_type)
        case "inputs":
            return lambda invocation, _: copy(invocation.inputs)
        case "data":
            return _typed(attrgetter("data"), annotation, copy, "resume_data_invalid", node_type)
        case _:
            return lambda invocation, _: invocation.suspension


def _typed(take: Callable[[Invocation], Any], annotation: Any, copy: Copy, code: str, node_type: str) -> Caller:
    """What the invocation brings, converted as the function's annotation says."""
    if unwrapped(annotation)[0] in (Any, object):
        return lambda invocation, _: copy(take(invocation))
    ready = ready_types(annotation)
    subject = "input" if code == "input_invalid" else "data of the resume"

    def typed(invocation: Invocation, host: Host) -> Any:
        value = take(invocation)
        if type(value) in ready:
            return value
        try:
            return converted(copy(value), annotation)
        except ValueError as error:
            message = f"node type {node_type!r} cannot take the {subject}: {error}"
            raise NodeFailure(code, message, details={"type": node_type}, retryable=False) from None

    return typed
