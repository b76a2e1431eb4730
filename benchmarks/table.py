"""How figures are printed: as a table, or as one JSON object."""

from __future__ import annotations

import platform
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from benchmarks.figures import Figure
from benchmarks.machine import plain_loop_ms, slowness

_ROW = "{:<44} {:>6}  {:<18} {:>10} {:>9} {:>8} {:>8}  {}"


def options_of(program: str, promise: str | None, arguments: Sequence[str] | None) -> Namespace:
    """What every table can be asked."""
    parser = ArgumentParser(prog=program, description=promise)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller sizes")
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="only what has this in its name")
    return parser.parse_args(arguments)


def show(figures: Iterable[Figure], *, as_json: bool) -> None:
    """Print the figures, each as soon as it is known, or all as one object."""
    slow = slowness()
    machine = {"python": platform.python_version(), "plain_loop_ms": plain_loop_ms(), "slowness": slow}
    if as_json:
        told = {"machine": machine, "figures": [_told(figure, slow) for figure in figures]}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n")
        return
    _print_head(machine)
    for figure in figures:
        _print_row(figure, slow)


def is_wanted(name: str, wanted: Sequence[str]) -> bool:
    """It was asked for, or nothing special was."""
    return not wanted or any(part in name for part in wanted)


def _print_head(machine: dict[str, Any]) -> None:
    print(
        f"Python {machine['python']}; plain loop {machine['plain_loop_ms']:.1f} ms; "
        f"{machine['slowness']:.2f} times as slow as the machine of the targets\n"
    )
    print(_ROW.format("what", "size", "unit", "ours", "floor", "ratio", "target", "met"))


def _print_row(figure: Figure, slow: float) -> None:
    print(
        _ROW.format(
            figure.name,
            figure.size,
            figure.unit,
            _number(figure.value),
            _number(figure.floor),
            _number(figure.ratio),
            _number(figure.target),
            figure.verdict(slow),
        ),
        flush=True,
    )


def _told(figure: Figure, slow: float) -> dict[str, Any]:
    return {
        **msgspec.structs.asdict(figure),
        "ratio": figure.ratio,
        "met": None if figure.target is None else figure.meets(1.0),
        "met_here": None if figure.target is None else figure.meets(slow),
    }


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"
