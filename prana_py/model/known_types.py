"""Types that msgspec is to know before two threads meet them at once: it learns them by parts, and is not safe then."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec


def make_known(*types: Any) -> None:
    """Have these types learned now. One that cannot be is told of when a value is to become one."""
    for one in types:
        with suppress(TypeError, NameError):
            msgspec.msgpack.Decoder(one)
