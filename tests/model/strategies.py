"""Hypothesis strategies for everything a workflow document can say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from prana_py.model.connection import Connection, Cycle
from prana_py.model.join import All, Batch, Custom, Every, FirstOf, Inclusive
from prana_py.model.node import Node
from prana_py.model.retry import Retry
from prana_py.model.settings import Fallback, NodeSettings, WorkflowSettings
from prana_py.model.workflow import Workflow

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "on",
        "yes",
        "no",
        "null",
        "~",
        "1",
        "0o17",
        "0x1f",
        "1e5",
        "1:30",
        "2024-01-01",
        ".inf",
        "true",
        "- a",
        "a: b",
        "{{ $input }}",
    ]
)
names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
data = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(texts, data, max_size=3)
periods = st.timedeltas(timedelta(microseconds=1), timedelta(days=1_000))
counts = st.integers(1, 10**6)


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


retries = st.builds(
    Retry,
    max_attempts=counts,
    delay=st.timedeltas(timedelta(), timedelta(days=10)),
    backoff=st.sampled_from(["fixed", "linear", "exponential"]),
    factor=st.floats(1, 1_000),
    max_delay=optional(periods),
    jitter=st.floats(0, 1),
    retry_on=st.lists(names, max_size=2).map(tuple),
)
joins = (
    st.sampled_from([Inclusive(), All(), Every()])
    | st.builds(FirstOf, n=counts, on_rest=st.sampled_from(["ignore", "cancel"]), block=st.booleans())
    | st.builds(Batch, size=counts, within=optional(periods))
    | st.builds(Custom, name=names)
)
node_settings = st.builds(
    NodeSettings,
    retry=optional(retries),
    on_error=st.sampled_from(["stop", "continue", "error_port"]) | st.builds(Fallback, fallback=data),
    error_format=st.sampled_from(["plain", "prana"]),
    timeout=optional(periods),
    join=optional(joins),
    collect=optional(st.sampled_from(["last", "merge", "list"])),
    delivery=st.sampled_from(["at_least_once", "at_most_once"]),
    cache=optional(periods),
    reentrant=st.booleans(),
    enabled_if=optional(texts),
    mutex=optional(names),
    cancels=st.lists(names, max_size=2).map(tuple),
    compensate_with=optional(names),
    history=optional(counts),
)
nodes = st.builds(
    Node,
    key=names,
    type=names,
    name=optional(texts),
    params=objects,
    settings=st.just(NodeSettings()) | node_settings,
    metadata=objects,
)
cycles = st.builds(
    Cycle, name=names, max_iterations=optional(counts), converge_when=optional(texts), timeout=optional(periods)
)
connections = st.builds(
    Connection,
    from_node=names,
    from_port=names,
    to_node=names,
    to_port=names,
    condition=optional(texts),
    mapping=optional(st.dictionaries(texts, texts, max_size=2)),
    contract=optional(objects),
    loop=optional(cycles),
)
workflow_settings = st.builds(
    WorkflowSettings,
    strict_templates=st.booleans(),
    max_iterations=optional(st.integers(0, 10**6)),
    timeout=optional(periods),
    retry=optional(retries),
    inline_delay=st.timedeltas(timedelta(), timedelta(minutes=1)),
    error_workflow=optional(names),
)
workflows = st.builds(
    Workflow,
    id=names,
    name=texts,
    version=st.integers(0, 10**6),
    nodes=st.lists(nodes, max_size=3, unique_by=lambda node: node.key).map(tuple),
    connections=st.lists(connections, max_size=3).map(tuple),
    variables=objects,
    settings=workflow_settings,
    metadata=objects,
)
