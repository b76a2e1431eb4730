"""The table of what may happen to an execution and to a run, walked: every move that is in it, and every other one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, get_args

import pytest

from prana_py import Execution, NodeError, TransitionError, WorkflowBuilder, compile_workflow, node, wait_for_webhook
from prana_py.execution.rows import (
    ArrivalsDropped,
    AttemptFailed,
    Begun,
    Cancelled,
    CancelRequested,
    Ended,
    Entered,
    Expired,
    Forked,
    ItemsAdded,
    Migrated,
    Origin,
    Prepared,
    Resumed,
    Row,
    ScopeClosed,
    ScopeOpened,
    ScopePlan,
    Settled,
    SignalKept,
    SignalTaken,
    Stopped,
    Suspended,
    Withdrawn,
)
from prana_py.execution.suspension import SignalWait, Suspension, WebhookWait
from prana_py.execution.transitions import EXECUTION_MOVES, RUN_MOVES, RunStatus, advance
from prana_py.identifiers import Instant
from prana_py.testing.likeness import differences

NOW = Instant(1_000)
WAIT = "a#0"
BROKEN = NodeError(code="broken", message="it was to be")


@node
def ask() -> Any:
    return wait_for_webhook()


def three_at_work() -> Execution:
    """``a``, ``b`` and ``each`` are ready; nothing else is live."""
    flow = WorkflowBuilder("three")
    trigger = flow.add("manual.trigger", "trigger")
    trigger.then(flow.add(ask, "a"))
    trigger.then(flow.add(ask, "b"))
    trigger.then(flow.add("core.for_each", "each")).then(flow.add("core.noop", "body"), port="loop")
    graph = compile_workflow(flow.build(), [ask])
    return after(Execution.new(graph, execution_id="x", now=NOW), settled("trigger", index=0))


def after(execution: Execution, *rows: Row) -> Execution:
    """What it is when these have happened."""
    for row in rows:
        execution, _ = advance(execution, row)
    return execution


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def settled(key: str = "a", *, index: int = 1, scope: Any = (), failed: bool = False) -> Settled:
    ports = () if failed else ("main",)
    error = BROKEN if failed else None
    return Settled(NOW, key, scope, 0, 0, index, 1, NOW, (), ports, key, error, failed)


def begun(key: str = "a", plan: ScopePlan | None = None) -> Begun:
    return Begun(NOW, key, (), 0, 0, 1, 1, plan)


def attempt_failed() -> AttemptFailed:
    return AttemptFailed(NOW, "a", (), 0, 0, 1, 1, NOW, BROKEN, NOW)


def suspended(key: str = "a", wait: Any = None) -> Suspended:
    suspension = Suspension(
        wait_id=f"{key}#0",
        node_key=key,
        run=0,
        run_index=0,
        suspended_at=NOW,
        wait=WebhookWait() if wait is None else wait,
    )
    return Suspended(NOW, key, (), 0, 0, 1, 1, NOW, (), (suspension,))


def stopped() -> Stopped:
    return Stopped(NOW, "a", (), 0, 0, 1, 1, NOW, ())


def cancelled() -> Cancelled:
    return Cancelled(NOW, "a", (), 0, 0, 1, 1, NOW, "cancelled")


WITHDRAW_A = ArrivalsDropped(NOW, "not wanted", (Withdrawn(("a", (), 0), "not wanted"),))
ITEMS = begun("each", ScopePlan(items=[1], max_concurrency=1))
OPEN = begun("each", ScopePlan(items=[], open=True))
ITEM = (("each", 0, 0),)

# ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

RUNS: dict[RunStatus, tuple[Row, ...]] = {
    "ready": (),
    "running": (begun(),),
    "retrying": (attempt_failed(),),
    "suspended": (suspended(),),
    "completed": (settled(),),
    "failed": (settled(failed=True),),
    "cancelled": (cancelled(),),
    "withdrawn": (WITHDRAW_A,),
}
"""What brings the run of ``a`` into each status."""

RUN_ROWS: dict[type[Row], Row] = {
    Begun: begun(),
    Settled: settled(),
    AttemptFailed: attempt_failed(),
    Suspended: suspended(),
    Stopped: stopped(),
    Cancelled: cancelled(),
    Resumed: Resumed(NOW, WAIT),
    Expired: Expired(NOW, WAIT),
    SignalTaken: SignalTaken(NOW, WAIT, 0),
}

LEGAL_RUN_MOVES = [(row, status) for row in RUN_MOVES for status in sorted(RUN_MOVES[row])]
ILLEGAL_RUN_MOVES = [(row, status) for row in RUN_MOVES for status in RUNS if status not in RUN_MOVES[row]]


def words(value: Any) -> str:
    return value if isinstance(value, str) else str(value.__name__)


def test_the_walk_knows_every_row_and_every_status_of_a_run():
    assert RUN_ROWS.keys() == RUN_MOVES.keys()
    assert RUNS.keys() == set(get_args(RunStatus)) - {"skipped"}


@pytest.mark.parametrize("status", RUNS, ids=words)
def test_a_run_gets_into_the_status_that_the_walk_starts_from(status: RunStatus):
    execution = after(three_at_work(), *RUNS[status])

    told = execution.node_executions.get("a")
    assert (told is None) if status in ("ready", "withdrawn") else (told is not None and told[0].status == status)


@pytest.mark.parametrize(("row", "status"), LEGAL_RUN_MOVES, ids=words)
def test_a_move_of_a_run_that_is_in_the_table_happens(row: type[Row], status: RunStatus):
    execution = after(three_at_work(), *RUNS[status])

    moved = after(execution, RUN_ROWS[row])

    assert moved.position == execution.position + 1


@pytest.mark.parametrize(("row", "status"), ILLEGAL_RUN_MOVES, ids=words)
def test_a_move_of_a_run_that_is_not_in_the_table_is_refused_and_nothing_changes(row: type[Row], status: RunStatus):
    refused(after(three_at_work(), *RUNS[status]), RUN_ROWS[row])


def refused(execution: Execution, row: Row) -> TransitionError:
    before = execution.to_storage_format()

    with pytest.raises(TransitionError) as error:
        advance(execution, row)

    assert execution.to_storage_format() == before
    assert differences(execution, Execution.from_storage_format(before, execution.execution_graph)) == []
    return error.value


# ── executions ───────────────────────────────────────────────────────────────────────────────────────────────────────

Making: TypeAlias = Callable[[], Execution]


def all_waiting() -> Execution:
    return after(three_at_work(), suspended("a"), suspended("b"), OPEN)


def nothing_left() -> Execution:
    return after(three_at_work(), settled("a"), settled("b"), settled("each"))


def ended(status: Any) -> Execution:
    return after(nothing_left(), Ended(NOW, status))


def awaiting_signals() -> Execution:
    return after(all_waiting_but_a(), suspended("a", SignalWait(name="go")), SignalKept(NOW, "go"))


def all_waiting_but_a() -> Execution:
    return after(three_at_work(), suspended("b"), OPEN)


EXECUTIONS: dict[str, Making] = {
    "running": three_at_work,
    "suspended": all_waiting,
    "completed": lambda: ended("completed"),
    "failed": lambda: ended("failed"),
    "cancelled": lambda: ended("cancelled"),
}


def migrated() -> Migrated:
    return Migrated(NOW, 2, three_at_work().execution_graph.digest)


HAPPENING: dict[tuple[type[Row], str], tuple[Making, Row]] = {
    (Prepared, "running"): (three_at_work, Prepared(NOW, {})),
    (Begun, "running"): (three_at_work, begun()),
    (Settled, "running"): (three_at_work, settled()),
    (AttemptFailed, "running"): (three_at_work, attempt_failed()),
    (Suspended, "running"): (three_at_work, suspended()),
    (Stopped, "running"): (three_at_work, stopped()),
    (Cancelled, "running"): (three_at_work, cancelled()),
    (ScopeOpened, "running"): (lambda: after(three_at_work(), ITEMS), ScopeOpened(NOW, "each", (), 0, 0)),
    (ScopeClosed, "running"): (
        lambda: after(three_at_work(), ITEMS, ScopeOpened(NOW, "each", (), 0, 0), settled("body", index=2, scope=ITEM)),
        ScopeClosed(NOW, "each", (), 0, 0),
    ),
    (Ended, "running"): (nothing_left, Ended(NOW, "completed")),
    (Resumed, "running"): (lambda: after(three_at_work(), suspended()), Resumed(NOW, WAIT)),
    (Resumed, "suspended"): (all_waiting, Resumed(NOW, WAIT)),
    (Expired, "running"): (lambda: after(three_at_work(), suspended()), Expired(NOW, WAIT)),
    (Expired, "suspended"): (all_waiting, Expired(NOW, WAIT)),
    (SignalTaken, "running"): (
        lambda: after(three_at_work(), suspended("a", SignalWait(name="go")), SignalKept(NOW, "go")),
        SignalTaken(NOW, WAIT, 3),
    ),
    (SignalTaken, "suspended"): (awaiting_signals, SignalTaken(NOW, WAIT, 5)),
    (ItemsAdded, "running"): (lambda: after(three_at_work(), OPEN), ItemsAdded(NOW, "each", (), 0, [1])),
    (ItemsAdded, "suspended"): (all_waiting, ItemsAdded(NOW, "each", (), 0, [1])),
}
"""For each row, and each status in which it may be written: where that happens."""

for _row in (
    Entered(NOW, "b", 1, (), "by hand", True),
    SignalKept(NOW, "go"),
    WITHDRAW_A,
    CancelRequested(NOW, "not wanted"),
    migrated(),
    Forked(NOW, "y", Origin("x", 1, "fork"), "y"),
):
    HAPPENING[type(_row), "running"] = (three_at_work, _row)
    HAPPENING[type(_row), "suspended"] = (all_waiting, _row)

LEGAL_MOVES = [(row, status) for row, statuses in EXECUTION_MOVES.items() for status in sorted(statuses)]
SOME_ROWS: dict[type[Row], Row] = {row: example for (row, _), (_, example) in HAPPENING.items()}
ILLEGAL_MOVES = [(row, status) for row in SOME_ROWS for status in EXECUTIONS if status not in EXECUTION_MOVES[row]]


def test_the_walk_knows_every_move_of_an_execution():
    assert HAPPENING.keys() == set(LEGAL_MOVES)


@pytest.mark.parametrize("status", EXECUTIONS)
def test_an_execution_gets_into_the_status_that_the_walk_starts_from(status: str):
    assert EXECUTIONS[status]().status == status


@pytest.mark.parametrize(("row", "status"), LEGAL_MOVES, ids=words)
def test_a_move_of_an_execution_that_is_in_the_table_happens(row: type[Row], status: str):
    make, example = HAPPENING[row, status]
    execution = make()
    assert execution.status == status

    moved = after(execution, example)

    assert moved.position == execution.position + 1
    stored = moved.to_storage_format()
    assert differences(moved, Execution.from_storage_format(stored, moved.execution_graph)) == []


@pytest.mark.parametrize(("row", "status"), ILLEGAL_MOVES, ids=words)
def test_a_move_of_an_execution_that_is_not_in_the_table_is_refused_and_nothing_changes(row: type[Row], status: str):
    error = refused(EXECUTIONS[status](), SOME_ROWS[row])

    assert (error.code == "execution_final") is (status not in ("running", "suspended"))
