"""The rows SU, RN, RT and ON of the original Prana: one node that waits, fails, is tried again or is resumed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from prana_py import (
    CompileError,
    Execution,
    NodeContext,
    NodeExecution,
    NodeFailure,
    Suspension,
    node,
    wait_for_webhook,
)
from prana_py.driver.outcome import Waiting
from prana_py.execution.suspension import RetryWait, SubWorkflowWait
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
    prana,
    record,
    run,
    statuses,
)

# ── SU: suspending ───────────────────────────────────────────────────────────────────────────────────────────────────

WAITING_CHILD = prana({"begin": "workflow.trigger", "wait": W}, "begin > wait", id="child")


def calling(**params: Any) -> Execution:
    flow = prana({"t": T, "n": ("workflow.execute_workflow", {"workflow_id": "child", **params})}, "t > n")
    return World(workflows=[WAITING_CHILD]).runtime.execute(flow)


def only_wait(execution: Execution) -> Suspension:
    """What the execution waits for, and nothing else."""
    (suspension,) = execution.suspensions.values()
    return suspension


def has_not_ended(run: NodeExecution) -> None:
    assert run.status == "suspended"
    assert (run.output, run.output_port, run.completed_at, run.duration) == (None, None, None, None)


def a_synchronous_call_suspends() -> None:
    execution = calling(execution_mode="sync")
    has_not_ended(record(execution, "n"))
    wait = only_wait(execution).wait
    assert isinstance(wait, SubWorkflowWait)
    assert (wait.execution_mode, wait.request.on_failure) == ("sync", "fail_parent")


def a_forgotten_call_leaves_a_record_too() -> None:
    """Nobody waits for it, so it has completed; how it suspended stays in its record."""
    run = record(calling(execution_mode="fire_and_forget"), "n")
    (suspension,) = run.suspensions
    assert isinstance(suspension.wait, SubWorkflowWait)
    assert (run.status, suspension.wait.execution_mode) == ("completed", "fire_and_forget")


def a_suspended_record_has_begun() -> None:
    """A parameter that the type does not know is refused, where the original ignores it."""
    run = record(calling(), "n")
    assert run.started_at is not None
    has_not_ended(run)
    with pytest.raises(CompileError, match="unknown_key"):
        calling(unknown_key=1)


SUSPENDING: dict[str, Check] = {
    "SU1": a_synchronous_call_suspends,
    "SU2": a_forgotten_call_leaves_a_record_too,
    "SU4": a_suspended_record_has_begun,
}


# ── RN, RT: retries ──────────────────────────────────────────────────────────────────────────────────────────────────


def failing(kind: str = F, settings: dict[str, Any] = RETRY, **params: Any) -> tuple[World, Execution]:
    """A node that fails, in a world in which its retry can come."""
    world = World()
    return world, world.runtime.execute(prana({"t": T, "f": (kind, params, settings), "n": S}, "t > f; f > n"))


def later(world: World, execution: Execution, seconds: float = 2) -> Execution:
    """The execution when so much time has passed."""
    world.clock.advance(seconds=seconds)
    return world.runtime.wake(execution)


def retry_wait(execution: Execution) -> RetryWait:
    wait = only_wait(execution).wait
    assert isinstance(wait, RetryWait)
    return wait


def a_retry_gathers_its_input_anew() -> None:
    """The state changes while the retry waits, because another branch goes on; the template sees it as it is then."""

    @node(type="test.reads")
    def reads(ctx: NodeContext, counter: Any = None) -> Any:
        if counter is None:
            raise NodeFailure("too_early", "nobody has counted yet")
        return {"counter": counter, "attempt": ctx.attempt}

    world = World([*NODES, reads])
    nodes = {"t": T, "f": ("test.reads", {"counter": "{{ $execution.state.counter }}"}, RETRY), "c": "test.count"}
    execution = world.runtime.execute(prana(nodes, "t > f; t > c"))
    assert (retry_wait(execution).attempt, statuses(execution, "c")) == (2, ["completed"])
    execution = later(world, execution)
    assert record(execution, "f").output == {"counter": 1, "attempt": 2}


def a_retry_keeps_its_number() -> None:
    world, execution = failing("test.flaky", succeeds_on=2)
    before = record(execution, "f")
    after = record(later(world, execution), "f")
    assert (after.run_index, after.execution_index) == (before.run_index, before.execution_index)


def a_failing_retry_counts_on() -> None:
    world, execution = failing()
    assert retry_wait(later(world, execution)).attempt == 3


def after_the_last_attempt_the_run_fails() -> None:
    world, execution = failing(settings={**RETRY, "max_retries": 1})
    execution = later(world, execution)
    assert (error_code(execution), record(execution, "f").attempt) == ("action_error", 2)


def a_retry_of_an_unknown_type_fails() -> None:
    world, execution = failing("test.flaky")
    poorer = World([each for each in NODES if each.spec.type != "test.flaky"])
    poorer.clock.advance_to(world.clock.time)
    assert error_code(later(poorer, execution)) == "node_type_unknown"


def a_retry_executes_and_a_resume_resumes() -> None:
    """Without a resume of its own a node completes with the data; the original's fails."""
    called: list[str] = []

    def on_resume(data: Any) -> Any:
        called.append("resume")
        return data

    @node(type="test.notes", on_resume=on_resume)
    def notes(ctx: NodeContext) -> Waiting:
        called.append("execute")
        if ctx.attempt == 1:
            raise NodeFailure("first", "the first attempt fails")
        return wait_for_webhook()

    world = World([*NODES, notes])
    execution = world.runtime.execute(prana({"t": T, "f": ("test.notes", {}, RETRY)}, "t > f"))
    execution = later(world, execution)
    assert called == ["execute", "execute"]
    execution = world.runtime.resume(execution, {"ok": 1})
    assert (called, execution.output) == (["execute", "execute", "resume"], {"ok": 1})


def a_retry_knows_variables_and_state() -> None:
    world = World()
    nodes = {
        "t": T,
        "c": ("test.count", {"by": 5}),
        "f": ("test.flaky", {"succeeds_on": 2}, RETRY),
        "n": (S, {"sees": "{{ $vars.region }}", "counted": "{{ $state.counter }}"}),
    }
    execution = world.runtime.execute(prana(nodes, "t > c; c > f; f > n", variables={"region": "eu"}))
    output = record(later(world, execution), "n").output
    assert (output["sees"], output["counted"]) == ("eu", 5)


RETRY_RUNS: dict[str, Check] = {
    "RN1": a_retry_gathers_its_input_anew,
    "RN2": a_retry_keeps_its_number,
    "RN3": a_failing_retry_counts_on,
    "RN4": after_the_last_attempt_the_run_fails,
    "RN5": a_retry_of_an_unknown_type_fails,
    "RN6": a_retry_executes_and_a_resume_resumes,
    "RN7": a_retry_knows_variables_and_state,
}


def the_first_call_is_the_first_attempt() -> None:
    """The original counts from zero and tests a copy of its own helper; here the node itself says it."""
    _, execution = failing("test.flaky", succeeds_on=1)
    assert record(execution, "f").output == {"attempt": 1}


def the_attempts_are_known_while_it_waits() -> None:
    _, execution = failing()
    assert (record(execution, "f").attempt, record(execution, "f").status) == (1, "retrying")


def the_next_attempt_is_the_next_number() -> None:
    _, execution = failing()
    assert retry_wait(execution).attempt == 2


def below_the_limit_it_is_tried_again() -> None:
    world, execution = failing()
    assert (later(world, execution).status, execution.status) == ("suspended", "suspended")


def switched_off_it_is_not() -> None:
    _, execution = failing(settings={**RETRY, "retry_on_failed": False})
    assert (error_code(execution), record(execution, "f").attempts) == ("action_error", ())


def at_the_limit_it_is_not() -> None:
    world, execution = failing(settings={**RETRY, "max_retries": 2})
    execution = later(world, later(world, execution))
    assert (error_code(execution), record(execution, "f").attempt) == ("action_error", 3)


def a_failure_that_is_tried_again_waits() -> None:
    world, execution = failing()
    assert only_wait(execution).wait_till == world.clock.time + timedelta(seconds=2)
    (attempt,) = record(execution, "f").attempts
    assert (attempt.attempt, attempt.error.code) == (1, "action_error")
    retry = execution.execution_graph.vertex("f").settings.retry
    assert retry is not None
    assert (retry_wait(execution).attempt, retry.max_attempts) == (2, 4)


def a_failure_without_retry_is_the_error() -> None:
    _, execution = failing(settings={})
    assert execution.error == record(execution, "f").error
    assert error_code(execution) == "action_error"


def one_retry_is_a_second_attempt() -> None:
    _, execution = failing(settings={**RETRY, "max_retries": 1})
    assert retry_wait(execution).attempt == 2


def a_wait_is_no_failure() -> None:
    _, execution = failing(W)
    assert (only_wait(execution).type, record(execution, "f").attempts) == ("webhook", ())


def resume_fails_once(settings: dict[str, Any]) -> tuple[World, Execution]:
    """An execution in which a resume fails the first time it is called."""

    def on_resume(ctx: NodeContext, data: Any) -> Any:
        if ctx.attempt == 1:
            raise NodeFailure("bad_data", "the resume fails")
        return data

    @node(type="test.picky", on_resume=on_resume)
    def picky() -> Waiting:
        return wait_for_webhook()

    world = World([*NODES, picky])
    execution = world.runtime.execute(prana({"t": T, "p": ("test.picky", {}, settings), "n": S}, "t > p; p > n"))
    return world, world.runtime.resume(execution, {"given": 1})


def a_failing_resume_obeys_the_settings() -> None:
    """The original fails at once, whatever the settings say."""
    world, execution = resume_fails_once(RETRY)
    assert retry_wait(execution).attempt == 2
    execution = later(world, execution)
    assert (execution.status, record(execution, "p").output) == ("completed", {"given": 1})
    _, execution = resume_fails_once({"on_error": "continue"})
    assert (execution.status, record(execution, "p").output["code"]) == ("completed", "bad_data")
    _, execution = resume_fails_once({})
    assert error_code(execution) == "bad_data"


WHETHER: dict[str, Check] = {
    "RT1": the_first_call_is_the_first_attempt,
    "RT2": the_attempts_are_known_while_it_waits,
    "RT3": the_next_attempt_is_the_next_number,
    "RT4": below_the_limit_it_is_tried_again,
    "RT5": switched_off_it_is_not,
    "RT6": at_the_limit_it_is_not,
    "RT7": a_failure_that_is_tried_again_waits,
    "RT8": a_failure_without_retry_is_the_error,
    "RT9": one_retry_is_a_second_attempt,
    "RT10": a_wait_is_no_failure,
    "RT11": a_failing_resume_obeys_the_settings,
}


# ── ON: on_error ─────────────────────────────────────────────────────────────────────────────────────────────────────


def alone(on_error: str, **settings: Any) -> NodeExecution:
    """The record of a node that fails, with these settings in the original's form."""
    given = {"retry_on_failed": False, **settings, "on_error": on_error}
    return record(run(prana({"t": T, "f": (F, {}, given)}, "t > f")), "f")


MESSAGE = "This action always fails"


def stopping_keeps_the_error() -> None:
    run = alone("stop_workflow")
    assert run.error is not None
    assert (run.status, run.error.code, run.error.message, run.output_port) == ("failed", "action_error", MESSAGE, None)


def handed_on(mode: str, port: str, behaviour: str) -> Check:
    def check() -> None:
        run = alone(mode)
        assert (run.status, run.output_port, run.output["code"]) == ("completed", port, "action_error")
        details = run.output["details"]
        assert (details["port"], details["on_error_behavior"]) == (port, behaviour)
        assert (details["error"]["code"], details["error"]["message"]) == ("action_error", MESSAGE)

    return check


def the_error_port_need_not_be_declared() -> None:
    run = alone("continue_error_output")
    assert run.output_port == "error"
    assert "error" not in next(each for each in NODES if each.spec.type == F).spec.outputs


def retries_come_first() -> None:
    world, execution = failing(settings={**RETRY, "max_retries": 1, "on_error": "continue"})
    assert record(execution, "f").status == "retrying"
    execution = later(world, execution)
    assert (execution.status, record(execution, "f").output["code"]) == ("completed", "action_error")


def the_original_error_is_whole() -> None:
    stopped = alone("stop_workflow").error
    assert stopped is not None
    modes = ("continue", "continue_error_output")
    for error in (stopped.as_data(), *(alone(mode).output["details"]["error"] for mode in modes)):
        assert (error["code"], error["message"], error["details"]["error"]) == ("action_error", MESSAGE, MESSAGE)


HANDED_ON: dict[str, Check] = {
    "ON1": stopping_keeps_the_error,
    "ON2": handed_on("continue", "main", "default_port"),
    "ON3": handed_on("continue_error_output", "error", "error_port"),
    "ON4": the_error_port_need_not_be_declared,
    "ON5": retries_come_first,
    "ON6": the_original_error_is_whole,
}

ROWS = SUSPENDING | RETRY_RUNS | WHETHER | HANDED_ON


@pytest.mark.parametrize("check", cases(ROWS))
def test_one_node_keeps_the_promise_of_the_row(check: Check) -> None:
    check()
