"""Every error that prana_py raises on purpose, each with a stable code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from prana_py.execution.execution import Execution


class PranaError(Exception):
    """The root of all errors raised on purpose: a stable ``code``, a message, and ``details()`` for JSON."""

    code: str = "prana_error"

    def __init__(self, message: str, *, code: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        self._details = details

    def details(self) -> dict[str, Any]:
        """The error as plain data: code, message and whatever names the value and the place."""
        return {"code": self.code, "message": self.message, **self._details}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a document: where, what, and what to do about it."""

    code: str
    message: str
    place: str = ""
    node_key: str | None = None
    severity: str = "error"
    position: int | None = None

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.message} [{self.code}]"


class DocumentError(PranaError):
    """A workflow document cannot be read, or cannot be compiled: all of its problems at once."""

    code = "document_invalid"

    def __init__(self, problems: Sequence[Problem], *, subject: str = "workflow") -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        count = len(self.problems)
        heading = f"the {subject} has {count} problem{'s' if count != 1 else ''}"
        super().__init__("\n".join([heading, *(f"  {problem}" for problem in self.problems)]))

    def details(self) -> dict[str, Any]:
        return {**super().details(), "problems": [msgspec.to_builtins(problem) for problem in self.problems]}


class CompileError(DocumentError):
    """A well-formed workflow does not make a graph: unknown nodes, ports, triggers, broken loops, templates."""

    code = "workflow_invalid"


class TemplateError(PranaError):
    """A template cannot be parsed (``template_invalid``) or evaluated (``template_failed``, ``template_limit``)."""

    code = "template_invalid"

    def __init__(
        self, message: str, *, code: str | None = None, position: int | None = None, template: str | None = None
    ) -> None:
        super().__init__(message, code=code, position=position, template=template)
        self.position = position
        self.template = template


class TransitionError(PranaError):
    """The execution is not in a state in which this can happen; nothing was changed."""

    code = "transition_refused"


class ExecutionError(PranaError):
    """A run did not end well; it carries the execution, the node and what was completed before."""

    code = "execution_failed"

    def __init__(
        self,
        message: str,
        *,
        execution: Execution,
        node_key: str | None = None,
        code: str | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message, code=code, node_key=node_key, **details)
        self.execution = execution
        self.node_key = node_key

    @property
    def partial_results(self) -> Mapping[str, Any]:
        """The outputs of the nodes that completed before the error."""
        return self.execution.completed_nodes


class StorageError(PranaError):
    """A stored execution or document cannot be read: wrong format, wrong graph, corrupt."""

    code = "storage_invalid"


class NotFoundError(PranaError):
    """Something was named that does not exist here; the message suggests the nearest name."""

    code = "not_found"


class UsageError(PranaError):
    """A call that makes no sense whatever the state: wrong arguments, missing extras, bad configuration."""

    code = "usage"


class InvariantError(AssertionError):
    """A bug of ours: an execution is in a state that must not exist. Not a PranaError, on purpose."""


def nearest(name: str, known: Iterable[str]) -> str:
    """``" – did you mean 'x'?"`` for the closest known name, or nothing."""
    from difflib import get_close_matches

    matches = get_close_matches(name, [str(item) for item in known], n=1, cutoff=0.6)
    return f" – did you mean {matches[0]!r}?" if matches else ""
