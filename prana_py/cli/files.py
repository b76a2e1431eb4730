"""Files that people name: read and written, or refused in one line."""

from __future__ import annotations

from pathlib import Path

from prana_py.errors import NotFoundError, UsageError, nearest


def read_bytes(path: Path) -> bytes:
    """What is in a file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {str(path)!r}{like(path)}", code="file_not_found") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{str(path)!r} cannot be read: {_reason(error)}", code="file_unreadable") from None


def write_text(path: Path, text: str) -> None:
    """Put a text into a file."""
    try:
        path.write_text(text, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"{str(path)!r} cannot be written: {_reason(error)}", code="file_unwritable") from None


def must_be_readable(path: Path) -> None:
    """Say what is wrong with a file that somebody else will read."""
    read_bytes(path)


def like(path: Path) -> str:
    """A file of a name like it, in the same place."""
    try:
        names = [other.name for other in path.parent.iterdir()]
    except OSError:
        return f"; there is no directory {str(path.parent)!r} either"
    return nearest(path.name, names)


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
