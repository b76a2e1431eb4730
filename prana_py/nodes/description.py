"""All that is known of a node type before it is called: its options, its functions' signatures, its spec."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any, Final, TypedDict

import msgspec

from prana_py.errors import UsageError
from prana_py.identifiers import MAIN, PortName
from prana_py.model.node_spec import NodeSpec, OwnerKind
from prana_py.model.retry import Retry
from prana_py.nodes.copying import copied, uncopied
from prana_py.nodes.parameters import Parameters
from prana_py.nodes.plan import Caller, caller
from prana_py.nodes.schemas import output_schema, params_schema
from prana_py.nodes.signature import EXECUTE_NAMES, PREPARE_NAMES, RESUME_NAMES, read_signature

ParamCheck = Callable[[Mapping[str, Any], frozenset[str]], Iterable[tuple[str, str]]]


class Options(TypedDict, total=False):
    """What can be said of a node type beyond its function; each has a default."""

    type: str
    name: str
    description: str
    category: str
    icon: str | None
    aliases: tuple[str, ...]
    inputs: tuple[PortName, ...]
    outputs: tuple[PortName, ...]
    trigger: bool
    owner: OwnerKind | None
    reads_only: bool
    blocks: bool
    retry: Retry | None
    timeout: timedelta | None
    raw_params: tuple[str, ...]
    param_aliases: Mapping[str, str]
    check: ParamCheck | None


class _Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """The options of one node type, filled in."""

    type: str
    name: str = ""
    description: str = ""
    category: str = "other"
    icon: str | None = None
    aliases: tuple[str, ...] = ()
    inputs: tuple[PortName, ...] | None = None
    outputs: tuple[PortName, ...] = (MAIN,)
    trigger: bool = False
    owner: OwnerKind | None = None
    reads_only: bool = False
    blocks: bool = True
    retry: Retry | None = None
    timeout: timedelta | None = None
    raw_params: tuple[str, ...] = ()
    param_aliases: Mapping[str, str] = {}
    check: ParamCheck | None = None
    """What the schema cannot say about static parameters."""


class Description:
    """A node type's options and signatures; makes its spec and its callers."""

    def __init__(
        self,
        options: Options,
        *,
        execute: Callable[..., Any],
        resume: Callable[..., Any] | None = None,
        prepare: Callable[..., Any] | None = None,
    ) -> None:
        self._options: Final = _chosen(options)
        self.type: Final = self._options.type
        self.aliases: Final = self._options.aliases
        self._function: Final = execute
        for function in (execute, resume, prepare):
            _refuse_generator(function)
        self._execute: Final = read_signature(execute, EXECUTE_NAMES)
        known = {parameter.name: parameter for parameter in self._execute.parameters}
        self._resume: Final = None if resume is None else read_signature(resume, RESUME_NAMES, known=known)
        self._prepare: Final = None if prepare is None else read_signature(prepare, PREPARE_NAMES, known=known)
        self._copy: Final = uncopied if self._options.reads_only else copied
        self._parameters: Final = Parameters(
            self.type, self._execute, copy=uncopied, aliases=self._options.param_aliases
        )

    @cached_property
    def spec(self) -> NodeSpec:
        """What the node type promises. Made when asked for: schemas take longer to make than functions to define."""
        options, signature = self._options, self._execute
        return NodeSpec(
            type=options.type,
            title=options.name or options.type,
            description=options.description or signature.description.partition("\n\n")[0],
            category=options.category,
            icon=options.icon,
            aliases=options.aliases,
            inputs=options.inputs if options.inputs is not None else () if options.trigger else (MAIN,),
            outputs=options.outputs,
            is_trigger=options.trigger,
            owner=options.owner,
            params_schema=params_schema(signature, dict(options.param_aliases), function=self._function.__qualname__),
            output_schema=output_schema(signature),
            reads_only=options.reads_only,
            has_prepare=self._prepare is not None,
            has_resume=self._resume is not None,
            is_async=inspect.iscoroutinefunction(self._function),
            blocks=options.blocks,
            retry=options.retry,
            timeout=options.timeout,
            raw_params=options.raw_params,
        )

    def param_problems(self, params: Mapping[str, Any], templated: frozenset[str]) -> list[tuple[str, str]]:
        """What is wrong with static parameters, as (path, message)."""
        problems = list(self._parameters.problems(params, templated))
        if self._options.check is not None and not problems:
            problems.extend(self._options.check(params, templated))
        return problems

    def call_execute(self, function: Callable[..., Any]) -> Caller:
        """How ``execute`` is called."""
        return caller(
            function, self._execute, node_type=self.type, copy=self._copy, aliases=self._options.param_aliases
        )

    def call_resume(self, function: Callable[..., Any] | None) -> Caller | None:
        """How ``resume`` is called, if there is one."""
        return self._call_other(function, self._resume)

    def call_prepare(self, function: Callable[..., Any] | None) -> Caller | None:
        """How ``prepare`` is called, if there is one."""
        return self._call_other(function, self._prepare)

    def _call_other(self, function: Callable[..., Any] | None, signature: Any) -> Caller | None:
        if function is None or signature is None:
            return None
        aliases = self._options.param_aliases
        return caller(function, signature, node_type=self.type, copy=self._copy, aliases=aliases, strays=True)


def _chosen(options: Options) -> _Chosen:
    chosen = _Chosen(**options)
    named: object = chosen.type
    for field in ("aliases", "outputs", "inputs", "raw_params"):
        names = getattr(chosen, field)
        if isinstance(names, str) or not all(type(name) is str and name for name in names or ()):
            raise UsageError(
                f"{field} of node type {chosen.type!r} is a tuple of texts, not {names!r}", code="node_unusable"
            )
    if not isinstance(named, str) or not named:
        raise UsageError(f"a node type is named by a text, not by {named!r}", code="node_unusable")
    return chosen


def _refuse_generator(function: Callable[..., Any] | None) -> None:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise UsageError(
            f"{function.__qualname__} cannot be a node: it yields, and a node answers once; return Outputs or a list",
            code="node_unusable",
            function=function.__qualname__,
        )
