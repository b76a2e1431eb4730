"""The arguments that ``prana`` takes, and what its help says."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter, _ArgumentGroup, _SubParsersAction
from typing import Final, NoReturn

from prana_py.cli.quantities import count, seconds
from prana_py.cli.store_arguments import add_store_commands

FORMATS: Final = ("ascii", "mermaid", "dot", "svg")

_TARGET: Final = "FILE.json, FILE.yaml, FILE.py[:NAME], MODULE:NAME, or - for JSON on the standard input"

_EPILOGUE: Final = """\
exit codes:
  0    completed (or: no problems)      3    suspended: it waits for something that did not come
  1    failed                           4    cancelled
  2    refused: wrong arguments, or     130  interrupted
       a document with problems         141  whoever read the output has gone away
"""


class Parser(ArgumentParser):
    """Says what is wrong in two lines, and where to read on."""

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments."""
        self.exit(2, f"{self.prog}: {message}\n{self.prog} --help tells what it takes\n")


def parser() -> Parser:
    """The parser of the whole command line."""
    top = Parser(
        prog="prana",
        description="Run, check and draw workflows; keep executions of them in a store, and drive them.",
        epilog=_EPILOGUE,
        formatter_class=RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="store_true", help="tell the version, and stop")
    commands: _SubParsersAction[Parser] = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    _run(commands)
    _check(commands)
    _graph(commands)
    add_store_commands(commands)
    return top


def _run(commands: _SubParsersAction[Parser]) -> None:
    run = commands.add_parser(
        "run",
        help="run a workflow here and now, in memory",
        description="Run a workflow here and now, in memory. The progress goes to the standard error, the workflow's "
        "output to the standard output.",
        epilog=_EPILOGUE,
        formatter_class=RawDescriptionHelpFormatter,
    )
    _target(run)
    _running(run)
    run.add_argument("--json", action="store_true", help="print one object instead: status, output, error, runs, waits")
    run.add_argument("--quiet", "-q", action="store_true", help="no progress and no picture")
    run.add_argument("--traceback", action="store_true", help="show where in its code a node failed")


def _check(commands: _SubParsersAction[Parser]) -> None:
    check = commands.add_parser(
        "check",
        help="tell everything that is wrong with a workflow",
        description="Tell everything that is wrong with a workflow, and what is probably not meant. Nothing is run.",
    )
    _target(check)
    check.add_argument("--json", action="store_true", help="print one object instead: valid, problems, warnings")


def _graph(commands: _SubParsersAction[Parser]) -> None:
    graph = commands.add_parser(
        "graph",
        help="draw a workflow, and what came of a run",
        description="Draw a workflow. With --run it is run, and the picture shows what became of each node.",
    )
    _target(graph)
    graph.add_argument("--format", "-f", choices=FORMATS, default="ascii", help="the default is ascii")
    graph.add_argument("--output", "-o", metavar="FILE", help="write the picture there instead of the standard output")
    graph.add_argument("--run", action="store_true", help="run it first, and paint the states on")
    _running(graph.add_argument_group("with --run"))


def _target(command: ArgumentParser) -> None:
    command.add_argument("workflow", metavar="WORKFLOW", help=_TARGET)
    command.add_argument(
        "--nodes",
        action="append",
        default=[],
        metavar="MODULE[:NAME]",
        help="node types of yours: a module or FILE.py, or one name in it (repeatable)",
    )


def _running(command: ArgumentParser | _ArgumentGroup) -> None:
    add = command.add_argument
    add("--input", "-i", metavar="JSON", help="what the workflow starts with: JSON, @FILE, or - for the standard input")
    add("--set", action="append", default=[], metavar="NAME=VALUE", help="a variable: JSON, else text (repeatable)")
    add(
        "--with",
        action="append",
        default=[],
        dest="others",
        metavar="WORKFLOW",
        help="another workflow, which this one may call (repeatable)",
    )
    add("--max-concurrency", type=count, default=1, metavar="N", help="nodes that may be at work at once (default 1)")
    add("--timeout", type=seconds, metavar="SECONDS", help="let the whole execution fail after this time")
    add(
        "--resume",
        action="append",
        default=[],
        metavar="WAIT=JSON",
        help="answer a wait, by its id or its node (repeatable, in order)",
    )
    add("--wait", type=seconds, default=0.0, metavar="SECONDS", help="how long to wait for timers (default 0)")
