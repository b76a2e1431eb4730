"""A connection as a person writes it: from a port of one node to a port of another."""

from __future__ import annotations

from typing import Any

import msgspec

from prana_py.identifiers import MAIN
from prana_py.model.bounds import Count, Name, Period


class Cycle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A declared cycle, carried by its way back: it ends when the condition holds or at the limit, both normally."""

    name: Name
    max_iterations: Count | None = None
    converge_when: str | None = None
    """An expression over ``$input`` (the value that would go back); when it holds the way back is not taken."""
    timeout: Period | None = None


class Connection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Carries what leaves ``from_port`` to ``to_port``; written ``from`` and ``to`` in documents, order kept."""

    from_node: Name = msgspec.field(name="from")
    from_port: Name = MAIN
    to_node: Name = msgspec.field(name="to")
    to_port: Name = MAIN
    condition: str | None = None
    """An expression; without it the connection is always taken."""
    mapping: dict[str, str] | None = None
    """``{"source.path": "target_param"}``: fields of the value that become parameters of the target."""
    contract: dict[str, Any] | None = None
    """A JSON Schema that what passes must satisfy."""
    loop: Cycle | None = None
