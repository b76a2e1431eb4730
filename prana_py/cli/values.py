"""Values that stand in arguments: inputs, variables, answers to waits."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

import msgspec

from prana_py.cli.files import read_bytes
from prana_py.cli.screen import can_show
from prana_py.errors import UsageError


def input_value(written: str | None, option: str = "--input") -> Any:
    """What an option such as ``--input`` says: JSON, ``@FILE`` with JSON or YAML, ``-`` for the standard input."""
    if written is None:
        return None
    if written == "-":
        return json_value(sys.stdin.buffer.read(), "the standard input")
    if written.startswith("@"):
        return _file_value(Path(written[1:]))
    return json_value(written, option, hint=f"a text stands in quotes: {option} '\"Ada\"'; a file after @")


def variables(written: Iterable[str]) -> dict[str, Any]:
    """What the ``--set`` arguments say, each ``NAME=VALUE``; a value that is not JSON is text."""
    found: dict[str, Any] = {}
    for text in written:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"--set {text!r} is not NAME=VALUE, such as --set limit=5")
        try:
            found[name] = msgspec.json.decode(value.encode("utf-8", "surrogateescape"))
        except msgspec.DecodeError:
            found[name] = value
    return found


def answers(written: Iterable[str]) -> list[tuple[str, Any]]:
    """What the ``--resume`` arguments say, each ``WAIT=JSON``, in order."""
    found = []
    for text in written:
        name, equals, value = text.partition("=")
        if not name:
            raise UsageError(f"--resume {text!r} is not WAIT=JSON, such as --resume 'approval={{\"ok\": true}}'")
        found.append((name, json_value(value, f"--resume {name}") if equals and value else None))
    return found


def json_value(text: str | bytes, what: str, *, hint: str = "") -> Any:
    """The value of a JSON text; ``UsageError`` says what it is not."""
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        reason = str(error).removeprefix("JSON is malformed: ")
        raise UsageError(f"{what} is not JSON: {reason}{f'; {hint}' if hint else ''}", code="invalid_json") from None


def _file_value(path: Path) -> Any:
    data = read_bytes(path)
    if path.suffix not in (".yaml", ".yml"):
        return json_value(data, str(path))
    from prana_py.model.reading import DEFAULT_LIMITS
    from prana_py.model.yaml_text import read_yaml

    return read_yaml(data, DEFAULT_LIMITS, str(path))


def as_json(value: Any, *, indent: int = 2) -> str:
    """A value as JSON text; bytes as base64, instants as ISO 8601, numbers that JSON has not as null."""
    encoded = msgspec.json.encode(value, enc_hook=str)
    return (msgspec.json.format(encoded, indent=indent) if indent else encoded).decode()


def print_json(value: Any, stream: TextIO) -> None:
    """Write a value as JSON; what the stream's encoding has no character for is escaped as JSON does it."""
    text = as_json(value)
    if not can_show(text, stream):
        text = "".join(sign if sign.isascii() else _escaped(sign) for sign in text)
    stream.write(f"{text}\n")


def _escaped(sign: str) -> str:
    units = sign.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def short(value: Any, most: int = 60) -> str:
    """A value in a few words."""
    text = as_json(value, indent=0)
    return text if len(text) <= most else f"{text[: most - 1]}…"
