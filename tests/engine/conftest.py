"""Databases for the engine's tests."""

from tests.databases import postgresql_dsn, postgresql_server

__all__ = ["postgresql_dsn", "postgresql_server"]
