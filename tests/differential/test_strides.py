"""Many ordinary rows written at once, or read at once, lead where one after another leads, on nets of all kinds."""

from __future__ import annotations

from typing import Any

import pytest

from prana_py.driver.drive import Options
from prana_py.execution.execution import Execution
from prana_py.execution.rows import Row
from prana_py.execution.sameness import difference
from prana_py.execution.transitions import apply
from tests.differential.nets import answer, compiled, with_a_start
from tests.differential.playing import Player
from tests.reference_interpreter import Net, random_net, scripted

KINDS: tuple[dict[str, Any], ...] = (
    {"cycles": False, "scopes": False},
    {"scopes": False},
    {},
    {"starving": True},
    {"starving": True, "races": True},
)
NETS = 60


def played(net: Net, seed: int, *, watched: bool) -> list[Execution]:
    """The net's execution after every row that somebody is told of, and at its end."""
    behaviour = scripted(net, seed=seed, fuel=3, suspend_every=6)
    values: list[Execution] = []

    def watching(_before: Execution, _row: Row, after: Execution) -> None:
        values.append(after)

    player = Player(compiled(net), lambda call: answer(net, behaviour, call), watching)
    player.options = Options(commits=watched)
    last = player.play()
    return [*values, last]


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_has_to_watch_for_the_same_to_come_out(kind: dict[str, Any]):
    for seed in range(NETS):
        net = with_a_start(random_net(seed, **kind))
        unwatched, watched = played(net, seed, watched=False), played(net, seed, watched=True)
        assert len(unwatched) == 1
        assert difference(unwatched[-1], watched[-1]) is None, f"random_net({seed}, **{kind})"


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_are_read_at_once_lead_where_each_by_itself_leads(kind: dict[str, Any]):
    for seed in range(NETS // 3):
        net = with_a_start(random_net(seed, **kind))
        *values, last = played(net, seed, watched=True)
        told = last.at(1)
        for row, value in zip(last.journal[1:], values, strict=True):
            told = apply(told, row)
            assert difference(told, value) is None, f"random_net({seed}, **{kind})"
            assert difference(last.at(value.position), value) is None, f"random_net({seed}, **{kind})"


def test_earlier_values_stay_as_they_were():
    net = with_a_start(random_net(7, scopes=False))
    *values, last = played(net, 7, watched=True)
    assert len(values) > 1
    assert [value.position for value in values] == list(range(2, last.position + 1))
    assert [len(value.journal) for value in values] == [value.position for value in values]
