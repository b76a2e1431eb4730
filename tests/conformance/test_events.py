"""The rows MW and ET of the original Prana, and X28 and X53: who is asked before a call, and who is told what happened.

The original has one chain that may change what later stages are told, though the engine ignores it. Here observers are
told and change nothing, and interceptors are asked and may change or veto a call. A row about passing on, changing or
editing the chain is about interceptors; a row about stages that fail is about observers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from prana_py import Change, Execution, NodeError, Veto, node
from prana_py.driver.invocation import Invocation
from prana_py.driver.lifecycle import LifecycleEvent
from prana_py.runtimes.error_log import errors_to
from prana_py.runtimes.interceptors import Interceptor, Interceptors
from tests.conformance.fixtures import (
    NODES,
    RETRY,
    Check,
    F,
    S,
    T,
    W,
    World,
    cases,
    error_code,
    order,
    prana,
    record,
    statuses,
)

CALL = Invocation("e", "e", "w", "n", S, params={"x": 1})


# ── interceptors ─────────────────────────────────────────────────────────────────────────────────────────────────────


def adding(**more: Any) -> Interceptor:
    """One that adds parameters."""
    return lambda call: Change({**call.params, **more})


def noting(name: str, seen: list[str]) -> Interceptor:
    """One that only looks, and appends its name to the parameter ``trace``."""

    def look(call: Invocation) -> Change:
        seen.append(name)
        return Change({**call.params, "trace": [*call.params.get("trace", []), name]})

    return look


def asked(*interceptors: Interceptor, call: Invocation = CALL) -> dict[str, Any]:
    """The parameters with which the call is made."""
    result = Interceptors(*interceptors).ask(call)
    assert isinstance(result, Invocation), result
    return result.params


def refused(*interceptors: Interceptor) -> NodeError:
    result = Interceptors(*interceptors).ask(CALL)
    assert not isinstance(result, Invocation)
    return result.error


def without_any_there_are_none() -> None:
    assert list(World().runtime.interceptors) == []


def the_given_ones_are_listed() -> None:
    one, two = adding(a=1), adding(b=2)
    assert list(World(interceptors=[one, two]).runtime.interceptors) == [one, two]


def without_any_a_call_passes() -> None:
    assert Interceptors().ask(CALL) is CALL


def one_changes_a_call() -> None:
    assert asked(lambda call: Change({"x": call.params["x"] + 1})) == {"x": 2}


def three_in_order() -> None:
    seen: list[str] = []
    assert asked(*(noting(name, seen) for name in "abc"))["trace"] == ["a", "b", "c"] == seen


def one_that_knows_some_calls_only() -> None:
    def only_for_n(call: Invocation) -> Change | None:
        return Change({"known": True}) if call.node_key == "n" else None

    other = Invocation("e", "e", "w", "other", S, params={"x": 1})
    assert (asked(only_for_n), asked(only_for_n, call=other)) == ({"known": True}, {"x": 1})


def one_adds() -> None:
    assert asked(adding(y=2)) == {"x": 1, "y": 2}


def twice_acts_twice() -> None:
    seen: list[str] = []
    twice = noting("a", seen)
    assert asked(twice, twice)["trace"] == ["a", "a"]


def a_veto_stops_the_chain() -> None:
    """What does not pass on says why, and the node's run fails with it."""
    seen: list[str] = []
    error = refused(lambda call: Veto("not today", {"until": 8}), noting("later", seen))
    assert (error.code, seen, error.retryable, error.details["until"]) == ("vetoed", [], False, 8)
    world = World(interceptors=[lambda call: Veto("not today") if call.node_key == "a" else None])
    execution = world.runtime.execute(prana({"t": T, "a": (S, {}, RETRY)}, "t > a"))
    assert (error_code(execution), record(execution, "a").attempt) == ("vetoed", 1)


def the_kind_of_call_is_known() -> None:
    """Every call is asked about: preparing, executing, resuming; with the node it is for."""
    seen: list[str] = []

    def note(call: Invocation) -> None:
        seen.append(f"{call.call} {call.node_key}")

    @node(type="test.prepared", prepare=lambda: {"ready": True})
    def prepared() -> None:
        """Has something to prepare."""

    world = World([*NODES, prepared], interceptors=[note])
    execution = world.runtime.execute(prana({"t": T, "p": "test.prepared", "w": W}, "t > p; p > w"))
    world.runtime.resume(execution, 1)
    assert seen == ["prepare p", "execute t", "execute p", "execute w", "resume w"]


def a_chain_of_none_changes_nothing() -> None:
    assert asked() == {"x": 1}


def a_chain_keeps_its_order() -> None:
    assert asked(adding(x="first"), adding(x="second")) == {"x": "second"}


def one_is_added_to_none() -> None:
    one = adding(a=1)
    none = Interceptors()
    assert (list(none.plus(one)), list(none)) == ([one], [])


def one_is_added_at_the_end() -> None:
    one, two = adding(a=1), adding(b=2)
    assert list(Interceptors(one).plus(two)) == [one, two]


def one_may_be_there_twice() -> None:
    one = adding(a=1)
    assert list(Interceptors(one).plus(one)) == [one, one]


def one_is_removed() -> None:
    one, two = adding(a=1), adding(b=2)
    assert list(Interceptors(one, two).without(one)) == [two]


def all_copies_are_removed() -> None:
    one, two = adding(a=1), adding(b=2)
    assert list(Interceptors(one, two, one).without(one)) == [two]


def removing_what_is_not_there() -> None:
    one = adding(a=1)
    assert Interceptors(one).without(adding(b=2)) == Interceptors(one)


def removing_from_none() -> None:
    assert Interceptors().without(adding(a=1)) == Interceptors()


def all_are_removed() -> None:
    """A chain is a value: clearing one is taking the empty one, and the old one stays as it was."""
    one, two = adding(a=1), adding(b=2)
    full = Interceptors(one, two)
    assert (list(full.without(one).without(two)), len(full)) == ([], 2)


def clearing_none() -> None:
    assert Interceptors().without(adding()) == Interceptors() == Interceptors(*())


def one_adds_what_the_next_checks() -> None:
    def check(call: Invocation) -> Veto | None:
        return None if call.params.get("tenant") else Veto("no tenant")

    assert asked(adding(tenant="a"), check)["tenant"] == "a"
    assert refused(check, adding(tenant="a")).message.endswith("no tenant")


def nested_data_arrive_whole() -> None:
    deep = {"rows": [{"a": None, "b": [True, {"c": []}]}, 1, 2.5]}
    world = World(interceptors=[lambda call: None, lambda call: Change(call.params)])
    execution = world.runtime.execute(prana({"t": T, "a": (S, {"deep": deep})}, "t > a"))
    assert record(execution, "a").output["deep"] == deep


def counting(call: Invocation) -> Change:
    return Change({"x": call.params["x"] + 1})


def fifty_in_a_row() -> None:
    assert asked(*[counting] * 50) == {"x": 51}


def none_is_zero() -> None:
    assert (len(Interceptors()), bool(Interceptors())) == (0, False)


def two_are_two() -> None:
    assert len(Interceptors(adding(), adding())) == 2


INTERCEPTORS: dict[str, Check] = {
    "MW1": without_any_there_are_none,
    "MW2": the_given_ones_are_listed,
    "MW3": without_any_a_call_passes,
    "MW4": one_changes_a_call,
    "MW5": three_in_order,
    "MW6": one_that_knows_some_calls_only,
    "MW7": one_adds,
    "MW8": twice_acts_twice,
    "MW9": a_veto_stops_the_chain,
    "MW12": the_kind_of_call_is_known,
    "MW13": a_chain_of_none_changes_nothing,
    "MW14": a_chain_keeps_its_order,
    "MW16": one_is_added_to_none,
    "MW17": one_is_added_at_the_end,
    "MW18": one_may_be_there_twice,
    "MW19": one_is_removed,
    "MW20": all_copies_are_removed,
    "MW21": removing_what_is_not_there,
    "MW22": removing_from_none,
    "MW23": all_are_removed,
    "MW24": clearing_none,
    "MW25": none_is_zero,
    "MW26": two_are_two,
    "MW29": one_adds_what_the_next_checks,
    "MW30": nested_data_arrive_whole,
    "MW31": fifty_in_a_row,
}


# ── observers ────────────────────────────────────────────────────────────────────────────────────────────────────────

LINE = prana({"t": T, "a": S}, "t > a")


class Unwell:
    """An observer that fails, always or at one kind of event."""

    def __init__(self, kind: str | None = None) -> None:
        self.kind = kind

    def __call__(self, event: LifecycleEvent) -> None:
        if self.kind in (None, event.kind):
            raise RuntimeError("this observer is unwell")


class Logged(logging.Handler):
    """What is written to the log while it is open."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.logger = logging.getLogger(name)
        self.written: list[str] = []

    def emit(self, entry: logging.LogRecord) -> None:
        self.written.append(entry.getMessage())

    def __enter__(self) -> list[str]:
        self.logger.addHandler(self)
        return self.written

    def __exit__(self, *_: object) -> None:
        self.logger.removeHandler(self)


def observed(*observers: Callable[[LifecycleEvent], None]) -> tuple[Execution, list[str]]:
    """A run with these observers, and what was logged about them."""
    with Logged("prana_py.observers") as written:
        execution = World(observers=observers).runtime.execute(LINE)
    return execution, written


def one_that_fails_is_left_out() -> None:
    heard: list[LifecycleEvent] = []
    execution, written = observed(Unwell(), heard.append)
    assert (execution.status, len(heard)) == ("completed", len(written))
    assert all("this observer is unwell" in line for line in written)


def one_that_fails_sometimes() -> None:
    heard: list[LifecycleEvent] = []
    _, written = observed(Unwell("node_starting"), heard.append)
    starting = [event for event in heard if event.kind == "node_starting"]
    assert (len(written), len(heard) > len(starting)) == (len(starting), True)


def a_failure_in_the_middle() -> None:
    before: list[LifecycleEvent] = []
    after: list[LifecycleEvent] = []
    observed(before.append, Unwell(), after.append)
    assert before == after != []


def saving_and_notifying() -> None:
    saved: dict[str, str] = {}
    notified: list[str] = []

    def save(event: LifecycleEvent) -> None:
        saved[event.execution_id] = event.status

    def notify(event: LifecycleEvent) -> None:
        if event.kind in ("execution_completed", "execution_failed"):
            notified.append(f"{event.workflow_id} {event.status}")

    execution, _ = observed(save, notify)
    assert (saved, notified) == ({execution.id: "completed"}, ["orders completed"])


def a_later_one_does_its_work() -> None:
    saved: list[str] = []
    observed(Unwell(), lambda event: saved.append(event.status))
    assert saved[-1] == "completed"


def nobody_is_told_twice() -> None:
    """Passing on is not a stage's business, so a failure has nothing to run again; a failing interceptor fails its
    node, which was not called.
    """
    heard: list[LifecycleEvent] = []
    observed(heard.append, Unwell())
    assert len({(event.kind, event.node_key) for event in heard}) == len(heard)
    seen: list[str] = []

    def broken(call: Invocation) -> None:
        if call.node_key == "a":
            seen.append("broken")
            raise RuntimeError("an interceptor is unwell")

    def after(call: Invocation) -> None:
        seen.append(call.node_key)

    execution = World(interceptors=[broken, after]).runtime.execute(LINE)
    assert (error_code(execution), seen) == ("interceptor_failed", ["t", "broken"])


def events_of_a_wait_are_in_order() -> None:
    """As in the original, with events of our own for the resume."""
    world = World()
    execution = world.runtime.execute(prana({"t": T, "w": W, "n": S}, "t > w; w > n"))
    assert world.told() == [
        "execution_started",
        "node_starting t",
        "node_completed t",
        "node_starting w",
        "node_suspended w",
        "execution_suspended",
    ]
    world.events.clear()
    world.runtime.resume(execution, 1)
    assert world.told() == [
        "execution_resumed",
        "node_resumed w",
        "node_starting w",
        "node_completed w",
        "node_starting n",
        "node_completed n",
        "execution_completed",
    ]


OBSERVERS: dict[str, Check] = {
    "MW10": one_that_fails_is_left_out,
    "MW11": one_that_fails_sometimes,
    "MW15": a_failure_in_the_middle,
    "MW27": saving_and_notifying,
    "MW28": a_later_one_does_its_work,
    "X28": events_of_a_wait_are_in_order,
    "X53": nobody_is_told_twice,
}


# ── errors ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def raising(error: Exception) -> Any:
    """A node that raises this from a function of its own."""

    def inner_helper() -> None:
        raise error

    @node(type="test.raising")
    def raises() -> None:
        inner_helper()

    return raises


def failed_with(error: Exception, **options: Any) -> Execution:
    world = World([*NODES, raising(error)], **options)
    return world.runtime.execute(prana({"t": T, "f": "test.raising"}, "t > f"))


def logged(error: Exception) -> str:
    """The only line that is logged when nobody else observes."""
    with Logged("prana_py.errors") as written:
        assert failed_with(error, observers=[]).status == "failed"
    (line,) = written
    return line


def captured(error: Exception) -> NodeError:
    """What an observer of errors is told."""
    told: list[NodeError] = []
    failed_with(error, observers=[errors_to(lambda error, event: told.append(error))])
    (only,) = told
    return only


def kind_and_message_are_logged() -> None:
    line = logged(ValueError("no boat"))
    assert "ValueError" in line
    assert "no boat" in line
    assert "'f'" in line


def a_traceback_is_logged() -> None:
    assert "inner_helper" in logged(ValueError("no boat"))


def without_a_traceback_it_is_logged_too() -> None:
    """A veto was never raised by anything, so it has no traceback."""
    with Logged("prana_py.errors") as written:
        World(observers=[], interceptors=[lambda call: Veto("closed")]).runtime.execute(prana({"t": T}))
    (line,) = written
    assert "closed" in line
    assert "Traceback" not in line


def the_given_observer_is_told() -> None:
    with Logged("prana_py.errors") as written:
        assert captured(ValueError("no boat")).message == "no boat"
    assert written == []


def without_one_errors_are_logged() -> None:
    with Logged("prana_py.errors") as written:
        World(observers=[]).runtime.execute(LINE)
    assert written == []
    assert logged(KeyError("k"))


def error_and_traceback_are_unchanged() -> None:
    execution = failed_with(ValueError("no boat"), observers=[])
    told: list[tuple[NodeError, str | None]] = []
    again = failed_with(
        ValueError("no boat"), observers=[errors_to(lambda error, event: told.append((error, event.node_key)))]
    )
    assert told == [(again.error, "f")]
    assert execution.error is not None
    assert told[0][0].traceback == execution.error.traceback


def unobserved_errors_are_logged() -> None:
    with Logged("prana_py.errors") as written:
        world = World(observers=[])
        execution = world.runtime.execute(prana({"t": T, "f": F}, "t > f"))
    assert execution.status == "failed"
    assert [line for line in written if "This action always fails" in line] == written != []


def an_observer_that_fails_breaks_nothing() -> None:
    """The original's tracker raises into the engine's caller."""

    def unwell(error: NodeError, event: LifecycleEvent) -> None:
        raise RuntimeError("the tracker is unwell")

    execution = failed_with(ValueError("no boat"), observers=[errors_to(unwell)])
    assert execution.error is not None
    assert execution.error.message == "no boat"


def four_kinds_are_reported() -> None:
    kinds = [ValueError("v"), KeyError("k"), ZeroDivisionError("z"), OSError("o")]
    assert [captured(kind).details["exception"] for kind in kinds] == [
        "ValueError",
        "KeyError",
        "ZeroDivisionError",
        "OSError",
    ]


def many_frames_arrive() -> None:
    def deep(levels: int) -> None:
        if levels == 0:
            raise ValueError("at the bottom")
        deep(levels - 1)

    @node(type="test.deep")
    def deeply() -> None:
        deep(12)

    told: list[NodeError] = []
    world = World([*NODES, deeply], observers=[errors_to(lambda error, event: told.append(error))])
    world.runtime.execute(prana({"t": T, "f": "test.deep"}, "t > f"))
    text = told[0].traceback
    assert text is not None
    # Repeated frames are shortened the way Python shortens them everywhere.
    assert "in deeply" in text
    assert "Previous line repeated" in text or text.count("in deep\n") == 13


def a_raised_error_has_its_traceback() -> None:
    text = captured(ValueError("no boat")).traceback
    assert text is not None
    assert text.startswith("Traceback (most recent call last):")
    assert text.rstrip().endswith("ValueError: no boat")


def nested_calls_are_named() -> None:
    text = captured(ValueError("no boat")).traceback
    assert text is not None
    frames = [line.strip() for line in text.splitlines() if line.strip().startswith("File ")]
    assert [frame.rpartition(" in ")[2] for frame in frames[-2:]] == ["raises", "inner_helper"]


ERRORS: dict[str, Check] = {
    "ET1": kind_and_message_are_logged,
    "ET2": a_traceback_is_logged,
    "ET3": without_a_traceback_it_is_logged_too,
    "ET4": the_given_observer_is_told,
    "ET5": without_one_errors_are_logged,
    "ET6": error_and_traceback_are_unchanged,
    "ET7": unobserved_errors_are_logged,
    "ET8": an_observer_that_fails_breaks_nothing,
    "ET9": four_kinds_are_reported,
    "ET10": many_frames_arrive,
    "ET11": a_raised_error_has_its_traceback,
    "ET12": nested_calls_are_named,
}

ROWS = INTERCEPTORS | OBSERVERS | ERRORS


@pytest.mark.parametrize("check", cases(ROWS))
def test_events_keep_the_promise_of_the_row(check: Check) -> None:
    check()


# ── beyond the rows ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_an_interceptor_changes_reaches_the_node_and_not_the_history():
    world = World(interceptors=[lambda call: Change({**call.params, "token": "t"}) if call.params else None])

    execution = world.runtime.execute(prana({"t": T, "a": (S, {"x": 1})}, "t > a"))

    done = record(execution, "a")
    assert (done.output["token"], done.params) == ("t", {"x": 1})


def test_an_interceptor_that_answers_anything_else_fails_the_call():
    error = refused(lambda call: "yes")  # type: ignore[arg-type, return-value]  # the point

    assert (error.code, "'yes'" in error.message) == ("interceptor_failed", True)


def test_interceptors_are_asked_where_calls_are_made_in_threads_too():
    world = World(interceptors=[lambda call: Veto("no") if call.node_key == "b" else None], max_concurrency=4)

    execution = world.runtime.execute(prana({"t": T, "a": S, "b": S}, "t > a; t > b"))

    assert (error_code(execution), statuses(execution, "b")) == ("vetoed", ["failed"])
    assert order(execution)[0] == "t"
