"""The server that scale tests share with each other."""

from __future__ import annotations

from tests.databases import postgresql_server

__all__ = ["postgresql_server"]
