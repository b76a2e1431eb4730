"""The engine on the store that the arguments name, with the node types that they name."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from urllib.parse import quote

from prana_py.cli.files import like
from prana_py.cli.sources import Source, catalog_of
from prana_py.engine.engine import Engine
from prana_py.errors import NotFoundError, UsageError
from prana_py.runtimes.base import Observer
from prana_py.runtimes.local import LocalRuntime
from prana_py.stores.places import Place, place_of

STORE: Final = "PRANA_DB"
"""The variable that names the store where ``--db`` does not."""

NODES: Final = "PRANA_NODES"
"""The variable that names node types beside ``--nodes``, with commas between them."""

_GRACE_SECONDS: Final = 1.0
"""How long a node may go on after it was asked to stop: somebody sits and waits."""


def address_of(named: str | None) -> str:
    """Where the store is: an address as engines take it, or a file."""
    written = named or os.environ.get(STORE, "")
    if not written:
        raise UsageError(f"no store is named, neither by --db nor by the variable {STORE}", code="db_missing")
    address = written if "://" in written else f"sqlite:///{quote(written)}"
    if place_of(address).is_private or written == ":memory:":
        raise UsageError(f"{written!r} would be gone when this command ends; name a file", code="address_invalid")
    return address


def must_exist(place: Place) -> None:
    """Who wants to look at a store means one that is there: a file that is missing is not made."""
    if place.file is not None and not place.file.exists():
        path = Path(place.file)
        raise NotFoundError(f"there is no store {str(path)!r}{like(path)}", code="store_not_found")


def open_engine(
    arguments: Namespace,
    *,
    sources: Iterable[Source] = (),
    observers: Iterable[Observer] = (),
    makes: bool = False,
) -> Engine:
    """The engine. ``makes``: a file that is not there is made."""
    address = address_of(arguments.db)
    if not makes:
        must_exist(place_of(address))
    others = [name.strip() for name in os.environ.get(NODES, "").split(",") if name.strip()]
    named = [*arguments.nodes, *others] if hasattr(arguments, "nodes") else []
    runtime = LocalRuntime(
        catalog_of(sources, named),
        max_concurrency=getattr(arguments, "max_concurrency", 1),
        observers=tuple(observers),
        grace=_GRACE_SECONDS,
    )
    return Engine(address, runtime=runtime)
