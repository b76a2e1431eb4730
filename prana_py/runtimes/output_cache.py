"""Outputs of earlier calls, for nodes that ask to be spared a call that is equal to one of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable
from threading import Lock
from typing import Any, Final

import msgspec

from prana_py.driver.invocation import Invocation
from prana_py.driver.outcome import Completed, Outcome
from prana_py.errors import UsageError
from prana_py.identifiers import Instant, PortName
from prana_py.performing.clock import Clock

_KEYS: Final = msgspec.msgpack.Encoder(order="deterministic")
_VALUES: Final = msgspec.msgpack.Encoder()


class _Kept(msgspec.Struct, frozen=True):
    """What a call gave; encoded, so that nobody can change it."""

    value: bytes
    port: PortName | None
    at: Instant


class OutputCache:
    """The newest outputs, by what was asked: node type, params, input, inputs. The least recently used one goes first.

    Only plain completions are kept: no failures, no waits, no updates of state or context.
    """

    def __init__(self, max_size: int = 1000) -> None:
        if max_size < 1:
            raise UsageError(f"max_size is {max_size}; a cache must have room for at least 1 output")
        self.max_size = max_size
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: bytes | None, max_age_ns: int, now: Instant) -> Completed | None:
        """The output of an equal call that is younger than this."""
        if key is None:
            return None
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or now - kept.at >= max_age_ns:
                return None
            self._kept.move_to_end(key)
        return Completed(msgspec.msgpack.decode(kept.value), kept.port)

    def keep(self, key: bytes | None, outcome: Outcome, now: Instant) -> None:
        """Remember what a call gave, if that is all it gave."""
        if key is None or not isinstance(outcome, Completed) or outcome.state or outcome.context:
            return
        try:
            kept = _Kept(_VALUES.encode(outcome.value), outcome.port, now)
        except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError):
            return  # what cannot be stored fails when the run settles, with its reason
        with self._lock:
            self._kept[key] = kept
            self._kept.move_to_end(key)
            while len(self._kept) > self.max_size:
                self._kept.popitem(last=False)

    async def kept_when_given(self, key: bytes | None, given: Awaitable[Outcome], clock: Clock) -> Outcome:
        """What an async node gives, remembered."""
        outcome = await given
        self.keep(key, outcome, clock.now())
        return outcome

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()


def call_key(invocation: Invocation) -> bytes | None:
    """The same for equal calls; ``None`` when what the node is given has no stored form."""
    from hashlib import blake2b

    given: tuple[Any, ...] = (invocation.node_type, invocation.params, invocation.input, invocation.inputs)
    try:
        return blake2b(_KEYS.encode(given), digest_size=32).digest()
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError):
        return None
