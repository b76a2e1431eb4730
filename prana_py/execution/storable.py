"""What may be recorded: data that encodes, in the form that it has after a round trip."""

from __future__ import annotations

from typing import Any, Final

import msgspec

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder()
ATOMS: Final = frozenset({bool, float, type(None), bytes})
"""Types whose every value can be recorded as it is."""

SAFE_BITS: Final = 63
"""Whole numbers of so many bits can be recorded as they are."""

MAX_DEPTH: Final = 200
"""How deep recorded data may nest."""

_NO_HEADERS: Final = bytes(byte for byte in range(256) if not (0x80 <= byte <= 0x9F or 0xDC <= byte <= 0xDF))
"""The bytes with which MessagePack begins no list and no map."""


class NotStorableError(ValueError):
    """A value that cannot be recorded; the message says which part, and why."""


def storable(value: Any) -> Any:
    """The value as successors and the journal see it: tuples are lists, records are dicts; scalars are the same."""
    kind = type(value)
    if kind in ATOMS or (kind is int and -(1 << 63) <= value < 1 << 64) or (kind is str and value.isascii()):
        return value
    stored, encoded = _round_trip(value)
    # No more lists and maps than levels allowed: then nobody has to count the levels.
    if len(encoded) > MAX_DEPTH and len(encoded.translate(None, _NO_HEADERS)) > MAX_DEPTH and _is_too_deep(stored):
        raise NotStorableError(_TOO_DEEP)
    return stored


def check_storable(value: Any) -> None:
    """Refuse what cannot be recorded, where what is recorded need not be looked at."""
    try:
        encoded = _ENCODER.encode(value)
    except Exception as error:  # as below
        raise NotStorableError(_reason(value, error)) from error
    if len(encoded) > MAX_DEPTH and len(encoded.translate(None, _NO_HEADERS)) > MAX_DEPTH:
        storable(value)


def _round_trip(value: Any) -> tuple[Any, bytes]:
    try:
        encoded = _ENCODER.encode(value)
        return _DECODER.decode(encoded), encoded
    except Exception as error:  # encoding runs the value's own code: its attributes, its length
        raise NotStorableError(_reason(value, error)) from error


_TOO_DEEP: Final = f"it nests more than {MAX_DEPTH} levels deep, or contains itself"


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            part
            for whole in level
            for part in (whole.values() if type(whole) is dict else whole)
            if type(part) is dict or type(part) is list
        ]
        if not level:
            return False
    return True


def _reason(value: Any, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return _TOO_DEEP
    path, culprit = _culprit(value)
    at = f" at {path}" if path else ""
    return f"{type(culprit).__name__}{at} cannot be stored: {_text(error)}"


def _text(error: Exception) -> str:
    try:
        return str(error)[:200]
    except Exception as unreadable:  # noqa: BLE001  # an error of the value's own code
        return f"{type(error).__name__}, whose text cannot be read: its __str__ raised {type(unreadable).__name__}"


def _culprit(value: Any, path: str = "") -> tuple[str, Any]:
    """The smallest part that does not encode."""
    for depth in range(MAX_DEPTH):
        inner = _broken_part(value, path)
        if inner is None or depth == MAX_DEPTH - 1:
            return path, value
        path, value = inner
    return path, value


def _broken_part(value: Any, path: str) -> tuple[str, Any] | None:
    parts: list[tuple[str, Any]] = []
    kind = type(value)  # and no isinstance: that asks the value, which may lie or raise
    if issubclass(kind, dict):
        parts = [(_below(path, key), part) for key, part in list(dict.items(value))[:1000]]
    elif issubclass(kind, list):
        parts = [(f"{path}[{index}]", part) for index, part in enumerate(list.__getitem__(value, slice(1000)))]
    elif issubclass(kind, tuple):
        parts = [(f"{path}[{index}]", part) for index, part in enumerate(tuple.__getitem__(value, slice(1000)))]
    for inner_path, part in parts:
        try:
            _ENCODER.encode(part)
        except Exception:  # noqa: BLE001  # as above
            return inner_path, part
    return None


def _below(path: str, key: Any) -> str:
    name = key if type(key) is str else type(key).__name__ if type(key) not in (int, float, bool) else str(key)
    return f"{path}.{name}" if path else name
