"""What the database has acknowledged is found again, at whichever write the process is killed, or the file is torn."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from prana_py import NotFoundError
from prana_py.engine.engine import Engine
from prana_py.testing.store_invariants import check_store
from tests.durability import one_life

STRACE = shutil.which("strace")

LONG = bool(os.environ.get("PRANA_LONG_TESTS"))

MOST_WRITES = 2000

WAL_HEADER, FRAME = 32, 24 + 4096

needs_strace = pytest.mark.skipif(STRACE is None, reason="strace is not there to kill at a system call: install it")


class Told(NamedTuple):
    """What a process said before it ended, however it did."""

    returncode: int
    calls: list[str]
    has_ended: bool

    @property
    def acknowledged(self) -> list[str]:
        """The nodes of which the store had said that they are kept."""
        return self.calls if self.has_ended else self.calls[:-1]


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A database that knows the workflow, and nothing else."""
    path = tmp_path / "published.db"
    with Engine(f"sqlite:///{path}", nodes=[one_life.tell], synchronous="full") as engine:
        engine.publish(one_life.workflow())
    return path


@pytest.fixture
def lives(published: Path, tmp_path: Path) -> Callable[[str], tuple[Told, Path]]:
    """A life in a fresh database, under a fault."""
    count = iter(range(10**9))

    def life(inject: str) -> tuple[Told, Path]:
        path = shutil.copyfile(published, tmp_path / f"{next(count)}.db")
        strace = [str(STRACE), "-f", "-qq", "-o", os.devnull, "-e", f"inject={inject}"]
        command = [*strace, sys.executable, "-B", "-m", "tests.durability.one_life", f"sqlite:///{path}"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        lines = run.stdout.split()
        return Told(run.returncode, [line for line in lines if line in one_life.NODES], "ended" in lines), path

    return life


@needs_strace
def test_killed_at_any_write_all_that_was_acknowledged_is_there_and_goes_on(
    lives: Callable[[str], tuple[Told, Path]],
):
    points = 0
    for number in range(1, MOST_WRITES):
        told, path = lives(f"pwrite64:signal=KILL:when={number}")
        if told.returncode == 0:
            break
        points += 1
        assert_nothing_is_lost(told, path)

    print(f"killed at {points} writes")
    assert points >= 60


@needs_strace
@pytest.mark.parametrize(
    ("fault", "every", "least"), [("fdatasync:error=EIO", 1, 5), ("pwrite64:error=ENOSPC", 1 if LONG else 4, 15)]
)
def test_a_write_that_fails_is_told_to_the_caller_and_loses_nothing(
    fault: str, every: int, least: int, lives: Callable[[str], tuple[Told, Path]]
):
    points = 0
    for number in range(1, MOST_WRITES, every):
        told, path = lives(f"{fault}:when={number}")
        assert told.returncode in (0, 3), told
        if told.returncode == 0 and number > least * every:
            break
        points += 1
        assert_nothing_is_lost(told, path)

    print(f"{fault} at {points} points")
    assert points >= least


def assert_nothing_is_lost(told: Told, path: Path) -> None:
    """A new process finds what was acknowledged, and goes on to the same end."""
    with Engine(f"sqlite:///{path}", nodes=[one_life.tell]) as engine:
        try:
            found = set(engine.get("life").completed_nodes)
        except NotFoundError:
            found = set()
        assert found >= set(told.acknowledged)
        assert_goes_on_to_the_end(engine)


def assert_goes_on_to_the_end(engine: Engine) -> None:
    engine.start("life", "in", execution_id="life", idempotency_key="life")
    while engine.wake_due():
        pass
    (ended,) = check_store(engine)
    assert ended.status == "completed"
    assert ended.output.replace(".", "") == "inn0n1n2"


# ── torn files ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def in_the_log(published: Path, tmp_path: Path) -> Path:
    """A database with a whole execution that is in its write-ahead log alone."""
    path = shutil.copyfile(published, tmp_path / "running.db")
    copy = tmp_path / "copy.db"
    with Engine(f"sqlite:///{path}", nodes=[one_life.tell]) as engine:
        engine.start("life", "in", execution_id="life", idempotency_key="life")
        shutil.copyfile(path, copy)
        shutil.copyfile(f"{path}-wal", f"{copy}-wal")
    return copy


def test_a_log_that_is_torn_anywhere_opens_to_what_came_before(in_the_log: Path, tmp_path: Path):
    whole = Path(f"{in_the_log}-wal").read_bytes()
    journal = journal_of(torn(in_the_log, whole, tmp_path / "whole.db"))
    lengths = set()

    logs = [*_torn(whole), *_damaged(whole)]
    for number, log in enumerate(logs):
        path = torn(in_the_log, log, tmp_path / f"{number}.db")
        rows = journal_of(path)
        assert rows == journal[: len(rows)], number
        lengths.add(len(rows))
        with Engine(f"sqlite:///{path}", nodes=[one_life.tell]) as engine:
            assert_goes_on_to_the_end(engine)

    print(f"{len(logs)} torn logs gave journals of {sorted(lengths)} rows")
    assert len(lengths) >= 4


def _torn(whole: bytes) -> Iterator[bytes]:
    """Cut off after every frame, and in the middle of each."""
    rng = random.Random(7)
    for end in range(WAL_HEADER, len(whole), FRAME):
        yield whole[:end]
        yield whole[: end + rng.randrange(1, FRAME)]


def _damaged(whole: bytes) -> Iterator[bytes]:
    """With one byte that is another."""
    rng = random.Random(7)
    for _ in range(100 if LONG else 20):
        place = rng.randrange(WAL_HEADER, len(whole))
        yield whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]


def torn(database: Path, log: bytes, path: Path) -> Path:
    """The database with another log."""
    shutil.copyfile(database, path)
    Path(f"{path}-wal").write_bytes(log)
    return path


def journal_of(path: Path) -> list[bytes]:
    """The rows of the only execution; whoever held it is gone."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("DELETE FROM holder")
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [body for (body,) in connection.execute("SELECT body FROM journal ORDER BY place")]
    finally:
        connection.close()
