"""The catalog of node types: what it finds, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from prana_py.errors import NotFoundError, UsageError
from prana_py.model.node_spec import NodeTypes
from prana_py.nodes.catalog import Catalog
from prana_py.nodes.definition import node
from prana_py.nodes.node_type import NodeType


@node(type="a.one", aliases=("one",))
def one(x: int) -> int:
    return x


class Two(NodeType, type="a.two"):
    def execute(self) -> int:
        return 2


def test_a_node_type_is_found_by_type_and_alias():
    catalog = Catalog(one, Two)

    assert catalog.get("a.one") is catalog.get("one") is one
    assert isinstance(catalog.get("a.two"), Two)
    assert list(catalog.type_names()) == ["a.one", "one", "a.two"]
    assert len(catalog) == 2
    assert "one" in catalog


def test_an_unknown_type_suggests_the_nearest():
    catalog = Catalog(one)

    assert catalog.spec("a.on") is None
    with pytest.raises(NotFoundError, match=r"did you mean 'a\.one'") as caught:
        catalog.get("a.on")
    assert caught.value.code == "node_type_unknown"


def test_two_types_of_one_name_are_refused():
    @node(type="one")
    def another() -> None: ...

    with pytest.raises(UsageError, match="two node types are called 'one'"):
        Catalog(one, another)


def test_the_same_type_twice_is_once():
    assert len(Catalog(one, one)) == 1


def test_more_types_make_another_catalog():
    catalog = Catalog(one)
    more = catalog.plus(Two())

    assert (len(catalog), len(more)) == (1, 2)


def test_what_is_no_node_type_is_refused():
    with pytest.raises(UsageError, match="use @node"):
        Catalog(lambda: 1)  # type: ignore[arg-type]  # the point
    with pytest.raises(UsageError, match="no node type"):
        Catalog(int)  # type: ignore[arg-type]  # the point


def test_a_catalog_tells_the_compiler_what_it_asks():
    types: NodeTypes = Catalog(one)

    assert list(types.param_problems("one", {}, frozenset())) == [("x", "is required")]


def install(folder: Path, module: str, entry: str) -> None:
    (folder / "offering.py").write_text(module)
    info = folder / "offering-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: offering\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[prana_py.tests.nodes]\nmine = {entry}\n")


MODULE = """
from prana_py.nodes.definition import node

@node(type="offered.first")
def first(): return 1

@node(type="offered.second")
def second(): return 2

both = [first, second]
"""


def test_installed_packages_offer_node_types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    install(tmp_path, MODULE, "offering:both")
    monkeypatch.syspath_prepend(tmp_path)

    assert list(Catalog.from_entry_points("prana_py.tests.nodes").type_names()) == ["offered.first", "offered.second"]


@pytest.mark.row("X55")
def test_an_offer_that_cannot_be_loaded_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    install(tmp_path, "", "missing_module:both")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(UsageError, match="'mine' = 'missing_module:both'") as caught:
        Catalog.from_entry_points("prana_py.tests.nodes")
    assert caught.value.code == "node_type_not_loadable"
