"""What a node raised, as a node error: bounded and safe, however strange the exception is."""

from __future__ import annotations

from traceback import format_tb
from typing import Any, Final

import msgspec

from prana_py.driver.outcome import Failed
from prana_py.errors import PranaError
from prana_py.execution.node_error import NodeError

LONGEST_CODE: Final = 200
LONGEST_MESSAGE: Final = 2_000
LONGEST_TRACEBACK: Final = 8_000
MOST_FRAMES: Final = 30
LONGEST_CHAIN: Final = 5
MOST_PARTS: Final = 10
"""How many members of an exception group are told of."""


def failure(error: BaseException, *, cancelled: bool = False) -> Failed:
    """The outcome for what a node's own code raised.

    Exceptions with a code of their own keep it. ``KeyboardInterrupt`` is the outcome ``interrupted``, which a
    runtime that called the node in the main thread raises again once the execution is whole.
    """
    try:
        told = _node_error(error, set(), cancelled=cancelled)
    except KeyboardInterrupt as interrupt:
        # Ctrl-C came just now, or the exception's own code raises it: either way it must not be lost.
        told = NodeError(code="interrupted", message="interrupted", retryable=False, details=_details(interrupt))
    except BaseException as unreadable:  # noqa: BLE001  # the exception's own code: its text, its cause, its class
        told = _unreadable(error, unreadable)
    return Failed(told, cancelled)


def _unreadable(error: BaseException, why: BaseException) -> NodeError:
    """The bare fact that something was raised that cannot be told of."""
    message = f"{type(error).__name__} was raised, and cannot be told of: looking at it raised {type(why).__name__}"
    return NodeError(code="node_failed", message=bounded(message, LONGEST_MESSAGE))


def _node_error(error: BaseException, seen: set[int], *, cancelled: bool = False) -> NodeError:
    seen.add(id(error))
    message = safe_text(error)
    cause = _cause(error)
    further = cause is not None and id(cause) not in seen and len(seen) < LONGEST_CHAIN
    code = "cancelled" if cancelled else _code(error)
    return NodeError(
        code=code,
        message=message,
        retryable=_is_retryable(error) and not cancelled,
        details=_details(error),
        cause=_node_error(cause, seen) if further and cause is not None else None,
        traceback=_traceback(error, message),
    )


def _code(error: BaseException) -> str:
    if isinstance(error, PranaError):
        return bounded(str(error.code), LONGEST_CODE)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return "node_failed" if isinstance(error, Exception) else "node_exited"


def _is_retryable(error: BaseException) -> bool:
    return isinstance(error, Exception) and bool(getattr(error, "retryable", True))


def _details(error: BaseException) -> dict[str, Any]:
    details: dict[str, Any] = {"exception": _type_name(error)}
    if isinstance(error, PranaError):
        details |= {key: value for key, value in error.details().items() if key not in ("code", "message")}
    if isinstance(error, BaseExceptionGroup):
        details["exceptions"] = [f"{_type_name(part)}: {safe_text(part)}" for part in error.exceptions[:MOST_PARTS]]
    return _storable(details)


def _type_name(error: BaseException) -> str:
    kind = type(error)
    return (
        kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    )


def safe_text(error: BaseException) -> str:
    """What the exception says, bounded; its own text may be missing, huge, unreadable or raise."""
    try:
        text = str(error.message if isinstance(error, PranaError) else error)
    except Exception as unreadable:  # noqa: BLE001  # an exception's __str__ is the node's own code
        return f"{type(error).__name__}, whose text cannot be read: its __str__ raised {type(unreadable).__name__}"
    return bounded(text, LONGEST_MESSAGE) or type(error).__name__


def bounded(text: str, longest: int) -> str:
    """The beginning of a text, and nothing that cannot be encoded."""
    if len(text) > longest:
        text = f"{text[:longest]}… ({len(text):,} characters)"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _traceback(error: BaseException, message: str) -> str | None:
    if error.__traceback__ is None:
        return None
    # The first frame is the engine's call; the last ones show where it happened.
    frames = format_tb(error.__traceback__.tb_next or error.__traceback__, -MOST_FRAMES)
    text = "".join(frames)
    if len(text) > LONGEST_TRACEBACK:
        text = f"…{text[-LONGEST_TRACEBACK:]}"
    return bounded(f"Traceback (most recent call last):\n{text}{_type_name(error)}: {message}", 2 * LONGEST_TRACEBACK)


def _cause(error: BaseException) -> BaseException | None:
    if error.__cause__ is not None:
        return error.__cause__
    return None if error.__suppress_context__ else error.__context__


def _storable(details: dict[str, Any]) -> dict[str, Any]:
    """Details as plain data; what is none is shown."""
    try:
        encoded = msgspec.msgpack.encode(details, enc_hook=lambda value: bounded(repr(value), 200))
        stored: dict[str, Any] = msgspec.msgpack.decode(encoded)
    except Exception:  # noqa: BLE001  # a detail's __repr__ is the node's own code
        return {"exception": details["exception"]}
    return stored
