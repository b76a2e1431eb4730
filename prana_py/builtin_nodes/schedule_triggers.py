"""Where an execution begins that the clock starts: by cron expressions, or at equal intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar, get_type_hints

import msgspec

from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.identifiers import Instant
from prana_py.model.workflow import Workflow
from prana_py.nodes.context import NodeContext
from prana_py.nodes.definition import node
from prana_py.nodes.parameters import converted
from prana_py.schedules.checks import check_schedule
from prana_py.schedules.schedule import SECOND_NS, CatchUp, Cron, Interval, Overlap, Schedule, Scheduled
from prana_py.schedules.zones import first_second_of, zone_of

CRON_TRIGGER: Final = "schedule.cron_trigger"
INTERVAL_TRIGGER: Final = "schedule.interval_trigger"

MOST_EXPRESSIONS: Final = 100

_INSTANTS: Final = frozenset(("anchor", "starts_at", "ends_at"))
_YEARS: Final = range(1970, 2200)

_CRON_ALIASES: Final = {"cron_pattern": "cron", "timezone": "zone"}


class _Common(msgspec.Struct, frozen=True, kw_only=True):
    """What both triggers know."""

    starts_at: datetime | None = None
    ends_at: datetime | None = None
    overlap: Overlap = "allow"
    catch_up: CatchUp = "latest"
    window: timedelta | None = None


class _CronParams(_Common, frozen=True, kw_only=True):
    cron: str | list[str]
    zone: str = "UTC"


class _IntervalParams(_Common, frozen=True, kw_only=True):
    every: timedelta
    anchor: datetime | None = None


_Params = TypeVar("_Params", _CronParams, _IntervalParams)


def schedules_of(of: ExecutionGraph | Workflow) -> tuple[Scheduled, ...]:
    """The schedules of the trigger nodes: of all that a workflow has, or of the one that a graph begins with."""
    nodes = of.nodes.values() if isinstance(of, ExecutionGraph) else of.nodes
    return tuple(
        Scheduled(node.key, position, schedule)
        for node in nodes
        if (read := _READERS.get(node.type)) is not None
        for position, (_, schedule) in enumerate(read(node.params))
    )


def _cron_schedules(params: Mapping[str, Any]) -> Iterator[tuple[str, Schedule]]:
    """Each expression's schedule, with where it stands."""
    read = _read({_CRON_ALIASES.get(name, name): value for name, value in params.items()}, _CronParams)
    several = isinstance(read.cron, list)
    for position, expression in enumerate(read.cron if isinstance(read.cron, list) else [read.cron]):
        yield f"cron[{position}]" if several else "cron", _schedule(read, Cron(expression, read.zone), read.zone)


def _interval_schedules(params: Mapping[str, Any]) -> Iterator[tuple[str, Schedule]]:
    read = _read(params, _IntervalParams)
    anchor = _instant(read.anchor, "UTC")
    yield "every", _schedule(read, Interval(read.every, Instant(0) if anchor is None else anchor), "UTC")


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Iterator[tuple[str, Schedule]]]]] = {
    CRON_TRIGGER: _cron_schedules,
    INTERVAL_TRIGGER: _interval_schedules,
}


def _check_cron(params: Mapping[str, Any], templated: frozenset[str]) -> Iterable[tuple[str, str]]:
    written = params.get("cron", params.get("cron_pattern"))
    if isinstance(written, list) and not 0 < len(written) <= MOST_EXPRESSIONS:
        yield "cron", f"is a list of 1 to {MOST_EXPRESSIONS} expressions"
    yield from _check(CRON_TRIGGER, params, templated)


def _check_interval(params: Mapping[str, Any], templated: frozenset[str]) -> Iterable[tuple[str, str]]:
    yield from _check(INTERVAL_TRIGGER, params, templated)


def _check(node_type: str, params: Mapping[str, Any], templated: frozenset[str]) -> Iterator[tuple[str, str]]:
    if templated:
        for name in sorted(templated):
            yield name, "cannot be a template: when a workflow starts must be known before it does"
        return
    for name in _INSTANTS & params.keys():
        moment = params[name] and converted(params[name], datetime)
        if moment and moment.year not in _YEARS:
            yield name, f"is not in the years from {_YEARS[0]} to {_YEARS[-1]}"
            return
    told = set()
    for place, schedule in _READERS[node_type](params):
        for field, message in check_schedule(schedule):
            problem = (place if field == "expression" else field, message)
            if problem not in told:
                told.add(problem)
                yield problem


@node(
    type=CRON_TRIGGER,
    name="Cron",
    category="triggers",
    trigger=True,
    param_aliases=_CRON_ALIASES,
    check=_check_cron,
    reads_only=True,
    blocks=False,
)
def cron_trigger(
    ctx: NodeContext,
    input: Any,
    cron: str | list[str],
    zone: str = "UTC",
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    overlap: Overlap = "allow",
    catch_up: CatchUp = "latest",
    window: timedelta | None = None,
) -> Any:
    """Begins an execution when the clock of ``zone`` matches ``cron``, one expression or several.

    What fired passes through: ``scheduled_for``, ``fired_at`` and ``schedule``. ``overlap`` says what to do while an
    earlier execution goes on, ``catch_up`` and ``window`` what to do about firings that nobody was there for.
    """
    return _fired(ctx, input)


@node(
    type=INTERVAL_TRIGGER,
    name="Interval",
    category="triggers",
    trigger=True,
    check=_check_interval,
    reads_only=True,
    blocks=False,
)
def interval_trigger(
    ctx: NodeContext,
    input: Any,
    every: timedelta,
    anchor: datetime | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    overlap: Overlap = "allow",
    catch_up: CatchUp = "latest",
    window: timedelta | None = None,
) -> Any:
    """Begins an execution at ``anchor`` and whole multiples of ``every`` before and after it.

    Without an anchor the multiples are counted from the beginning of 1970 in UTC. All else is as with
    ``schedule.cron_trigger``.
    """
    return _fired(ctx, input)


def _fired(ctx: NodeContext, input: Any) -> Any:
    """What it starts with; somebody who starts it by hand, with nothing, is a firing of this moment."""
    return {"scheduled_for": ctx.now, "fired_at": ctx.now, "schedule": None} if input is None else input


def _read(params: Mapping[str, Any], kind: type[_Params]) -> _Params:
    """The parameters, converted as they are for a call; null stands for the default."""
    hints = get_type_hints(kind)
    return kind(**{name: converted(value, hints[name]) for name, value in params.items() if value is not None})


def _schedule(read: _Common, timing: Cron | Interval, zone: str) -> Schedule:
    return Schedule(
        timing=timing,
        starts_at=_instant(read.starts_at, zone),
        ends_at=_instant(read.ends_at, zone),
        overlap=read.overlap,
        catch_up=read.catch_up,
        window=read.window,
    )


def _instant(moment: datetime | None, zone: str) -> Instant | None:
    """The instant; a time without an offset is what the wall of the zone shows."""
    if moment is None:
        return None
    if moment.utcoffset() is None:
        try:
            second = first_second_of(moment.replace(microsecond=0), zone_of(zone))
        except ValueError:
            return None
        return Instant(second * SECOND_NS + moment.microsecond * 1000)
    return Instant((moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1) * 1000)
