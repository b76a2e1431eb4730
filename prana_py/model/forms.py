"""The readers of what has a written form of its own: joins, on_error, settings, nodes and connections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args

from prana_py.model.connection import Connection
from prana_py.model.join import All, Batch, Custom, Every, FirstOf, Inclusive, Join
from prana_py.model.node import Node
from prana_py.model.prana_form import connections_reader, is_prana_settings, read_prana_settings
from prana_py.model.reading import INVALID, Reader, Readers, Reading, read_choice, shown
from prana_py.model.settings import Fallback, NodeSettings, OnError

JOIN_WORDS: Final[dict[str, Join]] = {"inclusive": Inclusive(), "all": All(), "each": Every(), "first": FirstOf()}
ON_ERROR_WORDS = ("stop", "continue", "error_port")


def _join_reader(readers: Readers) -> Reader:
    struct_readers = {struct: readers.struct(struct) for struct in get_args(Join)}

    def read_join(reading: Reading, value: Any) -> Any:
        known = struct_readers.get(type(value))
        if known is not None:
            return known(reading, value)
        if reading.typed:
            return reading.problem("wrong_type", f"expected a Join, got {shown(value)}")
        if isinstance(value, str):
            word = read_choice(reading, value, tuple(JOIN_WORDS))
            return INVALID if word is INVALID else JOIN_WORDS[word]
        return _read_join_object(reading, value, struct_readers)

    return read_join


def _read_join_object(reading: Reading, value: Any, struct_readers: Mapping[type, Reader]) -> Any:
    if not isinstance(value, Mapping) or not value:
        words = ", ".join(map(repr, JOIN_WORDS))
        return reading.problem(
            "wrong_type", f"expected {words}, {{'n': …}}, {{'batch': …}} or {{'policy': …}}, got {shown(value)}"
        )
    if "batch" in value:
        return struct_readers[Batch](reading, value)
    return struct_readers[Custom if "policy" in value else FirstOf](reading, value)


def _on_error_reader(readers: Readers) -> Reader:
    fallback_reader = readers.struct(Fallback)

    def read_on_error(reading: Reading, value: Any) -> Any:
        if isinstance(value, (Fallback, Mapping)):
            return fallback_reader(reading, value)
        return read_choice(reading, value, ON_ERROR_WORDS)

    return read_on_error


def _settings_reader(readers: Readers) -> Reader:
    struct_reader = readers.struct(NodeSettings)

    def read_settings(reading: Reading, value: Any) -> Any:
        if not reading.typed and is_prana_settings(value):
            return read_prana_settings(reading, value)
        return struct_reader(reading, value)

    return read_settings


def _node_reader(readers: Readers) -> Reader:
    struct_reader = readers.struct(Node)

    def read_node(reading: Reading, value: Any) -> Any:
        key = _node_key(value)
        reading.node_key = key if isinstance(key, str) and len(key) <= 255 else None
        node = struct_reader(reading, value)
        reading.node_key = None
        return node

    return read_node


def _nodes_reader(readers: Readers) -> Reader:
    list_reader = readers.listing(Node)

    def read_nodes(reading: Reading, value: Any) -> Any:
        if isinstance(value, (list, tuple)) and len(value) > reading.limits.max_nodes:
            return reading.problem(
                "too_many_nodes", f"there are {len(value)} nodes; a workflow has at most {reading.limits.max_nodes}"
            )
        nodes = list_reader(reading, value)
        _check_keys(reading, value)
        return nodes

    return read_nodes


def _check_keys(reading: Reading, value: Any) -> None:
    first: dict[str, int] = {}
    for index, item in enumerate(value if isinstance(value, (list, tuple)) else ()):
        key = _node_key(item)
        if isinstance(key, str) and first.setdefault(key, index) != index:
            message = f"the key {shown(key)} is taken by nodes[{first[key]}]"
            reading.problem("duplicate_key", message, at=(index, "key"))


def _node_key(item: Any) -> Any:
    if isinstance(item, Node):
        return item.key
    return item.get("key") if isinstance(item, Mapping) else None


READERS: Final = Readers(
    {
        frozenset(get_args(Join)): _join_reader,
        frozenset(get_args(OnError)): _on_error_reader,
        NodeSettings: _settings_reader,
        Node: _node_reader,
        tuple[Node, ...]: _nodes_reader,
        tuple[Connection, ...]: connections_reader,
    }
)
