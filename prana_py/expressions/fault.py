"""What goes wrong in an operation or filter, before anyone knows where in the template it stands."""

from __future__ import annotations

from prana_py.errors import TemplateError


class Fault(Exception):
    """An operation cannot be done with these values; it becomes a ``TemplateError`` with a position."""

    code = "template_failed"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class LimitFault(Fault):
    """An operation would use more than a template may."""

    code = "template_limit"


def located(fault: Fault, position: int, source: str) -> TemplateError:
    """The fault as the error that a caller gets."""
    return TemplateError(
        f"{fault.message} (at character {position})", code=fault.code, position=position, template=source
    )
