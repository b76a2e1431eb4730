"""All SQL of the stores, by name: one page that both databases understand, and one page each for what they do not."""

from __future__ import annotations

from prana_py.stores.sql.postgresql import POSTGRESQL
from prana_py.stores.sql.sqlite import SQLITE

__all__ = ["POSTGRESQL", "SQLITE"]
