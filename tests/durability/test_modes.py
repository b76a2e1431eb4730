"""``batched`` and ``boundaries`` lose what ran since the last commit, never more, and never what must not be lost."""

from __future__ import annotations

import pytest

from prana_py.builtin_nodes.pure import PURE
from prana_py.driver.invocation import Invocation
from prana_py.engine.keeper import Durability
from prana_py.stores import executions
from prana_py.stores.bodies import joined_rows
from tests.durability.conftest import MakePlace
from tests.durability.living import Outcome, Place, calls_of, live, unlike
from tests.durability.scenarios import AT_MOST_ONCE, SCENARIOS, Scenario
from tests.durability.test_every_crash import crash_points

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}

MODES = pytest.mark.parametrize("durability", ["batched", "boundaries"])


@MODES
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_crash_in_a_mode_that_writes_less_repeats_runs_under_the_same_keys(
    scenario: Scenario, durability: Durability, make_private_place: MakePlace
):
    calm = live(scenario, make_private_place(), durability=durability)
    points = crash_points(calm)

    for point in points:
        disturbed = live(scenario, make_private_place(), point, durability=durability)
        assert list(unlike(calm, disturbed)) == [], point
        repeated = _repeated(scenario, calm, disturbed)
        assert all(calls <= calm.effects()[key.rpartition(" ")[2]] for key, calls in repeated.items()), point

    print(f"{scenario}, {durability}: {len(points)} crash points")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_crash_repeats_one_call_at_most_where_every_node_is_written(
    scenario: Scenario, make_private_place: MakePlace
):
    calm = live(scenario, make_private_place())

    for point in crash_points(calm):
        repeated = _repeated(scenario, calm, live(scenario, make_private_place(), point))
        assert sum(repeated.values()) <= 1, (point, repeated)


@MODES
def test_what_may_run_at_most_once_never_runs_twice_in_any_mode(durability: Durability, make_private_place: MakePlace):
    calm = live(AT_MOST_ONCE, make_private_place(), durability=durability)

    for point in crash_points(calm):
        assert calls_of(live(AT_MOST_ONCE, make_private_place(), point, durability=durability), "pay") <= 1, point


def _repeated(scenario: Scenario, calm: Outcome, disturbed: Outcome) -> dict[str, int]:
    """How much more often than in a calm life each key was used; calls that nobody can notice do not count."""
    before = calm.effects()
    unnoticed = {node.key for workflow in scenario.workflows for node in workflow.nodes if node.type in PURE}
    return {
        f"{effect.node_key} {effect.key}": effect.calls - before[effect.key]
        for effect in disturbed.ledger
        if effect.calls > before[effect.key] and effect.node_key not in unnoticed
    }


# ── what every mode commits before it goes on ─────────────────────────────────────────────────────────────────────────


def durable_at_first_call(scenario: Scenario, place: Place, node: str, of: str | None = None) -> list[str]:
    """The rows that another process would have seen, when a node was called, of its execution or of a named one."""
    database = place.open()
    seen: list[list[str]] = []

    def look(invocation: Invocation) -> None:
        if invocation.node_key == node:
            stored = database.transact(lambda: executions.read(of or invocation.execution_id), reads=True)
            rows = [] if stored is None else joined_rows(stored.bodies, stored.blobs)
            seen.append([type(row).__name__ for row in rows])

    live(scenario, place, durability="boundaries", look=look)
    return seen[0]


def test_ordinary_rows_are_not_written_before_they_must_be(make_private_place: MakePlace):
    chain = BY_NAME["chain"]

    assert durable_at_first_call(chain, make_private_place(), "a") == ["Started", "Settled"]
    assert durable_at_first_call(chain, make_private_place(), "d") == ["Started", "Settled"]


@pytest.mark.parametrize(
    ("name", "node", "last"),
    [
        ("at most once", "pay", ["Settled", "Begun"]),
        ("for_each with waits", "after", ["Suspended", "Resumed", "Settled"]),
        ("races of timer and webhook", "in_time", ["Suspended", "Resumed", "Settled"]),
        ("races of timer and webhook", "ended", ["Suspended", "Resumed", "Settled"]),
        ("signals kept and taken", "two", ["Suspended", "SignalTaken", "Settled"]),
        ("signals kept and taken", "end", ["Suspended", "Resumed", "Settled"]),
        ("global mutex", "print", ["Settled", "Begun"]),
        ("resume URL in a template", "mail", ["Settled", "Settled"]),
        ("sync sub-workflow", "end", ["Suspended", "Resumed", "Settled"]),
        ("cancel with compensation", "undo", ["CancelRequested"]),
    ],
)
def test_every_mode_commits_before_it_goes_on(name: str, node: str, last: list[str], make_private_place: MakePlace):
    scenario = AT_MOST_ONCE if name == AT_MOST_ONCE.name else BY_NAME[name]

    rows = durable_at_first_call(scenario, make_private_place(), node)

    assert rows[-len(last) :] == last


def test_every_mode_commits_that_a_child_is_to_be_started_before_it_is(make_private_place: MakePlace):
    rows = durable_at_first_call(BY_NAME["sync sub-workflow"], make_private_place(), "ask", of="root")

    assert rows[-1] == "Suspended"
