"""Workflow documents: between structs and plain data, JSON or YAML, with all problems of a document in one error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias, TypeVar

import msgspec

from prana_py.errors import DocumentError, Problem, UsageError, nearest
from prana_py.model.connection import Connection
from prana_py.model.forms import READERS
from prana_py.model.json_text import read_json, write_json
from prana_py.model.node import Node
from prana_py.model.prana_form import legacy_settings_to_dict
from prana_py.model.reading import DEFAULT_LIMITS, INVALID, Limits, Reading
from prana_py.model.settings import NodeSettings, WorkflowSettings
from prana_py.model.workflow import Workflow
from prana_py.model.writing import written
from prana_py.model.yaml_text import read_yaml, write_yaml

__all__ = [
    "DocumentFormat",
    "Limits",
    "check_workflow_values",
    "connection_from_dict",
    "connection_to_dict",
    "dump_connection",
    "dump_node",
    "dump_node_settings",
    "dump_workflow",
    "legacy_settings_to_dict",
    "load_connection",
    "load_node",
    "load_node_settings",
    "load_workflow",
    "node_from_dict",
    "node_settings_from_dict",
    "node_settings_to_dict",
    "node_to_dict",
    "workflow_from_dict",
    "workflow_settings_from_dict",
    "workflow_to_dict",
]

DocumentFormat: TypeAlias = Literal["json", "yaml"]

_FORMATS: Final[dict[str, tuple[Callable[[str | bytes, Limits, str], Any], Callable[[Any], str]]]] = {
    "json": (read_json, write_json),
    "yaml": (read_yaml, write_yaml),
}
_SUBJECTS: Final[dict[type[msgspec.Struct], str]] = {
    Workflow: "workflow",
    Node: "node",
    Connection: "connection",
    NodeSettings: "node settings",
    WorkflowSettings: "workflow settings",
}

S = TypeVar("S", bound=msgspec.Struct)


def workflow_from_dict(data: Any, *, limits: Limits = DEFAULT_LIMITS) -> Workflow:
    """The workflow that plain data describe; ``DocumentError`` with every problem if they do not."""
    return _read(Workflow, data, limits)


def node_from_dict(data: Any, *, limits: Limits = DEFAULT_LIMITS) -> Node:
    """The node that plain data describe."""
    return _read(Node, data, limits)


def connection_from_dict(data: Any, *, limits: Limits = DEFAULT_LIMITS) -> Connection:
    """The connection that plain data describe."""
    return _read(Connection, data, limits)


def node_settings_from_dict(data: Any, *, limits: Limits = DEFAULT_LIMITS) -> NodeSettings:
    """The settings of a node, in our form or in Prana's."""
    return _read(NodeSettings, data, limits)


def workflow_settings_from_dict(data: Any, *, limits: Limits = DEFAULT_LIMITS) -> WorkflowSettings:
    """The settings of a workflow."""
    return _read(WorkflowSettings, data, limits)


def workflow_to_dict(workflow: Workflow, *, with_defaults: bool = False) -> dict[str, Any]:
    """The workflow as plain data that JSON can hold, ready to be read again."""
    return _to_dict(workflow, with_defaults)


def node_to_dict(node: Node, *, with_defaults: bool = False) -> dict[str, Any]:
    """The node as plain data."""
    return _to_dict(node, with_defaults)


def connection_to_dict(connection: Connection, *, with_defaults: bool = False) -> dict[str, Any]:
    """The connection as plain data."""
    return _to_dict(connection, with_defaults)


def node_settings_to_dict(settings: NodeSettings, *, with_defaults: bool = False) -> dict[str, Any]:
    """The settings as plain data in our form; ``legacy_settings_to_dict`` writes Prana's."""
    return _to_dict(settings, with_defaults)


def load_workflow(source: str | bytes, format: DocumentFormat = "json", *, limits: Limits = DEFAULT_LIMITS) -> Workflow:
    """The workflow that a text describes."""
    return _load(Workflow, source, format, limits)


def load_node(source: str | bytes, format: DocumentFormat = "json", *, limits: Limits = DEFAULT_LIMITS) -> Node:
    """The node that a text describes."""
    return _load(Node, source, format, limits)


def load_connection(
    source: str | bytes, format: DocumentFormat = "json", *, limits: Limits = DEFAULT_LIMITS
) -> Connection:
    """The connection that a text describes."""
    return _load(Connection, source, format, limits)


def load_node_settings(
    source: str | bytes, format: DocumentFormat = "json", *, limits: Limits = DEFAULT_LIMITS
) -> NodeSettings:
    """The settings that a text describes."""
    return _load(NodeSettings, source, format, limits)


def dump_workflow(workflow: Workflow, format: DocumentFormat = "json", *, with_defaults: bool = False) -> str:
    """The workflow as text; loading and dumping it again gives the same bytes."""
    return _writer(format)(workflow_to_dict(workflow, with_defaults=with_defaults))


def dump_node(node: Node, format: DocumentFormat = "json", *, with_defaults: bool = False) -> str:
    """The node as text."""
    return _writer(format)(node_to_dict(node, with_defaults=with_defaults))


def dump_connection(connection: Connection, format: DocumentFormat = "json", *, with_defaults: bool = False) -> str:
    """The connection as text."""
    return _writer(format)(connection_to_dict(connection, with_defaults=with_defaults))


def dump_node_settings(settings: NodeSettings, format: DocumentFormat = "json", *, with_defaults: bool = False) -> str:
    """The settings as text."""
    return _writer(format)(node_settings_to_dict(settings, with_defaults=with_defaults))


def check_workflow_values(workflow: Workflow, *, limits: Limits = DEFAULT_LIMITS) -> list[Problem]:
    """What a document with the values of this workflow, which may have been made in Python, would be refused for."""
    reading = Reading(limits=limits, typed=True)
    reading.read(READERS.reader(Workflow), workflow)
    return reading.problems


def _read(struct: type[S], data: Any, limits: Limits, *, typed: bool = False) -> S:
    reading = Reading(limits=limits, typed=typed)
    result = reading.read(READERS.reader(struct), data)
    if result is INVALID:
        raise DocumentError(reading.problems, subject=_SUBJECTS[struct])
    assert isinstance(result, struct)
    return result


def _to_dict(value: msgspec.Struct, with_defaults: bool) -> dict[str, Any]:
    """Reads the value first: what is written can be read again, and is written the same however it was made."""
    kind = type(value)
    if kind not in _SUBJECTS:
        raise UsageError(f"a {kind.__name__} is not a part of a workflow document")
    data = written(_read(kind, value, DEFAULT_LIMITS, typed=True), with_defaults=with_defaults)
    assert isinstance(data, dict)
    return data


def _load(struct: type[S], source: str | bytes, format: str, limits: Limits) -> S:
    if not isinstance(source, (str, bytes)):
        raise UsageError(
            f"a document is text or bytes, not a {type(source).__name__}; plain data are read by …_from_dict"
        )
    read, _ = _format(format)
    return _read(struct, read(source, limits, _SUBJECTS[struct]), limits)


def _writer(format: str) -> Callable[[Any], str]:
    return _format(format)[1]


def _format(format: str) -> tuple[Callable[[str | bytes, Limits, str], Any], Callable[[Any], str]]:
    known = _FORMATS.get(format)
    if known is None:
        raise UsageError(f"unknown format {format!r}{nearest(str(format), _FORMATS)}; known are 'json' and 'yaml'")
    return known
