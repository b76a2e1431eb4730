"""JSON text, read strictly: bounded in size and depth, repeated keys noticed."""

from __future__ import annotations

import re
from typing import Any

from prana_py.errors import DocumentError, Problem
from prana_py.model.reading import Limits, RepeatedKeys

_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)
"""Strings are passed over as a whole, also one that never ends, so that looking for brackets takes linear time."""

_LONGEST_INTEGER = 25


def read_json(source: str | bytes, limits: Limits, subject: str) -> Any:
    """The data of a JSON text; whatever the text is, a ``DocumentError`` is all that can happen."""
    import json

    text = as_text(source, limits, subject)
    _check_depth(text, limits, subject)
    try:
        return json.loads(text, object_pairs_hook=RepeatedKeys.of, parse_int=_integer)
    except json.JSONDecodeError as error:
        raise _refused("invalid_json", f"this is not JSON: {error.msg}", subject, text, error.pos) from None


def write_json(data: Any) -> str:
    """The data as JSON text, indented, ending in a new line."""
    import json

    return json.dumps(data, ensure_ascii=False, allow_nan=False, indent=2) + "\n"


def as_text(source: str | bytes, limits: Limits, subject: str) -> str:
    """The source as text, if it is not too large and is UTF-8."""
    if len(source) > limits.max_bytes:
        message = f"the document has {len(source)} bytes or characters; at most {limits.max_bytes} are read"
        raise DocumentError([Problem(code="too_large", message=message)], subject=subject)
    if isinstance(source, str):
        return source.removeprefix("\ufeff")
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = Problem(code="invalid_encoding", message="the document is not UTF-8", position=error.start)
        raise DocumentError([problem], subject=subject) from None


def _integer(digits: str) -> int:
    """Python refuses to convert endless digits: so many as to be out of range anyhow will do."""
    return int(digits[:_LONGEST_INTEGER])


def _check_depth(text: str, limits: Limits, subject: str) -> None:
    depth = 0
    for token in _TOKENS.finditer(text):
        bracket = token[0]
        if bracket in "[{":
            depth += 1
            if depth > limits.max_depth:
                message = f"lists and objects are nested deeper than {limits.max_depth}"
                raise _refused("too_deep", message, subject, text, token.start())
        elif bracket in "]}":
            depth -= 1


def _refused(code: str, message: str, subject: str, text: str, position: int) -> DocumentError:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return DocumentError(
        [Problem(code=code, message=message, place=f"line {line}, column {column}", position=position)], subject=subject
    )
