"""Benchmarks run when their folder is named (`python -m pytest benchmarks`), and are timed when they do."""

from __future__ import annotations

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Switch the timing on that the project's options switch off for tests."""
    config.option.benchmark_disable = False
