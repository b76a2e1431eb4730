"""The benchmarks run, and compare like with like: at tiny sizes, so that they cannot rot unseen."""

from __future__ import annotations

import json
from itertools import chain

import pytest

from benchmarks import core, figures, groups, memory
from benchmarks.groups import Group
from prana_py.execution.rows import Settled

RUNNING = [*groups.chains((3, 5)), *groups.shapes(arms=3, choices=4, items=3), *groups.starts()]
OTHER = [*groups.templates(), *groups.caching(3), *groups.compiling((3,))]


def named(found: list[Group]):
    return [pytest.param(group, id=f"{group.name} {group.size}") for group in found]


@pytest.mark.parametrize("group", named(RUNNING))
def test_the_engine_does_the_same_work_as_its_floor(group: Group):
    execution = group.ours()

    assert execution.status == "completed"
    assert [row.output for row in execution.history() if isinstance(row, Settled)] == group.floor()


@pytest.mark.parametrize("group", named(OTHER))
def test_what_is_no_run_can_be_timed_too(group: Group):
    group.ours()
    group.floor()


@pytest.mark.parametrize("group", named(list(groups.templates())))
def test_a_template_computes_what_its_floor_does(group: Group):
    assert group.ours() == group.floor()


def test_a_loaded_run_is_the_run_that_was_encoded():
    encode, load = groups.storing(5)

    assert len(encode.ours()) == len(encode.floor()) == encode.parts
    assert load.ours().status == "completed"


@pytest.mark.parametrize("layout", memory.LAYOUTS)
def test_every_layout_weighs_something(layout: str):
    assert memory.traced_bytes(memory.LAYOUTS[layout], 2) > 0


def test_both_layouts_hold_the_same_runs():
    (execution,) = memory.ours(1, 6)
    (held,) = memory.legacy_with_one_graph(1, 6)
    runs = list(chain.from_iterable(held.execution.node_executions.values()))

    told = [run for found in execution.node_executions.values() for run in found]
    assert [run.status for run in told] == [run.status for run in runs]
    assert [run.execution_index for run in told] == [run.execution_index for run in runs]


def test_the_table_is_one_json_object_when_asked(capsys: pytest.CaptureFixture[str]):
    core.main(["--quick", "--json", "--only", "template: path"])

    told = json.loads(capsys.readouterr().out)
    assert [figure["name"] for figure in told["figures"]] == ["template: path"]
    assert {"value", "floor", "ratio", "target", "met", "met_here"} <= told["figures"][0].keys()
    assert told["machine"]["plain_loop_ms"] > 0


def test_the_table_has_a_row_for_each_figure(capsys: pytest.CaptureFixture[str]):
    core.main(["--quick", "--only", "template: text"])

    assert "template: text" in capsys.readouterr().out


def test_a_slower_machine_may_take_longer_but_not_more_memory():
    time = figures.Figure("a", 1, "µs", 5, None, 4, is_time=True)
    memory_used = figures.Figure("b", 1, "bytes", 5, None, 4)

    assert (time.verdict(1.0), time.verdict(1.5), memory_used.verdict(1.5)) == ("no", "yes, scaled", "no")
