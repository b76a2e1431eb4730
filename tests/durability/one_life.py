"""A process that runs one small workflow in a database, and says of each call that it is made: ``one_life.py <url>``.

When a node is called, all runs before it have been acknowledged by the store.
"""

from __future__ import annotations

import os
import sys

from prana_py import NodeContext, StorageError, Workflow, WorkflowBuilder, node
from prana_py.engine.engine import Engine

NODES = ("n0", "n1", "n2")


@node
def tell(ctx: NodeContext, input: str) -> str:
    """Says that it is called, past every buffer."""
    os.write(1, f"{ctx.node_key}\n".encode())
    return f"{input}{ctx.node_key}" + "." * 5000


def workflow() -> Workflow:
    flow = WorkflowBuilder("life")
    n0, n1, n2 = (flow.add(tell, key) for key in NODES)
    n0.then(n1).then(n2)
    return flow.build()


def main(url: str) -> int:
    """0: it has ended. 3: the store has failed, and said so."""
    try:
        with Engine(url, nodes=[tell], synchronous="full") as engine:
            engine.start("life", "in", execution_id="life", idempotency_key="life")
            os.write(1, b"ended\n")
    except StorageError as error:
        print(error.code)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
