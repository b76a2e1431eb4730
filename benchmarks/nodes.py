"""The nodes that are measured: they do next to nothing, so that what is left is the engine's own work."""

from __future__ import annotations

from typing import Any, Final

from prana_py import Output, node
from prana_py.builtin_nodes.all_nodes import with_builtin
from prana_py.nodes.catalog import Catalog

ROUNDS: Final = 1_000
"""How often ``again`` lets a loop go round."""


def add_one(input: int) -> int:
    return input + 1


def add_two(input: int) -> int:
    return input + 2


def take_two(input: int) -> int:
    return input - 2


async def add_one_async(input: int) -> int:
    return input + 1


def count_of(input: list[Any]) -> int:
    return len(input)


def once_more(input: int) -> Output:
    return Output(input, "again" if input % ROUNDS else "done")


def greeting(name: str) -> dict[str, str]:
    return {"name": name}


step = node(add_one)
two_up = node(add_two)
two_down = node(take_two)
step_async = node(add_one_async)
gather = node(count_of)
again = node(outputs=("again", "done"))(once_more)
greet = node(greeting)

NODES: Final[Catalog] = with_builtin(step, two_up, two_down, step_async, gather, again, greet)
