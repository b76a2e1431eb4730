"""``prana worker``: drives what is due in a store until it is told to stop."""

from __future__ import annotations

import logging
import signal
import sys
from argparse import Namespace
from contextlib import redirect_stdout
from datetime import timedelta
from types import FrameType
from typing import Any, Final

from msgspec.structs import replace

from prana_py.cli.exit_codes import OK
from prana_py.cli.progress import LogLines
from prana_py.cli.screen import NoScreen, Screen, screen_for
from prana_py.cli.store_engine import open_engine
from prana_py.cli.words import counted, failure_in_words
from prana_py.driver.lifecycle import LifecycleEvent
from prana_py.engine.engine import Engine
from prana_py.engine.worker import Worker
from prana_py.errors import CompileError, Problem
from prana_py.graph.compile import compile_workflow

_STYLES: Final = {
    "execution_started": "",
    "execution_resumed": "",
    "execution_suspended": "cyan",
    "execution_completed": "green",
    "execution_failed": "red",
    "execution_cancelled": "yellow",
}


def work(arguments: Namespace) -> int:
    """Drive until a signal comes, or until nothing is due."""
    terminal = screen_for(sys.stderr)
    _show_logs(terminal)
    screen: Screen = NoScreen() if arguments.quiet else terminal
    with open_engine(arguments, observers=[_Told(screen)], makes=True) as engine, redirect_stdout(sys.stderr):
        must_know_all_node_types(engine)
        worker = Worker(engine, concurrency=arguments.concurrency)
        at_a_time = counted(arguments.concurrency, "execution")
        with _Stops(worker, timedelta(seconds=arguments.grace), screen) as stops:
            screen.line(f"worker {engine.id} drives what is due, {at_a_time} at a time")
            if arguments.until_idle:
                worker.run_until_idle()
            else:
                worker.run()
        screen.line("stopped" if stops.told else "nothing is due")
    return OK


def must_know_all_node_types(engine: Engine) -> None:
    """A worker that lacks node types would drive into failures what others could drive to their ends."""
    problems: list[Problem] = []
    for one in engine.workflows():
        try:
            compile_workflow(engine.workflow(one.id), engine.runtime.catalog)
        except CompileError as error:
            unknown = [problem for problem in error.problems if problem.code == "node_type_unknown"]
            problems += [replace(problem, place=f"{one.id}: {problem.place}") for problem in unknown]
    if problems:
        raise CompileError(problems, subject="worker")


class _Stops:
    """SIGTERM and Ctrl-C: the first lets what is under way come to rest, the second does what it always does."""

    def __init__(self, worker: Worker, grace: timedelta, screen: Screen) -> None:
        self.told = False
        self._worker = worker
        self._grace = grace
        self._screen = screen
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> _Stops:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._stop)
        return self

    def __exit__(self, *raised: object) -> None:
        self._as_before()

    def _as_before(self) -> None:
        while self._before:
            signal.signal(*self._before.popitem())

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.told = True
        self._as_before()
        seconds = f"{self._grace.total_seconds():g} s"
        self._screen.line(
            f"{signal.Signals(number).name}: nothing more is begun; what is under way has {seconds} to come to its "
            "next commit"
        )
        self._worker.stop(self._grace)


class _Told:
    """An observer that tells what becomes of executions."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def __call__(self, event: LifecycleEvent) -> None:
        if event.kind not in _STYLES:
            return
        what = event.kind.removeprefix("execution_")
        error: Any = event.data.get("error")
        why = f": {failure_in_words(error)}" if error else ""
        self._screen.line(
            "  ", (event.execution_id, "bold"), f" {event.workflow_id} ", (f"{what}{why}", _STYLES[event.kind])
        )


def _show_logs(screen: Screen) -> None:
    """What nodes log, and what goes wrong with the store and with single executions."""
    engine = logging.getLogger("prana_py")
    engine.handlers, engine.propagate = [logging.NullHandler()], False
    for name, level in (("node", logging.INFO), ("engine", logging.WARNING), ("worker", logging.INFO)):
        log = logging.getLogger(f"prana_py.{name}")
        log.handlers, log.propagate = [LogLines(screen)], False
        log.setLevel(level)
