"""The groups under pytest-benchmark: ``pytest benchmarks`` times each of them beside its floor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.groups import Group, groups

GROUPS = list(groups(quick=True))


@pytest.mark.parametrize("side", ["ours", "floor"])
@pytest.mark.parametrize("group", GROUPS, ids=[f"{group.name} {group.size}" for group in GROUPS])
def test_group(benchmark: BenchmarkFixture, group: Group, side: str) -> None:
    action: Callable[[], Any] = getattr(group, side)
    benchmark.group = f"{group.name} {group.size}"
    benchmark.extra_info["parts"] = group.parts

    benchmark(action)
