"""The documentation of the built-in nodes says what the catalog says, and every type says enough of itself."""

from __future__ import annotations

import pytest

from prana_py.builtin_nodes.all_nodes import BUILTIN_NODES, builtin_catalog, with_builtin
from prana_py.errors import UsageError
from prana_py.nodes.definition import node
from prana_py.nodes.node_type import AnyNode
from tests.builtin_nodes.reference import PAGE, written


def test_the_page_lists_every_node_type_as_the_catalog_has_it():
    assert PAGE.read_text(encoding="utf-8") == written()


@pytest.mark.parametrize("built_in", BUILTIN_NODES, ids=lambda built_in: built_in.spec.type)
def test_a_built_in_type_describes_itself_and_only_reads(built_in: AnyNode):
    spec = built_in.spec

    assert spec.reads_only
    assert spec.description
    assert spec.title
    assert spec.category != "other"
    assert (spec.params_schema or {})["type"] == "object"


def test_the_originals_names_are_found():
    names = set(builtin_catalog().type_names())

    assert names >= {
        "manual.trigger", "logic.if_condition", "logic.switch", "data.merge", "data.set_data", "prana_core.for_each",
        "prana_core.log", "workflow.execute_workflow", "workflow.set_state", "wait.wait",
    }  # fmt: skip


def test_ones_own_node_types_stand_beside_the_built_in_ones():
    @node(type="my.own")
    def own() -> None: ...

    @node(type="logic.if")
    def taken() -> None: ...

    assert len(with_builtin(own)) == len(BUILTIN_NODES) + 1
    with pytest.raises(UsageError, match=r"'logic\.if'"):
        with_builtin(taken)
