"""How dead lines to PostgreSQL are noticed at both ends: whoever vanishes neither waits for ever, nor is waited for."""

from __future__ import annotations

import os
from typing import Any, Final

from psycopg.conninfo import conninfo_to_dict

_AT_THIS_END: Final = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
"""A line on which nothing is heard for half a minute is given up, also while an answer is awaited on it."""

_AT_THE_OTHER: Final = " ".join(
    f"-c {setting}"
    for setting in (
        "idle_in_transaction_session_timeout=15s",
        "tcp_keepalives_idle=10",
        "tcp_keepalives_interval=5",
        "tcp_keepalives_count=4",
        "tcp_user_timeout=30000",
    )
)
"""Whoever stops amid a transaction – its line is dead, or its process sleeps – does not keep what it has locked.

Of a process that sleeps after the first statements of a transaction, which travel in a pipeline, the server does not
notice it: what flushes the pipeline ends its watch over the session.
"""


def watchful(dsn: str) -> dict[str, Any]:
    """What to connect with in addition; what the address or the environment says of the same goes first."""
    known = conninfo_to_dict(dsn)
    told: dict[str, Any] = {name: value for name, value in _AT_THIS_END.items() if name not in known}
    if "PGCONNECT_TIMEOUT" in os.environ:
        told.pop("connect_timeout", None)
    # Of two that say the same, the later one is heard.
    told["options"] = f"{_AT_THE_OTHER} {known.get('options') or os.environ.get('PGOPTIONS', '')}".strip()
    return told
