"""``python -m benchmarks.core``: what the engine costs in time and memory, beside its floors and its targets."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from benchmarks import figures
from benchmarks.figures import Figure
from benchmarks.groups import groups
from benchmarks.machine import plain_loop_ms, slowness
from benchmarks.measuring import in_turn


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure everything, or what is asked for, and print it."""
    options = _options(arguments)
    slow = slowness()
    machine = {"python": platform.python_version(), "plain_loop_ms": plain_loop_ms(), "slowness": slow}
    found: list[Figure] = []
    if not options.json:
        _print_head(machine)
    for figure in measured(quick=options.quick, only=options.only):
        found.append(figure)
        if not options.json:
            _print_row(figure, slow)
    if options.json:
        told = {"machine": machine, "figures": [_told(figure, slow) for figure in found]}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n")


def measured(*, quick: bool = False, only: Iterable[str] = ()) -> Iterator[Figure]:
    """Every figure, one after the other."""
    wanted = tuple(only)
    for group in groups(quick=quick):
        if _is_wanted(group.name, wanted):
            times = in_turn(group.ours, group.floor, rounds=5 if quick else 15)
            unit = f"µs a {group.unit}"
            yield Figure(
                group.name, group.size, unit, times.ours / group.parts, times.floor / group.parts, group.target, True
            )
    for name, measure in figures.FIGURES.items():
        if _is_wanted(name, wanted):
            yield from measure(quick)


def _is_wanted(name: str, wanted: tuple[str, ...]) -> bool:
    return not wanted or any(part in name for part in wanted)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.core", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller sizes")
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="only what has this in its name")
    return parser.parse_args(arguments)


_ROW = "{:<36} {:>6}  {:<18} {:>10} {:>9} {:>8} {:>8}  {}"


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


if __name__ == "__main__":
    main()
