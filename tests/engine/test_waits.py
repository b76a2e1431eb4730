"""Waits of every kind, kept in a store: what ends them, once, whichever engine is there when it happens."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from prana_py import (
    Execution,
    NodeContext,
    NodeFailure,
    Output,
    TransitionError,
    Workflow,
    WorkflowBuilder,
    node,
    race,
    wait_for_interval,
    wait_for_signal,
    wait_for_webhook,
    wait_until,
)
from prana_py.engine.engine import Engine
from prana_py.testing.fake_clock import BEGINNING
from tests.engine.office import Office, offices

HOUR = timedelta(hours=1)
NUMBER = {"type": "integer"}


@node
def hook(timeout: timedelta | None = None) -> Any:
    return wait_for_webhook(timeout=timeout, schema=NUMBER)


@node
def nap() -> Any:
    return wait_for_interval(HOUR)


@node
def appointment() -> Any:
    return wait_until(BEGINNING + HOUR)


@node
def listen(timeout: timedelta | None = None) -> Any:
    return wait_for_signal("go", timeout=timeout)


@node(outputs=("called", "slept"))
def either() -> Any:
    return race(called=wait_for_webhook(), slept=wait_for_interval(HOUR))


@node
def call(ctx: NodeContext) -> str:
    if ctx.attempt == 1:
        raise NodeFailure("not_yet", "once more")
    return f"attempt {ctx.attempt}"


@node
def put(input: Any) -> Output:
    return Output(input, state={"open": True})


@node
def told(input: Any, says: Any = None) -> Any:
    return input if says is None else says


NODES = [hook, nap, appointment, listen, either, call, put, told]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    yield from offices(tmp_path, NODES)


def waiting(type_: Any, *, settings: Any = None, late: bool = False, then: Any = told, **params: Any) -> Workflow:
    """``a`` waits, ``b`` follows; ``late`` follows its timeout."""
    flow = WorkflowBuilder("waiting")
    a = flow.add(type_, "a", settings=settings, params=params)
    a.then(flow.add(then, "b"))
    if late:
        a.then(flow.add(told, "late"), port="timeout")
    return flow.build()


def started(office: Office, workflow: Workflow, **options: Any) -> tuple[Engine, Execution]:
    engine = office.publish(workflow, **options)
    return engine, engine.start(workflow.id)


# ── time ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("type_", [hook, listen])
def test_a_wait_that_nobody_ends_in_time_goes_on_by_the_timeout_port(office: Office, type_: Any):
    started(office, waiting(type_, timeout="1h", late=True))
    office.close()
    engine = office.open()

    office.clock.advance(minutes=59)
    assert engine.wake_due() == []
    office.clock.advance(minutes=1)
    (ended,) = engine.wake_due()

    assert (ended.status, ended.left_by("a")) == ("completed", "timeout")
    assert "b" not in ended.node_executions


@pytest.mark.parametrize(
    ("type_", "settings"),
    [(nap, None), (appointment, None), (call, {"retry": {"max_attempts": 2, "delay": "1h"}})],
)
def test_what_waits_for_its_time_goes_on_when_it_has_come_and_once(office: Office, type_: Any, settings: Any):
    _, execution = started(office, waiting(type_, settings=settings))
    first, second = office.open(), office.open()
    assert (execution.status, first.wake_due()) == ("suspended", [])

    office.clock.advance(hours=1)
    woken = [*first.wake_due(), *second.wake_due(), *first.wake_due()]

    assert [each.status for each in woken] == ["completed"]
    assert len(woken[0].node_executions["a"]) == 1


def test_a_retry_that_is_due_later_is_made_by_whoever_is_there(office: Office):
    _, execution = started(office, waiting(call, settings={"retry": {"max_attempts": 2, "delay": "1h"}}))
    assert execution.suspension is not None
    assert execution.suspension.type == "retry"
    office.close()
    office.clock.advance(hours=1)

    (ended,) = office.open().wake_due()

    assert ended.completed_nodes["a"] == "attempt 2"


def test_a_short_delay_of_a_retry_is_waited_for_in_place(tmp_path: Path):
    with_jumps = Office(tmp_path, NODES)
    with_jumps.clock.jumps = True

    engine, execution = started(with_jumps, waiting(call, settings={"retry": {"max_attempts": 2, "delay": "1s"}}))

    assert execution.completed_nodes["a"] == "attempt 2"
    assert engine.wake_due() == []
    with_jumps.close()


def test_an_execution_whose_time_is_up_fails_wherever_it_waits(office: Office):
    flow = WorkflowBuilder("limited", settings={"timeout": "1h", "timeout_counts_waiting": True})
    flow.add(hook, "a")
    _, execution = started(office, flow.build())
    office.close()
    office.clock.advance(hours=1)

    (ended,) = office.open().wake_due()

    assert (ended.id, ended.status) == (execution.id, "failed")
    assert ended.error is not None
    assert ended.error.code == "execution_timeout"


def test_what_gathers_for_a_while_goes_on_with_what_has_come(office: Office):
    flow = WorkflowBuilder("gathering")
    gather = flow.add(told, "gather", settings={"join": {"batch": 3, "within": "1h"}})
    for name in ("one", "two"):
        flow.add(told, name, params={"says": name}).then(gather)
    flow.add(hook, "three").then(gather)
    _, execution = started(office, flow.build())
    assert {wait.type for wait in execution.suspensions.values()} == {"webhook", "batch_window"}
    office.close()
    office.clock.advance(hours=1)

    (woken,) = office.open().wake_due()

    assert woken.completed_nodes["gather"] == ["one", "two"]
    assert {wait.type for wait in woken.suspensions.values()} == {"webhook"}


def test_many_waits_of_one_execution_come_due_one_after_another(office: Office):
    flow = WorkflowBuilder("many")
    for hours in (1, 2, 3):
        flow.add("wait.wait", f"n{hours}", mode="interval", duration=f"{hours}h")
    engine, _ = started(office, flow.build())

    woken = []
    for _ in range(4):
        office.clock.advance(hours=1)
        woken.append([len(each.completed_nodes) for each in engine.wake_due()])

    assert woken == [[2], [3], [4], []], "a trigger, and one more each hour"


# ── people and other programs ─────────────────────────────────────────────────────────────────────────────────────────


def test_in_a_race_the_first_one_wins_and_the_token_of_the_other_is_refused(office: Office):
    flow = WorkflowBuilder("racing")
    a = flow.add(either, "a")
    a.then(flow.add(hook, "called"), port="called")
    a.then(flow.add(hook, "slept"), port="slept")
    engine, execution = started(office, flow.build())
    token = engine.token(execution, "a#0:called")
    office.clock.advance(hours=1)

    (woken,) = office.open().wake_due()

    assert woken.left_by("a") == "slept"
    assert office.refusal(engine.resume, token, 1) == "token_withdrawn"


def test_data_that_do_not_fit_the_schema_are_refused_and_the_wait_stays_open(office: Office):
    engine, execution = started(office, waiting(hook))
    token = engine.token(execution)

    assert office.refusal(engine.resume, token, "five") == "resume_data_invalid"
    assert office.refusal(engine.resume, token, object()) == "request_invalid"
    assert engine.resume(token, 5).completed_nodes["b"] == 5


def test_a_signal_that_comes_too_early_is_kept(office: Office):
    flow = WorkflowBuilder("kept")
    flow.add(hook, "before").then(flow.add(listen, "a"))
    engine, execution = started(office, flow.build())

    engine.signal(execution.id, "go", {"n": 1})
    office.close()
    ended = office.open().resume(execution.id, 1)

    assert ended.completed_nodes["a"] == {"n": 1}


def test_a_kept_signal_goes_bad_and_one_that_was_not_to_be_kept_is_refused(office: Office):
    flow = WorkflowBuilder("kept")
    flow.add(hook, "before").then(flow.add(listen, "a"))
    engine, execution = started(office, flow.build())

    assert office.refusal(engine.signal, execution.id, "go", 1, buffer=False) == "signal_not_awaited"
    engine.signal(execution.id, "go", 2, ttl=HOUR)
    office.clock.advance(hours=1)
    execution = engine.resume(execution.id, 1)

    assert execution.status == "suspended"
    assert engine.signal(execution.id, "go", 3, buffer=False).completed_nodes["a"] == 3


def test_a_guard_opens_when_somebody_has_changed_the_state(office: Office):
    flow = WorkflowBuilder("guarded")
    flow.add(hook, "a").then(flow.add(put, "put"))
    flow.add(told, "guarded", settings={"enabled_if": "$state.open == true"}, params={"says": "went"})
    engine, execution = started(office, flow.build())
    assert "guarded" not in execution.completed_nodes
    token = engine.token(execution, "a#0")
    office.close()

    ended = office.open().resume(token, 1)

    assert (ended.status, ended.completed_nodes["guarded"]) == ("completed", "went")


def test_an_execution_is_resumed_by_its_id_and_by_that_of_a_wait(office: Office):
    flow = WorkflowBuilder("two")
    flow.add(hook, "a")
    flow.add(hook, "b")
    engine, execution = started(office, flow.build())

    assert office.refusal(engine.resume, execution.id, 1) == "wait_ambiguous"
    assert office.refusal(engine.resume, execution.id, 1, wait_id="c#0") == "wait_not_open"
    engine.resume(execution.id, 1, wait_id="a#0")
    assert office.refusal(engine.resume, execution.id, 1, wait_id="a#0") == "wait_not_open"
    ended = engine.resume(execution.id, 2)

    assert (ended.completed_nodes["a"], ended.completed_nodes["b"]) == (1, 2)
    assert office.refusal(engine.resume, execution.id, 1) == "execution_final"
    assert office.refusal(engine.resume, "nobody", 1) == "execution_not_found"


def test_nobody_resumes_before_its_time_what_waits_for_a_time(office: Office):
    engine, execution = started(office, waiting(nap))

    assert office.refusal(engine.resume, execution.id) == "wait_not_due"
    office.clock.advance(hours=1)
    assert engine.resume(execution.id).status == "completed"
    assert engine.wake_due() == []


# ── addresses in templates ────────────────────────────────────────────────────────────────────────────────────────────


def mailing(mail: Any) -> Workflow:
    """``mail`` is sent the address by which ``answer`` can be given; ``before`` comes first."""
    flow = WorkflowBuilder("mailing")
    before = flow.add(told, "before", params={"says": "an ordinary step"})
    sent = before.then(flow.add(mail, "mail", params={"url": "{{ resume_url('answer') }}"}))
    sent.then(flow.add(hook, "answer"))
    return flow.build()


RESUME = """
import json, sys
from prana_py import node, wait_for_webhook
from prana_py.engine.engine import Engine

@node
def hook(timeout=None): return wait_for_webhook()
@node
def told(input, says=None): return says
@node
def mail(url): return None

with Engine(sys.argv[1], nodes=[hook, told, mail]) as engine:
    ended = engine.resume(sys.argv[2], 7)
    print(json.dumps([ended.status, ended.completed_nodes["answer"]]))
"""


@pytest.mark.parametrize("durability", ["each_node", "batched", "boundaries"])
def test_an_address_in_a_mail_is_good_as_soon_as_the_mail_is_sent_and_in_another_process(
    tmp_path: Path, durability: Any
):
    letters: list[str] = []
    heard: list[str] = []

    @node
    def mail(url: str) -> None:
        """Whoever gets it answers before the sender has gone on."""
        letters.append(url.rpartition("/")[2])
        with pytest.raises(TransitionError) as refused:
            desk.engines[-1].resume(letters[-1], 1)
        heard.append(refused.value.code)
        heard.extend(str(count) for (count,) in desk.rows("SELECT count(*) FROM journal"))

    desk = Office(tmp_path, [*NODES, mail])
    engine = desk.publish(mailing(mail), durability=durability, base_url="https://example.org/")
    desk.open()

    execution = engine.start("mailing")

    assert execution.status == "suspended"
    assert heard == ["token_early", "3"], "its start, the trigger and the step before are in the store"
    assert not any(letters[0].encode() in body for _, body in desk.journal())
    desk.close()
    answered = subprocess.run(
        [sys.executable, "-c", RESUME, desk.address, letters[0]], capture_output=True, text=True, check=True
    )
    assert json.loads(answered.stdout) == ["completed", 7]
