"""The two loops that perform programs: a plain one and an awaiting one. There are no others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import CoroutineType
from typing import Any, TypeVar

from prana_py.driver.effects import Effect
from prana_py.driver.program import Program

Result = TypeVar("Result")


def perform(program: Program[Result], handlers: Mapping[type[Effect], Callable[[Any], Any]]) -> Result:
    """Do what the program asks, until it returns; what goes wrong while doing it is the program's to deal with."""
    send = program.send
    try:
        effect = send(None)
        while True:
            try:
                reply = handlers[type(effect)](effect)
            except Exception as error:
                effect = program.throw(error)
            else:
                effect = send(reply)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]  # a program's return value


async def perform_async(
    program: Program[Result], handlers: Mapping[type[Effect], Callable[[Any], Awaitable[Any] | Any]]
) -> Result:
    """Do what the program asks, awaiting where a handler gives something to await."""
    send = program.send
    try:
        effect = send(None)
        while True:
            try:
                reply = handlers[type(effect)](effect)
                if type(reply) is CoroutineType:
                    reply = await reply
            except Exception as error:
                effect = program.throw(error)
            else:
                effect = send(reply)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]  # a program's return value
