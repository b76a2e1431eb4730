"""The command on a store, in this process: quick, and with what it leaves behind put away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from prana_py.cli.main import main
from tests.cli.command import Answer, written

WAITING = [
    {"key": "ask", "type": "wait.wait", "params": {"mode": "webhook"}},
    {"key": "told", "type": "data.set", "params": {"values": {"by": "{{ $input.by }}"}}},
]
"""Somebody is asked, and his name is told."""


class Shop:
    """A folder with a store, in which the command is given."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Answer:
        """What the command answers."""
        self._capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as end:  # the arguments make no sense
            code = int(str(end.code))
        told = self._capsys.readouterr()
        return Answer(code, told.out, told.err)

    def json(self, *arguments: str) -> Any:
        """The object that the command answers with."""
        return json.loads(self(*arguments, "--json").out)

    def document(self, name: str, nodes: list[dict[str, Any]], *connections: tuple[str, str]) -> str:
        """A workflow behind a trigger."""
        return written(self.folder, name, nodes, *connections)

    def waiting(self) -> str:
        """A workflow that waits for a webhook."""
        return self.document("ask.json", WAITING, ("start", "ask"), ("ask", "told"))
