"""Writing a workflow in Python, by value or by name, up to ``build()``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Protocol, TypeVar, runtime_checkable

from prana_py.errors import DocumentError, UsageError
from prana_py.identifiers import MAIN, NodeKey, PortName
from prana_py.model.connection import Cycle
from prana_py.model.entry import entries
from prana_py.model.forms import READERS
from prana_py.model.keys import free_key, key_from_name
from prana_py.model.node_spec import ANY_PORT, NodeSpec
from prana_py.model.python_values import plain
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
            "settings": plain(settings),
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
        if spec is None and callable(node_type):
            raise UsageError(f"{node_type!r} is no node type; use @node on the function", code="node_unusable")
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
                "settings": plain(settings),
                "metadata": plain(metadata or {}),
            }
        )
        if isinstance(key, str):
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
                for target in entries(list(self._specs), self._edges(), self._compensations())
            ]
        document = {**self._head, "nodes": nodes, "connections": connections}
        reading = Reading()
        workflow = reading.read(self._read, document)
        if workflow is INVALID:
            raise DocumentError(reading.problems, subject=f"workflow {shown(self.id)}")
        assert isinstance(workflow, Workflow)
        return workflow

    def _read(self, reading: Reading, document: dict[str, Any]) -> Any:
        workflow = READERS.reader(Workflow)(reading, document)
        self._check_ends(reading, document)
        for cycle in self._cycles:
            if not cycle.built:
                reading.problem("unfinished_cycle", f"the cycle {shown(cycle.name)} was created, but never built")
        return workflow

    def _check_ends(self, reading: Reading, document: dict[str, Any]) -> None:
        known = {node["key"] for node in document["nodes"] if isinstance(node["key"], str)}
        for index, connection in enumerate(document["connections"]):
            for end in ("from", "to"):
                key = connection[end]
                if isinstance(key, str) and key not in known:
                    message = f"there is no node {shown(key)}{reading.suggestion(key, known)}"
                    reading.problem("unknown_node", message, at=("connections", index, end))

    def _key(self, node: NodeKey | NodeHandle) -> NodeKey:
        if not isinstance(node, NodeHandle):
            return node
        if node._flow is not self:
            raise UsageError(
                f"{node!r} cannot be connected in workflow {self.id!r}; add it to this builder first",
                code="foreign_handle",
            )
        return node.key

    def _spec(self, key: object) -> NodeSpec | None:
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
        pairs = [(connection["from"], connection["to"]) for connection in self._connections]
        return [(source, target) for source, target in pairs if isinstance(source, str) and isinstance(target, str)]

    def _compensations(self) -> frozenset[NodeKey]:
        named: list[object] = []
        for node in self._nodes:
            settings = node["settings"]
            name = settings.get("compensate_with") if isinstance(settings, Mapping) else None
            named.append(settings.compensate_with if isinstance(settings, NodeSettings) else name)
        return frozenset(name for name in named if isinstance(name, str))


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
