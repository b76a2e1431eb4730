"""A graph as an SVG picture that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

from prana_py.graph.diagram_text import port_label
from prana_py.graph.execution_graph import ExecutionGraph, Route
from prana_py.graph.layout import Layout, centres, lay_out
from prana_py.graph.palette import colours
from prana_py.identifiers import NodeKey

HEIGHT: Final = 36
STEP: Final = 90
GAP: Final = 28
MARGIN: Final = 24
_LONGEST: Final = 40
_NOT_IN_XML: Final = frozenset("\ufffe\uffff")

_STYLE: Final = (
    "text{font:13px sans-serif;text-anchor:middle;dominant-baseline:middle;fill:#1c2833}"
    "text.port{font-size:10px;fill:#566573;stroke:#fff;stroke-width:3px;paint-order:stroke}"
    "path{fill:none;stroke:#808b96;stroke-width:1.4}path.back{stroke-dasharray:5 4}"
)
_ARROW: Final = (
    '<marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<polygon points="0,0 8,4 0,8" fill="#808b96"/></marker>'
)


def svg(graph: ExecutionGraph, states: Mapping[NodeKey, str]) -> str:
    """The picture, from top to bottom; ways back run along the right side, dashed."""
    layout = lay_out(graph)
    labels = [_shortened(vertex.key) for vertex in graph.vertices]
    count = len(labels)
    widths = [9 * len(label) + 28 for label in labels]
    middle = centres(layout, lambda spot: widths[spot] if spot < count else 8, GAP)
    height_of = {spot: MARGIN + number * STEP for number, layer in enumerate(layout.layers) for spot in layer}
    right = MARGIN + max((middle[spot] + widths[spot] // 2 for spot in range(count)), default=0)
    points = {spot: (MARGIN + middle[spot], height_of[spot]) for spot in middle}

    lines = _strands(layout, points, count)
    for number, route in enumerate(layout.returning):
        lines += _way_back(route, points, widths, right + GAP + 10 * number)
    width = right + MARGIN + (GAP + 10 * len(layout.returning) if layout.returning else 0)
    height = 2 * MARGIN + HEIGHT + STEP * (len(layout.layers) - 1)
    boxes = []
    for vertex in graph.vertices:
        state = states.get(vertex.key)
        fill, line = colours(state)
        x, y = points[vertex.ordinal]
        title = f"{vertex.key} ({vertex.node.type})" + (f": {state}" if state else "")
        boxes.append(
            f"<g><title>{_text(title)}</title>"
            f'<rect x="{x - widths[vertex.ordinal] // 2}" y="{y}" width="{widths[vertex.ordinal]}" '
            f'height="{HEIGHT}" rx="8" fill="{fill}" stroke="{line}" stroke-width="1.6"/>'
            f'<text x="{x}" y="{y + HEIGHT // 2}">{_text(labels[vertex.ordinal])}</text></g>'
        )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    return "\n".join([head, f"<defs>{_ARROW}</defs><style>{_STYLE}</style>", *lines, *boxes, "</svg>"]) + "\n"


def _strands(layout: Layout, points: Mapping[int, tuple[int, int]], count: int) -> list[str]:
    lines = []
    for strand in layout.strands:
        x, y = points[strand.spots[0]]
        y += HEIGHT
        parts = [f"M{x} {y}"]
        for spot in strand.spots[1:]:
            to_x, to_y = points[spot]
            half = (to_y - y) // 2
            parts.append(f"C{x} {y + half} {to_x} {to_y - half} {to_x} {to_y}")
            x, y = to_x, to_y
            if spot >= count:
                y += HEIGHT
                parts.append(f"L{x} {y}")
        lines.append(f'<path d="{"".join(parts)}" marker-end="url(#arrow)"/>')
        label = ", ".join(dict.fromkeys(text for route in strand.routes if (text := port_label(route))))
        if label:
            start, next_point = points[strand.spots[0]], points[strand.spots[1]]
            place = f'x="{(2 * start[0] + next_point[0]) // 3}" y="{start[1] + HEIGHT + 16}"'
            lines.append(f'<text class="port" {place}>{_text(label)}</text>')
    return lines


def _way_back(route: Route, points: Mapping[int, tuple[int, int]], widths: list[int], aside: int) -> list[str]:
    from_x, from_y = points[route.source]
    to_x, to_y = points[route.target]
    from_x += widths[route.source] // 2
    to_x += widths[route.target] // 2
    from_y, to_y = from_y + HEIGHT * 2 // 3, to_y + HEIGHT // 3
    path = f"M{from_x} {from_y}H{aside - 8}Q{aside} {from_y} {aside} {from_y - 8}V{to_y + 8}"
    path += f"Q{aside} {to_y} {aside - 8} {to_y}H{to_x}"
    lines = [f'<path class="back" d="{path}" marker-end="url(#arrow)"/>']
    label = port_label(route)
    if label:
        lines.append(f'<text class="port" x="{from_x + 18}" y="{from_y}">{_text(label)}</text>')
    return lines


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _text(text: str) -> str:
    """Safe inside of an element; what XML cannot hold is replaced."""
    held = (character if character >= " " and character not in _NOT_IN_XML else "\ufffd" for character in text)
    return escape("".join(held))
