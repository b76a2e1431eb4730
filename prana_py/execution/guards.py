"""Whether a guard lets a run start: an expression over the execution's state."""

from __future__ import annotations

from prana_py.errors import TemplateError
from prana_py.execution.names import ExecutionNames, Seen
from prana_py.expressions.template import Template
from prana_py.identifiers import Scope


def guard_holds(guard: Template, seen: Seen, scope: Scope) -> bool:
    """The guard's truth now. One that cannot be evaluated lets the run start, which then fails with the reason."""
    try:
        return guard.test(ExecutionNames(seen, scope))
    except TemplateError:
        return True
