"""The progress of a run, a line for each thing that happens to a node."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from prana_py.cli.screen import Screen, Span
from prana_py.cli.values import short
from prana_py.cli.waits import ANSWERABLE, kind_in_words
from prana_py.cli.words import failure_in_words, in_words
from prana_py.driver.lifecycle import LifecycleEvent
from prana_py.identifiers import Scope

_WIDEST_NAME: Final = 32

_LOOKS: Final[Mapping[str, tuple[str, str, str]]] = {
    "node_completed": ("✓", "ok", "green"),
    "node_failed": ("✗", "!!", "bold red"),
    "node_retry_scheduled": ("↻", "..", "yellow"),
    "node_suspended": ("◔", "..", "cyan"),
    "node_resumed": ("▶", "->", "cyan"),
    "node_expired": ("◕", "->", "yellow"),
    "node_cancelled": ("■", "--", "yellow"),
    "node_withdrawn": ("■", "--", "dim"),
}
"""How an event is shown: its sign, the same in ASCII, its style."""


class Progress:
    """An observer that shows what it is told."""

    def __init__(self, screen: Screen, main_workflow: str, widest: int = 0) -> None:
        self._screen = screen
        self.main_workflow = main_workflow
        """The workflow that was asked for: its nodes are shown by their names alone."""
        self.widen(widest)
        self._under_way: dict[tuple[str, str, Scope], str] = {}
        self._kinds: dict[tuple[str, str], str] = {}
        """What each wait is for, by execution and wait id."""

    def widen(self, widest: int) -> None:
        """How long the names of nodes are that will be shown."""
        self._width = min(widest, _WIDEST_NAME)

    def __call__(self, event: LifecycleEvent) -> None:
        """Show an event."""
        key = (event.execution_id, event.node_key or "", event.scope)
        if event.kind == "node_starting":
            self._under_way[key] = self._name(event)
        for wait_id, kind in event.data.get("waits", {}).items() if event.kind == "node_suspended" else ():
            self._kinds[event.execution_id, wait_id] = kind
        if event.kind in _LOOKS and event.node_key is not None:
            self._under_way.pop(key, None)
            self._show(event)
        self._screen.passing(f"  under way: {', '.join(self._under_way.values())}" if self._under_way else "")

    def _show(self, event: LifecycleEvent) -> None:
        sign, plain_sign, style = _LOOKS[event.kind]
        shown: Span = (f"{sign if self._screen.symbols else plain_sign}", style)
        name = self._name(event).ljust(self._width)
        told = _TOLD[event.kind](event)
        if event.kind == "node_resumed" and self._kinds.get((event.execution_id, event.data["wait_id"])) in ANSWERABLE:
            told = f"{told} with {short(event.data.get('data'))}"
        self._screen.line("  ", shown, " ", (name, "bold"), "  ", (told, style))

    def _name(self, event: LifecycleEvent) -> str:
        """The node, with the item it is in, and its workflow where that is not the one that was asked for."""
        items = "".join(f"[{item}]" for _, _, item in event.scope)
        workflow = f"{event.workflow_id}/" if event.workflow_id != self.main_workflow else ""
        return f"{workflow}{event.node_key}{items}"


def _completed(event: LifecycleEvent) -> str:
    error = event.data.get("error")
    if error is not None:
        return f"went on with its error: {failure_in_words(error)}"
    ports = [port for port in event.data.get("ports", ()) if port != "main"]
    attempts = f"at attempt {event.attempt}" if (event.attempt or 1) > 1 else ""
    by = f"by {', '.join(ports)}" if ports else ""
    return " ".join(part for part in ("completed", by, attempts) if part)


def _failed(event: LifecycleEvent) -> str:
    return f"failed: {failure_in_words(event.data.get('error') or {})}"


def _retried(event: LifecycleEvent) -> str:
    delay = in_words((event.data["retry_at"] - event.at) / 1e9)
    return f"attempt {event.attempt} failed: {failure_in_words(event.data.get('error') or {})}; again in {delay}"


def _suspended(event: LifecycleEvent) -> str:
    return f"waits for {' or '.join(map(kind_in_words, event.data['waits'].values()))}"


def _why(event: LifecycleEvent) -> str:
    verb = "cancelled" if event.kind == "node_cancelled" else "withdrawn"
    why = event.data.get("why")
    return verb if why in (None, "", verb) else f"{verb}: {why}"


_TOLD: Final[Mapping[str, Callable[[LifecycleEvent], str]]] = {
    "node_completed": _completed,
    "node_failed": _failed,
    "node_retry_scheduled": _retried,
    "node_suspended": _suspended,
    "node_resumed": lambda event: "goes on",
    "node_expired": lambda event: "nobody came in time",
    "node_cancelled": _why,
    "node_withdrawn": _why,
}


class LogLines(logging.Handler):
    """Shows what nodes log, between the lines of the progress."""

    def __init__(self, screen: Screen) -> None:
        super().__init__(logging.INFO)
        self._screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        style: Any = "yellow" if record.levelno >= logging.WARNING else "dim"
        for line in self.format(record).splitlines():
            self._screen.line("    ", (f"{record.levelname.lower()}: {line}", style))


def show_logs(screen: Screen) -> None:
    """From now on, show what nodes log. What the engine logs of their failures, the progress tells already."""
    engine, nodes = logging.getLogger("prana_py"), logging.getLogger("prana_py.node")
    engine.handlers, engine.propagate = [logging.NullHandler()], False
    nodes.handlers, nodes.propagate = [LogLines(screen)], False
    nodes.setLevel(logging.INFO)
