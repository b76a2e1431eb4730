"""A program: what must be done, written once, as a generator that yields effects and is sent their replies."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeAlias, TypeVar

from prana_py.driver.effects import Effect

Result = TypeVar("Result")

Program: TypeAlias = Generator[Effect, Any, Result]
"""Two loops perform programs: a plain one and an awaiting one. That is the whole difference between sync and async."""
