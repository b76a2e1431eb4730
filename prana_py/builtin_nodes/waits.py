"""What a wait is asked for by, in parameters: an interval, an instant, a webhook or a signal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any, Final

import msgspec

from prana_py.execution.suspension import (
    IntervalRequest,
    ScheduleRequest,
    SignalRequest,
    SimpleRequest,
    WebhookRequest,
)
from prana_py.model.durations import LONGEST, parse_duration
from prana_py.nodes.returns import NodeFailure

MOST_HOURS: Final = 8_760
_UNITS: Final = {
    "ms": timedelta(milliseconds=1),
    "milliseconds": timedelta(milliseconds=1),
    "seconds": timedelta(seconds=1),
    "minutes": timedelta(minutes=1),
    "hours": timedelta(hours=1),
    "days": timedelta(days=1),
}


class WaitParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that can be said of a wait; which of it counts depends on ``mode``."""

    mode: Any = None
    duration: Any = None
    unit: Any = None
    schedule_at: Any = None
    timezone: Any = None
    timeout: Any = None
    timeout_hours: Any = None
    method: str = "POST"
    schema: dict[str, Any] | None = None
    signal: Any = None


def wait_request(params: WaitParams, now: datetime) -> SimpleRequest:
    """What the parameters ask for; ``NodeFailure`` with the mode's own code says what is wrong with them."""
    make = _MODES.get(params.mode) if isinstance(params.mode, str) else None
    if make is None:
        given = "it is missing" if params.mode is None else f"not {params.mode!r}"
        raise NodeFailure("config_error", f"the mode of a wait is one of {', '.join(_MODES)}; {given}", retryable=False)
    return make(params, now)


def _interval(params: WaitParams, now: datetime) -> SimpleRequest:
    try:
        duration = _amount(params.duration, params.unit)
    except (ValueError, OverflowError) as error:
        raise _failure("interval", str(error)) from None
    if duration <= timedelta():
        raise _failure("interval", f"the duration {params.duration!r} is not longer than zero")
    return IntervalRequest(duration=duration)


def _amount(duration: Any, unit: Any) -> timedelta:
    """A duration with its unit, milliseconds where a number has none; texts such as ``1h30m`` have their own."""
    if isinstance(duration, timedelta):
        return duration
    number = _number(duration)
    if number is None:
        if isinstance(duration, str) and unit is None:
            return parse_duration(duration)
        raise ValueError(f"duration is a number with a unit, or a text such as '1h30m', not {duration!r}")
    step = _UNITS.get(unit if unit is not None else "ms") if unit is None or isinstance(unit, str) else None
    if step is None:
        raise ValueError(f"the unit is one of {', '.join(_UNITS)}, not {unit!r}")
    if not isfinite(number) or number * step > LONGEST:
        raise ValueError(f"the duration {duration!r} is too long")
    return number * step


def _number(value: Any) -> float | int | None:
    """A number, also one in a text, as a template gives it."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return None


def _schedule(params: WaitParams, now: datetime) -> SimpleRequest:
    moment = _moment(params.schedule_at)
    zone = params.timezone if params.timezone is not None else "UTC"
    if moment.utcoffset() is None:
        moment = moment.replace(tzinfo=_zone(zone))
    if moment <= now:
        raise _failure("schedule", f"schedule_at {moment.isoformat()} is not in the future")
    return ScheduleRequest(until=moment, zone=str(zone))


def _moment(written: Any) -> datetime:
    if isinstance(written, datetime):
        return written
    if not isinstance(written, str):
        raise _failure("schedule", f"schedule_at is an instant such as 2030-01-31T08:00:00Z, not {written!r}")
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        raise _failure("schedule", f"schedule_at {written!r} is no instant such as 2030-01-31T08:00:00Z") from None


def _zone(name: Any) -> Any:
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (ValueError, TypeError, LookupError, OSError):
        raise _failure("schedule", f"there is no time zone {name!r}; it is a name such as Europe/Berlin") from None


def _webhook(params: WaitParams, now: datetime) -> SimpleRequest:
    return WebhookRequest(timeout=_timeout(params, "webhook", 24), method=params.method.upper(), schema=params.schema)


def _signal(params: WaitParams, now: datetime) -> SimpleRequest:
    if not isinstance(params.signal, str) or not params.signal:
        raise _failure("signal", f"signal is the name to wait for, not {params.signal!r}")
    return SignalRequest(name=params.signal, timeout=_timeout(params, "signal", None), schema=params.schema)


def _timeout(params: WaitParams, mode: str, default_hours: int | None) -> timedelta | None:
    """How long to wait at most: ``timeout``, else ``timeout_hours``."""
    if params.timeout is not None:
        return _written_timeout(params.timeout, mode)
    hours = params.timeout_hours if params.timeout_hours is not None else default_hours
    if hours is None:
        return None
    number = _number(hours)
    if number is None or not 0 < number <= MOST_HOURS:
        raise _failure(mode, f"timeout_hours is a number above 0 and at most {MOST_HOURS}, not {hours!r}")
    return timedelta(hours=number)


def _written_timeout(written: Any, mode: str) -> timedelta:
    try:
        timeout = written if isinstance(written, timedelta) else parse_duration(written)
    except (ValueError, TypeError):
        timeout = timedelta()
    if timeout <= timedelta():
        raise _failure(mode, f"timeout is a duration longer than zero, such as '3d', not {written!r}")
    return timeout


def _failure(mode: str, message: str) -> NodeFailure:
    return NodeFailure(f"{mode}_config_error", message, retryable=False)


_MODES: Final[dict[str, Callable[[WaitParams, datetime], SimpleRequest]]] = {
    "interval": _interval,
    "schedule": _schedule,
    "webhook": _webhook,
    "signal": _signal,
}
