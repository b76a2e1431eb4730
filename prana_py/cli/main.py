"""The command ``prana``: reads its arguments, does what they say, and answers with an exit code."""

from __future__ import annotations

import os
import sys
import threading
from argparse import Namespace
from collections.abc import Sequence
from typing import TextIO

from prana_py.cli.arguments import parser
from prana_py.cli.exit_codes import INTERRUPTED, OK, PIPE_CLOSED, REFUSED
from prana_py.errors import PranaError


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments say. Bad input is told in a line or two; whatever else is raised is a bug of ours."""
    _write_what_the_encoding_has(sys.stdout)
    _write_what_the_encoding_has(sys.stderr)
    arguments = parser().parse_args(argv)
    try:
        code = _done(arguments)
        sys.stdout.flush()
    except PranaError as error:
        code = _refused(error, arguments)
    except KeyboardInterrupt:
        print("\nprana: interrupted", file=sys.stderr)
        code = INTERRUPTED
    except BrokenPipeError:
        _say_nothing_more()
        code = PIPE_CLOSED
    _leave_if_threads_would_hold(code)
    return code


def _done(arguments: Namespace) -> int:
    if arguments.version:
        print(_version())
        return OK
    if arguments.command is None:
        parser().print_help()
        return REFUSED
    if hasattr(arguments, "db"):
        from prana_py.cli.stored_commands import done

        return done(arguments)
    from prana_py.cli import commands

    command = getattr(commands, arguments.command)
    return int(command(arguments))


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"prana {version('prana-py')}"
    except PackageNotFoundError:
        return "prana (not installed)"


def _refused(error: PranaError, arguments: Namespace) -> int:
    """Tell what is wrong, so that it can be read by whoever asked."""
    from prana_py.cli.next_steps import show_next_step
    from prana_py.cli.refusals import show_refusal
    from prana_py.cli.screen import screen_for
    from prana_py.cli.values import print_json

    if getattr(arguments, "json", False):
        print_json({"status": "refused", "error": error.details()}, sys.stdout)
    else:
        screen = screen_for(sys.stderr)
        show_refusal(screen, error, getattr(arguments, "workflow", "prana"))
        if hasattr(arguments, "db"):
            show_next_step(screen, error)
    return REFUSED


def _write_what_the_encoding_has(stream: TextIO) -> None:
    """What a stream cannot show becomes an escape, and never an error."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def _say_nothing_more() -> None:
    """Whoever read has gone: also what Python writes at its end goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(nowhere, stream.fileno())


def _leave_if_threads_would_hold(code: int) -> None:
    """A call that was given up may still sit in its thread; Python would wait for it at its end, and we do not."""
    if all(thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
