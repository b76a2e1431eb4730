"""The command as a process among others: quick to start, polite to pipes, terminals and Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import TOP, environment, prana, written

HEAVY = ("asyncio", "jinja2", "networkx", "rich", "yaml", "importlib.metadata")


def test_help_imports_nothing_heavy():
    program = (
        "import sys\n"
        "from prana_py.cli.main import main\n"
        "try:\n"
        "    main(['--help'])\n"
        "except SystemExit:\n"
        f"    print([name for name in {HEAVY} if name in sys.modules])\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout.splitlines()[-1] == "[]"


def test_a_run_does_not_need_rich(tmp_path: Path):
    (tmp_path / "rich.py").write_text("raise ImportError('rich is not installed')\n")

    answer = prana("run", "examples/first.json", "-q", PYTHONPATH=os.pathsep.join([str(tmp_path), str(TOP)]))

    assert (answer.code, answer.data["count"]) == (0, 3)


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path):
    numbers = {"key": "many", "type": "data.set", "params": {"values": {"all": list(range(50_000))}}}
    written(tmp_path, "many.json", [numbers], ("start", "many"))

    process = subprocess.Popen(
        [sys.executable, "-m", "prana_py.cli", "run", "many.json", "-q"],
        cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()

    assert process.wait(60) == 141
    assert told == b""


def test_what_an_encoding_cannot_show_becomes_an_escape(tmp_path: Path):
    greet = {"key": "grüßen", "type": "data.set", "params": {"values": {"text": "¡olé! ✓"}}}
    document = written(tmp_path, "greet.json", [greet], ("start", "grüßen"))

    answer = prana("run", document, at=tmp_path, PYTHONUTF8="0", PYTHONIOENCODING="ascii")

    assert answer.code == 0
    assert "ok gr\\xfc\\xdfen  completed" in answer.err
    assert json.loads(answer.out) == {"text": "¡olé! ✓"}


@pytest.mark.skipif(sys.platform == "win32", reason="terminals are POSIX")
def test_on_a_terminal_there_are_colours_and_a_line_that_tells_what_is_under_way():
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "prana_py.cli", "run", "examples/first.json"],
        cwd=TOP, env=environment(TERM="xterm-256color"), stdout=subprocess.DEVNULL, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    told = bytearray()
    try:
        while part := os.read(ours, 65_536):
            told += part
    except OSError:  # the other end is closed: the command has ended
        pass
    os.close(ours)

    assert process.wait(60) == 0
    assert b"\x1b[32m" in told
    assert b"under way: warehouse\r\x1b[K" in told
    assert "✓".encode() in told


def _hears_ctrl_c() -> None:
    """Tests that were started in the background may have been told to ignore it, and would hand that down."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_ctrl_c_ends_a_run_at_once(tmp_path: Path):
    (tmp_path / "slow.py").write_text(
        "import sys\n"
        "from threading import Event\n"
        "from prana_py import WorkflowBuilder, node\n"
        "@node\n"
        "def never() -> None:\n"
        "    print('begun', flush=True)\n"
        "    Event().wait(3600)\n"
        "flow = WorkflowBuilder('slow')\n"
        "flow.add(never)\n"
        "workflow = flow.build()\n"
    )
    for concurrency in ("1", "2"):
        process = subprocess.Popen(
            [sys.executable, "-m", "prana_py.cli", "run", "slow.py", "-q", "--max-concurrency", concurrency],
            cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=_hears_ctrl_c,
        )  # fmt: skip
        assert process.stderr is not None
        assert process.stderr.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)

        assert process.returncode == 130, concurrency
        assert told.splitlines()[-1] == "prana: interrupted"
        assert "Traceback" not in told
