"""The floors: the same functions called in a plain loop, and the same outputs kept in a list. Nothing can be faster."""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks.nodes import add_one, add_one_async, add_two, count_of, greeting, once_more, take_two


def chain(size: int, value: int = 0) -> list[Any]:
    outputs = [value]
    for _ in range(1, size):
        value = add_one(value)
        outputs.append(value)
    return outputs


def async_chain(size: int, value: int = 0) -> list[Any]:
    async def all_of_it() -> list[Any]:
        last = value
        outputs = [last]
        for _ in range(1, size):
            last = await add_one_async(last)
            outputs.append(last)
        return outputs

    return asyncio.run(all_of_it())


def templated_chain(size: int, value: dict[str, str]) -> list[Any]:
    outputs = [value]
    for _ in range(1, size):
        value = greeting(value["name"])
        outputs.append(value)
    return outputs


def diamond(arms: int, value: int = 0) -> list[Any]:
    results = [add_one(value) for _ in range(arms)]
    return [value, *results, count_of(results)]


def loop(value: int = 0) -> list[Any]:
    outputs = [value]
    port = "again"
    while port == "again":
        value = add_one(value)
        outputs.append(value)
        answer = once_more(value)
        value, port = answer.value, answer.port or "main"
        outputs.append(value)
    return outputs


def conditional(choices: int, value: int = 0) -> list[Any]:
    outputs = [value]
    for _ in range(choices):
        outputs.append(value)
        value = add_two(value) if value % 2 == 0 else take_two(value)
        outputs.append(value)
        value = add_one(value)
        outputs.append(value)
    return outputs


def for_each(items: list[int]) -> list[Any]:
    results = [add_one(item) for item in items]
    return [items, *results, results, count_of(results)]
