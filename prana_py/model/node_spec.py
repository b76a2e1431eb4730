"""What a node type promises: its ports, its parameters, and how it may be called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from prana_py.identifiers import MAIN, PortName
from prana_py.model.retry import Retry

OwnerKind: TypeAlias = Literal["for_each", "while"]

ANY_PORT: tuple[PortName, ...] = ("*",)


class NodeSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The description of a node type, from which the compiler checks and forms, docs and APIs are made."""

    type: str
    title: str = ""
    description: str = ""
    category: str = "other"
    icon: str | None = None
    aliases: tuple[str, ...] = ()
    inputs: tuple[PortName, ...] = (MAIN,)
    """``("*",)`` accepts any port; ``()`` is a node that nothing leads into (a trigger)."""
    outputs: tuple[PortName, ...] = (MAIN,)
    """``("*",)`` may answer by any port. ``error`` and ``timeout`` need no declaration."""
    is_trigger: bool = False
    owner: OwnerKind | None = None
    """Scope owners are known to the core: their ``loop`` port opens a scope per item or round."""
    params_schema: dict[str, Any] | None = None
    raw_params: tuple[str, ...] = ()
    """Parameters handed over as they are written, templates and all: expressions that are evaluated later."""
    output_schema: dict[str, Any] | None = None
    reads_only: bool = False
    """The node changes nothing it is handed, so containers are passed without a copy."""
    has_prepare: bool = False
    has_resume: bool = False
    """The node wants its own ``resume``; else a resumed run completes with the data it was resumed with."""
    is_async: bool = False
    blocks: bool = True
    """A plain function may keep its thread waiting, so an event loop calls it in another; ``False``: it never does."""
    retry: Retry | None = None
    timeout: timedelta | None = None

    @property
    def default_port(self) -> PortName:
        """Where a plain value leaves: ``main`` if declared, else the first port."""
        if MAIN in self.outputs or not self.outputs or self.outputs == ANY_PORT:
            return MAIN
        return self.outputs[0]


class NodeTypes(Protocol):
    """What the compiler needs to know of the node types; a catalog is one."""

    def spec(self, type_name: str) -> NodeSpec | None:
        """The description of a type, also by an alias; ``None`` when it is unknown."""

    def type_names(self) -> Iterable[str]:
        """Every known type, to suggest the nearest name."""

    def param_problems(
        self, type_name: str, params: Mapping[str, Any], templated: frozenset[str]
    ) -> Iterable[tuple[str, str]]:
        """What is wrong with static parameters, as (path, message); those in ``templated`` are known only later."""
