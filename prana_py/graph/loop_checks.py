"""What is wrong with loops: ways back that end no item, cycles that are not allowed or do not close."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prana_py.errors import Problem
from prana_py.graph.checks import Inventory
from prana_py.graph.loops import Levels, ways_round
from prana_py.graph.skeleton import Link, Skeleton


def check_loops(inventory: Inventory, skeleton: Skeleton, found: Levels, back: Sequence[int]) -> Iterable[Problem]:
    """Every problem with the loops of a workflow."""
    yield from _check_bodies(skeleton, found)
    yield from _check_declared(skeleton, found, back)
    if not inventory.workflow.settings.allow_cycles:
        for index in back:
            link = skeleton.links[index]
            source, target = skeleton.keys[link.source], skeleton.keys[link.target]
            message = f"the connection from {source!r} back to {target!r} closes a cycle, which the settings forbid"
            yield _of_link("cycle_not_allowed", message, link, skeleton)


def _check_bodies(skeleton: Skeleton, found: Levels) -> Iterable[Problem]:
    for index in ways_round(skeleton, found):
        link = skeleton.links[index]
        owner = skeleton.keys[found.stands[index]]
        outside = skeleton.keys[link.target]
        message = (
            f"from the body of {owner!r} a way leads back to {owner!r} through {outside!r}, which is not in the body "
            f"because it can also be reached without the loop port of {owner!r} – lead the body straight back, or "
            f"let only the loop port lead to {outside!r}"
        )
        yield _of_link("loop_unstructured", message, link, skeleton)


def _check_declared(skeleton: Skeleton, found: Levels, back: Sequence[int]) -> Iterable[Problem]:
    """Of the connections that declare one cycle at least one leads back; none of them ends an item."""
    closing = {loop.name for index in back if (loop := skeleton.links[index].connection.loop) is not None}
    for index, link in enumerate(skeleton.links):
        loop = link.connection.loop
        if loop is None or (loop.name in closing and index not in found.ends_item):
            continue
        source, target = skeleton.keys[link.source], skeleton.keys[link.target]
        if index in found.ends_item:
            message = f"the connection from {source!r} ends an item of {target!r}, so it cannot declare a cycle"
        else:
            message = f"the connection from {source!r} to {target!r} declares the cycle {loop.name!r}, but closes none"
            message += f" – declare it on the connection that leads back, and see that {target!r} leads to {source!r}"
        yield _of_link("loop_not_closed", message, link, skeleton, ".loop")


def _of_link(code: str, message: str, link: Link, skeleton: Skeleton, field: str = "") -> Problem:
    key = skeleton.keys[link.source]
    return Problem(code=code, message=message, place=f"connections[{link.place}]{field}", node_key=key)
