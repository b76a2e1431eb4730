"""Durations as people write them: ``30s``, ``1h30m``, ``PT5M`` or a number of seconds."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from fractions import Fraction

LONGEST = timedelta(days=36_500)
"""A hundred years: longer than anybody waits, and short enough that a present instant and it fit into 64 bit of ns."""

_MICROSECONDS = {
    "w": 604_800_000_000,
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
    "us": 1,
}
_WRITTEN = ("d", "h", "m", "s", "ms", "us")

_NUMBER = r"\d{1,15}(?:\.\d{1,9})?"
_SHORT = "".join(rf"(?:(?P<{unit}>{_NUMBER}){unit})?" for unit in _MICROSECONDS)
_ISO = (
    rf"P(?:(?P<w>{_NUMBER})W)?(?:(?P<d>{_NUMBER})D)?"
    rf"(?:T(?=\d)(?:(?P<h>{_NUMBER})H)?(?:(?P<m>{_NUMBER})M)?(?:(?P<s>{_NUMBER})S)?)?"
)


def parse_duration(written: str | int | float) -> timedelta:
    """The duration that was written; ``ValueError`` says what is wrong with any other text or number."""
    if isinstance(written, str):
        return _from_text(written)
    if not math.isfinite(written):
        raise ValueError("is not a finite number of seconds")
    return _from_microseconds(Fraction(written) * 1_000_000)


def format_duration(duration: timedelta) -> str:
    """The short form, exact to the microsecond: ``1h30m``, ``500ms``, ``0s``."""
    rest = duration // timedelta(microseconds=1)
    if rest <= 0:
        return "0s" if rest == 0 else f"-{format_duration(-duration)}"
    parts = []
    for unit in _WRITTEN:
        count, rest = divmod(rest, _MICROSECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def _from_text(written: str) -> timedelta:
    text = written.strip()
    if len(text) > 100:
        raise ValueError("is too long for a duration")
    # As texts, so that only a program that reads durations compiles them; `re` keeps what it has compiled.
    match = re.fullmatch(_ISO if text.startswith("P") else _SHORT, text, re.ASCII)
    amounts = {unit: amount for unit, amount in match.groupdict().items() if amount} if match else {}
    if not amounts:
        raise ValueError("is not a duration such as '500ms', '30s', '1h30m', '3d' or 'PT5M'")
    total = sum(Fraction(amount) * _MICROSECONDS[unit] for unit, amount in amounts.items())
    return _from_microseconds(Fraction(total))


def _from_microseconds(amount: Fraction) -> timedelta:
    if amount < 0:
        raise ValueError("is negative")
    if amount > LONGEST // timedelta(microseconds=1):
        raise ValueError(f"is longer than {LONGEST.days} days")
    return timedelta(microseconds=round(amount))
