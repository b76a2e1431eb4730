"""Nets about which the engine and the reference interpreter once disagreed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.differential.journeys import journey
from tests.differential.nets import with_a_start
from tests.reference_interpreter import random_net, scripted

FLAT: dict[str, Any] = {"scopes": False}
RACING: dict[str, Any] = {"scopes": False, "races": True}
RACING_IN_SCOPES: dict[str, Any] = {"races": True}


@pytest.mark.parametrize(
    ("seed", "kind", "at_once"),
    [
        pytest.param(14, FLAT, 1, id="of what one event made startable, the earlier connection goes first"),
        pytest.param(11, {"starving": True}, 1, id="of items that open together, the first goes first"),
        pytest.param(56, RACING, 1, id="a run is formed and withdrawn in one event"),
        pytest.param(15, RACING_IN_SCOPES, 4, id="cancel leaves alone what comes after the wave has fired"),
        pytest.param(66, RACING, 1, id="block and a join wait for each other"),
        pytest.param(133, RACING, 1, id="a wave that has fired and a join wait for each other"),
        pytest.param(395, RACING, 1, id="an open wave ends when its work is withdrawn"),
        pytest.param(846, RACING, 1, id="the next wave waits for the run of the one before"),
        pytest.param(400, RACING, 1, id="a way that never comes back to the join is free of it"),
        pytest.param(790, RACING_IN_SCOPES, 4, id="so is one that goes round for good"),
    ],
)
def test_the_engine_agrees_about(seed: int, kind: dict[str, Any], at_once: int):
    net = with_a_start(random_net(seed, **kind))
    suspend_every = 3 if at_once > 1 else 0

    behaviour = scripted(net, seed=seed, fuel=3, suspend_every=suspend_every)

    journey(net, behaviour, order=seed if at_once > 1 else None, max_concurrency=at_once)
