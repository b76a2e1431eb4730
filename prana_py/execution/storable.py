"""What may be recorded: data that encodes, in the form that it has after a round trip."""

from __future__ import annotations

from typing import Any, Final

import msgspec

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder()
ATOMS: Final = frozenset({bool, float, type(None), bytes})
"""Types whose every value can be recorded as it is."""
MAX_DEPTH: Final = 200
"""How deep recorded data may nest."""


class NotStorableError(ValueError):
    """A value that cannot be recorded; the message says which part, and why."""


def storable(value: Any) -> Any:
    """The value as successors and the journal see it: tuples are lists, records are dicts; scalars are the same."""
    kind = type(value)
    if kind in ATOMS or (kind is int and -(1 << 63) <= value < 1 << 64) or (kind is str and value.isascii()):
        return value
    try:
        return _DECODER.decode(_ENCODER.encode(value))
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        raise NotStorableError(_reason(value, error)) from error


def _reason(value: Any, error: Exception) -> str:
    path, culprit = _culprit(value)
    at = f" at {path}" if path else ""
    return f"{type(culprit).__name__}{at} cannot be stored: {str(error)[:200]}"


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
    if isinstance(value, dict):
        parts = [(f"{path}.{key}" if path else str(key), part) for key, part in list(value.items())[:1000]]
    elif isinstance(value, list | tuple):
        parts = [(f"{path}[{index}]", part) for index, part in enumerate(value[:1000])]
    for inner_path, part in parts:
        try:
            _ENCODER.encode(part)
        except (TypeError, ValueError, OverflowError, RecursionError):
            return inner_path, part
    return None
