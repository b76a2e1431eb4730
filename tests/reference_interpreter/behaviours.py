"""Behaviours to play nets with, deterministic in node, scope and run number: any engine can be given the same."""

from __future__ import annotations

import zlib
from typing import Any

from tests.reference_interpreter.interpreter import Answer, Behaviour, Scope, Suspend
from tests.reference_interpreter.net import DONE_PORT, LOOP_PORT, Net


def scripted(
    net: Net,
    *,
    seed: int = 0,
    fuel: int | None = None,
    items: int = 3,
    suspend_every: int = 0,
) -> Behaviour:
    """Choose ports by a hash of (seed, node, scope, run number).

    and: all ports; xor: one; or: at least one. After `fuel` runs in one scope a node's paths end, so that every net
    comes to rest. An owner has up to `items` items or rounds. About one run in `suspend_every` suspends first.
    """
    ports: dict[str, list[str]] = {key: [] for key in net.nodes}
    for edge in net.edges:
        if edge.port not in ports[edge.source]:
            ports[edge.source].append(edge.port)

    def behaviour(key: str, scope: Scope, run: int, inputs: dict[str, Any]) -> Answer:
        draw = zlib.crc32(repr((seed, key, scope, run)).encode())
        value = {"by": key, "run": run}
        owner = net.nodes[key].owner
        if fuel is not None and run > fuel:
            return {}
        if owner == "for_each":
            return {LOOP_PORT: [{"by": key, "run": run, "item": item} for item in range(draw % (items + 1))]}
        if owner == "while":
            is_over = scope[-1][2] >= items or draw % 3 == 0
            return {DONE_PORT: value} if is_over else {LOOP_PORT: {"by": key, "round": scope[-1][2]}}
        answer = dict.fromkeys(_split(net, key, ports[key], draw), value)
        return Suspend(answer) if suspend_every and draw // 7 % suspend_every == 0 else answer

    return behaviour


def rotating(net: Net, *, fuel: int | None = None) -> Behaviour:
    """AND nodes take every port; XOR nodes take port after port, run by run; after `fuel` runs a node's paths end."""
    ports: dict[str, list[str]] = {key: [] for key in net.nodes}
    for edge in net.edges:
        if edge.port not in ports[edge.source]:
            ports[edge.source].append(edge.port)

    def behaviour(key: str, scope: Scope, run: int, inputs: dict[str, Any]) -> Answer:
        if fuel is not None and run > fuel:
            return {}
        chosen = ports[key]
        if chosen and net.nodes[key].split == "xor":
            chosen = [chosen[(run - 1) % len(chosen)]]
        return dict.fromkeys(chosen, (key, run))

    return behaviour


def _split(net: Net, key: str, ports: list[str], draw: int) -> list[str]:
    if not ports or net.nodes[key].split == "and":
        return ports
    if net.nodes[key].split == "xor":
        return [ports[draw % len(ports)]]
    mask = 1 + draw % (2 ** len(ports) - 1)
    return [port for index, port in enumerate(ports) if mask >> index & 1]
