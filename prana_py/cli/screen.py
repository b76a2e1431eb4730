"""What people see: lines in colours where the terminal can show them, in plain text everywhere else."""

from __future__ import annotations

from threading import Lock
from typing import Any, Final, Protocol, TextIO, TypeAlias

Span: TypeAlias = str | tuple[str, str]
"""Text, or text with a style such as ``"bold red"``."""

_ERASE: Final = "\r\x1b[K"


class Screen(Protocol):
    """Where lines for people go. Several threads may write."""

    width: int
    symbols: bool
    """Signs such as ✓ can be shown."""

    def line(self, *spans: Span) -> None:
        """Show a line that stays."""

    def passing(self, text: str) -> None:
        """Show a line that the next one replaces, where there is a terminal; an empty text takes it away."""


class PlainScreen:
    """Text without colours."""

    def __init__(self, stream: TextIO, *, width: int = 120) -> None:
        self.width = width
        self.symbols = can_show("✓✗·", stream)
        self._stream = stream
        self._lock = Lock()

    def line(self, *spans: Span) -> None:
        """Show a line."""
        text = "".join(span if isinstance(span, str) else span[0] for span in spans)
        with self._lock:
            self._stream.write(printable(text) + "\n")
            self._stream.flush()

    def passing(self, text: str) -> None:
        """What is only passing is for terminals."""


class RichScreen:
    """Colours, and a line at the bottom that tells what is under way."""

    def __init__(self, stream: TextIO, console: Any) -> None:
        self.width = console.width
        self.symbols = can_show("✓✗·", stream)
        self._stream = stream
        self._console = console
        self._lock = Lock()
        self._passing = ""

    def line(self, *spans: Span) -> None:
        """Show a line above the passing one."""
        from rich.text import Text

        text = Text.assemble(*(printable(span) if isinstance(span, str) else _styled(span) for span in spans))
        with self._lock:
            self._erase()
            self._console.print(text, soft_wrap=True, highlight=False)
            self._write_passing()

    def passing(self, text: str) -> None:
        """Replace the passing line."""
        with self._lock:
            self._erase()
            self._passing = printable(text)[: self.width - 1]
            self._write_passing()

    def _erase(self) -> None:
        if self._passing:
            self._stream.write(_ERASE)

    def _write_passing(self) -> None:
        self._stream.write(self._passing)
        self._stream.flush()


class NoScreen:
    """Shows nothing."""

    width = 80
    symbols = False

    def line(self, *spans: Span) -> None:
        """Nothing is shown."""

    def passing(self, text: str) -> None:
        """Nothing is shown."""


def screen_for(stream: TextIO) -> Screen:
    """The screen of a stream: with colours if it is a terminal and rich is there."""
    if stream.isatty():
        try:
            from rich.console import Console
        except ImportError:
            return PlainScreen(stream)
        console = Console(file=stream)
        if console.is_terminal and not console.is_dumb_terminal:
            return RichScreen(stream, console)
    return PlainScreen(stream)


def can_show(text: str, stream: TextIO) -> bool:
    """The stream's encoding has these characters."""
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeError, LookupError):
        return False
    return True


def printable(text: str) -> str:
    """The text without what would steer a terminal: whoever wrote a workflow cannot move somebody's cursor."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else f"\\x{ord(sign):02x}" for sign in text)


def _styled(span: tuple[str, str]) -> tuple[str, str]:
    return printable(span[0]), span[1]
