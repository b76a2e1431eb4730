"""A function as a node type: ``@node``. Registers nothing anywhere; the function can be called as before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import update_wrapper
from typing import Any, Final, Generic, ParamSpec, TypeVar, Unpack, overload

from prana_py.driver.invocation import Invocation
from prana_py.errors import UsageError
from prana_py.model.node_spec import NodeSpec
from prana_py.nodes.context import Host
from prana_py.nodes.description import Description, Options
from prana_py.nodes.node_type import Callers

P = ParamSpec("P")
R = TypeVar("R")


class FunctionNode(Generic[P, R]):
    """A node type made of a function; calling it calls the function."""

    __name__: str
    __qualname__: str

    def __init__(
        self,
        function: Callable[P, R],
        options: Options,
        *,
        on_resume: Callable[..., Any] | None = None,
        prepare: Callable[..., Any] | None = None,
    ) -> None:
        update_wrapper(self, function)
        self._function: Final = function
        self._description: Final = Description(options, execute=function, resume=on_resume, prepare=prepare)
        self._callers: Final = Callers(self._description, function, on_resume, prepare)
        self._execute: Final = self._callers.execute

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<node {self._description.type!r}>"

    def __reduce__(self) -> str:
        # Another process finds it by its name, as it finds functions.
        return self.__qualname__

    @property
    def spec(self) -> NodeSpec:
        """What the node type promises."""
        return self._description.spec

    def call(self, invocation: Invocation, host: Host) -> Any:
        """The answer of the function, of ``on_resume`` or of ``prepare``, or an awaitable of it."""
        if invocation.call == "execute":
            return self._execute(invocation, host)
        return self._callers.other(invocation, host)

    def param_problems(self, params: Mapping[str, Any], templated: frozenset[str]) -> list[tuple[str, str]]:
        """What is wrong with static parameters, as (path, message)."""
        return self._description.param_problems(params, templated)


@overload
def node(function: Callable[P, R], /) -> FunctionNode[P, R]: ...


@overload
def node(
    *,
    on_resume: Callable[..., Any] | None = None,
    prepare: Callable[..., Any] | None = None,
    **options: Unpack[Options],
) -> Callable[[Callable[P, R]], FunctionNode[P, R]]: ...


def node(
    function: Callable[P, R] | None = None,
    /,
    *,
    on_resume: Callable[..., Any] | None = None,
    prepare: Callable[..., Any] | None = None,
    **options: Unpack[Options],
) -> FunctionNode[P, R] | Callable[[Callable[P, R]], FunctionNode[P, R]]:
    """Make a node type of a plain or async function; its type is the function's name unless ``type`` says another.

    The annotations are the schema of its parameters, the docstring its description. It may ask for ``ctx``, ``input``
    and ``inputs`` by name. ``on_resume`` is called when a wait it asked for is resolved; ``prepare`` once before the
    first node of an execution runs.
    """

    def decorate(function: Callable[P, R]) -> FunctionNode[P, R]:
        given: object = function
        if isinstance(given, type) or not callable(given):
            raise UsageError(f"@node is for functions, not for {given!r}; subclass NodeType", code="node_unusable")
        chosen: Options = {"type": getattr(function, "__name__", ""), **options}
        return FunctionNode(function, chosen, on_resume=on_resume, prepare=prepare)

    return decorate if function is None else decorate(function)
