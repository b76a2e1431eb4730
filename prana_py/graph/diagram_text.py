"""Graphs in the languages of drawing programs: Mermaid and DOT."""

from __future__ import annotations

from collections.abc import Mapping

from prana_py.graph.execution_graph import ExecutionGraph, Route, Vertex
from prana_py.graph.palette import colours
from prana_py.identifiers import MAIN, NodeKey


def mermaid(graph: ExecutionGraph, states: Mapping[NodeKey, str]) -> str:
    """A Mermaid flowchart; ways back are dotted."""
    lines = ["flowchart TD"]
    for vertex in graph.vertices:
        opening, closing = _shape(vertex)
        lines.append(f'    n{vertex.ordinal}{opening}"{_mermaid_text(vertex.key)}"{closing}')
    for route in graph.route_list.values():
        arrow = "-.->" if route.is_back or route.ends_item else "-->"
        label = port_label(route)
        text = f'|"{_mermaid_text(label)}"|' if label else ""
        lines.append(f"    n{route.source} {arrow}{text} n{route.target}")
    for vertex in graph.vertices:
        if vertex.key in states:
            fill, line = colours(states[vertex.key])
            lines.append(f"    style n{vertex.ordinal} fill:{fill},stroke:{line}")
    return "\n".join(lines) + "\n"


def dot(graph: ExecutionGraph, states: Mapping[NodeKey, str]) -> str:
    """A DOT digraph; ways back are dashed and do not pull on the ranks."""
    lines = ["digraph workflow {", "    rankdir=TB;", '    node [shape=box, style="rounded,filled", fillcolor=white];']
    for vertex in graph.vertices:
        paint = ""
        if vertex.key in states:
            fill, line = colours(states[vertex.key])
            paint = f', fillcolor="{fill}", color="{line}"'
        lines.append(f"    n{vertex.ordinal} [label={_quoted(vertex.key)}{paint}];")
    for route in graph.route_list.values():
        label = port_label(route)
        traits = [f"label={_quoted(label)}"] if label else []
        if route.is_back or route.ends_item:
            traits += ["style=dashed", "constraint=false"]
        lines.append(f"    n{route.source} -> n{route.target}" + (f" [{', '.join(traits)}];" if traits else ";"))
    return "\n".join([*lines, "}"]) + "\n"


def port_label(route: Route) -> str:
    """The port a connection leaves by, if it says something, and a mark where it has a condition."""
    port = route.connection.from_port
    label = "" if port == MAIN else port
    return f"{label} ?".strip() if route.condition is not None else label


def _shape(vertex: Vertex) -> tuple[str, str]:
    if vertex.spec.is_trigger:
        return "([", "])"
    if vertex.spec.owner is not None:
        return "{{", "}}"
    return ("{", "}") if len(vertex.routes) > 1 else ("[", "]")


def _mermaid_text(text: str) -> str:
    """Everything but plain characters by number, for Mermaid has no quoting of its own."""
    return "".join(
        character if character.isalnum() or character in " _-.,!?/()" else f"#{ord(character)};" for character in text
    )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
