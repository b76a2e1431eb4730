"""Runs a workflow as the arguments say: starts it, answers its waits, and lets its timers pass."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections import deque
from collections.abc import Sequence
from contextlib import redirect_stdout
from datetime import timedelta
from threading import Event
from typing import Any, Final

from msgspec.structs import replace

from prana_py.cli.sources import catalog_of, load_source
from prana_py.cli.values import answers, input_value, variables
from prana_py.cli.waits import OpenWait, family_waits, first_due, named_wait, no_such_wait
from prana_py.errors import CompileError
from prana_py.execution.execution import Execution
from prana_py.graph.compile import compile_workflow
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.identifiers import Instant
from prana_py.model.workflow import Workflow
from prana_py.runtimes.base import Observer
from prana_py.runtimes.local import LocalRuntime

_GRACE_SECONDS: Final = 1.0
"""How long a node may go on after it was asked to stop: somebody sits and waits."""


class Prepared:
    """All that a run needs, read and checked before anything is run."""

    def __init__(self, arguments: Namespace) -> None:
        source = load_source(arguments.workflow)
        beside = [load_source(target) for target in arguments.others]
        self.catalog = catalog_of((source, *beside), arguments.nodes)
        self.graph = compile_workflow(source.workflow, self.catalog)
        others = (*source.others, *(other.workflow for other in beside))
        self.others = [self._other(workflow) for workflow in others]
        self.input = input_value(arguments.input)
        self.variables = variables(arguments.set)
        self.answers = deque(answers(arguments.resume))
        self.settings = source.workflow.settings
        if arguments.timeout is not None:
            self.settings = replace(self.settings, timeout=timedelta(seconds=arguments.timeout))
        self.max_concurrency: int = arguments.max_concurrency
        self.patience_ns = int(arguments.wait * 1e9)

    def _other(self, workflow: Workflow) -> ExecutionGraph:
        """A workflow that may be called; its problems are told with its name."""
        try:
            return compile_workflow(workflow, self.catalog)
        except CompileError as error:
            raise CompileError(error.problems, subject=f"workflow {workflow.id!r}") from error


class Ran:
    """What a run came to."""

    def __init__(self, execution: Execution, waits: list[OpenWait]) -> None:
        self.execution = execution
        self.waits = waits


def run_prepared(prepared: Prepared, observers: Sequence[Observer]) -> Ran:
    """Run until it has ended, or waits for something that the arguments do not answer."""
    graphs: list[ExecutionGraph] = [*prepared.others, prepared.graph]
    runtime = LocalRuntime(
        prepared.catalog,
        max_concurrency=prepared.max_concurrency,
        observers=observers,
        workflows=graphs,
        grace=_GRACE_SECONDS,
    )
    with redirect_stdout(sys.stderr):  # what nodes print is no part of the output
        execution = runtime.execute(
            prepared.graph, prepared.input, variables=prepared.variables, settings=prepared.settings
        )
        return _Going(runtime, execution, prepared).to_the_end()


class _Going:
    """A run that has come to rest, and goes on as long as the arguments have something for it."""

    def __init__(self, runtime: LocalRuntime, execution: Execution, prepared: Prepared) -> None:
        self.runtime = runtime
        self.execution = execution
        self.answers: deque[tuple[str, Any]] = prepared.answers
        self.until = Instant(runtime.clock.now() + prepared.patience_ns)

    def to_the_end(self) -> Ran:
        while not self.execution.is_final and (self._answered() or self._woken()):
            pass
        waits = list(family_waits(self.execution, self.runtime.kept))
        if self.answers:
            raise no_such_wait(waits, self.answers[0][0], self.execution.status)
        return Ran(self.execution, waits)

    def _answered(self) -> bool:
        """The next answer was for an open wait."""
        if not self.answers:
            return False
        name, data = self.answers[0]
        wait = named_wait(list(family_waits(self.execution, self.runtime.kept)), name)
        if wait is None:
            return False
        self.answers.popleft()
        self._take(self.runtime.resume(wait.execution, data, wait_id=wait.suspension.wait_id))
        return True

    def _woken(self) -> bool:
        """A timer came due before the patience was over."""
        due = first_due(list(family_waits(self.execution, self.runtime.kept)))
        if due is None or due[0] > self.until:
            return False
        instant, execution = due
        Event().wait(self.runtime.clock.seconds_until(instant))
        self._take(self.runtime.wake(execution))
        return True

    def _take(self, newer: Execution) -> None:
        """What went on was the execution itself, or a child of it: then the parent may have gone on, too."""
        kept = newer if newer.id == self.execution.id else self.runtime.kept(self.execution.id)
        if kept is not None:
            self.execution = kept
