"""Whatever a node answers: it is recorded in a form that lasts, or the run fails with a code that says why."""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from prana_py import (
    Each,
    Execution,
    LocalRuntime,
    Output,
    Outputs,
    WorkflowBuilder,
    node,
    race,
    stop,
    stop_with_error,
    wait_for_interval,
    wait_for_signal,
    wait_for_webhook,
    wait_for_workflow,
    wait_until,
)
from prana_py.driver.outcome import Completed, CompletedPorts, Failed, Stopped, Waiting
from prana_py.execution.node_error import NodeError
from prana_py.execution.storable import MAX_DEPTH
from prana_py.execution.storage import load_rows, rows_of
from prana_py.execution.suspension import IntervalRequest, RaceRequest, ScheduleRequest, SignalRequest


class Colour(enum.Enum):
    RED = "red"


class Unreadable:
    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(f"no {name} for you")


class Mute:
    def __repr__(self) -> str:
        raise RuntimeError("not a word")


class Spiteful(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        raise RuntimeError("no")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("no")

    def __len__(self) -> int:
        raise RuntimeError("no")


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def endless() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["again"] = value
    return value


def answered(answer: Callable[[], Any], *, awaits: bool = False, max_concurrency: int = 1) -> Execution:
    """An execution whose only node answers like that; it survives both stored forms."""

    @node(name="odd")
    def plain() -> Any:
        return answer()

    @node(name="odd")
    async def awaiting() -> Any:
        return answer()

    odd = awaiting if awaits else plain
    flow = WorkflowBuilder("odd")
    flow.add(odd, "odd").then(flow.add("core.noop", "after"))
    runtime = LocalRuntime([odd], max_concurrency=max_concurrency)
    graph = runtime.graph_of(flow.build())
    execution = runtime.execute(graph)
    stored = execution.to_storage_format()
    assert Execution.from_storage_format(json.loads(json.dumps(stored)), graph).to_storage_format() == stored
    assert load_rows(graph, rows_of(execution)).to_storage_format() == stored
    return execution


AWARE = datetime(2020, 1, 1, tzinfo=UTC)

ORDINARY = {
    "nothing": (lambda: None, None),
    "a float that is no number": (lambda: [math.inf, -math.inf], [math.inf, -math.inf]),
    "the largest number": (lambda: 2**64 - 1, 2**64 - 1),
    "bytes": (lambda: b"\xff", b"\xff"),
    "a buffer": (lambda: bytearray(b"x"), b"x"),
    "a tuple": (lambda: (1, (2,)), [1, [2]]),
    "an instant": (lambda: AWARE, AWARE),
    "an instant without a zone": (lambda: datetime(2020, 1, 1), "2020-01-01T00:00:00"),  # noqa: DTZ001  # on purpose
    "a date": (lambda: date(2020, 1, 1), "2020-01-01"),
    "a duration": (lambda: timedelta(1), "P1D"),
    "a decimal": (lambda: Decimal("1.5"), "1.5"),
    "an id": (lambda: UUID(int=0), str(UUID(int=0))),
    "a constant": (lambda: Colour.RED, "red"),
    "keys that are no texts": (lambda: {1: 2, None: 3, (1, (2,)): 4}, {1: 2, None: 3, (1, (2,)): 4}),
    "a tag of the stored form": (lambda: {"$prana": "bytes"}, {"$prana": "bytes"}),
    "as deep as may be": (lambda: nested(MAX_DEPTH), nested(MAX_DEPTH)),
    "no ports": (lambda: Outputs({}), {}),
}


@pytest.mark.parametrize(("answer", "output"), ORDINARY.values(), ids=ORDINARY)
def test_what_can_be_stored_is_what_successors_see(answer: Callable[[], Any], output: Any):
    execution = answered(answer)

    assert execution.status == "completed"
    assert execution.output == output


NOT_STORABLE = {
    "a set of objects": lambda: {object()},
    "an open file": lambda: open("/dev/null"),  # noqa: SIM115  # the node forgets it
    "a generator": lambda: (number for number in range(3)),
    "a function": lambda: len,
    "an exception": lambda: ValueError("x"),
    "too large a number": lambda: 2**64,
    "too small a number": lambda: -(2**63) - 1,
    "a number in a list": lambda: [{"a": [2**70]}],
    "itself": endless,
    "too deep a list": lambda: nested(MAX_DEPTH + 1),
    "a very deep list": lambda: nested(100_000),
    "half a surrogate pair": lambda: "\ud800",
    "half a surrogate pair in a key": lambda: {"\ud800": 1},
    "an instant before all others": lambda: datetime.min.replace(tzinfo=timezone(timedelta(hours=5))),
    "what cannot be shown": lambda: {"a": [Mute()]},
    "what cannot be looked at": lambda: [Unreadable()],
    "an imaginary number": lambda: 1j,
    "a broken part of a port": lambda: Outputs({"main": Each([object()])}),
    "a broken update of the state": lambda: Output(1, state={"a": object()}),
    "a broken update of the context": lambda: Output(1, context={"a": object()}),
    "a broken update of a wait": lambda: wait_for_signal("a", state={"a": object()}),
    "a broken input of another workflow": lambda: wait_for_workflow("x", object()),
    "a broken end": lambda: stop(object()),
}


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("answer", NOT_STORABLE.values(), ids=NOT_STORABLE)
def test_what_cannot_be_stored_fails_the_run(answer: Callable[[], Any]):
    assert failure_of(answered(answer)).code == "output_not_storable"


INVALID = {
    "a class": lambda: ValueError,
    "each alone": lambda: Each([1]),
    "each of nothing": lambda: Outputs({"main": Each(None)}),  # type: ignore[arg-type]  # on purpose
    "each of a number": lambda: Outputs({"main": Each(3)}),  # type: ignore[arg-type]  # on purpose
    "each of a text": lambda: Outputs({"main": Each("abc")}),
    "an answer in an answer": lambda: Output(Output(1)),
    "an answer at a port": lambda: Outputs({"main": Output(1)}),
    "a wait as a value": lambda: Output(wait_for_signal("a")),
    "no text for a port": lambda: Output(1, 3),  # type: ignore[arg-type]  # on purpose
    "an empty port": lambda: Output(1, ""),
    "a list of ports": lambda: Outputs([1]),  # type: ignore[arg-type]  # on purpose
    "a list for the state": lambda: Output(1, state=[1]),  # type: ignore[arg-type]  # on purpose
    "a number as a key of the state": lambda: Output(1, state={1: 2}),  # type: ignore[dict-item]  # on purpose
    "a wait for nothing": lambda: Waiting(None),  # type: ignore[arg-type]  # on purpose
    "a race of nothing": lambda: Waiting(RaceRequest(alternatives={})),
    "a race of numbers": lambda: Waiting(RaceRequest(alternatives={"main": 3})),  # type: ignore[dict-item]  # on purpose
    "a wait with a number for the state": lambda: Waiting(SignalRequest(name="a"), 3),  # type: ignore[arg-type]  # same
    "a failure without an error": lambda: Failed(None),  # type: ignore[arg-type]  # on purpose
    "a completion by a number": lambda: Completed(1, 3),  # type: ignore[arg-type]  # on purpose
    "a completion without values": lambda: CompletedPorts(None),  # type: ignore[arg-type]  # on purpose
    "an end with a number": lambda: Stopped(1, 3),  # type: ignore[arg-type]  # on purpose
    "an error without a code": lambda: stop_with_error(None, "x"),  # type: ignore[arg-type]  # on purpose
    "an error in half a surrogate pair": lambda: Failed(NodeError(code="\ud800", message="")),
}


@pytest.mark.parametrize("answer", INVALID.values(), ids=INVALID)
def test_an_answer_that_makes_no_sense_fails_the_run(answer: Callable[[], Any]):
    assert failure_of(answered(answer)).code == "answer_invalid"


WAITS = {
    "a negative time": lambda: wait_for_interval(-5),
    "no number": lambda: wait_for_interval(math.nan),
    "no duration": lambda: wait_for_interval("banana"),
    "longer than time itself": lambda: wait_for_interval(timedelta.max),
    "longer than time itself, by hand": lambda: Waiting(IntervalRequest(duration=timedelta.max)),
    "a text for a duration, by hand": lambda: Waiting(IntervalRequest(duration="x")),  # type: ignore[arg-type]  # same
    "an instant without a zone": lambda: wait_until(datetime(2020, 1, 1)),  # noqa: DTZ001  # on purpose
    "an instant without a zone, by hand": lambda: Waiting(
        ScheduleRequest(until=datetime(2020, 1, 1))  # noqa: DTZ001  # on purpose
    ),
    "the last instant": lambda: wait_until(datetime.max.replace(tzinfo=UTC)),
    "the first instant": lambda: wait_until(datetime.min.replace(tzinfo=UTC)),
    "a timeout without an end": lambda: wait_for_webhook(timeout=timedelta.max),
    "a schema of an unknown type": lambda: wait_for_webhook(schema={"type": "banana"}),
    "a schema that is no data": lambda: wait_for_webhook(schema={"x": object()}),
    "a schema that contains itself": lambda: wait_for_signal("a", schema=endless()),
    "a number for a signal": lambda: wait_for_signal(3),  # type: ignore[arg-type]  # on purpose
    "a signal in half a surrogate pair": lambda: wait_for_signal("\ud800"),
    "a number for a workflow": lambda: wait_for_workflow(3),  # type: ignore[arg-type]  # on purpose
    "an unknown mode": lambda: wait_for_workflow("x", mode="zzz"),  # type: ignore[arg-type]  # on purpose
    "an unknown batch": lambda: wait_for_workflow("x", batch="zzz"),  # type: ignore[arg-type]  # on purpose
    "a race of nothing": race,
}


@pytest.mark.parametrize("answer", WAITS.values(), ids=WAITS)
def test_a_wait_that_cannot_be_fails_the_run(answer: Callable[[], Any]):
    assert failure_of(answered(answer)).code == "wait_invalid"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lambda: Output(1, "nope"), "port_undeclared"),
        (lambda: Outputs({"nope": 1}), "port_undeclared"),
        (lambda: race(nope=wait_for_signal("x")), "port_undeclared"),
        (Spiteful, "output_not_storable"),
        (lambda: Outputs(Spiteful()), "node_failed"),
        (Unreadable, "node_failed"),
        (lambda: wait_for_workflow("nowhere"), "sub_workflow_failed"),
        (lambda: stop_with_error("mine", "x", details={"a": object()}), "mine"),
    ],
)
@pytest.mark.parametrize("max_concurrency", [1, 4])
@pytest.mark.parametrize("awaits", [False, True])
def test_a_strange_answer_means_the_same_wherever_the_node_runs(
    answer: Callable[[], Any], code: str, awaits: bool, max_concurrency: int
):
    assert failure_of(answered(answer, awaits=awaits, max_concurrency=max_concurrency)).code == code


def failure_of(execution: Execution) -> NodeError:
    """The error of a failed execution; its node's row is there, and the message names something."""
    assert execution.status == "failed"
    assert execution.error is not None
    assert 0 < len(execution.error.message) < 3_000
    assert "odd" in execution.node_executions
    return execution.error
