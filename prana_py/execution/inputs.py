"""What a run gets: its arrivals, gathered by port in connection order, never by time."""

from __future__ import annotations

from typing import Any

from prana_py.execution.activation import Activation, Arrival
from prana_py.graph.execution_graph import Route
from prana_py.identifiers import MAIN, PortName
from prana_py.model.join import Batch
from prana_py.model.settings import Collect


def inputs_of(activation: Activation) -> dict[PortName, Any]:
    """The data of every port that received some."""
    arrivals = activation.arrivals
    if len(arrivals) == 1 and activation.vertex.join.__class__ is not Batch:
        arrival = arrivals[0]
        route = arrival.route
        if route is None:
            return {MAIN: arrival.value}
        value = mapped(route, arrival.value) if route.mapping else arrival.value
        return {route.to_port: [value] if activation.vertex.collect == "list" else value}
    if activation.vertex.takes_one and activation.vertex.collect == "last":
        return {_port(arrival): arrival.value for arrival in arrivals}  # in connection order, so the last one stays
    by_port: dict[PortName, list[Any]] = {}
    for arrival in arrivals:
        by_port.setdefault(_port(arrival), []).append(_value(arrival))
    if isinstance(activation.vertex.join, Batch):
        return dict(by_port)
    return {port: _collected(values, activation.vertex.collect) for port, values in by_port.items()}


def mapped_params(activation: Activation) -> dict[str, Any]:
    """Parameters that come over connections with a mapping; they win over the written ones."""
    params: dict[str, Any] = {}
    for arrival in activation.arrivals:
        if arrival.route is not None and arrival.route.mapping:
            params |= mapped(arrival.route, arrival.value)
    return params


def mapped(route: Route, value: Any) -> dict[str, Any]:
    """The fields of a value that a mapping names, under their new names; what is not there is left out."""
    fields: dict[str, Any] = {}
    for path, target in route.mapping:
        found, part = _follow(value, path)
        if found:
            fields[target] = part
    return fields


def _port(arrival: Arrival) -> PortName:
    return MAIN if arrival.route is None else arrival.route.to_port


def _value(arrival: Arrival) -> Any:
    route = arrival.route
    return mapped(route, arrival.value) if route is not None and route.mapping else arrival.value


def _collected(values: list[Any], collect: Collect) -> Any:
    if collect == "list":
        return values
    if collect == "merge" and len(values) > 1 and all(isinstance(value, dict) for value in values):
        merged: dict[str, Any] = {}
        for value in values:
            merged |= value
        return merged
    return values[-1]


def _follow(value: Any, path: tuple[str, ...]) -> tuple[bool, Any]:
    """Go down a path of field names (and list indices)."""
    for step in path:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return False, None
    return True, value
