"""Durations, counts and failures as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def in_words(seconds: float) -> str:
    """``12 ms``, ``3.4 s``, ``2 min 5 s``, ``3 h 20 min``."""
    if seconds < 0.001:
        return "< 1 ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def counted(count: int, one: str, many: str | None = None) -> str:
    """``1 node``, ``2 nodes``."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"


def failure_in_words(error: Mapping[str, Any]) -> str:
    """What a node error says in one line; with the exception's name where the node's own code raised it."""
    message = str(error.get("message", "")).partition("\n")[0]
    exception = str((error.get("details") or {}).get("exception", ""))
    if error.get("code") == "node_failed" and exception and not message.startswith(exception):
        return f"{exception}: {message}"
    return message or str(error.get("code", "it failed"))
