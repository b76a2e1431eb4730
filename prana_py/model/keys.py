"""Node keys made from other names."""

from __future__ import annotations

import re
from collections.abc import Container

from prana_py.identifiers import NodeKey


def key_from_name(name: str) -> NodeKey:
    """The key for a display name: ``My Fancy-Node!! 2`` becomes ``my_fancy_node_2``; ``node`` if nothing is left."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "node"


def free_key(wanted: NodeKey, taken: Container[NodeKey]) -> NodeKey:
    """The wanted key, or the first of ``key_2``, ``key_3`` … that nobody has taken."""
    key, number = wanted, 2
    while key in taken:
        key, number = f"{wanted}_{number}", number + 1
    return key
