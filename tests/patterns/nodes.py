"""The nodes that the patterns are made of: they do little, and say who ran."""

from __future__ import annotations

from typing import Any, Final

from prana_py import Each, NodeContext, Output, Outputs, node, wait_for_signal, wait_for_webhook
from prana_py.builtin_nodes.all_nodes import with_builtin
from prana_py.driver.outcome import Waiting


@node
def task(ctx: NodeContext) -> str:
    """Does something, and says who did."""
    return ctx.node_key


@node
def ask() -> Waiting:
    """Something that takes its time: it is over when somebody says so."""
    return wait_for_webhook()


@node
def listen(signal: str) -> Waiting:
    """Waits for a signal."""
    return wait_for_signal(signal)


@node
def split(input: list[Any]) -> Outputs:
    """Every element of the list goes on by itself."""
    return Outputs({"main": Each(input)})


@node
def gather(inputs: dict[str, Any]) -> Any:
    """What has come together, as it came."""
    return inputs["main"]


@node(outputs=("on", "out"))
def hop(input: int) -> Output:
    """Counts down: ``on`` while there is something left, ``out`` at the end."""
    return Output(input - 1, "on") if input > 1 else Output(0, "out")


@node
def put(name: str, value: Any) -> Output:
    """Puts something into the state that all nodes share."""
    return Output(value, state={name: value})


NODES: Final = with_builtin(task, ask, listen, split, gather, hop, put)
