"""Journal rows as bytes, with large values apart: each is kept once, by its content, however many rows have it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any, Final

import msgspec

from prana_py.errors import StorageError
from prana_py.execution.rows import Row
from prana_py.execution.storage import UNREADABLE, encode_row

LARGE: Final = 4096
"""Bytes from which on a value is kept apart."""

EXT_CODE: Final = 1
"""Marks, inside of a row, a value that is kept apart."""

_ENCODER: Final = msgspec.msgpack.Encoder()
_ROWS: Final[msgspec.msgpack.Decoder[Row]] = msgspec.msgpack.Decoder(Row)


def split_body(row: Row) -> tuple[bytes, dict[bytes, bytes]]:
    """A row as bytes, and its large values by their hashes."""
    body = encode_row(row)
    if len(body) <= LARGE:
        return body, {}
    apart: dict[bytes, bytes] = {}
    changed = dict(_without_large(row, apart))
    return (encode_row(msgspec.structs.replace(row, **changed)), apart) if apart else (body, {})


def joined_rows(bodies: list[bytes], blobs: Mapping[bytes, bytes]) -> list[Row]:
    """The rows that were kept like this; equal large values become one object."""
    decoder = _ROWS if not blobs else msgspec.msgpack.Decoder(Row, ext_hook=_Values(blobs))
    rows = []
    for position, body in enumerate(bodies):
        try:
            rows.append(decoder.decode(body))
        except UNREADABLE as error:
            raise StorageError(
                f"row {position} of a journal cannot be read: {error}", code="row_invalid", position=position
            ) from error
    return rows


_VALUES: Final = frozenset({"output", "input", "data", "value", "result"})
"""The fields of rows that hold any value of a user's."""

_MAPS: Final = frozenset({"params", "state", "context", "variables", "metadata", "outputs", "inputs"})
"""The fields that hold a map of such values, and must stay maps."""


class _Values:
    """Finds the values that are kept apart, each once."""

    def __init__(self, blobs: Mapping[bytes, bytes]) -> None:
        self.blobs = blobs
        self.known: dict[bytes, Any] = {}

    def __call__(self, code: int, data: memoryview) -> Any:
        name = bytes(data)
        if code != EXT_CODE or name not in self.blobs:
            raise StorageError(f"a large value of the journal is missing: {name.hex()}", code="blob_missing")
        if name not in self.known:
            self.known[name] = msgspec.msgpack.decode(self.blobs[name], ext_hook=self)
        return self.known[name]


def _without_large(row: Row, apart: dict[bytes, bytes]) -> Iterator[tuple[str, Any]]:
    """The fields of a row that hold something large, as they are kept."""
    for name in row.__struct_fields__:
        value = getattr(row, name)
        if value is None:
            continue
        if name in _VALUES:
            yield name, _smaller(value, apart)
        elif name in _MAPS:
            yield name, {key: _smaller(part, apart) for key, part in value.items()}
        elif name == "items":
            yield name, [_smaller(item, apart) for item in value]
        elif name == "plan":
            yield name, msgspec.structs.replace(value, items=[_smaller(item, apart) for item in value.items])


def _smaller(value: Any, apart: dict[bytes, bytes]) -> Any:
    """The value, or what stands for it: whatever in it is large is kept apart, from the leaves up."""
    if isinstance(value, str | bytes):
        return _kept_apart(_ENCODER.encode(value), apart) if len(value) >= LARGE else value
    if not isinstance(value, dict | list | tuple) or len(_ENCODER.encode(value)) < LARGE:
        return value
    if isinstance(value, dict):
        smaller: Any = {key: _smaller(part, apart) for key, part in value.items()}
    else:
        smaller = [_smaller(part, apart) for part in value]
    body = _ENCODER.encode(smaller)
    return smaller if len(body) < LARGE else _kept_apart(body, apart)


def _kept_apart(body: bytes, apart: dict[bytes, bytes]) -> msgspec.msgpack.Ext:
    name = blake2b(body, digest_size=20).digest()
    apart[name] = body
    return msgspec.msgpack.Ext(EXT_CODE, name)
