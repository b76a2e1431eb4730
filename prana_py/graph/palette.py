"""The colours of states, the same in every picture."""

from __future__ import annotations

from typing import Final

_COLOURS: Final[dict[str, tuple[str, str]]] = {
    "ready": ("#e8f0fe", "#6b8fd6"),
    "running": ("#cfe2ff", "#1a5fd0"),
    "retrying": ("#ffe9c7", "#c77700"),
    "suspended": ("#fff3cd", "#b58900"),
    "completed": ("#d4f4dd", "#1e8449"),
    "failed": ("#fadbd8", "#c0392b"),
    "cancelled": ("#e5e7e9", "#7f8c8d"),
    "withdrawn": ("#e5e7e9", "#7f8c8d"),
    "skipped": ("#f4f6f7", "#b2babb"),
}

PLAIN: Final = ("#ffffff", "#566573")


def colours(state: str | None) -> tuple[str, str]:
    """Fill and line of a state; of one that is not known, the plain ones."""
    return PLAIN if state is None else _COLOURS.get(state, PLAIN)
