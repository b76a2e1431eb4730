"""Making data by hand: ``data.set``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from prana_py.nodes.definition import node
from prana_py.nodes.returns import NodeFailure


@node(type="data.set", name="Set data", category="data", aliases=("data.set_data",), reads_only=True, blocks=False)
def set_data(
    input: Any,
    mode: Literal["manual", "json"] = "manual",
    values: dict[str, Any] | None = None,
    mapping_map: Any = None,
    json_template: Any = None,
    keep_input: bool = False,
) -> Any:
    """The output is ``values`` (also called ``mapping_map``), or in mode ``json`` what ``json_template`` says.

    With ``keep_input`` the fields of the input stay, and those set here are put over them.
    """
    made = _parsed(json_template) if mode == "json" else values if values is not None else mapping_map
    if not keep_input:
        return made
    return {**_fields("the input", input), **_fields("what is set", made)}


def _parsed(template: Any) -> Any:
    if template is None:
        raise _failure("JSON parsing failed: json_template is missing or null")
    if isinstance(template, (dict, list)):
        # A structure with templates in it is a value already: there is no text to read.
        return template
    if not isinstance(template, str):
        raise _failure(f"JSON parsing failed: json_template is {type(template).__name__}, neither text nor a structure")
    try:
        return msgspec.json.decode(template.encode("utf-8", "surrogatepass"))
    except (msgspec.DecodeError, RecursionError) as error:
        raise _failure(f"JSON parsing failed: {error}") from None


def _fields(what: str, value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise NodeFailure(
            "set_error",
            f"keep_input puts fields together, and {what} is {type(value).__name__}, no map",
            retryable=False,
        )
    return value


def _failure(message: str) -> NodeFailure:
    return NodeFailure("json_error", message, retryable=False)
