"""Every node type that comes with the engine, and the catalog of them."""

from __future__ import annotations

from functools import cache
from typing import Final

from prana_py.builtin_nodes.data_merge import merge
from prana_py.builtin_nodes.data_set import set_data
from prana_py.builtin_nodes.filter import filter_
from prana_py.builtin_nodes.flow import assert_, log, noop, stop_
from prana_py.builtin_nodes.logic import if_, switch
from prana_py.builtin_nodes.loops import for_each, while_
from prana_py.builtin_nodes.schedule_triggers import cron_trigger, interval_trigger
from prana_py.builtin_nodes.triggers import error_trigger, manual_trigger, workflow_trigger
from prana_py.builtin_nodes.wait import race, wait
from prana_py.builtin_nodes.workflow import execute_workflow, set_state
from prana_py.nodes.catalog import Catalog
from prana_py.nodes.node_type import AnyNode, NodeType

BUILTIN_NODES: Final[tuple[AnyNode, ...]] = (
    manual_trigger,
    workflow_trigger,
    error_trigger,
    cron_trigger,
    interval_trigger,
    if_,
    switch,
    filter_,
    set_data,
    merge,
    for_each,
    while_,
    stop_,
    noop,
    log,
    assert_,
    wait,
    race,
    execute_workflow,
    set_state,
)


@cache
def builtin_catalog() -> Catalog:
    """The catalog of what comes with the engine; one for all, since it never changes."""
    return Catalog(*BUILTIN_NODES)


def with_builtin(*node_types: AnyNode | type[NodeType]) -> Catalog:
    """What comes with the engine, and these."""
    return builtin_catalog().plus(*node_types)
