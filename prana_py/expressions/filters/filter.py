"""What a filter is: a function of the value and its arguments, with the arguments it takes known by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, final

FilterFunction: TypeAlias = Callable[..., Any]


@final
class Filter:
    """A filter of the template language; its parameters are those of its function, after the value."""

    __slots__ = ("cost", "function", "parameters", "required")

    def __init__(self, function: FilterFunction, cost: Callable[..., int] | None = None) -> None:
        code = function.__code__
        self.function = function
        self.cost = cost
        self.parameters: tuple[str, ...] = code.co_varnames[1 : code.co_argcount]
        self.required = len(self.parameters) - len(function.__defaults__ or ())

    @property
    def signature(self) -> str:
        """The parameters as the documentation writes them: ``length[, suffix]``."""
        required = ", ".join(self.parameters[: self.required])
        optional = self.parameters[self.required :]
        shown = "".join(f"[, {name}]" for name in optional)
        return required + shown if required else shown.replace("[, ", "[", 1)

    def complaint(self, positional: int, keywords: Sequence[str]) -> str | None:
        """What is wrong with a call that has so many plain arguments and these named ones."""
        takes = f"takes ({self.signature})" if self.parameters else "takes no arguments"
        for name in keywords:
            if name not in self.parameters[positional:] or list(keywords).count(name) > 1:
                return f"does not take {name!r} here; it {takes}"
        missing = [name for name in self.parameters[positional : self.required] if name not in keywords]
        if positional > len(self.parameters) or missing:
            return takes
        return None
