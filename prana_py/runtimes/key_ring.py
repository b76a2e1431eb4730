"""The keys that tokens are signed with: one to sign, and those that were used before it."""

from __future__ import annotations

from collections.abc import Sequence
from os import urandom
from typing import Final

from prana_py.driver.resume_urls import UrlWriter
from prana_py.driver.token_waits import address_of_wait
from prana_py.driver.tokens import Address, address_of, token_for
from prana_py.errors import UsageError
from prana_py.execution.execution import Execution
from prana_py.identifiers import WaitId

SHORTEST: Final = 16
"""Bytes of a key. It should have 32, and they should be random."""


class KeyRing:
    """Signs tokens with the first key, and accepts what any of them has signed."""

    def __init__(self, key: bytes | Sequence[bytes] | None = None) -> None:
        keys = () if key is None else (key,) if isinstance(key, bytes) else tuple(key)
        for number, one in enumerate(keys):
            if len(one) < SHORTEST:
                raise UsageError(f"key {number} has {len(one)} bytes; a key needs {SHORTEST}, and should have 32")
        self.keys: Final = keys or (urandom(32),)
        """Without any key a random one: its tokens are worth nothing in another process."""

    def token(self, execution: Execution, wait_id: WaitId) -> str:
        """The token that resolves an open wait."""
        return token_for(self.keys[0], address_of_wait(execution, wait_id))

    def address_of(self, token: str) -> Address:
        """Which wait a token is for."""
        return address_of(self.keys, token)

    def url_writer(self, base_url: str) -> UrlWriter:
        """What templates call by ``resume_url``."""
        return UrlWriter(self.keys[0], base_url.rstrip("/"), tuple(self.keys[1:]))
