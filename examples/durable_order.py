"""An order that outlives its process: one starts it and is killed in the middle of a step, another one finishes it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from prana_py import Engine, NodeContext, WorkflowBuilder, node, wait_for_webhook

# ── the steps, which note what they do in a file, so that one can see how often ──────────────────────────────────────


def note(text: str) -> None:
    """Write a line into the diary."""
    with Path(os.environ["DIARY"]).open("a", encoding="utf-8") as diary:
        diary.write(f"{text}\n")


@node
def price(order: dict[str, Any]) -> dict[str, Any]:
    """The order with its total."""
    note("price")
    return {**order, "total": sum(item["price"] for item in order["items"])}


@node
def charge(ctx: NodeContext, order: dict[str, Any]) -> dict[str, Any]:
    """Take the money; the bank knows by the key what it has seen before."""
    note(f"charge, with the key {'of before' if known(ctx.idempotency_key) else 'of its own'}")
    if "KILLED_HERE" in os.environ:
        os.kill(os.getpid(), signal.SIGKILL)
    return order


@node
def approval() -> Any:
    """Wait for a person, for days if need be."""
    return wait_for_webhook(timeout="3d")


def known(key: str) -> bool:
    """What the bank does: remember the keys that it has seen."""
    keys = Path(os.environ["DIARY"]).with_suffix(".keys")
    before = keys.read_text(encoding="utf-8").split() if keys.exists() else []
    keys.write_text("\n".join([*before, key]), encoding="utf-8")
    return key in before


flow = WorkflowBuilder("order")
priced = flow.add(price, order="{{ $input }}")
priced.then(flow.add(charge, order="{{ $input }}")).then(flow.add(approval))
NODES = (price, charge, approval)


# ── two processes, and one file ──────────────────────────────────────────────────────────────────────────────────────


def start(address: str) -> None:
    """The first process does not come back from this."""
    with Engine(address, nodes=NODES) as engine:
        engine.publish(flow.build())
        engine.start("order", {"id": 7, "items": [{"name": "boat", "price": 900}]}, execution_id="order-7")


def go_on(address: str) -> None:
    """Another process drives on whatever the dead one has left, and answers what the order then waits for."""
    with Engine(address, nodes=NODES) as engine:
        for execution in engine.wake_due():
            print(execution.id, execution.status, "at", *(wait.node_key for wait in execution.suspensions.values()))
        execution = engine.resume("order-7", {"ok": True, "by": "Grace"})
        print(execution.id, execution.status, "–", execution.output)


def main() -> None:
    """Start it in a process that is killed; go on in this one."""
    with TemporaryDirectory() as folder:
        address = f"sqlite:///{folder}/orders.db"
        os.environ["DIARY"] = f"{folder}/diary"
        environment = {**os.environ, "KILLED_HERE": "yes", "PYTHONPATH": os.pathsep.join(sys.path)}
        killed = subprocess.run([sys.executable, __file__, "start", address], env=environment, check=False)
        print("the first process ended by", signal.Signals(-killed.returncode).name)
        go_on(address)
        print(Path(os.environ["DIARY"]).read_text(encoding="utf-8").strip())


if __name__ == "__main__":
    if sys.argv[1:2] == ["start"]:
        start(sys.argv[2])
    else:
        main()
