"""Whoever was given up for dead, and was only slow, writes nothing any more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from prana_py import LocalRuntime, StorageError
from prana_py.driver.invocation import Invocation
from prana_py.engine.engine import Engine
from prana_py.stores import executions, leases
from prana_py.stores.database import Database
from prana_py.testing.fake_clock import FakeClock
from prana_py.testing.store_invariants import check_store
from tests.durability.conftest import MakePlace
from tests.durability.living import Place, void_leases
from tests.durability.scenarios import CATALOG, ROOT, World, chain, start


def engine_in(place: Place, look: Callable[[Invocation], None] = lambda _: None) -> Engine:
    runtime = LocalRuntime(CATALOG, interceptors=[look])
    return Engine(place.url, runtime=runtime, database=place.open(), lease=timedelta(days=1))


def rows_in(database: Database) -> list[bytes]:
    stored = database.transact(lambda: executions.read(ROOT), reads=True)
    assert stored is not None
    return stored.bodies


def slow(place: Place, meanwhile: Callable[[], None]) -> Engine:
    """An engine in which all that happens while it calls node ``d``; it loses its lease by that."""

    def look(invocation: Invocation) -> None:
        if invocation.node_key == "d" and not happened:
            happened.append(True)
            meanwhile()

    happened: list[bool] = []
    engine = engine_in(place, look)
    for workflow in chain().workflows:
        engine.publish(workflow)
    with pytest.raises(StorageError) as lost:
        start("chain", 1)(World(engine, FakeClock()))
    assert lost.value.code == "lease_lost"
    assert happened
    return engine


def test_a_zombie_does_not_write_into_what_somebody_else_has_only_claimed(make_private_place: MakePlace):
    place = make_private_place()
    database = place.open()
    before: list[list[bytes]] = []

    def claimed_elsewhere() -> None:
        void_leases(database)
        assert database.transact(lambda: leases.claim(ROOT, "somebody else")) is not None
        before.append(rows_in(database))

    slow(place, claimed_elsewhere)

    assert rows_in(database) == before[0]


def test_a_zombie_does_not_change_what_somebody_else_has_finished(make_private_place: MakePlace):
    place = make_private_place()
    before: list[list[bytes]] = []

    def finished_elsewhere() -> None:
        void_leases(place.open())
        (ended,) = engine_in(place).wake_due()
        assert ended.status == "completed"
        before.append(rows_in(place.open()))

    zombie = slow(place, finished_elsewhere)

    assert rows_in(place.open()) == before[0]
    (ended,) = check_store(zombie)
    assert ended.status == "completed"
