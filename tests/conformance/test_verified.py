"""The rows X: what the original's suite never tests, and experiments with it found; ours keeps some and mends most."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from prana_py import (
    Execution,
    NodeContext,
    NodeFailure,
    TransitionError,
    UsageError,
    Workflow,
    node,
    wait_for_interval,
    wait_for_webhook,
)
from prana_py.builtin_nodes.all_nodes import builtin_catalog
from prana_py.driver.outcome import Waiting
from prana_py.execution.storage import from_storage_format, to_storage_format
from prana_py.model.document import node_from_dict
from prana_py.model.settings import NodeSettings
from prana_py.nodes.catalog import Catalog
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
    records,
    run,
    statuses,
)

# ── order and joins ──────────────────────────────────────────────────────────────────────────────────────────────────


def connections_decide_the_order() -> None:
    execution = run(prana({"t": T, "a": S, "m": S, "z": S}, "t > z; t > a; t > m"))
    assert order(execution) == ["t", "z", "a", "m"]


def forty_branches_keep_it() -> None:
    keys = [f"n{(number * 17) % 40}" for number in range(40)]
    execution = run(prana({"t": T, **dict.fromkeys(keys, S)}, "; ".join(f"t > {key}" for key in keys)))
    assert order(execution) == ["t", *keys]


def a_deeper_branch_goes_first() -> None:
    execution = run(prana({"t": T, "a": S, "a2": S, "a3": S, "b": S}, "t > a; t > b; a > a2; a2 > a3"))
    assert order(execution) == ["t", "a", "a2", "a3", "b"]


def meeting(**join: Any) -> Execution:
    """Two branches that meet in one port."""
    nodes = {"t": T, "a": (S, {"is": "a"}), "b": (S, {"is": "b"}), "j": (S, {"got": "{{ $input }}"}, join), "end": S}
    return run(prana(nodes, "t > a; t > b; a > j; b > j; j > end"))


def the_join_decides_what_happens() -> None:
    """Once by default; the original runs the join, and all that follows, once per arrival."""
    assert [len(records(meeting(), key)) for key in ("j", "end")] == [1, 1]
    assert [len(records(meeting(join="each"), key)) for key in ("j", "end")] == [2, 2]
    assert len(records(meeting(join="first"), "j")) == 1


def twelve_diamonds_run_each_node_once() -> None:
    nodes: dict[str, Any] = {"n0": T}
    links = []
    for number in range(12):
        end = f"n{number + 1}"
        nodes |= {f"l{number}": S, f"r{number}": S, end: S}
        links += [f"n{number} > l{number}; n{number} > r{number}; l{number} > {end}; r{number} > {end}"]
    assert len(order(run(prana(nodes, "; ".join(links))))) == 37


def deciding(links: str, condition: str = "{{ $input.yes }}", **nodes: Any) -> Workflow:
    return prana({"t": T, "if": ("logic.if", {"condition": condition}), **nodes}, f"t > if; {links}")


def arms_meet_in_two_ports() -> None:
    flow = deciding("if:true > a; if:false > b; a > m:x; b > m:y", a=S, b=S, m="data.merge")
    execution = run(flow, {"yes": True})
    assert (execution.status, order(execution)) == ("completed", ["t", "if", "a", "m"])


def arms_meet_in_one_port() -> None:
    execution = run(deciding("if:true > a; if:false > b; a > j; b > j", a=S, b=S, j=S), {"yes": False})
    assert (order(execution), len(records(execution, "j"))) == (["t", "if", "b", "j"], 1)


ROUND = (S, {"round": "{{ $execution.run_index }}"})


def a_merge_sees_this_round_only() -> None:
    nodes = {
        "t": T,
        "head": S,
        "a": ROUND,
        "b": ROUND,
        "b2": (S, {"round": "{{ $input.round }}"}),
        "m": "data.merge",
        "if": ("logic.if", {"condition": "{{ $execution.run_index < 2 }}"}),
    }
    links = "t > head; head > a; head > b; b > b2; a > m:x; b2 > m:y; m > if; if:true > head"
    merged = [[part["round"] for part in done.output] for done in records(run(prana(nodes, links)), "m")]
    assert merged == [[0, 0], [1, 1], [2, 2]]


def done_fires_once() -> None:
    nodes = {"t": T, "each": ("core.for_each", {"items": [1, 2]}), "a": S, "b": S, "m": "data.merge", "end": S}
    execution = run(prana(nodes, "t > each; each:loop > a; each:loop > b; a > m:x; b > m:y; m > each; each:done > end"))
    assert [len(records(execution, key)) for key in ("m", "end")] == [2, 1]


def one_source_fills_two_ports() -> None:
    execution = run(
        prana({"t": T, "a": (S, {"is": "a"}), "m": ("data.merge", {"strategy": "object"})}, "t > a; a > m:x; a > m:y")
    )
    merged = record(execution, "m").output
    assert [merged[port]["is"] for port in ("x", "y")] == ["a", "a"]


def connection_order_decides_in_one_port() -> None:
    """The later connection wins, whichever source ended last; the original takes who ended last."""
    assert record(meeting(), "j").output["got"]["is"] == "b"
    nodes = {"t": T, "a": (S, {"is": "a"}), "b": (S, {"is": "b"}), "j": (S, {"got": "{{ $input }}"})}
    other_way = run(prana(nodes, "t > a; t > b; b > j; a > j"))
    assert (order(other_way), record(other_way, "j").output["got"]["is"]) == (["t", "a", "b", "j"], "a")
    assert [part["is"] for part in record(meeting(collect="list"), "j").output["got"]] == ["a", "b"]


def null_and_false_are_delivered() -> None:
    for value in (None, False):
        nodes = {"t": T, "s": ("data.set_data", {"mapping_map": value}), "n": (S, {"ports": "{{ $inputs | keys }}"})}
        output = record(run(prana(nodes, "t > s; s > n")), "n").output
        assert (output["from"], output["ports"]) == (value, ["main"])


def loops_nest() -> None:
    nodes = {
        "t": T,
        "outer": ("core.for_each", {"items": [1, 2]}),
        "inner": ("core.for_each", {"items": ["a", "b"]}),
        "body": (S, {"outer": "{{ $loop.parent.item }}", "inner": "{{ $loop.item }}", "index": "{{ $loop.index }}"}),
    }
    execution = run(prana(nodes, "t > outer; outer:loop > inner; inner:loop > body; body > inner; inner:done > outer"))
    seen = [(done.output["outer"], done.output["inner"], done.output["index"]) for done in records(execution, "body")]
    assert (execution.status, seen) == ("completed", [(1, "a", 0), (1, "b", 1), (2, "a", 0), (2, "b", 1)])


def the_round_is_known_in_a_body() -> None:
    """Every node of the loop knows the round; in the original only its first one learns that there was one."""
    sees = (S, {"round": "{{ $loop.index }}"})
    nodes = {"t": T, "head": sees, "body": sees, "if": ("logic.if", {"condition": "{{ $execution.run_index < 2 }}"})}
    execution = run(prana(nodes, "t > head; head > body; body > if; if:true > head"))
    for key in ("head", "body"):
        assert [done.output["round"] for done in records(execution, key)] == [0, 1, 2]


ORDER: dict[str, Check] = {
    "X1": connections_decide_the_order,
    "X2": forty_branches_keep_it,
    "X3": a_deeper_branch_goes_first,
    "X4": the_join_decides_what_happens,
    "X5": twelve_diamonds_run_each_node_once,
    "X6": arms_meet_in_two_ports,
    "X7": arms_meet_in_one_port,
    "X8": a_merge_sees_this_round_only,
    "X9": done_fires_once,
    "X10": one_source_fills_two_ports,
    "X11": connection_order_decides_in_one_port,
    "X12": null_and_false_are_delivered,
    "X19": loops_nest,
    "X20": the_round_is_known_in_a_body,
}


# ── waits and retries ────────────────────────────────────────────────────────────────────────────────────────────────


@node(type="test.pause")
def pause(ctx: NodeContext) -> Waiting:
    """Waits for a minute."""
    return wait_for_interval(60)


@node(type="test.patient", outputs=("main", "timeout"))
def patient() -> Waiting:
    """Waits for a webhook, for an hour at most."""
    return wait_for_webhook(timeout="1h")


def refusal(world: World, execution: Execution, **named: Any) -> str:
    """The code with which a resume is refused; the execution is as it was."""
    before = execution.position
    with pytest.raises(TransitionError) as caught:
        world.runtime.resume(execution, "late", **named)
    assert execution.position == before
    return caught.value.code


def others_go_on_while_one_waits() -> None:
    execution = run(prana({"t": T, "w": W, "v": W, "a": S, "b": S}, "t > w; t > a; t > v; a > b"))
    assert statuses(execution, "w", "v", "a", "b") == ["suspended", "suspended", "completed", "completed"]
    assert (execution.status, len(execution.suspensions)) == ("suspended", 2)


def a_wait_is_resolved_once() -> None:
    """An execution is a value, so the old one can be resumed again: that is a fork, which a store refuses to keep."""
    world = World()
    flow = prana({"t": T, "w": W, "v": W}, "t > w; t > v")
    execution = world.runtime.execute(flow)
    resumed = world.runtime.resume(execution, 1, wait_id="w#0")
    assert refusal(world, resumed, wait_id="w#0") == "wait_not_open"
    assert record(resumed, "w").output == 1


def too_early_and_too_late_are_refused() -> None:
    world = World([*NODES, pause, patient])
    paused = world.runtime.execute(prana({"t": T, "w": "test.pause"}, "t > w"))
    assert refusal(world, paused) == "wait_not_due"
    waiting = world.runtime.execute(prana({"t": T, "w": "test.patient"}, "t > w"))
    world.clock.advance(hours=1)
    assert refusal(world, waiting) == "wait_expired"
    assert world.runtime.wake(paused).status == "completed"


def failing_resume(settings: dict[str, Any]) -> Execution:
    def on_resume(data: Any) -> Any:
        raise NodeFailure("bad_data", "this can never be resumed")

    @node(type="test.unresumable", on_resume=on_resume)
    def unresumable() -> Waiting:
        return wait_for_webhook()

    world = World([*NODES, unresumable])
    flow = prana({"t": T, "w": ("test.unresumable", {}, settings), "h": S}, "t > w; w:error > h")
    return world.runtime.resume(world.runtime.execute(flow), 1)


def a_failing_resume_obeys() -> None:
    """The original fails at once, whatever the settings say."""
    assert record(failing_resume(RETRY), "w").status == "retrying"
    assert order(failing_resume({"on_error": "continue_error_output"})) == ["t", "w", "h"]
    assert error_code(failing_resume({})) == "bad_data"


def retried(count: int, **more: Any) -> Execution:
    """An always failing node, after all of its retries."""
    world = World()
    settings = {**RETRY, "max_retries": count, **more}
    execution = world.runtime.execute(prana({"t": T, "f": (F, {}, settings)}, "t > f"))
    while execution.status == "suspended":
        world.clock.advance(seconds=2)
        execution = world.runtime.wake(execution)
    return execution


def n_retries_are_n_plus_one_attempts() -> None:
    """With a constant delay as in the original; other backoffs are offered in our own form of settings."""
    for count in (1, 3):
        failed = record(retried(count), "f")
        assert (failed.status, failed.attempt, len(failed.attempts)) == ("failed", count + 1, count)
        assert {attempt.retry_at - attempt.at for attempt in failed.attempts} == {2_000_000_000}


def every_attempt_stays() -> None:
    world = World()
    execution = world.runtime.execute(prana({"t": T, "f": ("test.flaky", {}, RETRY)}, "t > f"))
    while execution.status == "suspended":
        world.clock.advance(seconds=2)
        execution = world.runtime.wake(execution)
    done = record(execution, "f")
    assert [(attempt.attempt, attempt.error.details["attempt"]) for attempt in done.attempts] == [(1, 1), (2, 2)]
    assert (done.status, done.attempt) == ("completed", 3)


def a_trigger_may_suspend() -> None:
    @node(type="test.slow_trigger", trigger=True)
    def slow_trigger() -> Waiting:
        return wait_for_webhook()

    world = World([*NODES, slow_trigger])
    execution = world.runtime.execute(prana({"t": "test.slow_trigger", "a": S}, "t > a"))
    assert execution.status == "suspended"
    execution = world.runtime.resume(execution, {"began": True})
    assert (execution.status, execution.output) == ("completed", {"from": {"began": True}})


def a_lonely_triggers_output_is_the_output() -> None:
    assert run(prana({"t": T}), {"id": 1}).output == {"id": 1}


def a_failing_prepare_keeps_id_and_history() -> None:
    def prepare() -> None:
        raise RuntimeError("nothing can be prepared")

    @node(type="test.unprepared", prepare=prepare)
    def unprepared() -> None:
        """Is never called."""

    execution = run(prana({"t": T, "n": "test.unprepared"}, "t > n"), nodes=[*NODES, unprepared], execution_id="mine")
    assert (execution.id, error_code(execution)) == ("mine", "preparation_failed")
    assert execution.error is not None
    assert (execution.error.node_key, execution.position > 1) == ("n", True)


WAITS: dict[str, Check] = {
    "X22": others_go_on_while_one_waits,
    "X23": a_wait_is_resolved_once,
    "X24": too_early_and_too_late_are_refused,
    "X25": a_failing_resume_obeys,
    "X26": n_retries_are_n_plus_one_attempts,
    "X27": every_attempt_stays,
    "X29": a_failing_prepare_keeps_id_and_history,
    "X30": a_trigger_may_suspend,
    "X31": a_lonely_triggers_output_is_the_output,
}


# ── storing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def stored_as_text(execution: Execution) -> Any:
    """The stored form after a way through JSON text."""
    return json.loads(json.dumps(to_storage_format(execution)))


def every_execution_can_be_encoded() -> None:
    """One that waits for its retry too, of which the original's form cannot be encoded."""
    world = World()
    for kind in (F, W, S):
        execution = world.runtime.execute(prana({"t": T, "n": (kind, {}, RETRY)}, "t > n"))
        stored = stored_as_text(execution)
        assert stored["status"] == execution.status
        assert from_storage_format(stored, execution.execution_graph).node_executions == execution.node_executions


def loaded_it_goes_on() -> None:
    world = World()
    execution = world.runtime.execute(prana({"t": T, "w": W, "n": S}, "t > w; w > n"), {"id": 1})
    loaded = from_storage_format(stored_as_text(execution), execution.execution_graph)
    execution = world.runtime.resume(loaded, {"ok": True})
    assert (execution.status, execution.output) == ("completed", {"from": {"ok": True}})


def the_environment_is_not_stored() -> None:
    execution = run(prana({"t": T, "n": S}, "t > n"), environment={"token": "s3cr3t-value"})
    assert "s3cr3t-value" not in json.dumps(to_storage_format(execution))
    assert execution.environment["token"] == "s3cr3t-value"  # no secret at all


def microseconds_are_kept() -> None:
    moment = datetime(2030, 5, 6, 7, 8, 9, 123_456, tzinfo=UTC)
    world = World()
    world.clock.advance_to(moment)
    execution = world.runtime.execute(prana({"t": T, "w": W}, "t > w"), {"at": moment})
    loaded = from_storage_format(stored_as_text(execution), execution.execution_graph)
    assert (loaded.trigger_data["at"], loaded.started_at) == (moment, moment)
    assert loaded.suspensions == execution.suspensions


STORING: dict[str, Check] = {
    "X35": every_execution_can_be_encoded,
    "X36": loaded_it_goes_on,
    "X37": the_environment_is_not_stored,
    "X38": microseconds_are_kept,
}


# ── nodes, documents, catalogs ───────────────────────────────────────────────────────────────────────────────────────


def a_quote_leaves_json_whole() -> None:
    """A structure with templates in it is no text, so nothing has to be escaped; in a text ``dump`` escapes."""
    hostile = 'a "quoted" \\ name'
    for template in ({"name": "{{ $input.name }}"}, '{"name": {{ $input.name | dump }}}'):
        nodes = {"t": T, "s": ("data.set_data", {"mode": "json", "json_template": template})}
        assert run(prana(nodes, "t > s"), {"name": hostile}).output == {"name": hostile}


def a_wrong_wait_has_its_own_code() -> None:
    for params, code in (
        ({"mode": "{{ 'forever' }}"}, "config_error"),
        ({"mode": "interval", "duration": "{{ 0 - 1 }}"}, "interval_config_error"),
        ({"mode": "schedule", "schedule_at": "{{ 'tomorrow' }}"}, "schedule_config_error"),
        ({"mode": "webhook", "timeout_hours": "{{ 9999 }}"}, "webhook_config_error"),
    ):
        assert error_code(run(prana({"t": T, "w": ("wait.wait", params)}, "t > w"))) == code


def a_catalog_is_healthy_or_refused() -> None:
    """There is no check to forget: what cannot be called is refused when the catalog is made."""
    catalog = builtin_catalog()
    assert {each.spec.type for each in catalog} <= set(catalog.type_names())
    assert all(catalog.get(each.spec.type) is each for each in catalog)
    with pytest.raises(UsageError) as caught:
        Catalog(object())  # type: ignore[arg-type]  # the point
    assert caught.value.code == "node_unusable"


def null_settings_are_the_defaults() -> None:
    assert node_from_dict({"key": "n", "type": S, "settings": None}).settings == NodeSettings()
    assert error_code(run(prana({"t": T, "f": (F, {}, None)}, "t > f"))) == "action_error"


OTHERS: dict[str, Check] = {
    "X45": a_quote_leaves_json_whole,
    "X49": a_wrong_wait_has_its_own_code,
    "X54": a_catalog_is_healthy_or_refused,
    "X60": null_settings_are_the_defaults,
}

ROWS = ORDER | WAITS | STORING | OTHERS


@pytest.mark.parametrize("check", cases(ROWS))
def test_the_experiments_come_out_as_the_row_says(check: Check) -> None:
    check()
