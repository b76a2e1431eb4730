"""Who is asked before a node is called: an interceptor may veto the call, or change its parameters; nothing else.

Observers are told and cannot change a thing; an interceptor is asked, so what it fails at fails the call. What it
changes goes to the node and is not recorded, since it may be a credential.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import msgspec
from msgspec.structs import replace

from prana_py.driver.invocation import Invocation
from prana_py.driver.outcome import Failed, failed


class Veto(msgspec.Struct, frozen=True):
    """The call must not be made; the run fails with code ``vetoed`` and is not tried again."""

    reason: str
    details: Mapping[str, Any] = {}


class Change(msgspec.Struct, frozen=True):
    """The call is made with these parameters instead: all of them, not only those that differ."""

    params: Mapping[str, Any]


Interceptor: TypeAlias = Callable[[Invocation], Veto | Change | None]
"""Asked with the call as it stands; ``None`` lets it pass as it is."""


class Interceptors:
    """The interceptors of a runtime, in the order in which they are asked. A value: adding makes another."""

    __slots__ = ("_all",)

    def __init__(self, *interceptors: Interceptor) -> None:
        self._all: Final = interceptors

    def plus(self, *interceptors: Interceptor) -> Interceptors:
        """With these at the end; one may be there twice, and is then asked twice."""
        return Interceptors(*self._all, *interceptors)

    def without(self, interceptor: Interceptor) -> Interceptors:
        """Without any copy of this one; one that is not there changes nothing."""
        return Interceptors(*(other for other in self._all if other != interceptor))

    def __iter__(self) -> Iterator[Interceptor]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Interceptors) and self._all == other._all

    def __hash__(self) -> int:
        return hash(self._all)

    def __repr__(self) -> str:
        return f"Interceptors({', '.join(map(repr, self._all))})"

    def ask(self, invocation: Invocation) -> Invocation | Failed:
        """Ask each in turn: the call that is to be made, or why it is not. The first veto is the last word."""
        for interceptor in self._all:
            try:
                answer: object = interceptor(invocation)
            except Exception as error:  # noqa: BLE001  # an interceptor's own code
                return _broken(interceptor, f"it raised {type(error).__name__}: {error}")
            match answer:
                case None:
                    continue
                case Veto(reason=reason, details=details):
                    message = f"the call of node {invocation.node_key!r} was vetoed: {reason}"
                    return failed("vetoed", message, retryable=False, details=details)
                case Change(params=params):
                    invocation = replace(invocation, params=dict(params))
                case _:
                    return _broken(interceptor, f"it must answer Veto, Change or None, not {answer!r:.80}")
        return invocation


def _broken(interceptor: Interceptor, what: str) -> Failed:
    name = getattr(interceptor, "__qualname__", None) or repr(interceptor)
    return failed("interceptor_failed", f"interceptor {name} failed: {what}", retryable=False)
