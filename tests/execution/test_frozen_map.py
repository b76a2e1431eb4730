"""Maps that change by becoming other maps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrsistent import PMap

from prana_py.execution.frozen_map import LARGEST, FrozenMap, SmallMap

CHANGES = st.lists(st.tuples(st.sampled_from(["set", "discard"]), st.integers(0, 2 * LARGEST)), max_size=4 * LARGEST)


@given(CHANGES)
def test_a_map_says_what_a_dict_would_say_and_the_ones_before_it_stay_as_they_were(changes: list[tuple[str, int]]):
    frozen: FrozenMap[int, int] = SmallMap()
    plain: dict[int, int] = {}
    for step, (change, key) in enumerate(changes):
        before, said = frozen, dict(frozen)
        if change == "set":
            frozen, plain = frozen.set(key, step), {**plain, key: step}
        else:
            frozen = frozen.discard(key)
            plain.pop(key, None)
        assert dict(before) == said

    assert dict(frozen) == plain


def test_a_map_that_has_grown_is_persistent_so_that_a_change_does_not_copy_it():
    frozen: FrozenMap[int, int] = SmallMap()
    for key in range(LARGEST + 1):
        frozen = frozen.set(key, key)

    assert isinstance(frozen, PMap)


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
