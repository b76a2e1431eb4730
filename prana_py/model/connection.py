"""A connection as a person writes it: from a port of one node to a port of another."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from prana_py.identifiers import MAIN, NodeKey, PortName


class Cycle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A declared cycle, carried by its way back: it stops when the condition holds or at the limit, both a normal end."""

    name: str
    max_iterations: int | None = None
    converge_when: str | None = None
    """An expression over ``$input`` (the value that would go back); when it holds the way back is not taken."""
    timeout: timedelta | None = None


class Connection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Carries what leaves ``from_port`` to ``to_port``; written ``from`` and ``to`` in documents, order kept."""

    from_node: NodeKey = msgspec.field(name="from")
    from_port: PortName = MAIN
    to_node: NodeKey = msgspec.field(name="to")
    to_port: PortName = MAIN
    condition: str | None = None
    """An expression; without it the connection is always taken."""
    mapping: dict[str, str] | None = None
    """``{"source.path": "target_param"}``: fields of the value that become parameters of the target."""
    contract: dict[str, Any] | None = None
    """A JSON Schema that what passes must satisfy."""
    loop: Cycle | None = None
