"""An order: it is priced, approved by a person if it is large, paid – with retries –, and shipped by a sub-workflow."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from prana_py import LocalRuntime, NodeContext, Output, WorkflowBuilder, node, wait_for_webhook

# ── the steps ────────────────────────────────────────────────────────────────────────────────────────────────────────


@node
def price(order: dict[str, Any]) -> dict[str, Any]:
    """The order with its total."""
    return {**order, "total": sum(item["price"] for item in order["items"])}


DECISION = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok", "by"]}


def decided(data: dict[str, Any], input: dict[str, Any]) -> Output:
    """What becomes of the answer, days later."""
    return Output({**input, "by": data["by"]}, "approved" if data["ok"] else "rejected")


@node(outputs=("approved", "rejected", "timeout"), on_resume=decided)
def approval() -> Any:
    """Wait for a person: nothing runs meanwhile, and the execution can be stored."""
    return wait_for_webhook(timeout=timedelta(days=3), schema=DECISION)


@node
def charge(ctx: NodeContext, order: dict[str, Any]) -> dict[str, Any]:
    """Take the money. The bank's line is busy at first; the key keeps it from charging twice."""
    if ctx.attempt < 2:
        raise ConnectionError("the bank's line is busy")
    return {**order, "receipt": f"receipt {ctx.idempotency_key[:6]}"}


@node
def refuse(order: dict[str, Any]) -> str:
    """Tell the customer that nothing will come of it."""
    return f"order {order['id']} is refused"


@node
def pack(order: dict[str, Any]) -> dict[str, Any]:
    """Put everything into a box."""
    return {**order, "box": "small" if len(order["items"]) < 3 else "large"}


@node
def hand_over(order: dict[str, Any]) -> str:
    """Give the box to the carrier."""
    return f"order {order['id']} is on its way, in a {order['box']} box"


# ── how they go together ─────────────────────────────────────────────────────────────────────────────────────────────

shipping = WorkflowBuilder("shipping")
shipping.add(pack, order="{{ $input }}").then(shipping.add(hand_over, order="{{ $input }}"))

orders = WorkflowBuilder("orders")
priced = orders.add(price, order="{{ $input }}")
large = orders.add("logic.if", "is_large", condition="{{ $input.total > 100 }}")
ask = orders.add(approval)
pay = orders.add(charge, order="{{ $input }}", settings={"retry": {"max_attempts": 3, "delay": "10ms"}})
ship = orders.add("workflow.execute", "ship", workflow_id="shipping")
turn_down = orders.add(refuse, order="{{ $input }}")

priced.then(large)
large.then(ask, port="true")
large.then(pay, port="false")
ask.then(pay, port="approved")
ask.then(turn_down, port="rejected")
ask.then(turn_down, port="timeout")
pay.then(ship)

workflow = orders.build()
WORKFLOWS = [shipping.build()]
NODES = (price, approval, charge, refuse, pack, hand_over)

if __name__ == "__main__":
    runtime = LocalRuntime(NODES, workflows=WORKFLOWS)
    order = {"id": 7, "items": [{"name": "boat", "price": 900}, {"name": "oar", "price": 40}]}

    execution = runtime.execute(workflow, order)
    print(execution.status, "at", ", ".join(wait.node_key for wait in execution.suspensions.values()))

    execution = runtime.resume(execution, {"ok": True, "by": "Grace"})
    print(execution.status, "–", execution.output)
