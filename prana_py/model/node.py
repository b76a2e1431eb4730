"""A node as a person writes it."""

from __future__ import annotations

from typing import Any

import msgspec

from prana_py.model.bounds import Name
from prana_py.model.settings import NodeSettings


class Node(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One step of a workflow: a unique key, a node type, its parameters (which may hold templates) and settings."""

    key: Name
    type: Name
    name: str | None = None
    params: dict[str, Any] = {}
    settings: NodeSettings = NodeSettings()
    metadata: dict[str, Any] = {}
