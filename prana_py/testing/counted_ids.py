"""Execution ids that count, so that two runs of one test have the same."""

from __future__ import annotations

from prana_py.identifiers import ExecutionId


class CountedIds:
    """``execution-1``, ``execution-2`` …"""

    def __init__(self, prefix: str = "execution") -> None:
        self._prefix = prefix
        self._made = 0

    def __call__(self) -> ExecutionId:
        self._made += 1
        return f"{self._prefix}-{self._made}"
