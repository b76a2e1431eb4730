"""Calling a node: whatever its own code does, an outcome comes back, and nothing that others recorded is changed."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

import msgspec
import pytest

from prana_py.driver.outcome import Completed, Failed, Outcome
from prana_py.errors import NotFoundError
from prana_py.nodes.call import call_node, was_interrupted
from prana_py.nodes.context import NodeContext
from prana_py.nodes.definition import FunctionNode, node
from prana_py.nodes.failures import LONGEST_CHAIN
from prana_py.nodes.returns import NodeFailure
from tests.nodes.calls import child_wait, error_of, invocation, left_by, outcome_of, resumed, value_of


def raising(error: BaseException) -> FunctionNode[[], None]:
    @node
    def raises() -> None:
        raise error

    return raises


def test_an_exception_is_a_failure_with_its_type_message_and_traceback():
    error = error_of(raising(ValueError("no boat")))

    assert (error.code, error.message, error.retryable) == ("node_failed", "no boat", True)
    assert error.details == {"exception": "ValueError"}
    assert error.traceback is not None
    assert "raise error" in error.traceback
    assert error.traceback.endswith("ValueError: no boat")
    assert "call_node" not in error.traceback


def test_a_failure_of_the_nodes_own_keeps_its_code():
    error = error_of(raising(NodeFailure("no_money", "broke", details={"needed": 3}, retryable=False)))

    assert (error.code, error.message, error.retryable) == ("no_money", "broke", False)
    assert error.details["needed"] == 3


def test_an_error_of_the_project_keeps_its_code_and_details():
    error = error_of(raising(NotFoundError("there is no boat", boat="Ada")))

    assert (error.code, error.details["boat"]) == ("not_found", "Ada")


@pytest.mark.row("X32")
@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (SystemExit(3), "node_exited"),
        (KeyboardInterrupt(), "interrupted"),
        (GeneratorExit(), "node_exited"),
        (asyncio.CancelledError(), "node_exited"),
        (RecursionError("deep"), "node_failed"),
        (MemoryError(), "node_failed"),
        (BaseException("strange"), "node_exited"),
    ],
    ids=repr,
)
def test_whatever_is_raised_is_contained(raised: BaseException, code: str):
    outcomes: list[Any] = []
    thread = threading.Thread(target=lambda: outcomes.append(call_node(raising(raised), invocation())))
    thread.start()
    thread.join()

    assert outcomes[0].error.code == code
    assert not outcomes[0].cancelled


def test_a_runtime_can_tell_a_real_interrupt_from_an_error_that_is_called_so():
    assert was_interrupted(outcome_of(raising(KeyboardInterrupt())))
    assert not was_interrupted(outcome_of(raising(NodeFailure("interrupted", ""))))


def test_sys_exit_in_a_node_does_not_end_the_program():
    @node
    def leaves() -> None:
        sys.exit("bye")

    assert error_of(leaves).message == "bye"


def test_the_chain_of_causes_is_kept():
    @node
    def fails() -> None:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError("outer") from error

    error = error_of(fails)
    assert error.cause is not None
    assert (error.message, error.cause.message, error.cause.details) == ("outer", "'inner'", {"exception": "KeyError"})


def test_a_cycle_of_causes_ends():
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first

    error = error_of(raising(first))
    assert error.cause is not None
    assert error.cause.cause is None


def test_a_long_chain_of_causes_is_cut():
    error: BaseException = ValueError("0")
    for number in range(50):
        error, cause = ValueError(str(number)), error
        error.__cause__ = cause

    length, told = 0, error_of(raising(error))
    while told.cause is not None:
        length, told = length + 1, told.cause
    assert length == LONGEST_CHAIN - 1


def test_an_exception_whose_text_raises_is_told_of_all_the_same():
    class Unreadable(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert "whose text cannot be read" in error_of(raising(Unreadable())).message


def test_a_huge_message_is_cut_and_says_its_size():
    error = error_of(raising(ValueError("x" * 1_000_000)))

    assert len(error.message) < 2_100
    assert "1,000,000 characters" in error.message
    assert len(error.traceback or "") < 20_000


def test_an_exception_without_a_text_is_named():
    assert error_of(raising(ValueError())).message == "ValueError"


def test_every_error_can_be_stored():
    class Strange:
        def __repr__(self) -> str:
            raise RuntimeError

    for raised in (
        ValueError("\ud800"),
        NodeFailure("c", "m", details={"a": object(), "b": 2**70}),
        NodeFailure("c", "m", details={"a": Strange()}),
        ExceptionGroup("several", [ValueError("one"), KeyError("two")]),
    ):
        msgspec.msgpack.encode(error_of(raising(raised)))


def test_the_members_of_an_exception_group_are_told():
    error = error_of(raising(ExceptionGroup("several", [ValueError("one"), KeyError("two")])))

    assert error.details["exceptions"] == ["ValueError: one", "KeyError: 'two'"]


# ── async ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_async_node_gives_an_awaitable_of_its_outcome():
    @node
    async def later(x: int) -> int:
        return x + 1

    assert value_of(later, params={"x": 1}) == 2


def test_what_an_async_node_raises_is_a_failure():
    @node
    async def fails() -> None:
        raise ValueError("late")

    assert error_of(fails).message == "late"


def test_a_cancelled_call_says_so():
    started = asyncio.Event()

    @node
    async def endless() -> None:
        started.set()
        await asyncio.Event().wait()

    async def cancelled() -> Outcome:
        task = asyncio.ensure_future(call_node(endless, invocation()))  # type: ignore[arg-type]  # an async node's
        await started.wait()
        task.cancel()
        outcome: Outcome = await task
        return outcome

    outcome = asyncio.run(cancelled())
    assert isinstance(outcome, Failed)
    assert (outcome.cancelled, outcome.error.code, outcome.error.retryable) == (True, "cancelled", False)


def test_a_node_that_cancels_itself_has_failed():
    @node
    async def gives_up() -> None:
        raise asyncio.CancelledError

    outcome = outcome_of(gives_up)
    assert isinstance(outcome, Failed)
    assert not outcome.cancelled


# ── resume and prepare ───────────────────────────────────────────────────────────────────────────────────────────────


@node
def plain() -> int:
    return 1


def test_a_resumed_node_completes_with_the_data_unless_it_says_otherwise():
    assert value_of(plain, given=resumed({"ok": True})) == {"ok": True}


def test_a_resumed_race_leaves_by_the_port_of_the_wait():
    assert left_by(plain, given=resumed(5, port="fast")) == ("fast", 5)


def test_a_resumed_node_gives_the_output_of_its_child():
    told = {"status": "completed", "output": 7}

    assert value_of(plain, given=resumed(told, child_wait())) == 7


@pytest.mark.row("X51")
def test_a_failed_child_fails_its_parent_though_it_has_an_output():
    told = {"status": "failed", "output": 7, "error": {"code": "c", "message": "m"}, "execution_id": "child-1"}
    error = error_of(plain, given=resumed(told, child_wait()))

    assert (error.code, error.details["execution_id"]) == ("sub_workflow_failed", "child-1")


def test_a_node_that_waits_for_nothing_cannot_be_resumed():
    assert error_of(plain, call="resume", data=1).code == "not_waiting"


def test_a_node_without_prepare_prepares_nothing():
    assert value_of(plain, call="prepare") is None


def test_prepare_cannot_wait():
    from prana_py.nodes.returns import wait_for_interval

    @node(prepare=lambda ctx: wait_for_interval(1))
    def eager() -> None: ...

    assert error_of(eager, call="prepare").code == "answer_invalid"


# ── data ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_node_cannot_change_what_another_recorded():
    recorded: dict[str, Any] = {"list": [1], "map": {"a": 1}}

    @node
    def greedy(ctx: NodeContext, input: Any, inputs: Any, value: Any) -> None:
        for data in (input, inputs["main"], value, ctx.input, ctx.params["value"], ctx.preparation, ctx.state["s"]):
            data["list"].append(2)
            data["map"].clear()

    outcome_of(greedy, input=recorded, params={"value": recorded}, preparation=recorded, state={"s": recorded})

    assert recorded == {"list": [1], "map": {"a": 1}}


def test_a_node_that_only_reads_gets_the_data_themselves():
    recorded = {"list": [1]}

    @node(reads_only=True)
    def careful(input: Any) -> Any:
        return input

    assert value_of(careful, input=recorded) is recorded


def test_shared_state_is_read_only():
    @node
    def writes(ctx: NodeContext) -> None:
        ctx.state["a"] = 1  # type: ignore[index]  # the point

    assert error_of(writes, state={}).details["exception"] == "TypeError"


def test_a_value_of_the_users_own_type_is_a_value():
    assert outcome_of(node(lambda: 3j)) == Completed(3j)
