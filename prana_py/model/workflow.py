"""A workflow as a person or an editor writes it: plain data."""

from __future__ import annotations

from typing import Any

import msgspec

from prana_py.identifiers import NodeKey
from prana_py.model.bounds import CountOrZero, Name
from prana_py.model.connection import Connection
from prana_py.model.node import Node
from prana_py.model.settings import WorkflowSettings


class Workflow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Nodes and the connections between them, with an identity, a version, variables and settings."""

    id: Name
    name: str
    version: CountOrZero = 1
    nodes: tuple[Node, ...] = ()
    connections: tuple[Connection, ...] = ()
    variables: dict[str, Any] = {}
    settings: WorkflowSettings = WorkflowSettings()
    metadata: dict[str, Any] = {}

    def node(self, key: NodeKey) -> Node | None:
        """The first node with this key, or ``None``."""
        return next((node for node in self.nodes if node.key == key), None)
