"""Wherever the process ends, before or after any call of the store, another one goes on to the same end."""

from __future__ import annotations

import pytest

from prana_py.testing.crashing import KILLS, Fault
from tests.durability.conftest import MakePlace
from tests.durability.living import Outcome, calls_of, live, unlike
from tests.durability.scenarios import AT_MOST_ONCE, SCENARIOS, Scenario

LEAST_POINTS = {
    "chain": 28,
    "diamond": 36,
    "if with merge": 40,
    "loop": 28,
    "for_each with waits": 80,
    "retries": 56,
    "error port and compensation": 48,
    "cancel with compensation": 48,
    "races of timer and webhook": 50,
    "sync sub-workflow": 70,
    "batch of sub-workflows": 96,
    "parent that is cancelled": 96,
    "signals kept and taken": 64,
    "global mutex": 120,
    "error workflow": 36,
    "resume URL in a template": 38,
}
"""How many there were at least, so that none gets lost unseen. Fewer calls are an improvement: then this is lowered."""


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_crash_at_any_store_call_changes_nothing_but_how_often_nodes_are_called(
    scenario: Scenario, make_place: MakePlace
):
    calm = live(scenario, make_place())
    points = crash_points(calm)

    for point in points:
        disturbed = live(scenario, make_place(), point)
        assert list(unlike(calm, disturbed)) == [], point

    print(f"{scenario}: {len(points)} crash points")
    assert len(points) >= LEAST_POINTS[scenario.name]


def test_what_may_run_at_most_once_is_interrupted_by_a_crash_after_its_begin_and_never_called_again(
    make_place: MakePlace,
):
    calm = live(AT_MOST_ONCE, make_place())
    interrupted = []

    for point in crash_points(calm):
        disturbed = live(AT_MOST_ONCE, make_place(), point)
        calls = calls_of(disturbed, "pay")
        assert calls <= 1, point
        if "interrupted" in disturbed.ended["root"].output:
            interrupted.append((point.kind, calls))
        else:
            assert list(unlike(calm, disturbed)) == [], point

    assert interrupted == [("killed after", 0), ("killed before", 1)]


def crash_points(calm: Outcome) -> list[Fault]:
    """Every place where a life can end."""
    return [Fault(call, kind) for call in range(1, calm.calls + 1) for kind in KILLS]
