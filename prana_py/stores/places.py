"""Where a store is: what an engine's address means."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from prana_py.errors import UsageError


class Place(NamedTuple):
    """A database: which kind, and where."""

    kind: str
    address: str
    file: Path | None = None

    @property
    def is_private(self) -> bool:
        """Nobody else can see it."""
        return self.kind == "sqlite" and self.file is None


MEMORY = Place("sqlite", ":memory:")


def place_of(url: str) -> Place:
    """``sqlite:///file.db`` (three slashes: relative; four: absolute), ``sqlite://`` in memory, ``postgresql://…``."""
    if url in ("", ":memory:", "sqlite://", "sqlite:///:memory:"):
        return MEMORY
    scheme, separator, rest = url.partition("://")
    if separator and scheme in ("postgresql", "postgres"):
        return Place("postgresql", url)
    if separator and scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        path = unquote(rest[1:])
        return Place("sqlite", path, Path(path))
    raise UsageError(
        f"{url!r} is not the address of a store; write sqlite:///file.db, sqlite:////absolute/file.db, sqlite:// "
        "(in memory) or postgresql://user@host/database",
        code="address_invalid",
    )
