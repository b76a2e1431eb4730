"""Maps that change by becoming other maps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrsistent import PMap

from prana_py.execution.frozen_map import LARGEST, FrozenMap, SmallMap, frozen

CHANGES = st.lists(st.tuples(st.sampled_from(["set", "discard"]), st.integers(0, 2 * LARGEST)), max_size=4 * LARGEST)


@given(CHANGES)
def test_a_map_says_what_a_dict_would_say_and_the_ones_before_it_stay_as_they_were(changes: list[tuple[str, int]]):
    changing: FrozenMap[int, int] = SmallMap()
    plain: dict[int, int] = {}
    for step, (change, key) in enumerate(changes):
        before, said = changing, dict(changing)
        if change == "set":
            changing, plain = changing.set(key, step), {**plain, key: step}
        else:
            changing = changing.discard(key)
            plain.pop(key, None)
        assert dict(before) == said

    assert dict(changing) == plain


def test_a_map_that_has_grown_is_persistent_so_that_a_change_does_not_copy_it():
    growing: FrozenMap[int, int] = SmallMap()
    for key in range(LARGEST + 1):
        growing = growing.set(key, key)

    assert isinstance(growing, PMap)


@pytest.mark.parametrize("size", [0, 1, LARGEST, LARGEST + 1])
def test_a_map_is_made_of_the_entries_that_it_is_to_have(size: int):
    assert dict(frozen({key: -key for key in range(size)})) == {key: -key for key in range(size)}


def test_what_is_not_there_cannot_be_removed():
    with pytest.raises(KeyError):
        SmallMap[str, int]().remove("a")


@pytest.mark.parametrize("change", ["clear", "popitem"])
def test_a_map_cannot_be_changed_in_place(change: str):
    small = SmallMap({"a": 1})

    with pytest.raises(TypeError, match="never change"):
        getattr(small, change)()
    with pytest.raises(TypeError, match="never change"):
        small["a"] = 2
    with pytest.raises(TypeError, match="never change"):
        del small["a"]
    assert small == {"a": 1}
