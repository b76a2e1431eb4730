"""What a node answered, as an outcome; an answer that cannot be is a failure that says why."""

from __future__ import annotations

from collections.abc import Mapping
from types import CoroutineType, NoneType
from typing import Any, Final

import msgspec

from prana_py.driver.outcome import Completed, CompletedPorts, Failed, Opened, Outcome, Stopped, Waiting, failed
from prana_py.errors import nearest
from prana_py.execution.suspension import RaceRequest, SimpleRequest
from prana_py.identifiers import ERROR, TIMEOUT, PortName
from prana_py.model.known_types import make_known
from prana_py.model.node_spec import ANY_PORT, NodeSpec
from prana_py.nodes.returns import Each, Output, Outputs

PLAIN: Final[frozenset[type]] = frozenset((str, int, float, bool, NoneType, dict, list, tuple, bytes))
"""Answers of exactly these types are values, whatever else there is."""

_WORDS: Final = (Output, Outputs, Each, Waiting, Stopped, Opened)

make_known(Completed, CompletedPorts, Failed, Opened, Stopped, Waiting, RaceRequest)

NODE_CONTEXT: Final = "node_context"
"""In updates of the shared state, the original's key for updates of the node's own context."""


def is_awaitable(answer: object) -> bool:
    """Whether the answer has to be awaited before it is one."""
    kind = type(answer)
    return kind is CoroutineType or (kind not in PLAIN and hasattr(kind, "__await__"))


def answer_to_outcome(answer: Any, spec: NodeSpec) -> Outcome:
    """The outcome that an answer of a node means."""
    if type(answer) in PLAIN:
        return Completed(answer)
    match answer:
        case Output():
            return _one_port(answer, spec)
        case Outputs():
            return _several_ports(answer, spec)
        case Waiting():
            return _wait_problem(answer, spec) or answer
        case Stopped() | Failed() | Completed() | CompletedPorts():
            return _misshapen(answer, spec) or answer
        case Opened():
            return (
                answer
                if spec.owner is not None
                else _refused("it opened scopes, but its type is not a scope owner", spec)
            )
        case Each():
            return _refused("Each(…) is for a port of Outputs: Outputs({'main': Each([…])})", spec)
        case type():
            return _refused(f"it answered the class {answer.__name__} instead of a value", spec)
        case _:
            return Completed(answer)


def _one_port(answer: Output, spec: NodeSpec) -> Outcome:
    if isinstance(answer.value, _WORDS):
        return _a_word_as_value(answer.value, spec)
    problem = None if answer.port is None else _port_problem((answer.port,), spec)
    if problem is None and answer.state is None and answer.context is None:
        return Completed(answer.value, answer.port)
    problem = problem or _updates_problem(answer, spec)
    if problem is not None:
        return problem
    state, context = _updates(answer)
    return Completed(answer.value, answer.port, state, context)


def _several_ports(answer: Outputs, spec: NodeSpec) -> Outcome:
    given: object = answer.values
    if not isinstance(given, Mapping):
        return _refused(f"Outputs takes a mapping of ports to values, not {type(given).__name__}", spec)
    problem = _port_problem(answer.values, spec) or _updates_problem(answer, spec)
    if problem is not None:
        return problem
    values, each = {}, []
    for port, value in answer.values.items():
        if isinstance(value, Each):
            if isinstance(value.items, (str, bytes, Mapping)) or not hasattr(value.items, "__iter__"):
                return _refused(f"Each(…) at port {port!r} takes a list, not {type(value.items).__name__}", spec)
            each.append(port)
            value = list(value.items)
        elif isinstance(value, _WORDS):
            return _a_word_as_value(value, spec)
        values[port] = value
    state, context = _updates(answer)
    return CompletedPorts(values, tuple(each), state, context)


def _wait_problem(answer: Waiting, spec: NodeSpec) -> Failed | None:
    request: object = answer.request
    if isinstance(request, RaceRequest):
        return _misshapen(request, spec) or _port_problem(request.alternatives, spec) or _misshapen(answer, spec)
    if isinstance(request, SimpleRequest):
        return _misshapen(answer, spec)
    return _refused(f"nobody can wait for {request!r:.80}", spec)


def _a_word_as_value(value: Any, spec: NodeSpec) -> Failed:
    if isinstance(value, Each):
        return _refused("Each(…) is for a port of Outputs: Outputs({'main': Each([…])})", spec)
    return _refused(f"{type(value).__name__} is an answer of its own, and no value of another", spec)


def _misshapen(answer: Outcome | RaceRequest, spec: NodeSpec) -> Failed | None:
    """Why one of the engine's own words cannot be understood, when somebody made it by hand."""
    try:
        msgspec.convert(msgspec.structs.asdict(answer), type(answer))
    except msgspec.ValidationError as error:
        return _refused(f"{type(answer).__name__} is not well formed: {error}", spec)
    return None


def _port_problem(ports: Any, spec: NodeSpec) -> Failed | None:
    for port in ports:
        if type(port) is not str or not port:
            return _refused(f"a port is named by a text, not by {port!r:.80}", spec)
        if not may_leave_by(port, spec):
            declared = ", ".join(map(repr, spec.outputs)) or "none"
            return failed(
                "port_undeclared",
                f"the node answered by port {port!r:.80}, but its type {spec.type!r} declares {declared}"
                f"{nearest(port, spec.outputs)}",
                retryable=False,
                details={"type": spec.type, "port": port, "declared": list(spec.outputs)},
            )
    return None


def may_leave_by(port: PortName, spec: NodeSpec) -> bool:
    """Whether the node type may answer by this port; ``error`` and ``timeout`` need no declaration."""
    return port in spec.outputs or spec.outputs == ANY_PORT or port in (ERROR, TIMEOUT)


def _updates_problem(answer: Output | Outputs, spec: NodeSpec) -> Failed | None:
    given: tuple[tuple[str, object], ...] = (("state", answer.state), ("context", answer.context))
    for name, updates in given:
        if updates is not None and not isinstance(updates, Mapping):
            return _refused(f"the updates of {name} are a mapping, not {type(updates).__name__}", spec)
        for key in updates or ():
            if type(key) is not str:
                return _refused(f"the updates of {name} go by texts, not by {key!r:.80}", spec)
    if answer.state is not None and not isinstance(answer.state.get(NODE_CONTEXT, {}), Mapping):
        return _refused(
            f"{NODE_CONTEXT!r} in the updates of state is a mapping, which goes to the node's context", spec
        )
    return None


def _updates(answer: Output | Outputs) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    if answer.state is None or NODE_CONTEXT not in answer.state:
        return (
            None if answer.state is None else dict(answer.state),
            None if answer.context is None else dict(answer.context),
        )
    state = dict(answer.state)
    context = dict(state.pop(NODE_CONTEXT))
    return state or None, {**context, **(answer.context or {})}


def _refused(reason: str, spec: NodeSpec) -> Failed:
    return failed(
        "answer_invalid",
        f"the answer of node type {spec.type!r} cannot be: {reason}",
        retryable=False,
        details={"type": spec.type},
    )
