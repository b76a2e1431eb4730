"""Every database of the project keeps what a store promises."""

from __future__ import annotations

import pytest

from prana_py.testing.contracts import StoreContract


class TestStores(StoreContract):
    @pytest.fixture
    def database(self, any_database):
        return any_database
