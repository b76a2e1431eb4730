"""A graph as a picture: Mermaid, DOT, SVG or plain text, with the state of a run painted on if there is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeAlias

from prana_py.errors import UsageError, nearest
from prana_py.graph.diagram_ascii import ascii_art
from prana_py.graph.diagram_svg import svg
from prana_py.graph.diagram_text import dot, mermaid
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.identifiers import NodeKey

Form: TypeAlias = Literal["mermaid", "dot", "svg", "ascii"]
States: TypeAlias = Mapping[NodeKey, str]

_FORMS: Final[dict[str, Callable[[ExecutionGraph, States], str]]] = {
    "mermaid": mermaid,
    "dot": dot,
    "svg": svg,
    "ascii": ascii_art,
}

LARGEST_PICTURE: Final = 2_000
"""The nodes that are laid out here; more of them nobody can look at."""


def draw(graph: ExecutionGraph, form: Form = "mermaid", *, states: States | None = None) -> str:
    """The graph in one of the forms; ``states`` says for some nodes how they fare, such as ``completed``."""
    make = _FORMS.get(form)
    if make is None:
        raise UsageError(f"the form {form!r} is not known{nearest(form, _FORMS)}; there are {', '.join(_FORMS)}")
    if form in ("svg", "ascii") and len(graph.vertices) > LARGEST_PICTURE:
        message = f"a graph of {len(graph.vertices):,} nodes is too large to be laid out; use mermaid or dot"
        raise UsageError(message, code="picture_too_large")
    return make(graph, states or {})
