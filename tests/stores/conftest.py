"""Every test of the stores may ask for a database of each kind."""

from __future__ import annotations

from tests.databases import any_database, empty_database, postgresql_dsn, postgresql_server

__all__ = ["any_database", "empty_database", "postgresql_dsn", "postgresql_server"]
