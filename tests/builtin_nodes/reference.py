"""The part of docs/reference/nodes.md that comes from the catalog; run this module to write it anew."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from prana_py.builtin_nodes.all_nodes import BUILTIN_NODES
from prana_py.nodes.node_type import AnyNode

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "nodes.md"
MARK = "## What comes with it\n"

NOTE = (
    "Written by `python -m tests.builtin_nodes.reference`. A duration is `30s`, `1h30m`, `PT5M` or a number of seconds."
)


def reference() -> str:
    """Every built-in node type by category, with its ports and parameters."""
    lines = [MARK, NOTE, ""]
    for category, nodes in groupby(BUILTIN_NODES, key=lambda node: node.spec.category):
        lines += [f"### {category.capitalize()}", ""]
        for node in nodes:
            lines += [*_of_node(node), ""]
    return "\n".join(lines)


def _of_node(node: AnyNode) -> Iterator[str]:
    spec = node.spec
    also = f" (also {_names(spec.aliases)})" if spec.aliases else ""
    yield f"#### `{spec.type}`{also}"
    yield ""
    yield inspect.cleandoc(node.__doc__ or "").replace("``", "`")
    yield ""
    incoming = "nothing leads into it" if not spec.inputs else f"in: {_ports(spec.inputs)}"
    yield f"Ports – {incoming}; out: {_ports(spec.outputs)}"
    schema: dict[str, Any] = spec.params_schema or {}
    properties: dict[str, Any] = schema.get("properties", {})
    if schema.get("additionalProperties") is True:
        yield ""
        yield "Takes any parameters."
    if properties:
        yield ""
        yield "| Parameter | Type | Default |"
        yield "|---|---|---|"
        for name, of in properties.items():
            default = "required" if name in schema.get("required", ()) else _default(of)
            yield f"| `{name}` | {_type(name, of, spec.raw_params)} | {default} |"


def _ports(names: tuple[str, ...]) -> str:
    return "any" if names == ("*",) else _names(names) or "nothing"


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _default(schema: dict[str, Any]) -> str:
    return f"`{json.dumps(schema['default'])}`" if "default" in schema else ""


def _type(name: str, schema: dict[str, Any], raw: tuple[str, ...]) -> str:
    if name in raw:
        return "expression"
    if schema.get("description", "").startswith("Another name of"):
        return f"another name of `{schema['description'].split()[-1]}`"
    if schema.get("format") == "duration":
        return "duration"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_type(name, one, ()) for one in schema["anyOf"])
    if "$ref" in schema:
        return f"map ({schema['$ref'].rpartition('/')[2]})"
    kind = {"string": "text", "object": "map", "array": "list", "integer": "whole number", "boolean": "true or false"}
    given = schema.get("type", "anything")
    if given == "array":
        return f"list of {_type(name, schema.get('items', {}), ())}"
    least = f" from {schema['minimum']}" if "minimum" in schema else ""
    return f"{kind.get(given, given)}{least}"


def written() -> str:
    """The page with its last part written anew."""
    page = PAGE.read_text(encoding="utf-8")
    return page[: page.index(MARK)] + reference()


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
