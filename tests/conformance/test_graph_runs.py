"""The rows BF, DF, OE, SW, GE, LB, SL, IL, CB, FE, RE and RS of the original Prana: whole runs of graphs."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from prana_py import Execution, TransitionError, Workflow, WorkflowSettings
from prana_py.execution.history import at
from prana_py.execution.suspension import SubWorkflowWait
from tests.conformance.fixtures import (
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
    records,
    run,
    statuses,
)

# ── BF, DF: forks and joins ──────────────────────────────────────────────────────────────────────────────────────────

BRANCHES = "t > a1; a1 > a2; t > b1; b1 > b2; a2 > merge:input_a; b2 > merge:input_b"


def a_branch_is_followed_to_its_end() -> None:
    execution = run(prana({"t": T, "a1": S, "a2": S, "b1": S, "b2": S, "merge": "data.merge"}, BRANCHES))
    assert order(execution) == ["t", "a1", "a2", "b1", "b2", "merge"]
    assert execution.status == "completed"


def diamond(b: Any = (S, {"is": "b"}), c: Any = (S, {"is": "c"})) -> Workflow:
    links = "start > b; start > c; b > merge:input_a; c > merge:input_b; merge > final"
    return prana({"start": T, "b": b, "c": c, "merge": ("data.merge", {"strategy": "append"}), "final": S}, links)


def a_diamond_runs_in_order() -> None:
    assert order(run(diamond())) == ["start", "b", "c", "merge", "final"]


def the_join_gets_both() -> None:
    """The original's test hands over literal texts; ours are what the branches really gave."""
    assert [part["is"] for part in record(run(diamond()), "merge").output] == ["b", "c"]


def the_last_node_leaves_by_main() -> None:
    final = record(run(diamond()), "final")
    assert (final.status, final.output_port) == ("completed", "main")


def a_failing_branch_fails_the_run(which: str) -> Check:
    def check() -> None:
        execution = run(diamond(**{which: F}))
        assert error_code(execution) == "action_error"
        assert statuses(execution, which) == ["failed"]

    return check


def the_join_never_runs_when_a_branch_fails() -> None:
    """The original's title says so, and its test does not look."""
    assert statuses(run(diamond(b=F)), "merge", "final") == [None, None]


def there_is_a_record_for_each_node() -> None:
    execution = run(diamond())
    assert sorted(execution.node_executions) == ["b", "c", "final", "merge", "start"]
    assert len(order(execution)) == 5


def the_join_completes_after_both() -> None:
    execution = run(diamond())
    merge = record(execution, "merge")
    assert merge.execution_index > max(record(execution, key).execution_index for key in "bc")
    assert len(merge.output) == 2


def all_records_before_the_last_are_there() -> None:
    execution = run(diamond())
    assert set(statuses(execution, "start", "b", "c", "merge", "final")) == {"completed"}


DIAMONDS: dict[str, Check] = {
    "BF1": a_branch_is_followed_to_its_end,
    "DF1": a_diamond_runs_in_order,
    "DF2": the_join_gets_both,
    "DF3": the_last_node_leaves_by_main,
    "DF4": a_failing_branch_fails_the_run("b"),
    "DF5": a_failing_branch_fails_the_run("c"),
    "DF6": the_join_never_runs_when_a_branch_fails,
    "DF7": there_is_a_record_for_each_node,
    "DF8": the_join_completes_after_both,
    "DF9": all_records_before_the_last_are_there,
}


# ── OE: on_error ─────────────────────────────────────────────────────────────────────────────────────────────────────

READS_CODE = (S, {"code": "{{ $input.code }}"})


def continuing_hands_the_error_on() -> None:
    execution = run(prana({"t": T, "f": (F, {}, {"on_error": "continue"}), "n": READS_CODE}, "t > f; f > n"))
    failing = record(execution, "f")
    assert (failing.status, failing.output_port, failing.output["code"]) == ("completed", "main", "action_error")
    assert record(execution, "n").output["code"] == "action_error"
    assert (execution.status, len(order(execution))) == ("completed", 3)


def the_error_port_leads_to_a_handler() -> None:
    settings = {"on_error": "continue_error_output"}
    execution = run(prana({"t": T, "f": (F, {}, settings), "n": S, "h": READS_CODE}, "t > f; f > n; f:error > h"))
    assert (execution.status, order(execution)) == ("completed", ["t", "f", "h"])
    assert record(execution, "h").output["code"] == "action_error"


def an_error_port_that_leads_nowhere_ends_the_path() -> None:
    execution = run(prana({"t": T, "f": (F, {}, {"on_error": "continue_error_output"}), "n": S}, "t > f; f > n"))
    assert (execution.status, order(execution)) == ("completed", ["t", "f"])
    assert record(execution, "f").output_port == "error"


def stopping_fails_the_run() -> None:
    execution = run(prana({"t": T, "f": (F, {}, {"on_error": "stop_workflow"}), "n": S}, "t > f; f > n"))
    assert error_code(execution) == "action_error"
    assert (record(execution, "f").status, record(execution, "f").output_port) == ("failed", None)
    assert statuses(execution, "n") == [None]


def each_node_keeps_its_own_rule() -> None:
    nodes = {"t": T, "f": (F, {}, {"on_error": "continue"}), "m": S, "g": (F, {}, {"on_error": "stop_workflow"})}
    execution = run(prana(nodes, "t > f; f > m; m > g"))
    assert error_code(execution) == "action_error"
    assert statuses(execution, "t", "f", "m", "g") == ["completed", "completed", "completed", "failed"]


ON_ERROR: dict[str, Check] = {
    "OE1": continuing_hands_the_error_on,
    "OE2": the_error_port_leads_to_a_handler,
    "OE3": an_error_port_that_leads_nowhere_ends_the_path,
    "OE4": stopping_fails_the_run,
    "OE5": each_node_keeps_its_own_rule,
}


# ── SW: sub-workflows ────────────────────────────────────────────────────────────────────────────────────────────────

CHILD = prana({"begin": "workflow.trigger", "wait": W}, "begin > wait", id="child")
QUICK = prana({"begin": "workflow.trigger", "work": S}, "begin > work", id="quick")


def parent(child: str = "child", **params: Any) -> Workflow:
    nodes = {"t": T, "sub": ("workflow.execute_workflow", {"workflow_id": child, **params}), "out": S}
    return prana(nodes, "t > sub; sub > out")


def family() -> World:
    return World(workflows=[CHILD, QUICK])


def asked_for(value: Any = None, **params: Any) -> SubWorkflowWait:
    """What the parent waits for."""
    suspension = family().runtime.execute(parent(execution_mode="async", **params), value).suspension
    assert suspension is not None
    assert isinstance(suspension.wait, SubWorkflowWait)
    return suspension.wait


def a_waiting_child_suspends_its_parent() -> None:
    """The runtime carries the child out itself, and the parent suspends because the child does."""
    world = family()
    execution = world.runtime.execute(parent(execution_mode="sync"))
    assert (execution.status, statuses(execution, "t", "sub")) == ("suspended", ["completed", "suspended"])
    assert execution.suspension is not None
    wait = execution.suspension.wait
    assert isinstance(wait, SubWorkflowWait)
    assert (wait.sub_workflow_id, wait.execution_mode) == ("child", "sync")
    mine = [event for event in world.events if event.execution_id == execution.id]
    assert [event.kind for event in mine] == [
        "execution_started",
        "node_starting",
        "node_completed",
        "node_starting",
        "node_suspended",
        "execution_suspended",
    ]


def nobody_waits_for_a_forgotten_child() -> None:
    """Ours needs no host to resume it; who waits on the child is the child."""
    world = family()
    execution = world.runtime.execute(parent(execution_mode="fire_and_forget"))
    assert (execution.status, order(execution)) == ("completed", ["t", "sub", "out"])
    (child_id,) = record(execution, "sub").output["execution_ids"]
    child = world.runtime.kept(child_id)
    assert child is not None
    assert child.status == "suspended"


def resumed_child(world: World, execution: Execution, data: Any) -> Execution:
    """The parent after its only waiting child was resumed."""
    assert execution.suspension is not None
    assert isinstance(execution.suspension.wait, SubWorkflowWait)
    (child_id,) = execution.suspension.wait.children
    child = world.runtime.kept(child_id)
    assert child is not None
    world.runtime.resume(child, data)
    after = world.runtime.kept(execution.id)
    assert after is not None
    return after


def the_childs_output_is_the_nodes() -> None:
    world = family()
    execution = resumed_child(world, world.runtime.execute(parent()), {"total": 7})
    assert (execution.status, record(execution, "sub").output) == ("completed", {"total": 7})
    assert record(execution, "out").output == {"from": {"total": 7}}


def two_calls_suspend_twice() -> None:
    sub = ("workflow.execute_workflow", {"workflow_id": "child"})
    world = family()
    execution = world.runtime.execute(prana({"t": T, "one": sub, "two": sub}, "t > one; one > two"))
    assert statuses(execution, "one", "two") == ["suspended", None]
    execution = resumed_child(world, execution, 1)
    assert (execution.status, statuses(execution, "one", "two")) == ("suspended", ["completed", "suspended"])
    execution = resumed_child(world, execution, 2)
    assert (execution.status, execution.output) == ("completed", 2)


def a_completed_execution_is_not_resumed() -> None:
    world = World()
    execution = world.runtime.execute(prana({"t": T}))
    with pytest.raises(TransitionError, match="completed") as caught:
        world.runtime.resume(execution, {})
    assert caught.value.code == "execution_final"


def without_an_open_wait_nothing_is_resumed() -> None:
    """A suspended execution without a wait cannot exist here; one that runs has none either."""
    world = World()
    running = world.runtime.execute(prana({"t": T, "w": W}, "t > w"))
    with pytest.raises(TransitionError, match="waits for nothing") as caught:
        world.runtime.resume(at(running, 1), {})
    assert caught.value.code == "wait_not_open"


def events_tell_all_there_is() -> None:
    world = family()
    execution = world.runtime.execute(parent(execution_mode="sync"))
    suspended = next(e for e in world.events if e.kind == "node_suspended" and e.execution_id == execution.id)
    assert (suspended.workflow_id, suspended.node_key, suspended.status) == ("orders", "sub", "suspended")
    assert execution.suspension is not None
    assert suspended.data["waits"] == {execution.suspension.wait_id: "sub_workflow"}
    (told,) = suspended.data["suspensions"]
    assert (told["node_key"], told["wait"]["sub_workflow_id"]) == ("sub", "child")


def batches(kind: str, given: Any, handed_over: Any, children: int) -> Check:
    def check() -> None:
        wait = asked_for(batch_mode=kind, input_data=given)
        assert (wait.request.batch, wait.request.input, len(wait.children)) == (kind, handed_over, children)

    return check


def all_is_the_default() -> None:
    assert asked_for().request.batch == "all"


SUB_WORKFLOWS: dict[str, Check] = {
    "SW1": a_waiting_child_suspends_its_parent,
    "SW2": nobody_waits_for_a_forgotten_child,
    "SW3": the_childs_output_is_the_nodes,
    "SW4": two_calls_suspend_twice,
    "SW5": a_completed_execution_is_not_resumed,
    "SW6": without_an_open_wait_nothing_is_resumed,
    "SW7": events_tell_all_there_is,
    "SW8": batches("all", [1, 2], [1, 2], 1),
    "SW9": all_is_the_default,
    "SW10": batches("single", {"id": 1}, [{"id": 1}], 1),
    "SW11": batches("single", [1, 2, 3], [1, 2, 3], 3),
    "SW12": batches("all", {"id": 1}, {"id": 1}, 1),
}


# ── GE, LB, SL, IL: the smallest run, and loops ──────────────────────────────────────────────────────────────────────


def one_node_is_a_run() -> None:
    execution = run(prana({"t": T}))
    assert (execution.status, order(execution), record(execution, "t").output_port) == ("completed", ["t"], "main")


SEES = {
    "index": "{{ $execution.run_index }}",
    "loopback": "{{ $execution.loopback }}",
    "loop": "{{ $execution.loop }}",
}


def rounds(count: int, **more: Any) -> Execution:
    """A body that goes round so often, then an exit; each sees what a template can of its loop."""
    again = {"condition": "{{ $execution.run_index < " + str(count - 1) + " }}"}
    nodes = {"t": (S.replace("simple", "trigger"), {}), "body": (S, SEES), "again": ("logic.if_condition", again)}
    links = "t > body; body > again; again:true > body; again:false > exit"
    return run(prana({**nodes, "exit": (S, SEES)}, links, **more))


def loopbacks(execution: Execution) -> list[bool]:
    return [run.output["loopback"] for run in records(execution, "body")]


def the_first_run_is_no_loop_back() -> None:
    assert loopbacks(rounds(1)) == [False]


def a_way_back_makes_a_loop_back() -> None:
    assert loopbacks(rounds(2))[1] is True


def at_the_start_nothing_is_one() -> None:
    execution = run(prana({"t": T, "a": (S, SEES)}, "t > a"))
    assert record(execution, "a").output["loopback"] is False


def later_rounds_are_loop_backs() -> None:
    """All three records stay here; the original keeps the last two."""
    execution = rounds(3)
    assert loopbacks(execution) == [False, True, True]
    assert [run.run_index for run in records(execution, "body")] == [0, 1, 2]


def a_node_knows_its_loop() -> None:
    """The compiler finds level, role and name; what an author writes into metadata is not believed."""
    (first,) = records(rounds(1), "body")
    loop = first.output["loop"]
    assert (loop["loop_level"], loop["loop_role"], loop["loopback"]) == (1, "start_loop", False)
    assert loop["loop_ids"] == ["loop_body"]


def a_node_outside_knows_that_it_is_in_none() -> None:
    loop = record(rounds(2), "exit").output["loop"]
    assert (loop["loop_level"], loop["loop_role"], loop["loop_ids"]) == (0, "not_in_loop", [])
    assert loop["loopback"] is False


def a_template_sees_the_loop_back() -> None:
    assert loopbacks(rounds(2)) == [False, True]


def the_exit_runs_once() -> None:
    execution = rounds(4)
    assert records(execution, "body")[-1].run_index == 3
    assert len(records(execution, "exit")) == 1


def the_loop_is_bounded() -> None:
    execution = rounds(4)
    assert (execution.status, len(order(execution)) < 20) == ("completed", True)


def a_line_counts_no_loop_backs() -> None:
    assert run(prana({"t": T, "a": S}, "t > a")).iteration_count == 0


def an_endless_loop_is_ended() -> None:
    """The limit holds for each cycle; the original's for the execution."""
    endless = prana({"t": T, "a": S, "b": S}, "t > a; a > b; b > a")
    execution = run(endless, settings=WorkflowSettings(max_iterations=5))
    assert (error_code(execution), execution.iteration_count) == ("loop_limit", 5)
    assert execution.error is not None
    assert (execution.error.node_key, execution.error.details["max_iterations"]) == ("a", 5)


def a_long_line_counts_no_loop_backs() -> None:
    keys = ["t", *(f"n{number}" for number in range(100))]
    nodes = dict.fromkeys(keys, S) | {"t": T}
    execution = run(prana(nodes, "; ".join(f"{a} > {b}" for a, b in pairwise(keys))))
    assert (execution.status, len(order(execution)), execution.iteration_count) == ("completed", 101, 0)


LOOPS: dict[str, Check] = {
    "GE1": one_node_is_a_run,
    "LB1": the_first_run_is_no_loop_back,
    "LB2": a_way_back_makes_a_loop_back,
    "LB3": at_the_start_nothing_is_one,
    "LB4": later_rounds_are_loop_backs,
    "LB5": a_node_knows_its_loop,
    "LB6": a_node_outside_knows_that_it_is_in_none,
    "LB7": a_template_sees_the_loop_back,
    "SL1": the_exit_runs_once,
    "SL2": the_loop_is_bounded,
    "IL1": a_line_counts_no_loop_backs,
    "IL2": an_endless_loop_is_ended,
    "IL3": a_long_line_counts_no_loop_backs,
}


# ── CB: branches ─────────────────────────────────────────────────────────────────────────────────────────────────────


def choosing(condition: str, links: str = "t > if; if:true > yes; if:false > no", **nodes: Any) -> Workflow:
    return prana({"t": T, "if": ("logic.if_condition", {"condition": condition}), "yes": S, "no": S, **nodes}, links)


ADULT = "{{ $input.age >= 18 }}"


def an_arm_runs(age: int, port: str, ran: str) -> Check:
    def check() -> None:
        execution = run(choosing(ADULT), {"age": age})
        assert order(execution) == ["t", "if", ran]
        assert record(execution, "if").output_port == port

    return check


def arms_meet_once() -> None:
    links = "t > if; if:true > yes; if:false > no; yes > join; no > join"
    execution = run(choosing(ADULT, links, join=S), {"age": 30})
    assert order(execution) == ["t", "if", "yes", "join"]


def switch(**more: Any) -> tuple[str, dict[str, Any]]:
    tiers = ("gold", "silver", "bronze")
    listed = [{"condition": "{{ $input.tier == '" + tier + "' }}", "port": tier} for tier in tiers]
    return ("logic.switch", {"cases": listed, **more})


def by_tier(tier: str, **more: Any) -> Execution:
    nodes = {"t": T, "switch": switch(**more), "gold": S, "silver": S, "bronze": S, "join": S}
    arms = "; ".join(f"switch:{arm} > {arm}; {arm} > join" for arm in ("gold", "silver", "bronze"))
    return run(prana(nodes, f"t > switch; {arms}"), {"tier": tier})


def a_case_is_taken(tier: str) -> Check:
    def check() -> None:
        execution = by_tier(tier)
        assert (order(execution)[:3], record(execution, "switch").output_port) == (["t", "switch", tier], tier)

    return check


def cases_meet_once() -> None:
    assert order(by_tier("bronze")) == ["t", "switch", "bronze", "join"]


def no_case_fails_unless_there_is_a_default() -> None:
    """A default port is offered; the original has none."""
    assert error_code(by_tier("wood")) == "no_matching_case"
    assert order(by_tier("wood", default_port="silver")) == ["t", "switch", "silver", "join"]


def an_if_stands_behind_a_switch() -> None:
    """The switch hands its input on, so that the if can look at it; the original's hands on nothing."""
    nodes = {"t": T, "switch": switch(), "if": ("logic.if_condition", {"condition": ADULT}), "yes": S, "no": S}
    flow = prana(nodes, "t > switch; switch:gold > if; if:true > yes; if:false > no")
    assert order(run(flow, {"tier": "gold", "age": 40})) == ["t", "switch", "if", "yes"]
    assert order(run(flow, {"tier": "gold", "age": 4})) == ["t", "switch", "if", "no"]


BRANCHING: dict[str, Check] = {
    "CB1": an_arm_runs(30, "true", "yes"),
    "CB2": an_arm_runs(3, "false", "no"),
    "CB3": arms_meet_once,
    "CB4": a_case_is_taken("gold"),
    "CB5": a_case_is_taken("silver"),
    "CB6": cases_meet_once,
    "CB7": no_case_fails_unless_there_is_a_default,
    "CB8": an_if_stands_behind_a_switch,
}


# ── FE: for_each ─────────────────────────────────────────────────────────────────────────────────────────────────────


def going_through(items: list[Any], **params: Any) -> Execution:
    each = ("prana_core.for_each", {"collection": items, "mode": "single", **params})
    return run(
        prana({"t": T, "each": each, "body": (S, {"item": "{{ $input }}"})}, "t > each; each:loop > body; body > each")
    )


def items_of(execution: Execution) -> list[Any]:
    return [run.output["item"] for run in records(execution, "body")]


def three_items_go_round() -> None:
    execution = going_through([1, 2, 3])
    assert (execution.status, items_of(execution)) == ("completed", [1, 2, 3])
    assert record(execution, "each").output_port == "done"


def the_last_run_has_the_last_item() -> None:
    """All records stay unless a setting says otherwise; the original keeps two."""
    execution = going_through([1, 2, 3])
    last = records(execution, "body")[-1]
    assert (last.run_index, last.output["item"], len(records(execution, "body"))) == (2, 3, 3)


def without_items_the_body_never_runs() -> None:
    execution = going_through([])
    assert (execution.status, order(execution)) == ("completed", ["t", "each"])


def batches_of_two() -> None:
    execution = going_through([1, 2, 3, 4, 5], mode="batch", batch_size=2)
    assert items_of(execution) == [[1, 2], [3, 4], [5]]
    assert records(execution, "body")[-1].run_index == 2


FOR_EACH: dict[str, Check] = {
    "FE1": three_items_go_round,
    "FE2": the_last_run_has_the_last_item,
    "FE3": without_items_the_body_never_runs,
    "FE4": batches_of_two,
}


# ── RE, RS: retries in graphs ────────────────────────────────────────────────────────────────────────────────────────


def to_the_end(world: World, execution: Execution) -> Execution:
    """Let time pass until nothing waits for it."""
    while execution.status == "suspended":
        world.clock.advance(seconds=2)
        execution = world.runtime.wake(execution)
    return execution


def a_flaky_node_succeeds_in_the_end() -> None:
    """The attempt's number is the node's to see; the original's test counts it from outside."""
    world = World()
    flow = prana({"t": T, "f": ("test.flaky", {}, RETRY), "n": (S, {"got": "{{ $input.attempt }}"})}, "t > f; f > n")
    execution = world.runtime.execute(flow)
    assert execution.status == "suspended"
    execution = to_the_end(world, execution)
    assert (execution.status, record(execution, "n").output["got"]) == ("completed", 3)


def an_always_failing_node_fails_the_run() -> None:
    """The original's test accepts either outcome."""
    world = World()
    execution = to_the_end(
        world, world.runtime.execute(prana({"t": T, "f": (F, {}, {**RETRY, "max_retries": 1})}, "t > f"))
    )
    assert (error_code(execution), record(execution, "f").attempt) == ("action_error", 2)


def a_retried_and_an_ordinary_node_both_complete() -> None:
    world = World()
    flow = prana({"t": T, "f": ("test.flaky", {}, RETRY), "n": (S, {}, {"retry_on_failed": False})}, "t > f; f > n")
    execution = to_the_end(world, world.runtime.execute(flow))
    assert statuses(execution, "f", "n") == ["completed", "completed"]
    assert record(execution, "n").attempt == 1


def a_waiting_retry_is_executed_again() -> None:
    world = World()
    execution = world.runtime.execute(prana({"t": T, "f": ("test.flaky", {"succeeds_on": 2}, RETRY)}, "t > f"))
    assert execution.suspension is not None
    assert execution.suspension.type == "retry"
    world.clock.advance(seconds=2)
    execution = world.runtime.wake(execution)
    assert (execution.status, execution.output) == ("completed", {"attempt": 2})


def a_waiting_webhook_is_resumed() -> None:
    world = World()
    execution = world.runtime.execute(prana({"t": T, "w": W}, "t > w"))
    execution = world.runtime.resume(execution, {"ok": True})
    assert (execution.status, execution.output) == ("completed", {"ok": True})


def a_retry_that_fails_again_waits_again() -> None:
    world = World()
    execution = world.runtime.execute(prana({"t": T, "f": (F, {}, RETRY)}, "t > f"))
    world.clock.advance(seconds=2)
    execution = world.runtime.wake(execution)
    assert execution.suspension is not None
    wait: Any = execution.suspension.wait
    assert (execution.suspension.type, wait.attempt, record(execution, "f").attempt) == ("retry", 3, 2)


RETRIES: dict[str, Check] = {
    "RE1": a_flaky_node_succeeds_in_the_end,
    "RE2": an_always_failing_node_fails_the_run,
    "RE3": a_retried_and_an_ordinary_node_both_complete,
    "RS1": a_waiting_retry_is_executed_again,
    "RS2": a_waiting_webhook_is_resumed,
    "RS3": a_retry_that_fails_again_waits_again,
}

ROWS = DIAMONDS | ON_ERROR | SUB_WORKFLOWS | LOOPS | BRANCHING | FOR_EACH | RETRIES


@pytest.mark.parametrize("check", cases(ROWS))
def test_a_run_keeps_the_promise_of_the_row(check: Check) -> None:
    check()
