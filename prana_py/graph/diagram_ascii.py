"""A graph drawn with plain characters, for terminals and logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from prana_py.graph.diagram_text import port_label
from prana_py.graph.execution_graph import ExecutionGraph, Route
from prana_py.graph.layout import Layout, centres, lay_out
from prana_py.identifiers import NodeKey

_GAP: Final = 3
_LONGEST: Final = 40


class Canvas:
    """Rows of characters, where lines that cross become a plus."""

    def __init__(self) -> None:
        self._rows: list[dict[int, str]] = []

    def write(self, row: int, column: int, text: str) -> None:
        """Put a text down over what is there."""
        for offset, character in enumerate(text):
            self._row(row)[column + offset] = character

    def line(self, row: int, column: int, character: str) -> None:
        """Draw one piece of a line."""
        cells = self._row(row)
        before = cells.get(column, " ")
        cells[column] = character if before in (" ", character) else "+"

    def text(self) -> str:
        """What was drawn, without blanks at the ends of lines."""
        return "\n".join(
            "".join(cells.get(column, " ") for column in range(max(cells, default=-1) + 1)).rstrip()
            for cells in self._rows
        )

    def _row(self, row: int) -> dict[int, str]:
        while len(self._rows) <= row:
            self._rows.append({})
        return self._rows[row]


def ascii_art(graph: ExecutionGraph, states: Mapping[NodeKey, str]) -> str:
    """The graph from top to bottom; ports and ways back are listed below it."""
    layout = lay_out(graph)
    labels = [_label(vertex.key, states) for vertex in graph.vertices]
    count = len(labels)
    middle = centres(layout, lambda spot: len(labels[spot]) if spot < count else 1, _GAP)
    canvas = Canvas()
    top = 0
    for number, layer in enumerate(layout.layers):
        for spot in layer:
            if spot < count:
                canvas.write(top, middle[spot] - len(labels[spot]) // 2, labels[spot])
            else:
                canvas.line(top, middle[spot], "|")
        if number + 1 < len(layout.layers):
            top = _draw_between(canvas, layout, number, middle, top, count)
    return "\n".join([canvas.text(), *_legend(graph, layout)]) + "\n"


def _draw_between(canvas: Canvas, layout: Layout, number: int, middle: Mapping[int, int], top: int, count: int) -> int:
    """Draw the lines below one layer, each sideways piece in a row of its own where it would touch another."""
    here = set(layout.layers[number])
    lines = sorted(
        {
            (middle[upper], middle[lower], lower)
            for strand in layout.strands
            for upper, lower in zip(strand.spots, strand.spots[1:], strict=False)
            if upper in here
        }
    )
    tracks: list[list[tuple[int, int, int]]] = []
    for line in lines:
        if line[0] != line[1]:
            _track_for(tracks, line).append(line)
    bottom = top + 2 + len(tracks)
    for start, end, lower in lines:
        turn = next((top + 2 + index for index, track in enumerate(tracks) if (start, end, lower) in track), bottom)
        for row in range(top + 1, bottom):
            if start == end or row != turn:
                canvas.line(row, start if row < turn else end, "|")
        if start != end:
            for column in range(min(start, end) + 1, max(start, end)):
                canvas.line(turn, column, "-")
            canvas.write(turn, start, "+")
            canvas.write(turn, end, "+")
    for _, end, lower in lines:
        canvas.write(bottom, end, "v" if lower < count else "|")
    return bottom + 1


def _track_for(tracks: list[list[tuple[int, int, int]]], line: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """The first row in which the line touches no other, but for those that lead to or from the same place."""
    left, right = sorted(line[:2])
    for track in tracks:
        if all(
            right < min(other[:2]) or left > max(other[:2]) or other[0] == line[0] or other[1] == line[1]
            for other in track
        ):
            return track
    tracks.append([])
    return tracks[-1]


def _legend(graph: ExecutionGraph, layout: Layout) -> list[str]:
    """Every connection that the picture does not tell of: its port, or that it leads back."""
    listed = [_legend_line(graph, route, back=False) for strand in layout.strands for route in strand.routes]
    listed += [_legend_line(graph, route, back=True) for route in layout.returning]
    found = [line for line in listed if line]
    return ["", *found] if found else []


def _legend_line(graph: ExecutionGraph, route: Route, *, back: bool) -> str:
    port = port_label(route)
    if not (port or back):
        return ""
    source, target = graph.vertices[route.source].key, graph.vertices[route.target].key
    return f"{source}{' ' if port else ''}{port} {'..>' if back else '-->'} {target}"


def _label(key: NodeKey, states: Mapping[NodeKey, str]) -> str:
    short = key if len(key) <= _LONGEST else key[: _LONGEST - 3] + "..."
    return f"[ {short}: {states[key]} ]" if key in states else f"[ {short} ]"
