"""A digest of what a workflow says: the key of every cache, and what ties an execution to its graph."""

from __future__ import annotations

import msgspec

from prana_py.identifiers import NodeKey
from prana_py.model.workflow import Workflow

_ENCODING = b"prana-workflow-1\n"
"""Changes when the same workflow would be digested differently."""


def fingerprint(workflow: Workflow, trigger: NodeKey | None = None) -> str:
    """The same text for equal workflows in every process: SHA-256, in hexadecimal.

    Orders that mean nothing (of the keys of a map) are evened out; those that mean something (of nodes and
    connections) are kept. The trigger belongs to it, for each gives another graph.
    """
    from hashlib import sha256

    content = msgspec.json.encode([trigger, workflow], order="sorted")
    return sha256(_ENCODING + content).hexdigest()
