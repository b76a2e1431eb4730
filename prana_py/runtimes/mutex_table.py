"""Whose turn it is at the mutexes of a runtime: first come, first served."""

from __future__ import annotations

from threading import Lock
from typing import TypeAlias

from prana_py.execution.rows import RunKey
from prana_py.identifiers import ExecutionId

Holder: TypeAlias = tuple[ExecutionId, RunKey]


class MutexTable:
    """For each mutex that is held: who holds it, then who waits for it. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lines: dict[str, list[Holder]] = {}
        self._lock = Lock()

    def acquire(self, name: str, holder: Holder) -> bool:
        """Whether it is the holder's turn; if not, he is in line from here on."""
        with self._lock:
            line = self._lines.setdefault(name, [])
            if holder not in line:
                line.append(holder)
            return line[0] == holder

    def release(self, execution_id: ExecutionId, live: frozenset[RunKey]) -> list[tuple[str, Holder]]:
        """Take an execution's runs out of every line, but for the live ones. Whose turn has come, and at what."""
        turns: list[tuple[str, Holder]] = []
        with self._lock:
            for name, line in list(self._lines.items()):
                left = [holder for holder in line if holder[0] != execution_id or holder[1] in live]
                if not left:
                    del self._lines[name]
                    continue
                if left[0] != line[0]:
                    turns.append((name, left[0]))
                self._lines[name] = left
        return turns
