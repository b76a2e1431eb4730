"""What `prana_py` exports is a list that somebody chose."""

from __future__ import annotations

import prana_py
from tests.house.sources import PACKAGE

PUBLIC_NAMES: set[str] = set()


def test_the_public_names_are_the_chosen_ones():
    assert set(getattr(prana_py, "__all__", ())) == PUBLIC_NAMES


def test_every_public_name_exists():
    assert [name for name in getattr(prana_py, "__all__", ()) if not hasattr(prana_py, name)] == []


def test_the_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").exists()
