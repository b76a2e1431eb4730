"""Every test of the stores may ask for a database of each kind."""

from __future__ import annotations

from tests.databases import empty_database

__all__ = ["empty_database"]
