"""Several nodes at once: three offers are asked for in parallel, and the cheapest is taken."""

from __future__ import annotations

from typing import Any

from prana_py import LocalRuntime, WorkflowBuilder, node


@node
def ask_for_price(shop: str, item: str) -> dict[str, Any]:
    """Ask a shop what an item costs; in real life this takes a while."""
    prices = {"corner": 12, "market": 9, "online": 10}
    return {"shop": shop, "item": item, "price": prices[shop]}


@node
def cheapest(offers: list[dict[str, Any]]) -> dict[str, Any]:
    """The offer that costs least."""
    return min(offers, key=lambda offer: offer["price"])


flow = WorkflowBuilder("prices")
start = flow.add("manual.trigger", "start")
gather = flow.add("data.merge", "gather", strategy="append")
for shop in ("corner", "market", "online"):
    offer = flow.add(ask_for_price, shop, shop=shop, item="{{ $input.item }}")
    start.then(offer).then(gather, to_port=shop)
gather.then(flow.add(cheapest, offers="{{ $input }}"))
workflow = flow.build()

if __name__ == "__main__":
    runtime = LocalRuntime([ask_for_price, cheapest], max_concurrency=3)
    execution = runtime.execute(workflow, {"item": "tea"})
    print(execution.output)
