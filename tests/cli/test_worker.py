"""``prana worker``, in processes of its own that are told to stop, and killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest

from tests.cli.command import Answer, environment, prana
from tests.cli.kept import Shop

STEPS = """
import sys
from pathlib import Path
from threading import Event
from prana_py import WorkflowBuilder, node

@node
def first() -> str:
    with Path("calls").open("a") as calls:
        calls.write("first\\n")
    return "first"

@node
def second(told: str) -> str:
    with Path("calls").open("a") as calls:
        calls.write("second\\n")
    print("second has begun", flush=True)
    if not Path("open").exists():
        sys.stdin.readline()
    return f"{told}, second"

@node
def third(told: str) -> str:
    return f"{told}, third"

flow = WorkflowBuilder("steps")
flow.add(first).then(flow.add(second, told="{{ $input }}")).then(flow.add(third, told="{{ $input }}"))
workflow = flow.build()
"""
"""Three steps, of which the second waits for a line on the standard input, unless the door is open."""


class Works:
    """Workers in processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[str]] = []
        (folder / "steps.py").write_text(STEPS)

    def __call__(self, *arguments: str) -> Answer:
        return prana(*arguments, at=self.folder, PRANA_DB="shop.db", PRANA_NODES="steps.py")

    def worker(self, *arguments: str) -> subprocess.Popen[str]:
        """One more worker."""
        process = subprocess.Popen(
            [sys.executable, "-m", "prana_py.cli", "worker", *arguments],
            cwd=self.folder,
            env=environment(PRANA_DB="shop.db", PRANA_NODES="steps.py"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    @property
    def calls(self) -> list[str]:
        """Which nodes were called, by all workers."""
        return (self.folder / "calls").read_text().split()


@pytest.fixture
def works(tmp_path: Path) -> Iterator[Works]:
    works = Works(tmp_path)
    yield works
    for process in works.processes:
        process.kill()
        process.communicate()


def told_until(process: subprocess.Popen[str], wanted: str) -> list[str]:
    """What a worker tells, up to a line with these words."""
    assert process.stderr is not None
    lines: list[str] = []
    watchdog = Timer(60, process.kill)
    watchdog.start()
    try:
        while not lines or wanted not in lines[-1]:
            line = process.stderr.readline()
            assert line, lines
            lines.append(line)
    finally:
        watchdog.cancel()
    return lines


def test_a_worker_does_what_is_due_and_ends(works: Works):
    works("start", "steps.py", "--submit", "--id", "one")
    (works.folder / "open").touch()

    worked = works("worker", "--until-idle")

    assert worked.code == 0
    lines = worked.err.splitlines()
    assert lines[0].endswith(" drives what is due, 8 executions at a time")
    assert "  one steps completed" in lines
    assert lines[-1] == "nothing is due"
    assert works("executions", "show", "one", "--json").data["output"] == "first, second, third"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_told_to_stop_finishes_the_node_that_is_under_way(works: Works, number: signal.Signals):
    works("start", "steps.py", "--submit", "--id", "one")
    worker = works.worker("--grace", "1m")
    told_until(worker, "second has begun")

    worker.send_signal(number)
    told_until(worker, f"{number.name}: nothing more is begun; what is under way has 60 s to come to its next commit")
    _, rest = worker.communicate("go on\n", timeout=60)
    shown = works("executions", "show", "one", "--json").data

    assert (worker.returncode, rest.splitlines()[-1]) == (0, "stopped")
    assert [(run["node_key"], run["status"]) for run in shown["node_executions"]][1:] == [
        ("first", "completed"), ("second", "completed"),
    ]  # fmt: skip
    assert works("worker", "--until-idle").code == 0
    assert works("executions", "show", "one", "--json").data["status"] == "completed"
    assert works.calls == ["first", "second"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_what_is_under_way_when_the_grace_is_over_is_left_to_others(works: Works):
    works("start", "steps.py", "--submit", "--id", "one")
    worker = works.worker("--grace", "0")
    told_until(worker, "second has begun")

    worker.terminate()
    told_until(worker, "stopped")
    code = worker.wait(60)
    (works.folder / "open").touch()

    assert code == 0
    assert works("worker", "--until-idle").code == 0
    assert works("executions", "show", "one", "--json").data["output"] == "first, second, third"
    assert works.calls == ["first", "second", "second"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_a_second_signal_ends_a_worker_at_once(works: Works):
    works("start", "steps.py", "--submit", "--id", "one")
    worker = works.worker("--grace", "1h")
    told_until(worker, "second has begun")

    worker.terminate()
    told_until(worker, "SIGTERM")
    worker.terminate()

    assert worker.wait(60) == -signal.SIGTERM


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_what_a_killed_worker_was_driving_goes_on_at_once_in_another_one(works: Works):
    works("start", "steps.py", "--submit", "--id", "one")
    worker = works.worker()
    told_until(worker, "second has begun")

    worker.kill()
    worker.wait(60)
    (works.folder / "open").touch()
    restarted = works("worker", "--until-idle")

    assert restarted.code == 0
    assert works("executions", "show", "one", "--json").data["output"] == "first, second, third"
    assert works.calls == ["first", "second", "second"]


def test_a_running_worker_takes_what_another_process_submits(works: Works):
    works("workflows", "publish", "steps.py")
    (works.folder / "open").touch()
    worker = works.worker()
    told_until(worker, "drives what is due")

    works("start", "steps", "--submit", "--id", "one")

    assert told_until(worker, "completed")[-1] == "  one steps completed\n"


def test_a_quiet_worker_tells_nothing_where_nothing_goes_wrong(shop: Shop):
    shop("start", shop.waiting(), "--submit")

    answer = shop("worker", "--until-idle", "--quiet")

    assert (answer.code, answer.out, answer.err) == (0, "", "")


def test_a_worker_without_the_node_types_of_the_store_does_not_begin(works: Works):
    works("start", "steps.py", "--submit", "--id", "one")

    refused = prana("worker", "--db", "shop.db", "--until-idle", at=works.folder)

    assert refused.code == 2
    assert refused.err.startswith("prana: the worker has 3 problems\n  steps: nodes[1].type: node 'first' has the unkn")
    assert works("executions", "show", "one", "--json").data["execution"]["status"] == "pending"
