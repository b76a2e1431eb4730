"""Requests that cannot be met: a ``TransitionError`` with a code of its own, and the execution stays as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest

from prana_py import LocalRuntime, TransitionError
from prana_py.driver.requests import AddItems, Cancel, CancelBranch, Request, Resume, Signal
from tests.hostile.worlds import NODES, WORLDS


class NoData:
    """Nothing that could be stored; it is called the same in every process."""

    def __repr__(self) -> str:
        return "<no data>"


NO_DATA = NoData()
ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)

STRANGE: list[Any] = [3, "\ud800", {}, object(), b"x", ENDLESS, 2**70, float("nan"), ("x", 3)]
"""What is no id, no name, no reason and no data that can be stored – or not all of these."""


def refused(name: str, request: Any) -> str:
    """The code with which a request is refused; nothing has changed then."""
    _, execution = WORLDS[name]()
    before = json.dumps(execution.to_storage_format())
    with pytest.raises(TransitionError) as caught:
        LocalRuntime(NODES).ask(execution, request)
    assert json.dumps(execution.to_storage_format()) == before
    assert caught.value.details()["code"] == caught.value.code
    return caught.value.code


@pytest.mark.parametrize(
    ("name", "request_", "code"),
    [
        ("waiting", Resume("nowhere"), "wait_not_open"),
        ("waiting", Resume("start#0"), "wait_not_open"),
        ("waiting", Resume("ask#1", {}), "wait_not_open"),
        ("waiting", Resume("ask#0", "no object"), "resume_data_invalid"),
        ("waiting", Resume("ask#0", NO_DATA), "request_invalid"),
        ("waiting", Resume("compete#0:late"), "wait_not_due"),
        ("retrying", Resume("fail#0"), "wait_not_due"),
        ("locked", Resume("b#0.mutex"), "wait_not_resumable"),
        ("locked", Resume("c#0.guard"), "wait_not_resumable"),
        ("waves", Resume("batch#0.batch@3.2"), "wait_not_resumable"),
        ("waiting", Signal("nobody", buffer=False), "signal_not_awaited"),
        ("waiting", Signal("go", NO_DATA), "request_invalid"),
        ("waiting", Signal("later", ttl_ns=-1), "request_invalid"),
        ("waiting", Signal("later", ttl_ns=2**63), "request_invalid"),
        ("waiting", CancelBranch(("nowhere",)), "not_found"),
        ("waiting", CancelBranch(("start",)), "nothing_to_cancel"),
        ("waiting", CancelBranch(()), "nothing_to_cancel"),
        ("waiting", AddItems("nowhere", (1,)), "not_open"),
        ("in_items", AddItems("each", (1,)), "not_open"),
        ("in_items", AddItems("each", (NO_DATA,)), "request_invalid"),
        *(
            (final, request, "execution_final")
            for final in ("failed", "cancelled")
            for request in (Resume("ask#0"), Signal("go"), Cancel(), CancelBranch(("ask",)), AddItems("each", (1,)))
        ),
    ],
    ids=str,
)
def test_a_request_that_cannot_be_met_is_refused_by_name(name: str, request_: Request, code: str):
    assert refused(name, request_) == code


@pytest.mark.parametrize("value", STRANGE, ids=lambda value: type(value).__name__)
def test_a_request_made_of_the_wrong_stuff_is_refused(value: Any):
    made = [value, Resume(value), Signal(value), Cancel(value), CancelBranch(value), CancelBranch((value,))]
    made += [AddItems(value), AddItems("each", value), Signal("s", 1, value), Cancel("x", value)]

    codes = {refused("in_items", request) for request in made}

    assert codes <= {"request_invalid", "wait_not_open", "not_found", "not_open", "nothing_to_cancel"}
    assert "request_invalid" in codes


@pytest.mark.parametrize("name", WORLDS)
def test_what_is_not_refused_can_be_stored(name: str):
    _, execution = WORLDS[name]()
    runtime = LocalRuntime(NODES)

    for request in (Signal("kept", {"x": b"y"}, ttl_ns=1), Cancel("enough"), CancelBranch(("ask",))):
        try:
            after = runtime.ask(execution, request)
        except TransitionError:
            continue
        stored = json.loads(json.dumps(after.to_storage_format()))
        assert type(after).from_storage_format(stored, after.execution_graph).to_storage_format() == stored


def test_the_second_of_two_resumes_is_refused():
    _, execution = WORLDS["waiting"]()
    runtime = LocalRuntime(NODES)
    after = runtime.ask(execution, Resume("ask#0", {}))

    with pytest.raises(TransitionError) as caught:
        runtime.ask(after, Resume("ask#0", {}))

    assert caught.value.code == "wait_not_open"
