"""Where the keys that tokens are signed with come from: the environment, or a file beside the database."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from prana_py.errors import UsageError
from prana_py.runtimes.key_ring import SHORTEST

VARIABLE: Final = "PRANA_KEY"


def find_keys(database: Path | None, environment: Mapping[str, str] | None = None) -> tuple[bytes, ...]:
    """The keys, the one to sign with first: of the variable, else of the file, which is made if there is none."""
    text = (os.environ if environment is None else environment).get(VARIABLE)
    if text:
        return tuple(_key(part, f"the variable {VARIABLE}") for part in text.split(",") if part.strip())
    if database is None:
        return ()
    path = database.with_name(database.name + ".key")
    try:
        lines = _lines(path)
    except OSError as error:
        raise UsageError(
            f"the file {path}, with the key that tokens are signed with, cannot be read or made: {error}; make it "
            f"readable for this user, or set {VARIABLE}",
            code="key_unreadable",
        ) from error
    if not lines:
        raise UsageError(
            f"the file {path} should hold the key that tokens are signed with, and is empty; put it back from a "
            "backup, or remove it to have a new key made: then tokens that were given out before open nothing",
            code="key_invalid",
        )
    return tuple(_key(line, f"the file {path}") for line in lines)


def _lines(path: Path) -> list[str]:
    """The file's lines. Of several processes that make it at once, one does, and all read the same."""
    try:
        return path.read_bytes().decode("ascii", "replace").split()
    except FileNotFoundError:
        fresh = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(b64encode(os.urandom(32)).decode("ascii") + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
        return path.read_text("ascii").split()


def _key(text: str, place: str) -> bytes:
    try:
        key = b64decode(text.strip(), validate=True)
    except ValueError:
        raise _unusable(f"a key of {place} is not base64") from None
    if len(key) < SHORTEST:
        raise _unusable(f"a key of {place} has {len(key)} bytes, and needs {SHORTEST} at least")
    return key


def _unusable(what: str) -> UsageError:
    return UsageError(
        f"{what}; make one with: python -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())'",
        code="key_invalid",
    )
