"""How an execution is kept: its rows, without the graph, the environment or secrets, and how it comes back.

Where the history is bounded the rows alone cannot tell the state, so it is kept beside them.

A stored execution is plain JSON data. What JSON has no word for is tagged: ``{"$prana": "datetime", "value": …}``.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from prana_py.errors import InvariantError, StorageError
from prana_py.execution.execution import Execution
from prana_py.execution.rows import Row, Started
from prana_py.execution.snapshot import Snapshot, from_snapshot, take_snapshot
from prana_py.execution.transitions import fold
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.model.known_types import make_known

FORMAT: Final = 1
TAG: Final = "$prana"

_ENCODER: Final = msgspec.msgpack.Encoder()
make_known(Snapshot)

_DECODER: Final[msgspec.msgpack.Decoder[Row]] = msgspec.msgpack.Decoder(Row)

UNREADABLE: Final = (msgspec.MsgspecError, TypeError, ValueError, LookupError, ArithmeticError, RecursionError)
"""What reading data raises that are not what they should be."""

IMPOSSIBLE: Final = (*UNREADABLE, AttributeError, StopIteration, InvariantError)
"""What applying rows raises that do not follow from each other."""


def encode_row(row: Row) -> bytes:
    """A row as a store keeps it."""
    return _ENCODER.encode(row)


def decode_row(body: bytes) -> Row:
    """A row from a store; anything else than one is a ``StorageError``."""
    try:
        return _DECODER.decode(body)
    except UNREADABLE as error:
        raise StorageError(f"a journal row cannot be read: {error}", code="row_invalid") from error


def to_storage_format(execution: Execution) -> dict[str, Any]:
    """The execution as JSON data: everything but the graph and the environment."""
    rows = [msgspec.to_builtins(row, builtin_types=(datetime, bytes)) for row in execution.trail]
    state = None
    if execution.trail.dropped:
        state = tagged(msgspec.to_builtins(take_snapshot(execution), builtin_types=(datetime, bytes)))
    return {
        "format": FORMAT,
        "id": execution.id,
        "workflow_id": execution.workflow_id,
        "workflow_version": execution.workflow_version,
        "digest": execution.execution_graph.digest,
        "status": execution.status,
        "position": execution.position,
        "rows": [tagged(row) for row in rows],
        "state": state,
    }


def from_storage_format(
    stored: Mapping[str, Any],
    graph: ExecutionGraph,
    *,
    environment: Mapping[str, Any] | None = None,
    earlier: tuple[ExecutionGraph, ...] = (),
) -> Execution:
    """The execution that was stored, with its graph from the cache and the environment of now.

    ``earlier``: the graphs of the versions that it was moved from.
    """
    if not isinstance(stored, Mapping):
        raise StorageError(f"a stored execution is a mapping, not {type(stored).__name__}")
    if stored.get("format") != FORMAT:
        raise StorageError(
            f"this is a stored execution of format {stored.get('format')!r}, and this version reads format {FORMAT}",
            code="format_unknown",
        )
    rows = stored.get("rows")
    if not isinstance(rows, list):
        raise StorageError("a stored execution has a list of rows", code="journal_invalid")
    journal = [_row(row, position) for position, row in enumerate(rows)]
    state = stored.get("state")
    if state is None:
        execution = told(lambda: fold(graph, journal, environment or {}, earlier))
    elif stored.get("digest") != graph.digest:
        raise StorageError(
            f"execution {stored.get('id')!r} was stored with another graph; load it with its own", code="graph_mismatch"
        )
    else:
        snapshot = _snapshot(state)
        execution = told(lambda: from_snapshot(snapshot, journal, graph, environment or {}, earlier))
    _check_header(stored, execution)
    return execution


def told(load: Callable[[], Execution]) -> Execution:
    """What rows tell that fit together. Those that do not may break anything: here it becomes one kind of error."""
    try:
        return load()
    except IMPOSSIBLE as error:
        raise StorageError(
            f"the journal tells of something that cannot have happened ({type(error).__name__}: {error}); "
            "it is damaged, or belongs to another workflow",
            code="journal_invalid",
        ) from error


def _check_header(stored: Mapping[str, Any], execution: Execution) -> None:
    """What stands beside the rows, so that it need not be looked for in them, says the same as they do."""
    told = {"id": execution.id, "status": execution.status, "position": execution.position}
    for name, value in told.items():
        if name in stored and stored[name] != value:
            raise StorageError(
                f"the stored execution says that its {name} is {stored[name]!r:.80}, but its rows tell of {value!r}",
                code="journal_invalid",
            )


def _snapshot(data: Any) -> Snapshot:
    try:
        return msgspec.convert(untagged(data), Snapshot)
    except UNREADABLE as error:
        raise StorageError(f"the stored state cannot be read: {error}", code="snapshot_invalid") from error


def _row(data: Any, position: int) -> Row:
    try:
        row: Row = msgspec.convert(untagged(data), Row)
        return row
    except UNREADABLE as error:
        raise StorageError(f"row {position} cannot be read: {error}", code="row_invalid", position=position) from error


def rows_of(execution: Execution) -> list[bytes]:
    """Every row, encoded."""
    return [encode_row(row) for row in execution.trail]


def load_rows(graph: ExecutionGraph, bodies: list[bytes], *, environment: Mapping[str, Any] | None = None) -> Execution:
    """The execution that these encoded rows tell of."""
    rows = [decode_row(body) for body in bodies]
    return told(lambda: fold(graph, rows, environment or {}))


def started_row(bodies: list[bytes]) -> Started:
    """The first row of a journal."""
    row = decode_row(bodies[0]) if bodies else None
    if not isinstance(row, Started):
        raise StorageError("a journal must begin with a started row", code="journal_invalid")
    return row


def tagged(value: Any) -> Any:
    """Plain data in which every value has a JSON form."""
    if isinstance(value, dict):
        plain = {key: tagged(part) for key, part in value.items()}
        if TAG in plain or any(not isinstance(key, str) for key in plain):
            return {TAG: "map", "value": [[tagged(key), part] for key, part in plain.items()]}
        return plain
    if isinstance(value, list | tuple):
        return [tagged(part) for part in value]
    if isinstance(value, datetime):
        return {TAG: "datetime", "value": value.isoformat()}
    if isinstance(value, bytes):
        return {TAG: "bytes", "value": b64encode(value).decode("ascii")}
    if isinstance(value, msgspec.msgpack.Ext):
        return {TAG: "ext", "code": value.code, "value": bytes(value.data).hex()}
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return {TAG: "float", "value": repr(value)}
    return value


def _key(value: Any) -> Any:
    """The key of a map: where the journal has a tuple, JSON has but a list."""
    key = untagged(value)
    return _hashable(key) if isinstance(key, list) else key


def _hashable(value: Any) -> Any:
    return tuple(map(_hashable, value)) if isinstance(value, list) else value


def untagged(value: Any) -> Any:
    """What ``tagged`` was given."""
    if isinstance(value, list):
        return [untagged(part) for part in value]
    if not isinstance(value, dict):
        return value
    match value.get(TAG):
        case None:
            return {key: untagged(part) for key, part in value.items()}
        case "datetime":
            return datetime.fromisoformat(value["value"])
        case "bytes":
            return b64decode(value["value"], validate=True)
        case "ext":
            return msgspec.msgpack.Ext(value["code"], bytes.fromhex(value["value"]))
        case "float":
            return float(value["value"])
        case "map":
            return {_key(key): untagged(part) for key, part in value["value"]}
        case other:
            raise ValueError(f"unknown tag {other!r}")
