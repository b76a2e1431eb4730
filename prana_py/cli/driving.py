"""The commands that drive executions in a store: ``prana start``, ``prana resume``, ``prana signal`` and others."""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import Final

from prana_py.cli.exit_codes import OK
from prana_py.cli.progress import Progress, show_logs
from prana_py.cli.screen import NoScreen, Screen, screen_for
from prana_py.cli.sources import Source, load_source
from prana_py.cli.store_engine import open_engine
from prana_py.cli.stored_result import tell
from prana_py.cli.values import input_value, print_json, variables
from prana_py.engine.engine import Engine
from prana_py.errors import NotFoundError
from prana_py.execution.execution import Execution
from prana_py.identifiers import ExecutionId
from prana_py.model.workflow import Workflow

_DOCUMENT: Final = re.compile(r".*\.(json|yaml|yml|py)(:[\w.]+)?|[\w.]+:[\w.]+|-")
"""What names a file or a module, and no published workflow."""


def start(arguments: Namespace) -> int:
    """``prana start``: an execution begins here, or is left to a worker."""
    given = {
        "input": input_value(arguments.input),
        "variables": variables(arguments.set),
        "version": arguments.workflow_version,
        "trigger": arguments.trigger,
        "idempotency_key": arguments.key,
    }
    if arguments.execution_id is not None:
        given["execution_id"] = arguments.execution_id
    source = load_source(arguments.workflow) if is_document(arguments.workflow) else None
    with _showing(arguments, source) as (engine, progress):
        workflow_id = arguments.workflow if source is None else publish_all(engine, source)
        if arguments.submit:
            return _submitted(engine.submit(workflow_id, **given), arguments)
        progress.expect(engine.workflow(workflow_id, arguments.workflow_version))
        with redirect_stdout(sys.stderr):  # what nodes print is no part of the output
            execution = engine.start(workflow_id, **given)
        progress.end()
        return tell(engine, execution, arguments)


def resume(arguments: Namespace) -> int:
    """``prana resume``: the answer to a wait."""
    data = input_value(arguments.data, "--data")
    return _driven(
        arguments,
        lambda engine: engine.target(arguments.wait, arguments.wait_id).execution_id,
        lambda engine: engine.resume(
            arguments.wait, data, wait_id=arguments.wait_id, delivery_id=arguments.delivery_id
        ),
    )


def signal(arguments: Namespace) -> int:
    """``prana signal``: a named signal."""
    data = input_value(arguments.data, "--data")
    return _driven(
        arguments,
        lambda _: arguments.execution,
        lambda engine: engine.signal(arguments.execution, arguments.name, data, delivery_id=arguments.delivery_id),
    )


def cancel(arguments: Namespace) -> int:
    """``prana executions cancel``."""
    return _driven(
        arguments,
        lambda _: arguments.execution,
        lambda engine: engine.cancel(arguments.execution, arguments.reason),
    )


def retry(arguments: Namespace) -> int:
    """``prana executions retry``."""
    return _driven(arguments, lambda _: arguments.execution, lambda engine: engine.retry(arguments.execution))


def fork(arguments: Namespace) -> int:
    """``prana executions fork``."""
    return _driven(
        arguments, lambda _: arguments.execution, lambda engine: engine.fork(arguments.execution, at=arguments.at)
    )


def is_document(target: str) -> bool:
    """It names a file, or something in a module; else it is the id of a published workflow."""
    return _DOCUMENT.fullmatch(target) is not None or Path(target).is_file()


def publish_all(engine: Engine, source: Source) -> str:
    """Publish a workflow, and those beside it, which it may call. Its id."""
    for workflow in (*source.others, source.workflow):
        engine.publish(workflow)
    return source.workflow.id


def _driven(arguments: Namespace, whose: Callable[[Engine], ExecutionId], drive: Callable[[Engine], Execution]) -> int:
    with _showing(arguments) as (engine, progress):
        with suppress(NotFoundError):  # whoever drives it says so, and better
            header = engine.header(whose(engine))
            progress.expect(engine.workflow(header.workflow_id, header.workflow_version))
        with redirect_stdout(sys.stderr):
            execution = drive(engine)
        progress.end()
        return tell(engine, execution, arguments)


def _submitted(execution_id: ExecutionId, arguments: Namespace) -> int:
    if arguments.json:
        print_json({"status": "pending", "execution_id": execution_id}, sys.stdout)
    else:
        print(execution_id)
    return OK


class _Shown(Progress):
    """The progress of what is driven here."""

    def __init__(self, screen: Screen) -> None:
        super().__init__(screen, "")
        self.screen = screen

    def expect(self, workflow: Workflow) -> None:
        """Its nodes will be shown, by their names alone."""
        self.main_workflow = workflow.id
        self.widen(max((len(node.key) for node in workflow.nodes), default=0))

    def end(self) -> None:
        """Nothing is under way any more."""
        self.screen.passing("")


@contextmanager
def _showing(arguments: Namespace, source: Source | None = None) -> Iterator[tuple[Engine, _Shown]]:
    """An engine that shows what it drives."""
    screen: Screen = NoScreen() if arguments.quiet or arguments.json else screen_for(sys.stderr)
    show_logs(screen)
    progress = _Shown(screen)
    sources = () if source is None else (source,)
    with open_engine(arguments, sources=sources, observers=[progress], makes=source is not None) as engine:
        yield engine, progress
