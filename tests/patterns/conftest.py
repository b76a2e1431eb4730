"""Every pattern is played one call at a time and four at a time, and again with a crash wherever there can be one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.patterns.play import Stage


@pytest.fixture(params=[1, 4], ids=["one_at_a_time", "four_at_a_time"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    stage = Stage(request.param)
    yield stage
    for play in stage.plays:
        play.survives_every_crash()
