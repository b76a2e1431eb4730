"""Async functions are nodes like any other: they run here without a loop of one's own."""

from __future__ import annotations

import asyncio

from prana_py import WorkflowBuilder, node, run


@node
async def fetch(address: str) -> str:
    """Fetch a page; the sleep stands for the network."""
    await asyncio.sleep(0.01)
    return f"<h1>{address}</h1>"


@node
def title(page: str) -> str:
    """What stands between the tags. A plain function: the two kinds mix as one likes."""
    return page.removeprefix("<h1>").removesuffix("</h1>").upper()


flow = WorkflowBuilder("pages")
flow.add(fetch, address="{{ $input }}").then(flow.add(title, page="{{ $input }}"))
workflow = flow.build()

if __name__ == "__main__":
    execution = run(workflow, "example.org", nodes=[fetch, title])
    print(execution.output)
