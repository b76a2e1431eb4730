"""Templates of nodes and workflows, from which others are made with a few things changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from prana_py.errors import NotFoundError, UsageError, nearest
from prana_py.identifiers import NodeKey, WorkflowId
from prana_py.model.document import node_from_dict, node_to_dict, workflow_from_dict, workflow_to_dict
from prana_py.model.node import Node
from prana_py.model.python_values import plain
from prana_py.model.settings import WorkflowSettings
from prana_py.model.workflow import Workflow

NODE_CHANGES = ("type", "name", "params", "settings", "metadata")


class NodePrototype:
    """A node that others are made from; it is never changed itself."""

    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        self.node: Final = node

    def make(self, key: NodeKey, **changes: Any) -> Node:
        """A node with another key; ``changes`` are fields of a node, params and metadata merged deeply."""
        data = changed_node(node_to_dict(self.node), changes)
        return node_from_dict({**data, "key": key})


class WorkflowPrototype:
    """A workflow that others are made from; it is never changed itself."""

    __slots__ = ("workflow",)

    def __init__(self, workflow: Workflow) -> None:
        self.workflow: Final = workflow

    def make(
        self,
        id: WorkflowId,
        *,
        name: str | None = None,
        version: int | None = None,
        variables: Mapping[str, Any] | None = None,
        settings: WorkflowSettings | Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        nodes: Mapping[NodeKey, Mapping[str, Any]] | None = None,
    ) -> Workflow:
        """A workflow under another id, with changed variables, settings and nodes: ``{key: {"params": {…}}}``."""
        data = workflow_to_dict(self.workflow)
        given = {"id": id, "name": name, "version": version}
        data |= {field: value for field, value in given.items() if value is not None}
        data["variables"] = _merged_variables(data.get("variables", {}), variables or {})
        data["settings"] = merged_settings(data.get("settings", {}), plain(settings))
        data["metadata"] = merged(data.get("metadata", {}), plain(metadata or {}))
        data["nodes"] = _changed_nodes(data.get("nodes", []), nodes or {})
        return workflow_from_dict(data)


def clone(
    workflow: Workflow,
    *,
    id: WorkflowId | None = None,
    name: str | None = None,
    version: int | None = None,
    variables: Mapping[str, Any] | None = None,
    settings: WorkflowSettings | Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    nodes: Mapping[NodeKey, Mapping[str, Any]] | None = None,
) -> Workflow:
    """A copy of a workflow with a few things changed; the workflow itself stays as it is."""
    return WorkflowPrototype(workflow).make(
        workflow.id if id is None else id,
        name=name,
        version=version,
        variables=variables,
        settings=settings,
        metadata=metadata,
        nodes=nodes,
    )


def merged(base: Any, changes: Any) -> Any:
    """Objects merged at every depth; anything else is replaced, ``None`` included. Neither argument is touched."""
    if not (isinstance(base, Mapping) and isinstance(changes, Mapping)):
        return changes
    result = dict(base)
    for key, change in changes.items():
        result[key] = merged(base[key], change) if key in base else change
    return result


def merged_settings(base: Mapping[str, Any], changes: Any) -> Any:
    """Settings merged field by field, retries also inside; whole settings replace those of the prototype.

    Deeper it would be wrong: half of one join and half of another are no join.
    """
    if not isinstance(changes, Mapping):
        return base if changes is None else changes
    retry = {"retry": merged(base.get("retry"), changes["retry"])} if "retry" in changes else {}
    return {**base, **changes, **retry}


def changed_node(data: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The data of a node with changes; a change that is no field of a node is refused."""
    result = dict(data)
    for field, change in plain(changes).items():
        if field not in NODE_CHANGES:
            hint = nearest(str(field), NODE_CHANGES) or f"; known are {', '.join(NODE_CHANGES)}"
            raise UsageError(f"node {data.get('key')!r}: {field!r} cannot be changed{hint}", code="unknown_field")
        if field == "settings":
            result[field] = merged_settings(data.get(field, {}), change)
        else:
            result[field] = merged(data.get(field), change)
    return result


def _changed_nodes(nodes: list[dict[str, Any]], changes: Mapping[NodeKey, Mapping[str, Any]]) -> list[dict[str, Any]]:
    keys = [node["key"] for node in nodes]
    for key in changes:
        if key not in keys:
            raise NotFoundError(f"the prototype has no node {key!r}{nearest(str(key), keys)}", code="unknown_node")
    return [changed_node(node, changes[node["key"]]) if node["key"] in changes else node for node in nodes]


def _merged_variables(variables: Mapping[str, Any], changes: Mapping[str, Any]) -> Any:
    for name in changes:
        if name not in variables:
            hint = nearest(str(name), variables)
            raise NotFoundError(f"the prototype has no variable {name!r}{hint}", code="unknown_variable")
    return merged(variables, plain(changes))
