"""What the clock on a zone's wall shows, in whole seconds: its offset, when that changes, and the way back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  # what walls show has no zone
_EPOCH_UTC: Final = datetime(1970, 1, 1, tzinfo=UTC)

_PROBE: Final = 43_200
"""Twice a day is looked whether the offset has changed: no zone changes its mind within half a day."""


@lru_cache(maxsize=1024)
def zone_of(name: str) -> tzinfo:
    """The zone of an IANA name; ``ValueError`` when there is none."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (ValueError, LookupError, OSError):
        raise ValueError(f"there is no time zone {name!r}; it is a name such as Europe/Berlin") from None


def offset_at(zone: tzinfo, second: int) -> int:
    """How many seconds the wall is ahead of UTC at a second since 1970."""
    if zone is UTC:
        return 0
    return _seconds((_EPOCH_UTC + timedelta(seconds=second)).astimezone(zone).utcoffset())


def wall(second: int, offset: int) -> datetime:
    """What the wall shows, without a zone."""
    return _EPOCH + timedelta(seconds=second + offset)


def shown(moment: datetime) -> int:
    """What the wall shows, as seconds since it showed the beginning of 1970."""
    return _seconds(moment - _EPOCH)


def first_second_of(moment: datetime, zone: tzinfo) -> int:
    """The second at which the wall first shows a time; for a time that it leaves out, the first one after the gap."""
    before = _seconds(moment.replace(tzinfo=zone, fold=0).utcoffset())
    second = shown(moment) - before
    after = offset_at(zone, second)
    if after == before:
        return second
    # With the offset of before the gap, a time within it lies after the change, by as much as it lies inside.
    return _first_other(zone, second - (after - before), second, before)


def change_between(zone: tzinfo, second: int, until: int) -> int | None:
    """The first second after ``second``, and not after ``until``, from which on the offset is another one."""
    if zone is UTC:
        return None
    offset = offset_at(zone, second)
    low = second
    while low < until:
        high = min(low + _PROBE, until)
        if offset_at(zone, high) != offset:
            return _first_other(zone, low, high, offset)
        low = high
    return None


def _first_other(zone: tzinfo, low: int, high: int, offset: int) -> int:
    """The first second with another offset; there is one at ``high``, and not yet at ``low``."""
    while high - low > 1:
        middle = (low + high) // 2
        if offset_at(zone, middle) == offset:
            low = middle
        else:
            high = middle
    return high


def _seconds(duration: timedelta | None) -> int:
    assert duration is not None, "every zone has an offset at every instant"
    return duration // timedelta(seconds=1)
