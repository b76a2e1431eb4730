"""Whatever a node raises, wherever it runs: the execution keeps its id and its whole history."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from prana_py import Execution, LocalRuntime, NodeType, PranaError, Workflow, WorkflowBuilder, node, wait_for_webhook
from prana_py.execution.storage import load_rows, rows_of
from prana_py.nodes.node_type import AnyNode


class Own(BaseException):
    pass


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class Interrupting(BaseException):
    def __str__(self) -> str:
        raise KeyboardInterrupt

    __repr__ = __str__


class Unclassed(Exception):
    @property  # type: ignore[misc]  # on purpose
    def __class__(self) -> Any:
        raise RuntimeError("no class")


class Untouchable(Exception):
    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(f"no {name}")


class Exiting(PranaError):
    def details(self) -> dict[str, Any]:
        raise SystemExit(1)


def raising(error: BaseException) -> Callable[[], NoReturn]:
    def call() -> NoReturn:
        raise error

    return call


def endless() -> None:
    endless()


def deep(frames: int = 500) -> None:
    if frames:
        deep(frames - 1)
    raise ValueError("x" * 10_000_000)


def a_chain_of_causes() -> BaseException:
    error = ValueError("first")
    for number in range(5_000):
        later = ValueError(number)
        later.__cause__ = error
        error = later
    return error


def its_own_cause() -> BaseException:
    error = ValueError("again")
    error.__cause__ = error
    return error


RAISED: dict[str, tuple[Callable[[], Any], str]] = {
    "an exception": (raising(ValueError("x")), "node_failed"),
    "a base exception": (raising(Own()), "node_exited"),
    "an exit": (raising(SystemExit(3)), "node_exited"),
    "the end of a generator": (raising(GeneratorExit()), "node_exited"),
    "the end of an iteration": (raising(StopIteration(3)), "node_failed"),
    "the end of an async iteration": (raising(StopAsyncIteration()), "node_failed"),
    "a cancellation of its own": (raising(asyncio.CancelledError()), "node_exited"),
    "a timeout of its own": (raising(TimeoutError()), "node_failed"),
    "too deep a recursion": (endless, "node_failed"),
    "no memory": (raising(MemoryError()), "node_failed"),
    "a huge text and traceback": (deep, "node_failed"),
    "many causes": (raising(a_chain_of_causes()), "node_failed"),
    "itself as its cause": (raising(its_own_cause()), "node_failed"),
    "a group": (raising(ExceptionGroup("g", [ValueError("a"), Unspeakable()])), "node_failed"),
    "a group of base exceptions": (raising(BaseExceptionGroup("g", [KeyboardInterrupt()])), "node_exited"),
    "half a surrogate pair": (raising(ValueError("\ud800")), "node_failed"),
    "a text that raises": (raising(Unspeakable()), "node_failed"),
    "a class that raises": (raising(Unclassed()), "node_failed"),
    "attributes that raise": (raising(Untouchable()), "node_failed"),
    "details that exit": (raising(Exiting("x")), "node_failed"),
}
"""What a node does, and the code of the error."""

SOME = [
    RAISED[name]
    for name in ("an exception", "an exit", "a base exception", "a text that raises", "itself as its cause")
]


def plain(what: Callable[[], Any]) -> AnyNode:
    @node(name="odd")
    def odd() -> Any:
        return what()

    return odd


def awaiting(what: Callable[[], Any]) -> AnyNode:
    @node(name="odd")
    async def odd() -> Any:
        await asyncio.get_running_loop().run_in_executor(None, int)
        return what()

    return odd


def around(odd: AnyNode | type[NodeType], **settings: Any) -> Workflow:
    """A node among others: one branch ends before it runs, one may not run after it."""
    flow = WorkflowBuilder("w")
    start = flow.add("core.noop", "start")
    middle = start.then(flow.add("core.noop", "calm").then(flow.add(odd, "odd", settings=settings)))
    middle.then(flow.add("core.noop", "after"))
    return flow.build()


def finished(odd: AnyNode, max_concurrency: int = 1, **settings: Any) -> Execution:
    """An execution that was driven in a thread, so that nothing can hang the tests; it survives storage."""
    runtime = LocalRuntime([odd], max_concurrency=max_concurrency)
    graph = runtime.graph_of(around(odd, **settings))
    before = set(threading.enumerate())
    execution = in_a_thread(lambda: runtime.execute(graph, execution_id="e"))
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive(), f"{thread} is left over"
    assert load_rows(graph, rows_of(execution)).to_storage_format() == execution.to_storage_format()
    return execution


def in_a_thread(run: Callable[[], Execution]) -> Execution:
    came: list[Execution | BaseException] = []

    def go() -> None:
        try:
            came.append(run())
        except BaseException as error:  # noqa: BLE001  # it is raised again where it can be seen
            came.append(error)

    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    thread.join(20)
    assert came, "it hangs"
    if isinstance(came[0], BaseException):
        raise came[0]
    return came[0]


@pytest.mark.parametrize("max_concurrency", [1, 4])
@pytest.mark.parametrize("kind", [plain, awaiting])
@pytest.mark.parametrize(("what", "code"), RAISED.values(), ids=RAISED)
def test_whatever_a_node_raises_its_execution_fails_and_is_whole(
    what: Callable[[], Any], code: str, kind: Callable[..., AnyNode], max_concurrency: int
):
    execution = finished(kind(what), max_concurrency)

    assert (execution.id, execution.status) == ("e", "failed")
    assert {"start", "calm", "odd"} <= set(execution.node_executions)
    assert "after" not in execution.node_executions
    assert execution.error is not None
    assert (execution.error.code, execution.error.node_key) == (code, "odd")
    assert len(execution.error.message) < 3_000
    assert len(execution.error.traceback or "") < 20_000


@pytest.mark.parametrize(("what", "code"), RAISED.values(), ids=RAISED)
def test_whatever_a_node_raises_can_be_handed_on(what: Callable[[], Any], code: str):
    execution = finished(plain(what), on_error="continue")

    assert execution.status == "completed"
    assert execution.output["code"] == code


@pytest.mark.parametrize("kind", [plain, awaiting])
@pytest.mark.parametrize("settings", [{}, {"on_error": "continue"}, {"retry": {"max_attempts": 3, "delay": 0}}])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), Interrupting()], ids=["Ctrl-C", "Ctrl-C while it is told of"])
def test_an_interrupt_ends_the_execution_and_brings_it_along(
    error: BaseException, settings: dict[str, Any], kind: Callable[..., AnyNode]
):
    with pytest.raises(KeyboardInterrupt) as caught:
        finished(kind(raising(error)), **settings)

    execution = caught.value.execution  # type: ignore[attr-defined]  # what the interrupt brings along
    assert (execution.id, execution.status, execution.error.code) == ("e", "failed", "interrupted")
    assert {"start", "calm", "odd"} <= set(execution.node_executions)
    assert "after" not in execution.node_executions


def test_an_interrupt_in_a_pool_thread_is_the_failure_of_its_run_alone():
    execution = finished(plain(raising(KeyboardInterrupt())), 4, on_error="continue")

    assert execution.status == "completed"
    assert execution.output["code"] == "interrupted"


def test_an_interrupt_in_a_sub_workflow_leaves_the_parent_whole():
    odd = plain(raising(KeyboardInterrupt()))
    runtime = LocalRuntime([odd], workflows=[])
    child = runtime.graph_of(around(odd))
    flow = WorkflowBuilder("parent")
    flow.add("core.noop", "before").then(flow.add("workflow.execute", "call", workflow_id="w"))
    runtime.graphs["w"] = child

    with pytest.raises(KeyboardInterrupt) as caught:
        runtime.execute(flow.build(), execution_id="parent")

    execution = caught.value.execution  # type: ignore[attr-defined]  # what the interrupt brings along
    assert (execution.id, execution.status) == ("parent", "failed")
    assert "before" in execution.node_executions


@pytest.mark.parametrize("max_concurrency", [1, 4])
@pytest.mark.parametrize(("what", "code"), SOME)
def test_what_prepare_raises_ends_the_execution_before_its_first_node(
    what: Callable[[], Any], code: str, max_concurrency: int
):
    class Odd(NodeType):
        name = "odd"

        def prepare(self) -> Any:
            what()

        def execute(self) -> Any:
            return 1

    runtime = LocalRuntime([Odd], max_concurrency=max_concurrency)
    execution = in_a_thread(lambda: runtime.execute(around(Odd), execution_id="e"))

    assert (execution.id, execution.status) == ("e", "failed")
    assert execution.error is not None
    assert (execution.error.code, execution.error.node_key) == ("preparation_failed", "odd")
    assert execution.error.cause is not None
    assert execution.error.cause.code == code


@pytest.mark.parametrize("max_concurrency", [1, 4])
@pytest.mark.parametrize(("what", "code"), SOME)
def test_what_resume_raises_fails_the_run(what: Callable[[], Any], code: str, max_concurrency: int):
    class Odd(NodeType):
        name = "odd"

        def execute(self) -> Any:
            return wait_for_webhook()

        def resume(self) -> Any:
            what()

    runtime = LocalRuntime([Odd], max_concurrency=max_concurrency)
    waiting = in_a_thread(lambda: runtime.execute(around(Odd), execution_id="e"))
    execution = in_a_thread(lambda: runtime.resume(waiting, 1))

    assert (waiting.status, execution.status) == ("suspended", "failed")
    assert execution.error is not None
    assert (execution.error.code, execution.error.node_key) == (code, "odd")
