"""What each command does."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

import msgspec

from prana_py.cli.exit_codes import OF_STATUS, OK, REFUSED
from prana_py.cli.files import write_text
from prana_py.cli.picture import show_picture, states
from prana_py.cli.progress import Progress, show_logs
from prana_py.cli.refusals import show_problems
from prana_py.cli.result import as_data, show_result
from prana_py.cli.running import Prepared, run_prepared
from prana_py.cli.screen import NoScreen, Screen, screen_for
from prana_py.cli.sources import catalog_of, load_source
from prana_py.cli.values import print_json
from prana_py.cli.words import failure_in_words
from prana_py.errors import DocumentError
from prana_py.graph.compile import compile_workflow
from prana_py.graph.diagram import draw


def run(arguments: Namespace) -> int:
    """``prana run``: the progress to the standard error, the output to the standard output."""
    screen: Screen = NoScreen() if arguments.quiet or arguments.json else screen_for(sys.stderr)
    prepared = Prepared(arguments)
    show_logs(screen)
    ran = run_prepared(prepared, [Progress(screen, prepared.graph.workflow_id, _widest(prepared))])
    screen.passing("")
    if arguments.json:
        print_json(as_data(ran), sys.stdout)
    else:
        told = screen_for(sys.stderr) if arguments.quiet and ran.execution.status != "completed" else screen
        show_picture(screen, ran.execution)
        show_result(told, ran, traceback=arguments.traceback)
        if ran.execution.status == "completed":
            print_json(ran.execution.output, sys.stdout)
    return OF_STATUS[ran.execution.status]


def graph(arguments: Namespace) -> int:
    """``prana graph``: the picture, as it is written or as it went."""
    if arguments.run:
        show_logs(NoScreen())
        ran = run_prepared(Prepared(arguments), [])
        picture = draw(ran.execution.execution_graph, arguments.format, states=states(ran.execution))
        if ran.execution.error is not None:
            screen_for(sys.stderr).line(f"{ran.execution.status}: {failure_in_words(ran.execution.error.as_data())}")
    else:
        source = load_source(arguments.workflow)
        compiled = compile_workflow(source.workflow, catalog_of((source,), arguments.nodes))
        picture = draw(compiled, arguments.format)
    if arguments.output is None:
        print(picture.rstrip("\n"))
    else:
        write_text(Path(arguments.output), picture.rstrip("\n") + "\n")
    return OK


def check(arguments: Namespace) -> int:
    """``prana check``: all problems and warnings of a workflow."""
    try:
        source = load_source(arguments.workflow)
        graph = compile_workflow(source.workflow, catalog_of((source,), arguments.nodes))
    except DocumentError as error:
        if not arguments.json:
            raise
        print_json({"valid": False, "problems": msgspec.to_builtins(error.problems), "warnings": []}, sys.stdout)
        return REFUSED
    if arguments.json:
        print_json({"valid": True, "problems": [], "warnings": msgspec.to_builtins(graph.warnings)}, sys.stdout)
        return OK
    screen = screen_for(sys.stdout)
    count = len(graph.warnings)
    warned = f", {count} warning{'s' if count != 1 else ''}" if count else ""
    size = f"{len(source.workflow.nodes)} nodes, {len(source.workflow.connections)} connections"
    screen.line(arguments.workflow, ": ", ("no problems", "bold green"), f" ({size}{warned})")
    show_problems(screen, graph.warnings, "yellow")
    return OK


def _widest(prepared: Prepared) -> int:
    """How long the names of nodes are, with an item each, and those of other workflows with the workflow."""
    own = max(map(len, prepared.graph.nodes), default=0)
    others = [len(f"{other.workflow_id}/{key}") for other in prepared.others for key in other.nodes]
    return max([own + len("[0]") if any(vertex.home for vertex in prepared.graph.vertices) else own, *others])
