"""Whichever call of the store fails, and however, the caller gets a typed error, and whoever tries again goes on."""

from __future__ import annotations

import pytest

from prana_py.testing.crashing import FAILURES, Fault, Kind
from tests.durability.conftest import MakePlace
from tests.durability.living import calls_of, live, unlike
from tests.durability.scenarios import AT_MOST_ONCE, SCENARIOS, Scenario

OUTAGE: Kind = "unknown, committed"
"""The worst that may happen to several calls in a row: all is written, and nobody is told."""

CODES = {"store_busy", "store_full", "store_unavailable", "commit_unknown"}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_store_call_that_fails_changes_nothing_in_the_end(scenario: Scenario, make_private_place: MakePlace):
    calm = live(scenario, make_private_place())
    calls = range(1, calm.calls + 1)
    faults = [Fault(call, kind) for call in calls for kind in FAILURES]
    outages = [Fault(call, OUTAGE, calls=4) for call in calls]
    seen: set[str] = set()

    for fault in (*faults, *outages):
        disturbed = live(scenario, make_private_place(), fault)
        assert list(unlike(calm, disturbed)) == [], fault
        seen.update(disturbed.errors)

    print(f"{scenario}: {len(faults)} faults, {len(outages)} outages")
    assert seen == CODES


def test_what_may_run_at_most_once_does_not_run_again_though_its_settling_failed(make_private_place: MakePlace):
    calm = live(AT_MOST_ONCE, make_private_place())
    outputs = set()

    for call in range(1, calm.calls + 1):
        for kind in FAILURES:
            disturbed = live(AT_MOST_ONCE, make_private_place(), Fault(call, kind))
            assert calls_of(disturbed, "pay") <= 1, (call, kind)
            outputs.add("interrupted" in disturbed.ended["root"].output)

    assert outputs == {True, False}
