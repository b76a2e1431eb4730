"""What a store operation asks for: named SQL with its parameters, as data. Performers are all that differs."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, NamedTuple, TypeAlias, TypeVar

Parameters: TypeAlias = tuple[Any, ...]


class Statement(NamedTuple):
    """One SQL statement, by its name in the dialect's page of SQL, with what it is asked for or told."""

    name: str
    parameters: Parameters = ()


class Many(NamedTuple):
    """One SQL statement for each of several tuples of parameters; replied to with how many rows it touched."""

    name: str
    parameters: list[Parameters]


class Batch(NamedTuple):
    """Statements that do not need each other's answers, so that they can travel together; replied to with a list."""

    statements: tuple[Statement | Many, ...]


class Result(NamedTuple):
    """What came of a statement: the rows it gave, and how many it touched."""

    rows: list[tuple[Any, ...]]
    touched: int


Ask: TypeAlias = Statement | Many | Batch

Value = TypeVar("Value")

Operation: TypeAlias = Generator[Ask, Any, Value]
"""A store operation: it is performed within one transaction, and what it returns is the answer."""

MakeOperation: TypeAlias = Callable[[], Operation[Value]]
"""Makes an operation anew, because a transaction that was refused for no fault of its own is tried again."""
