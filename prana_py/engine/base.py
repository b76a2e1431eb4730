"""What both engines are made of: a runtime that meets its effects with a store, and a life that others can see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from logging import getLogger
from os import urandom
from typing import Any

import msgspec

from prana_py.driver.effects import Transact
from prana_py.driver.program import Program
from prana_py.driver.tokens import looks_like_token
from prana_py.engine.heartbeat import Heartbeat
from prana_py.engine.keeper import Durability, Keeper
from prana_py.engine.keys import find_keys
from prana_py.engine.news import News
from prana_py.engine.operations import Begin, Operations, Target
from prana_py.engine.processes import is_dead, this_process
from prana_py.errors import StorageError, UsageError
from prana_py.execution.beginning import StartOptions
from prana_py.execution.execution import Execution
from prana_py.execution.suspension import nanoseconds
from prana_py.identifiers import ExecutionId, WaitId
from prana_py.nodes.node_type import AnyNode, NodeType
from prana_py.performing.loops import perform
from prana_py.runtimes.base import Runtime
from prana_py.runtimes.key_ring import KeyRing
from prana_py.stores import inbox, leases
from prana_py.stores.database import Database
from prana_py.stores.places import Place
from prana_py.stores.statements import Operation

_log = getLogger("prana_py.engine")

DURABILITIES: tuple[Durability, ...] = ("each_node", "batched", "boundaries")


class EngineBase:
    """Knows its runtime, its store, and what it holds. The verbs are its subclasses'."""

    def __init__(
        self,
        place: Place,
        runtime: Runtime,
        nodes: Iterable[AnyNode | type[NodeType]],
        *,
        plain: Database,
        durability: Durability,
        environment: Mapping[str, Any] | None,
        lease: timedelta,
        base_url: str,
        current: Callable[[], object],
    ) -> None:
        if durability not in DURABILITIES:
            raise UsageError(f"durability is {durability!r}; it may be {', '.join(map(repr, DURABILITIES))}")
        if lease < timedelta(milliseconds=100):
            raise UsageError(f"a lease of {lease} is too short to be kept; it needs at least 0.1 s")
        self.id = urandom(8).hex()
        self.place = place
        self.runtime = runtime
        self.plain = plain
        """The store, for whichever thread."""
        self.news = News()
        keys = find_keys(place.file)
        self.has_key = bool(keys) or place.is_private
        self.keeper = Keeper(runtime, self.id, durability, environment, current)
        runtime.attach(nodes, KeyRing(keys or None), base_url)
        runtime.options = msgspec.structs.replace(runtime.options, drains=self.keeper.drains)
        self.operations = Operations(runtime, self.keeper)
        self._lease_ns = nanoseconds(lease)
        self._process = this_process()
        self.heartbeat = Heartbeat(lease.total_seconds() / 3, self._register, self._beat)
        self._unwatch = plain.watch(self._heard)

    # ── living ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _register(self) -> None:
        self.plain.transact(self._registered)

    def _registered(self) -> Operation[None]:
        """Say that one lives; and bury those of this machine who said so, and do not live any more."""
        yield from _burying()
        yield from leases.renew(self.id, self._process, self._lease_ns)

    def _beat(self) -> None:
        self.plain.transact(lambda: leases.renew(self.id, self._process, self._lease_ns))
        perform(self.keeper.give_back_strays(), {Transact: lambda effect: self.plain.transact(effect.make)})
        self._heard(None)

    def bury_the_dead(self) -> None:
        """Give up the leases of processes of this machine that do not live any more."""
        if any(holder.until and is_dead(holder.process) for holder in self.plain.transact(leases.holders, reads=True)):
            self.plain.transact(_burying)

    def leave(self) -> None:
        """Live no more: whatever is held here is free."""
        self._unwatch()
        if self.heartbeat.end():
            try:
                self.plain.transact(lambda: leases.leave(self.id))
            except StorageError as error:
                _log.warning("what this engine held is free only when its leases have run out: %s", error)

    # ── hearing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _heard(self, execution_id: ExecutionId | None) -> None:
        """Somebody has committed something. Letters to what is driven here are handed to whoever drives it."""
        held = [execution_id] if execution_id is not None else list(self.keeper.held)
        try:
            for one in held:
                self._hand_over_letters(one)
        except StorageError as error:  # whoever is told of news must not fail by it; the next beat looks again
            _log.warning("letters could not be read, and will be looked for again: %s", error)
        self.news.tell(execution_id)

    def _hand_over_letters(self, execution_id: ExecutionId) -> None:
        held = self.keeper.held.get(execution_id)
        if held is None or execution_id not in self.runtime.mailboxes or held.by == self.keeper.current():
            return  # whoever drives it has just committed something himself, and reads his letters when he has rest
        for letter in self.plain.transact(lambda: inbox.unread(held.claimed.number), reads=True):
            self.runtime.send(execution_id, letter)

    # ── what the verbs need ───────────────────────────────────────────────────────────────────────────────────────

    def target(self, wait: str, wait_id: WaitId | None) -> Target:
        """Which wait is meant: by its token, or by the execution's id."""
        if looks_like_token(wait):
            address = self.runtime.key_ring.address_of(wait)
            return Target(address.execution_id, address)
        return Target(wait, None, wait_id)

    def token_of(self, execution: Execution, wait_id: WaitId | None) -> str:
        """The token that resolves an open wait."""
        if not self.has_key:
            raise UsageError(
                "tokens need a key that all engines of this database know: set PRANA_KEY to 32 random bytes in base64",
                code="key_missing",
            )
        return self.runtime.token(execution, wait_id)


def _burying() -> Operation[None]:
    for holder in (yield from leases.holders()):
        if is_dead(holder.process):
            yield from leases.bury(holder.id)
    yield from leases.forget_the_dead()


def begin_of(
    workflow_id: str,
    value: Any,
    version: int | None,
    trigger: str | None,
    idempotency_key: str | None,
    options: dict[str, Any],
) -> Begin:
    """How an execution is to begin."""
    return Begin(workflow_id, version, trigger, value, StartOptions(**options), idempotency_key)


__all__ = ["Durability", "EngineBase", "Program", "begin_of"]
