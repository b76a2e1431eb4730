"""Numbers and durations that stand in arguments."""

from __future__ import annotations

from argparse import ArgumentTypeError


def count(text: str) -> int:
    """A number from 1 to 1000."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= 1000:
        raise ArgumentTypeError(f"{text!r} is not a number from 1 to 1000")
    return int(text)


def position(text: str) -> int:
    """A number from 1 on: of a version, of a row."""
    if not text.isascii() or not text.isdigit() or int(text[:10]) == 0:
        raise ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text[:18])


def seconds(text: str) -> float:
    """A number of seconds, or a duration such as ``500ms`` or ``1h30m``."""
    from prana_py.model.durations import parse_duration

    try:
        return parse_duration(float(text) if _is_number(text) else text).total_seconds()
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} {error}") from None


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit() and text.isascii()
