"""Nodes for random workflows: what they do depends on a seed and on their idempotency key, and on nothing else."""

from __future__ import annotations

from typing import Any, Literal
from zlib import crc32

from prana_py import (
    Each,
    NodeContext,
    NodeFailure,
    Output,
    Outputs,
    node,
    race,
    wait_for_interval,
    wait_for_signal,
    wait_for_webhook,
)
from prana_py.builtin_nodes.all_nodes import with_builtin
from prana_py.driver.outcome import Waiting


def chance(ctx: NodeContext, *told: object) -> int:
    """A number that is the same whenever this run asks for it."""
    return crc32(repr((ctx.idempotency_key, told)).encode())


def _may_fail(ctx: NodeContext, percent: int) -> None:
    if chance(ctx, "fails", ctx.attempt) % 100 < percent:
        raise NodeFailure("unlucky", f"attempt {ctx.attempt} of {ctx.node_key}")


def _worked(ctx: NodeContext, data: Any, percent: int = 0) -> str:
    _may_fail(ctx, percent)
    return f"{ctx.node_key}.{ctx.run}"


@node(on_resume=_worked)
def work(ctx: NodeContext, percent: int = 0) -> str:
    """Fails so often, and else says who it is."""
    return _worked(ctx, None, percent)


@node(outputs=("a", "b"))
def choose(ctx: NodeContext) -> Output:
    """Goes one of two ways."""
    return Output(f"{ctx.node_key}.{ctx.run}", "ab"[chance(ctx, "port") % 2])


@node(outputs=("a", "b"))
def both_or_none(ctx: NodeContext) -> Outputs:
    """Goes both ways, one of them, or none."""
    taken = chance(ctx, "ports") % 4
    return Outputs({port: f"{ctx.node_key}.{ctx.run}" for bit, port in enumerate("ab") if taken >> bit & 1})


@node
def several(ctx: NodeContext) -> Outputs:
    """Makes one to three arrivals at once."""
    return Outputs({"main": Each([f"{ctx.node_key}.{n}" for n in range(1 + chance(ctx, "count") % 3)])})


@node(outputs=("main", "timeout"), on_resume=_worked)
def wait(
    ctx: NodeContext, kind: Literal["webhook", "interval", "signal", "race"] = "interval", percent: int = 0
) -> Waiting:
    """Waits in one of the ways that end by themselves at last."""
    if kind == "webhook":
        return wait_for_webhook(timeout="1h")
    if kind == "signal":
        return wait_for_signal("go", timeout="2h")
    if kind == "race":
        return race(main=wait_for_webhook(timeout="3h"), timeout=wait_for_interval("90m"))
    return wait_for_interval(1 + chance(ctx, "interval") % 100)


@node
def write(ctx: NodeContext, name: str = "open") -> Output:
    """Changes the shared state."""
    return Output(f"{ctx.node_key}.{ctx.run}", state={name: bool(chance(ctx, "value") % 2)})


@node
def items(ctx: NodeContext) -> list[int]:
    """A list of none to four."""
    return list(range(chance(ctx, "items") % 5))


RANDOM_CATALOG = with_builtin(work, choose, both_or_none, several, wait, write, items)
