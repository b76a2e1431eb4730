"""What a node may ask about its run, and tell while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from prana_py.driver.invocation import Invocation
from prana_py.errors import PranaError, nearest
from prana_py.execution.suspension import Suspension, as_datetime
from prana_py.identifiers import ExecutionId, NodeKey, PortName, Scope, WorkflowId

if TYPE_CHECKING:
    # Importing logging takes milliseconds, which only those pay whose nodes write to a log.
    from logging import Logger

SecretSource: TypeAlias = Callable[[str], Any]
"""From the name of a granted secret to its value."""


class CancelFlag(Protocol):
    """How a runtime tells a running node that it should end; a ``threading.Event`` is one."""

    def is_set(self) -> bool:
        """Whether the node should end."""


class NodeObserver(Protocol):
    """Who is told what a node tells while it runs. It may be called from the node's own thread."""

    def progress(self, invocation: Invocation, fraction: float, message: str) -> None:
        """The node has come so far, from 0 to 1."""

    def heartbeat(self, invocation: Invocation) -> None:
        """The node is alive."""


class Host:
    """What a call of a node can reach of the place where it runs."""

    __slots__ = ("cancel_flag", "observer", "secret_source")

    def __init__(
        self,
        cancel_flag: CancelFlag | None = None,
        observer: NodeObserver | None = None,
        secret_source: SecretSource | None = None,
    ) -> None:
        self.cancel_flag: Final = cancel_flag
        self.observer: Final = observer
        self.secret_source: Final = secret_source


NOWHERE: Final = Host()
"""A place without cancelling, observers and secrets."""


class Secrets:
    """The granted secrets, by name; every other name is refused."""

    __slots__ = ("_granted", "_source")

    def __init__(self, granted: tuple[str, ...], source: SecretSource | None) -> None:
        self._granted: Final = granted
        self._source: Final = source

    def __getitem__(self, name: str) -> Any:
        if name not in self._granted:
            raise PranaError(
                f"the secret {name!r} is not granted to this workflow{nearest(name, self._granted)}",
                code="secret_not_granted",
                secret=name,
            )
        if self._source is None:
            raise PranaError(
                f"the secret {name!r} is granted, but nobody here serves secrets", code="secret_missing", secret=name
            )
        return self._source(name)

    def __contains__(self, name: object) -> bool:
        return name in self._granted

    def __iter__(self) -> Iterator[str]:
        return iter(self._granted)

    def __repr__(self) -> str:
        return f"<secrets {', '.join(self._granted) or 'none'}>"


class NodeContext:
    """One run of a node, from inside. Data are the node's own copies; state and context change by its answer only."""

    def __init__(self, invocation: Invocation, host: Host, copy: Callable[[Any], Any]) -> None:
        self._invocation: Final = invocation
        self._host: Final = host
        self._copy: Final = copy

    def __repr__(self) -> str:
        return f"<context of node {self.node_key!r}, run {self.run_index}, in execution {self.execution_id!r}>"

    @property
    def execution_id(self) -> ExecutionId:
        return self._invocation.execution_id

    @property
    def workflow_id(self) -> WorkflowId:
        return self._invocation.workflow_id

    @property
    def node_key(self) -> NodeKey:
        return self._invocation.node_key

    @property
    def node_type(self) -> str:
        return self._invocation.node_type

    @property
    def scope(self) -> Scope:
        return self._invocation.scope

    @property
    def run(self) -> int:
        """The run's number within its scope."""
        return self._invocation.run

    @property
    def run_index(self) -> int:
        """The run's number over the whole execution."""
        return self._invocation.run_index

    @property
    def attempt(self) -> int:
        """1 for the first attempt."""
        return self._invocation.attempt

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of this run and after every crash; different for every run."""
        return self._invocation.idempotency_key

    @property
    def now(self) -> datetime:
        """When the engine decided to make this call: the same instant however long the node takes."""
        return as_datetime(self._invocation.now)

    @property
    def suspension(self) -> Suspension | None:
        """The wait that was resolved; only in ``resume``."""
        return self._invocation.suspension

    @cached_property
    def input(self) -> Any:
        """The value of the main port, or of the only port that received data."""
        return self._copy(self._invocation.input)

    @cached_property
    def inputs(self) -> dict[PortName, Any]:
        """The values of all ports that received data."""
        inputs: dict[PortName, Any] = self._copy(self._invocation.inputs)
        return inputs

    @cached_property
    def params(self) -> dict[str, Any]:
        """The rendered parameters as they were given, before conversion."""
        params: dict[str, Any] = self._copy(self._invocation.params)
        return params

    @cached_property
    def state(self) -> Mapping[str, Any]:
        """The execution's shared state; ``Output(…, state=…)`` changes it."""
        return MappingProxyType(self._copy(self._invocation.state))

    @cached_property
    def context(self) -> Mapping[str, Any]:
        """This node's own context; ``Output(…, context=…)`` changes it."""
        return MappingProxyType(self._copy(self._invocation.context))

    @cached_property
    def variables(self) -> Mapping[str, Any]:
        """The workflow's variables."""
        return MappingProxyType(self._copy(self._invocation.variables))

    @cached_property
    def preparation(self) -> Any:
        """What this node's ``prepare`` returned."""
        return self._copy(self._invocation.preparation)

    @cached_property
    def data(self) -> Any:
        """The data the run is resumed with; only in ``resume``."""
        return self._copy(self._invocation.data)

    @property
    def secrets(self) -> Secrets:
        """``ctx.secrets["name"]``, for the names granted to the workflow."""
        return Secrets(self._invocation.secrets, self._host.secret_source)

    @cached_property
    def logger(self) -> Logger:
        """The logger of the node type: ``prana_py.node.<type>``."""
        from logging import getLogger

        return getLogger(f"prana_py.node.{self._invocation.node_type}")

    @property
    def cancelled(self) -> bool:
        """Whether the engine wants this run to end; a long node asks now and then."""
        flag = self._host.cancel_flag
        return flag is not None and flag.is_set()

    def progress(self, fraction: float, message: str = "") -> None:
        """Tell whoever watches how far the run has come; what lies outside 0 … 1 is cut off."""
        if self._host.observer is not None:
            within = fraction if 0.0 <= fraction <= 1.0 else (1.0 if fraction > 1.0 else 0.0)
            self._host.observer.progress(self._invocation, float(within), str(message))

    def heartbeat(self) -> None:
        """Tell whoever watches that the run is alive."""
        if self._host.observer is not None:
            self._host.observer.heartbeat(self._invocation)
