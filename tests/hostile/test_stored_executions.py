"""Stored executions that were damaged: an execution, or a ``StorageError`` or ``TransitionError`` – nothing else."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prana_py import Execution, LocalRuntime, StorageError, TransitionError
from prana_py.execution.storage import decode_row, load_rows, rows_of, started_row
from tests.hostile.worlds import NODES, WORLDS, World

WELL_FORMED_REFUSALS = (StorageError, TransitionError)

STRANGE: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 10**6, 2**63, -(2**63), 2**64, 2**70, 1.5, float("nan"), "", "main", "start",
    "ask", "each", "nowhere", "\ud800", [], {}, [[]], [["each", 0, 0]], [["each", 0, 1]], [["nowhere", 0, 0]], [1, 2],
    {"$prana": "map", "value": [[[1], 2]]}, {"$prana": "map", "value": 3}, {"$prana": "nope"}, {"$prana": "datetime"},
    {"$prana": []}, {"$prana": "bytes", "value": "§"}, {"$prana": "datetime", "value": "tomorrow"},
    {"$prana": "map", "value": [[{"$prana": "map", "value": []}, 1]]},
]  # fmt: skip
"""What takes the place of a value."""


@cache
def stored(name: str) -> tuple[World, dict[str, Any]]:
    world = WORLDS[name]()
    return world, world[1].to_storage_format()


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place inside of the data."""
    parts = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [place for key, part in parts for place in ((*path, key), *places(part, (*path, key)))]


def inside(data: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        data = data[step]
    return data


def mutate(data: Any, chance: random.Random, times: int) -> Any:
    """The data with so many things changed in it."""
    data = copy.deepcopy(data)
    for _ in range(times):
        everywhere = places(data)
        place = chance.choice(everywhere)
        _MUTATIONS[chance.randrange(len(_MUTATIONS))](inside(data, place[:-1]), place[-1], chance, data, everywhere)
    return data


def _replaced(whole: Any, key: Any, chance: random.Random, *_: Any) -> None:
    whole[key] = copy.deepcopy(chance.choice(STRANGE))


def _removed(whole: Any, key: Any, *_: Any) -> None:
    del whole[key]


def _doubled(whole: Any, key: Any, chance: random.Random, *_: Any) -> None:
    if isinstance(whole, list):
        whole.insert(chance.randrange(len(whole) + 1), copy.deepcopy(whole[key]))
    else:
        whole[f"{key}2"] = copy.deepcopy(whole[key])


def _swapped(whole: Any, key: Any, chance: random.Random, *_: Any) -> None:
    other = chance.choice(list(whole) if isinstance(whole, dict) else range(len(whole)))
    whole[key], whole[other] = whole[other], whole[key]


def _taken_from_elsewhere(whole: Any, key: Any, chance: random.Random, data: Any, everywhere: Any) -> None:
    whole[key] = copy.deepcopy(inside(data, chance.choice(everywhere)))


def _counted_on(whole: Any, key: Any, chance: random.Random, *_: Any) -> None:
    if isinstance(whole[key], int):
        whole[key] += chance.choice((-2, -1, 1, 2, 1000))


_MUTATIONS: tuple[Callable[..., None], ...] = (
    _replaced, _removed, _doubled, _swapped, _taken_from_elsewhere, _counted_on, _counted_on
)  # fmt: skip


@pytest.mark.parametrize("name", WORLDS)
def test_every_kind_of_execution_comes_back_as_it_was(name: str):
    (graph, _), data = stored(name)

    assert Execution.from_storage_format(data, graph).to_storage_format() == data


@pytest.mark.parametrize("name", WORLDS)
@given(seed=st.integers(0, 1 << 32), times=st.integers(1, 4))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_damaged_execution_is_one_or_is_refused(name: str, seed: int, times: int):
    (graph, _), data = stored(name)
    damaged = mutate(data, random.Random(seed), times)

    with suppress(*WELL_FORMED_REFUSALS):
        execution = Execution.from_storage_format(damaged, graph)
        assert isinstance(execution, Execution)
        repr(execution)
        assert Execution.from_storage_format(execution.to_storage_format(), graph).position == execution.position


@pytest.mark.parametrize("name", WORLDS)
@given(seed=st.integers(0, 1 << 32))
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_rows_out_of_their_order_are_refused_or_tell_of_something(name: str, seed: int):
    (graph, execution), _ = stored(name)
    rows, chance = rows_of(execution), random.Random(seed)
    match chance.randrange(4):
        case 0:
            del rows[chance.randrange(len(rows))]
        case 1:
            rows.insert(chance.randrange(len(rows) + 1), chance.choice(rows))
        case 2:
            chance.shuffle(rows)
        case _:
            rows = rows[: chance.randrange(len(rows))]

    with suppress(*WELL_FORMED_REFUSALS):
        assert isinstance(load_rows(graph, rows), Execution)


@pytest.mark.parametrize("name", WORLDS)
@given(seed=st.integers(0, 1 << 32), flips=st.integers(1, 8))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_flipped_bits_are_found_or_change_data(name: str, seed: int, flips: int):
    (graph, execution), _ = stored(name)
    chance = random.Random(seed)
    bodies = [bytearray(body) for body in rows_of(execution)]
    for _ in range(flips):
        body = chance.choice(bodies)
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)

    with suppress(*WELL_FORMED_REFUSALS):
        assert isinstance(load_rows(graph, [bytes(body) for body in bodies]), Execution)


@given(body=st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_bytes_that_are_no_row_are_refused(body: bytes):
    with pytest.raises(StorageError, match="cannot be read"):
        decode_row(body)


@given(
    data=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda part: st.lists(part) | st.dictionaries(st.text(), part),
    )
)
@settings(max_examples=200, deadline=None)
def test_data_that_are_no_execution_are_refused(data: Any):
    (graph, _), good = stored("waiting")

    for whole in (
        data,
        {"format": data},
        {**good, "rows": data},
        {**good, "rows": [data]},
        {**good, "state": data or 0},
    ):
        with pytest.raises(StorageError):
            Execution.from_storage_format(whole, graph)


def test_an_empty_journal_is_refused():
    (graph, _), good = stored("waiting")

    with pytest.raises(StorageError) as caught:
        started_row([])
    assert caught.value.code == "journal_invalid"
    with pytest.raises(StorageError):
        load_rows(graph, [])
    with pytest.raises(StorageError):
        Execution.from_storage_format({**good, "rows": []}, graph)


@pytest.mark.parametrize(
    ("name", "value"), [("id", "another"), ("status", "completed"), ("position", 99), ("position", None)]
)
def test_a_header_that_its_rows_contradict_is_refused(name: str, value: Any):
    (graph, _), good = stored("waiting")

    with pytest.raises(StorageError, match=name) as caught:
        Execution.from_storage_format({**good, name: value}, graph)
    assert caught.value.code == "journal_invalid"


@pytest.mark.parametrize("name", WORLDS)
def test_an_execution_is_refused_by_every_other_graph(name: str):
    (graph, _), data = stored(name)
    others = [stored(other)[0][0] for other in WORLDS]

    for other in (other for other in others if other.digest != graph.digest):
        with pytest.raises(StorageError) as caught:
            Execution.from_storage_format(data, other)
        assert caught.value.code == "graph_mismatch"


def test_very_deep_data_are_refused_and_not_followed():
    (graph, _), good = stored("waiting")
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    for whole in ({**good, "rows": deep}, {**good, "rows": [deep]}, {**good, "state": deep}):
        with pytest.raises(StorageError):
            Execution.from_storage_format(whole, graph)
    with pytest.raises(StorageError):
        decode_row(b"\x91" * 100_000)


def test_what_comes_back_goes_on():
    (graph, _), data = stored("in_items")
    runtime = LocalRuntime(NODES)
    execution = Execution.from_storage_format(data, graph)

    while execution.status == "suspended":
        execution = runtime.resume(execution, {"ok": True}, wait_id=min(execution.suspensions))

    assert execution.output == [{"ok": True}] * 3
