"""``python -m benchmarks.core``: what the engine costs in time and memory, beside its floors and its targets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from benchmarks import figures
from benchmarks.figures import Figure
from benchmarks.groups import groups
from benchmarks.measuring import in_turn
from benchmarks.table import is_wanted, options_of, show


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure everything, or what is asked for, and print it."""
    options = options_of("python -m benchmarks.core", __doc__, arguments)
    show(measured(quick=options.quick, only=options.only), as_json=options.json)


def measured(*, quick: bool = False, only: Iterable[str] = ()) -> Iterator[Figure]:
    """Every figure, one after the other."""
    wanted = tuple(only)
    for group in groups(quick=quick):
        if is_wanted(group.name, wanted):
            times = in_turn(group.ours, group.floor, rounds=5 if quick else 15)
            unit = f"µs a {group.unit}"
            yield Figure(
                group.name, group.size, unit, times.ours / group.parts, times.floor / group.parts, group.target, True
            )
    for name, measure in figures.FIGURES.items():
        if is_wanted(name, wanted):
            yield from measure(quick)


if __name__ == "__main__":
    main()
