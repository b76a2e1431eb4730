"""What the tests of the command line share: a folder with a store."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.kept import Shop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Shop]:
    """The variables and the logs are as before when it is over."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PRANA_DB", "shop.db")
    monkeypatch.delenv("PRANA_NODES", raising=False)
    names = ("prana_py", "prana_py.node", "prana_py.engine", "prana_py.worker")
    logs = [logging.getLogger(name) for name in names]
    before = [(log.handlers, log.propagate, log.level) for log in logs]
    yield Shop(tmp_path, capsys)
    for log, (handlers, propagate, level) in zip(logs, before, strict=True):
        log.handlers, log.propagate = handlers, propagate
        log.setLevel(level)
