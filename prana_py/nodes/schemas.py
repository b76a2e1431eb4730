"""JSON Schemas of a node's parameters and of its output, from the annotations of its function."""

from __future__ import annotations

from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

import msgspec

from prana_py.errors import UsageError
from prana_py.nodes.returns import SPECIAL_ANSWERS
from prana_py.nodes.signature import ABSENT, Parameter, Signature, is_duration

_DURATION: Final = {
    "type": ["string", "number"],
    "format": "duration",
    "description": "A duration such as 30s, 1h30m or PT5M, or a number of seconds",
}


def params_schema(signature: Signature, aliases: dict[str, str], *, function: str) -> dict[str, Any]:
    """The JSON Schema of the parameters, one object; ``UsageError`` for a type that cannot be checked."""
    properties: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    for parameter in signature.parameters:
        try:
            schema, components = _of_type(parameter.annotation)
        except (TypeError, RecursionError) as error:
            raise UsageError(
                f"{function} cannot be a node: parameter {parameter.name!r} has a type that cannot be checked: {error}",
                code="node_unusable",
                function=function,
            ) from error
        definitions |= components
        properties[parameter.name] = _with_default(schema, parameter)
    required = [parameter.name for parameter in signature.parameters if parameter.required]
    for alias, name in aliases.items():
        properties[alias] = {"description": f"Another name of {name}"}
    whole: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": signature.more}
    if required:
        whole["required"] = [name for name in required if name not in aliases.values()]
    if definitions:
        whole["$defs"] = definitions
    return whole


def output_schema(signature: Signature) -> dict[str, Any] | None:
    """The JSON Schema of what a function says it returns; ``None`` where it says nothing that is a value."""
    returns = signature.returns
    members = get_args(returns) if get_origin(returns) in (Union, UnionType) else (returns,)
    if returns in (Any, object, None) or any(_is_special(member) for member in members):
        return None
    try:
        schema, components = _of_type(returns)
    except (TypeError, RecursionError):
        # What a function returns is its own business: a type without a schema just has none.
        return None
    return {**schema, "$defs": components} if components else schema


def _is_special(member: Any) -> bool:
    return isinstance(member, type) and issubclass(member, SPECIAL_ANSWERS)


def _of_type(annotation: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    if is_duration(annotation):
        return dict(_DURATION), {}
    if annotation is object:
        return {}, {}
    (schema,), components = msgspec.json.schema_components([annotation], ref_template="#/$defs/{name}")
    return schema, components


def _with_default(schema: dict[str, Any], parameter: Parameter) -> dict[str, Any]:
    if parameter.required or parameter.default is ABSENT:
        return schema
    try:
        return {**schema, "default": msgspec.to_builtins(parameter.default, str_keys=True)}
    except (TypeError, ValueError):
        # A default that is no plain data cannot be told, and need not be.
        return schema
