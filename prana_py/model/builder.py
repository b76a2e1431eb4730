"""Writing a workflow in Python, by value or by name, up to ``build()``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final, Protocol, TypeVar, runtime_checkable

from prana_py.errors import DocumentError, Problem, UsageError, nearest
from prana_py.identifiers import MAIN, NodeKey, PortName
from prana_py.model.connection import Cycle
from prana_py.model.durations import format_duration
from prana_py.model.entry import entries
from prana_py.model.forms import READERS
from prana_py.model.keys import free_key, key_from_name
from prana_py.model.node_spec import ANY_PORT, NodeSpec
from prana_py.model.reading import INVALID, Reading, shown
from prana_py.model.settings import NodeSettings, WorkflowSettings
from prana_py.model.workflow import Workflow

MANUAL_TRIGGER = "manual.trigger"

H = TypeVar("H", bound="NodeHandle | NodeKey")


@runtime_checkable
class HasSpec(Protocol):
    """Anything that describes itself as a node type, such as a function under ``@node``."""

    @property
    def spec(self) -> NodeSpec:
        """What the node type promises."""


class NodeHandle:
    """A node of a builder, to be connected by value."""

    __slots__ = ("_flow", "key")

    def __init__(self, flow: WorkflowBuilder, key: NodeKey) -> None:
        self._flow: Final = flow
        self.key: Final = key

    def __repr__(self) -> str:
        return f"<node {self.key!r} of workflow {self._flow.id!r}>"

    def then(
        self,
        other: H,
        port: PortName | None = None,
        to_port: PortName | None = None,
        *,
        condition: str | None = None,
        mapping: Mapping[str, str] | None = None,
        contract: Mapping[str, Any] | None = None,
        loop: Cycle | Mapping[str, Any] | None = None,
    ) -> H:
        """What leaves by ``port`` goes to ``other``, which is returned, so that calls chain."""
        self._flow.connect(
            self, other, port, to_port, condition=condition, mapping=mapping, contract=contract, loop=loop
        )
        return other


class WorkflowBuilder:
    """Gathers nodes and connections; nothing is judged before ``build()``, which reports all problems at once."""

    def __init__(
        self,
        id: str,
        name: str | None = None,
        *,
        version: int = 1,
        variables: Mapping[str, Any] | None = None,
        settings: WorkflowSettings | Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.id: Final = id
        self._head = {
            "id": id,
            "name": id if name is None else name,
            "version": version,
            "variables": plain(variables or {}),
            "settings": settings,
            "metadata": plain(metadata or {}),
        }
        self._nodes: list[dict[str, Any]] = []
        self._connections: list[dict[str, Any]] = []
        self._specs: dict[NodeKey, NodeSpec | None] = {}
        self._cycles: list[CycleBuilder] = []

    def add(
        self,
        node_type: str | HasSpec,
        /,
        key: NodeKey | None = None,
        *,
        settings: NodeSettings | Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        display_name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        **more_params: Any,
    ) -> NodeHandle:
        """Add a node and hand it back; further keywords are its parameters. Nothing is connected by adding.

        Without a key it takes one from its display name, else from the last part of its type, made unique by a
        number. Parameters whose names are taken here (``key``, ``settings`` …) go through ``params``.
        """
        spec = node_type.spec if isinstance(node_type, HasSpec) else None
        type_name = spec.type if spec else node_type
        if key is None:
            wanted = display_name or str(type_name).rpartition(".")[2]
            key = free_key(key_from_name(wanted), self._specs)
        self._nodes.append(
            {
                "key": key,
                "type": type_name,
                "name": display_name,
                "params": plain({**(params or {}), **more_params}),
                "settings": settings,
                "metadata": plain(metadata or {}),
            }
        )
        self._specs[key] = spec
        return NodeHandle(self, key)

    def add_node(
        self,
        node_type: str | HasSpec,
        key: NodeKey,
        params: Mapping[str, Any] | None = None,
        *,
        settings: NodeSettings | Mapping[str, Any] | None = None,
        display_name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> WorkflowBuilder:
        """Add a node by name; calls chain on the builder."""
        self.add(node_type, key, settings=settings, params=params, display_name=display_name, metadata=metadata)
        return self

    def add_connection(
        self,
        source: NodeKey | NodeHandle,
        from_port: PortName,
        target: NodeKey | NodeHandle,
        to_port: PortName | None = None,
        *,
        condition: str | None = None,
        mapping: Mapping[str, str] | None = None,
        contract: Mapping[str, Any] | None = None,
        loop: Cycle | Mapping[str, Any] | None = None,
    ) -> WorkflowBuilder:
        """Connect two nodes by name; calls chain on the builder."""
        return self.connect(
            source, target, from_port, to_port, condition=condition, mapping=mapping, contract=contract, loop=loop
        )

    def connect(
        self,
        source: NodeKey | NodeHandle,
        target: NodeKey | NodeHandle,
        from_port: PortName | None = None,
        to_port: PortName | None = None,
        *,
        condition: str | None = None,
        mapping: Mapping[str, str] | None = None,
        contract: Mapping[str, Any] | None = None,
        loop: Cycle | Mapping[str, Any] | None = None,
    ) -> WorkflowBuilder:
        """Connect two nodes; a port that is not named is the node type's default, ``main`` where that is unknown."""
        source_key, target_key = self._key(source), self._key(target)
        self._connections.append(
            {
                "from": source_key,
                "from_port": from_port if from_port is not None else self._default_output(source_key),
                "to": target_key,
                "to_port": to_port if to_port is not None else self._default_input(target_key),
                "condition": condition,
                "mapping": None if mapping is None else plain(mapping),
                "contract": None if contract is None else plain(contract),
                "loop": loop,
            }
        )
        return self

    def create_cycle(self, name: str) -> CycleBuilder:
        """A declared cycle: say which connection leads back and when it ends, then ``build()`` it into the workflow."""
        cycle = CycleBuilder(self, name)
        self._cycles.append(cycle)
        return cycle

    def build(self, *, trigger: bool = True) -> Workflow:
        """The workflow, or a ``DocumentError`` with all of its problems; the builder can go on afterwards.

        Where no node is a trigger, one is added in front: a ``manual.trigger`` that leads to every node without an
        incoming connection, and into each cycle that nothing else leads into. ``trigger=False`` leaves that out.
        """
        nodes, connections = list(self._nodes), list(self._connections)
        if trigger and nodes and not any(self._is_trigger(node) for node in nodes):
            key = free_key("trigger", self._specs)
            nodes.insert(0, {"key": key, "type": MANUAL_TRIGGER})
            connections[:0] = [
                {"from": key, "to": target, "to_port": self._default_input(target)}
                for target in entries([node["key"] for node in self._nodes], self._edges(), self._compensations())
            ]
        document = {**self._head, "nodes": nodes, "connections": connections}
        reading = Reading()
        workflow = reading.read(READERS.reader(Workflow), document)
        problems = [*reading.problems, *self._dangling(nodes, connections), *self._unfinished()]
        if workflow is INVALID or problems:
            raise DocumentError(problems, subject=f"workflow {shown(self.id)}")
        assert isinstance(workflow, Workflow)
        return workflow

    def _key(self, node: NodeKey | NodeHandle) -> NodeKey:
        if not isinstance(node, NodeHandle):
            return node
        if node._flow is not self:
            raise UsageError(
                f"{node!r} cannot be connected in workflow {self.id!r}; add it to this builder first",
                code="foreign_handle",
            )
        return node.key

    def _spec(self, key: NodeKey) -> NodeSpec | None:
        return self._specs.get(key) if isinstance(key, str) else None

    def _default_output(self, key: NodeKey) -> PortName:
        spec = self._spec(key)
        return spec.default_port if spec else MAIN

    def _default_input(self, key: NodeKey) -> PortName:
        spec = self._spec(key)
        if spec is None or not spec.inputs or spec.inputs == ANY_PORT or MAIN in spec.inputs:
            return MAIN
        return spec.inputs[0]

    def _is_trigger(self, node: Mapping[str, Any]) -> bool:
        """By its description; a type that is only named is taken for a trigger when its last part says so."""
        spec = self._spec(node["key"])
        if spec is not None:
            return spec.is_trigger
        return "trigger" in str(node["type"]).rpartition(".")[2].split("_")

    def _edges(self) -> list[tuple[NodeKey, NodeKey]]:
        return [(connection["from"], connection["to"]) for connection in self._connections]

    def _compensations(self) -> set[NodeKey]:
        named = set()
        for node in self._nodes:
            settings = node["settings"]
            name = settings.get("compensate_with") if isinstance(settings, Mapping) else None
            named.add(settings.compensate_with if isinstance(settings, NodeSettings) else name)
        return {name for name in named if isinstance(name, str)}

    def _dangling(self, nodes: list[dict[str, Any]], connections: list[dict[str, Any]]) -> list[Problem]:
        known = {node["key"] for node in nodes if isinstance(node["key"], str)}
        return [
            Problem(
                code="unknown_node",
                message=f"there is no node {shown(connection[end])}{nearest(connection[end], known)}",
                place=f"connections[{index}].{end}",
            )
            for index, connection in enumerate(connections)
            for end in ("from", "to")
            if isinstance(connection[end], str) and connection[end] not in known
        ]

    def _unfinished(self) -> list[Problem]:
        return [
            Problem(code="unfinished_cycle", message=f"the cycle {shown(cycle.name)} was created, but never built")
            for cycle in self._cycles
            if not cycle.built
        ]


class CycleBuilder:
    """Says how a declared cycle goes back and when it ends."""

    def __init__(self, flow: WorkflowBuilder, name: str) -> None:
        self.name: Final = name
        self.built = False
        self._flow = flow
        self._ways_back: list[dict[str, Any]] = []
        self._fields: dict[str, Any] = {"name": name}

    def connect(
        self,
        source: NodeKey | NodeHandle,
        target: NodeKey | NodeHandle,
        *,
        from_port: PortName | None = None,
        to_port: PortName | None = None,
        condition: str | None = None,
        mapping: Mapping[str, str] | None = None,
    ) -> CycleBuilder:
        """The way back: from the last node of the cycle to its first."""
        self._ways_back.append(
            {
                "source": source,
                "target": target,
                "from_port": from_port,
                "to_port": to_port,
                "condition": condition,
                "mapping": mapping,
            }
        )
        return self

    def max_iterations(self, count: int) -> CycleBuilder:
        """Go back at most this often; reaching the limit is a normal end."""
        self._fields["max_iterations"] = count
        return self

    def converge_when(self, expression: str) -> CycleBuilder:
        """Stop going back when this holds for ``$input``, the value that would go back."""
        self._fields["converge_when"] = expression
        return self

    def timeout(self, duration: timedelta | str | float) -> CycleBuilder:
        """Stop going back when the cycle has taken this long."""
        self._fields["timeout"] = duration
        return self

    def build(self) -> WorkflowBuilder:
        """Put the cycle into the workflow and return to its builder."""
        if self.built or not self._ways_back:
            reason = "has been built already" if self.built else "has no way back; connect its last node to its first"
            raise UsageError(f"the cycle {self.name!r} {reason}", code="cycle_not_buildable")
        for way in self._ways_back:
            self._flow.connect(**way, loop=dict(self._fields))
        self.built = True
        return self._flow


def plain(value: Any) -> Any:
    """A copy of a Python value with what documents write as text written as text: instants, dates, durations."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, timedelta):
        return format_duration(value)
    return value.isoformat() if isinstance(value, (datetime, date)) else value
