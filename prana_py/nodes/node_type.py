"""What every node type is, and the class form: a class with ``execute``, and ``resume`` and ``prepare`` if it likes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, ClassVar, Protocol, Unpack, runtime_checkable

from prana_py.driver.invocation import Invocation
from prana_py.errors import UsageError
from prana_py.model.node_spec import NodeSpec
from prana_py.nodes.context import Host
from prana_py.nodes.description import Description, Options
from prana_py.nodes.plan import Caller


@runtime_checkable
class AnyNode(Protocol):
    """A node type in either form: it describes itself, and it can be called."""

    @property
    def spec(self) -> NodeSpec:
        """What the node type promises."""

    @abstractmethod
    def call(self, invocation: Invocation, host: Host) -> Any:
        """The node's answer, or an awaitable of it. Whatever its own code raises comes through."""

    @abstractmethod
    def param_problems(self, params: Mapping[str, Any], templated: frozenset[str]) -> list[tuple[str, str]]:
        """What is wrong with static parameters, as (path, message)."""


class Callers:
    """The functions of a node, ready to be called for invocations."""

    __slots__ = ("execute", "prepare", "resume")

    def __init__(
        self,
        description: Description,
        execute: Callable[..., Any],
        resume: Callable[..., Any] | None,
        prepare: Callable[..., Any] | None,
    ) -> None:
        self.execute = description.call_execute(execute)
        self.resume = description.call_resume(resume)
        self.prepare = description.call_prepare(prepare)

    def other(self, invocation: Invocation, host: Host) -> Any:
        """The answer of ``resume`` or ``prepare``; ``NO_SUCH_CALL`` where the node has none."""
        function: Caller | None = self.prepare if invocation.call == "prepare" else self.resume
        return NO_SUCH_CALL if function is None else function(invocation, host)


class _NoSuchCall:
    __slots__ = ()


NO_SUCH_CALL = _NoSuchCall()
"""The answer of a node to a call that it does not define; what happens then is the same for all nodes."""


class _SpecOfClass:
    """``spec`` of a class and of its instances alike."""

    def __get__(self, instance: NodeType | None, owner: type[NodeType]) -> NodeSpec:
        return owner._described().spec


class NodeType:
    """The class form of a node: ``class Ask(NodeType, type="ask", outputs=("yes", "no"))``.

    ``execute(self, …)`` takes the parameters by name, and ``ctx``, ``input`` and ``inputs`` when it asks for them; it
    may be async. ``resume(self, data, …)`` and ``prepare(self, ctx)`` are optional. What ``__init__`` takes, such as a
    client or a limit, is the node type's own: the engine is given the instance.
    """

    _description: ClassVar[Description | None] = None
    spec: ClassVar[Any] = _SpecOfClass()

    def __init_subclass__(cls, **options: Unpack[Options]) -> None:
        super().__init_subclass__()
        execute = getattr(cls, "execute", None)
        if execute is None:
            # A base class of node types: it has no type of its own.
            return
        options.setdefault("type", cls.__name__)
        options.setdefault("description", (cls.__doc__ or "").strip().partition("\n\n")[0])
        cls._description = Description(
            options,
            execute=_without_self(cls, execute),
            resume=_without_self(cls, getattr(cls, "resume", None)),
            prepare=_without_self(cls, getattr(cls, "prepare", None)),
        )

    def call(self, invocation: Invocation, host: Host) -> Any:
        """The answer of ``execute``, ``resume`` or ``prepare``, or an awaitable of it."""
        if invocation.call == "execute":
            return self._callers.execute(invocation, host)
        return self._callers.other(invocation, host)

    def param_problems(self, params: Mapping[str, Any], templated: frozenset[str]) -> list[tuple[str, str]]:
        """What is wrong with static parameters, as (path, message)."""
        return self._described().param_problems(params, templated)

    @cached_property
    def _callers(self) -> Callers:
        mine: Any = self
        return Callers(self._described(), mine.execute, getattr(self, "resume", None), getattr(self, "prepare", None))

    @classmethod
    def _described(cls) -> Description:
        if cls._description is None:
            raise UsageError(f"{cls.__qualname__} is no node type yet: it defines no execute", code="node_unusable")
        return cls._description


def _without_self(cls: type, function: Any) -> Any:
    """The function as an instance has it, for its signature."""
    return None if function is None else function.__get__(object.__new__(cls), cls)
