"""Servers, and processes that work on them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.databases import postgresql_server
from tests.postgresql import Server
from tests.postgresql_chaos.machine import Machine, durable_server
from tests.postgresql_chaos.population import LEDGER

__all__ = ["postgresql_server"]

ROOT = Path(__file__).parent.parent.parent

Worker: TypeAlias = "subprocess.Popen[str]"

StartWorker: TypeAlias = Callable[..., Worker]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    """All processes of a test know the same key."""
    monkeypatch.setenv("PRANA_KEY", b64encode(b"k" * 32).decode())


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which all processes note what they do in the world."""
    path = tmp_path / "ledger"
    path.touch()
    monkeypatch.setenv(LEDGER, str(path))
    return path


@pytest.fixture
def machine() -> Iterator[Machine]:
    with durable_server() as machine:
        yield machine


@pytest.fixture
def url(postgresql_server: Server) -> Iterator[str]:
    """The address of a fresh database with the tables of the project, on the quick server that all tests share."""
    name = postgresql_server.fresh()
    yield postgresql_server.url(name)
    postgresql_server.drop(name)


@pytest.fixture
def start_worker(ledger: Path) -> Iterator[StartWorker]:
    """Starts processes that drive what is due; they are told to stop at the end, and must do so."""
    workers: list[Worker] = []

    def start(url: str, lease_s: float = 15, *before: str) -> Worker:
        command = [*before, sys.executable, "-m", "tests.postgresql_chaos.worker", url, str(lease_s)]
        worker = subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE)
        workers.append(worker)
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        return worker

    yield start
    for worker in workers:
        if worker.poll() is None:
            os.kill(worker.pid, signal.SIGTERM)
    endings = [worker.wait(60) for worker in workers]
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.close()
    assert set(endings) <= {0}
