"""What others want of an execution: letters, each under a key of its own, until it is met or refused."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from prana_py.driver.effects import Letter
from prana_py.errors import PranaError
from prana_py.identifiers import ExecutionId, Instant
from prana_py.stores import executions
from prana_py.stores.records import Content, decode_content, encode
from prana_py.stores.statements import Batch, Operation, Statement


class Answer(NamedTuple):
    """What became of a letter."""

    is_open: bool
    """It has not been read yet."""
    number: int = 0
    refusal: dict[str, Any] | None = None


def post(execution_id: ExecutionId, dedupe_key: str, content: Content, now: Instant) -> Operation[bool]:
    """Send a letter; false if there is no such execution, it has ended, or the letter was sent before."""
    posted, *_ = yield Batch(executions.post(execution_id, dedupe_key, encode(content), now))
    is_new: bool = posted.touched > 0
    return is_new


def unread(number: int, after: int = 0) -> Operation[list[Letter]]:
    """The letters to an execution that have neither been met nor refused."""
    return letters_of((yield Statement("inbox.of", (number, after))).rows)


def letters_of(rows: list[tuple[int, bytes]]) -> list[Letter]:
    """Letters as they are kept."""
    return [Letter(number, decode_content(bytes(payload))) for number, payload in rows]


def refuse(number: int, error: PranaError | None) -> Operation[None]:
    """Tell the sender why not; where there is nothing to tell, or nobody waits to be told, the letter is gone."""
    if error is not None:
        refusal = msgspec.json.encode(error.details(), enc_hook=str).decode()
        yield Statement("inbox.refuse", (refusal, number))
    yield Statement("inbox.forget", (number,))


def answer(execution_id: ExecutionId, dedupe_key: str) -> Operation[Answer]:
    """What became of a letter that was sent."""
    rows = (yield Statement("inbox.letter", (execution_id, dedupe_key))).rows
    if not rows:
        return Answer(False)
    number, refusal = rows[0]
    return Answer(True, number) if refusal is None else Answer(False, number, msgspec.json.decode(refusal))


def tear_up(number: int) -> Operation[None]:
    """The sender has read the refusal."""
    yield Statement("inbox.met", (number,))
