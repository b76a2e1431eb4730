"""Tokens: the right to resolve one wait of one run, as a text that can be sent by mail.

    <key id>.<address>.<signature>

The address says which wait is meant, for everyone to read; the signature, HMAC-SHA-256 over it, says that the engine
wrote it. So a token can be made before its wait is open, made again at any time, and need not be stored.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Final

import msgspec

from prana_py.errors import TransitionError
from prana_py.identifiers import TOP, ExecutionId, NodeKey, PortName, Scope

LONGEST_TOKEN: Final = 8192


class Address(msgspec.Struct, frozen=True, array_like=True):
    """Which wait a token is for."""

    execution_id: ExecutionId
    node_key: NodeKey
    run: int
    """The run's number within its scope."""
    scope: Scope = TOP
    wait: int = 0
    """How often the run has suspended before."""
    port: PortName = ""
    """The alternative of a race, where it has several waits that take a token."""


_ADDRESSES: Final = msgspec.msgpack.Decoder(Address)


def resume_token(
    key: bytes,
    execution_id: ExecutionId,
    scope: Scope,
    node_key: NodeKey,
    run: int,
    *,
    wait: int = 0,
    port: PortName = "",
) -> str:
    """The token for a wait: always the same, whether the wait is open, over or still to come."""
    return token_for(key, Address(execution_id, node_key, run, scope, wait, port))


def token_for(key: bytes, address: Address) -> str:
    """The token for an address, under a key."""
    signed = f"{key_id(key)}.{address_text(address)}"
    return f"{signed}.{signature(key, signed)}"


def token_hash(token: str) -> str:
    """What a store may keep of a token: enough to find its wait, and of no use to anybody else."""
    from hashlib import sha256

    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def matches(key: bytes, token: str) -> bool:
    """The token was signed with this key. Takes as long for a near miss as for nonsense."""
    signed, _, given = token.rpartition(".")
    return is_signature(key, signed, given)


def address_of(keys: Sequence[bytes], token: str) -> Address:
    """Which wait a token is for, if one of these keys signed it; else ``TransitionError``."""
    if len(token) > LONGEST_TOKEN or token.count(".") != 2:
        raise _wrong()
    name, address, _ = token.split(".")
    mine = [key for key in keys if key_id(key) == name]
    if not mine:
        raise TransitionError("the token was signed with a key that is not known here (any more)", code="token_old")
    if not any(matches(key, token) for key in mine):
        raise _wrong()
    try:
        return address_from_text(address)
    except (msgspec.MsgspecError, ValueError):
        raise _wrong() from None


def looks_like_token(text: str) -> bool:
    """It begins as tokens do, and is hardly the name of anything."""
    name, dot, _ = text.partition(".")
    return bool(dot) and len(name) == 8 and all(letter in "0123456789abcdef" for letter in name)


def key_id(key: bytes) -> str:
    """The name of a key, so that several can be valid while one replaces another."""
    from hashlib import blake2b

    return blake2b(key, digest_size=4, person=b"prana-key").hexdigest()


def address_text(address: Address) -> str:
    """An address as tokens and references carry it."""
    return _text(msgspec.msgpack.encode(address))


def address_from_text(text: str) -> Address:
    """The address that was written so."""
    return _ADDRESSES.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def signature(key: bytes, signed: str) -> str:
    """HMAC-SHA-256 under a key: all of its 256 bits."""
    import hmac

    return _text(hmac.digest(key, signed.encode("utf-8", "surrogatepass"), "sha256"))


def is_signature(key: bytes, signed: str, given: str) -> bool:
    """What was given is the signature; told in the same time wherever it differs."""
    import hmac

    return hmac.compare_digest(signature(key, signed).encode(), given.encode("utf-8", "surrogatepass"))


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _wrong() -> TransitionError:
    return TransitionError(
        "this is not a token of this engine; it may have been cut off or changed", code="token_wrong"
    )
