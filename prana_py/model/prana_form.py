"""The forms in which the original Prana writes settings and connections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from prana_py.errors import UsageError
from prana_py.model.connection import Connection
from prana_py.model.reading import INVALID, Reader, Readers, Reading, RepeatedKeys, read_choice, shown
from prana_py.model.retry import Retry
from prana_py.model.settings import NodeSettings, OnError

ON_ERROR: Final[dict[str, OnError]] = {
    "stop_workflow": "stop",
    "continue": "continue",
    "continue_error_output": "error_port",
}
_FIELDS = ("retry_on_failed", "max_retries", "retry_delay_ms", "on_error")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_LARGEST_RETRIES = 10
_LARGEST_DELAY_MS = 60_000


def is_prana_settings(value: Any) -> bool:
    """Whether an object uses a word that only Prana's settings have; ``on_error: continue`` alone does not tell."""
    if not isinstance(value, Mapping):
        return False
    on_error = value.get("on_error")
    only_prana = isinstance(on_error, str) and on_error in ("stop_workflow", "continue_error_output")
    return only_prana or any(field in value for field in _FIELDS[:3])


def read_prana_settings(reading: Reading, value: Any) -> Any:
    """Prana's four settings as ours: n retries are n + 1 attempts, and its error modes keep its wrapper."""
    mapping = reading.mapping(value, "settings")
    if mapping is INVALID:
        return INVALID
    for name in mapping:
        if name not in _FIELDS:
            hint = reading.suggestion(name, _FIELDS) or "; one object cannot mix Prana's settings with others"
            reading.problem("unknown_field", f"Prana's settings have no field {shown(name)}{hint}", at=name)
    given = {name: item for name, item in mapping.items() if item is not None}
    retries = _read(reading, given, "max_retries", 1, _retries)
    delay_ms = _read(reading, given, "retry_delay_ms", 1_000, _delay_ms)
    retry_on_failed = _read(reading, given, "retry_on_failed", False, _boolean)
    on_error = _read(reading, given, "on_error", "stop_workflow", _on_error)
    if any(part is INVALID for part in (retries, delay_ms, retry_on_failed, on_error)):
        return INVALID
    retry = Retry(max_attempts=retries + 1, delay=timedelta(milliseconds=delay_ms)) if retry_on_failed else None
    return NodeSettings(retry=retry, on_error=ON_ERROR[on_error], error_format="prana")


def _read(reading: Reading, given: Mapping[str, Any], name: str, default: Any, reader: Reader) -> Any:
    return reading.within(name, reader, given[name]) if name in given else default


def _boolean(reading: Reading, value: Any) -> Any:
    cast = _BOOLEANS.get(value, value) if isinstance(value, str) else value
    return (
        cast if isinstance(cast, bool) else reading.problem("wrong_type", f"expected true or false, got {shown(value)}")
    )


def _retries(reading: Reading, value: Any) -> Any:
    return _whole(reading, value, 1, _LARGEST_RETRIES)


def _delay_ms(reading: Reading, value: Any) -> Any:
    return _whole(reading, value, 0, _LARGEST_DELAY_MS)


def _whole(reading: Reading, value: Any, smallest: int, largest: int) -> Any:
    cast = int(value) if isinstance(value, str) and len(value) <= 10 and value.isascii() and value.isdigit() else value
    if isinstance(cast, bool) or not isinstance(cast, int):
        return reading.problem("wrong_type", f"expected a whole number, got {shown(value)}")
    if not smallest <= cast <= largest:
        return reading.problem("out_of_range", f"{shown(cast)} is not between {smallest} and {largest}")
    return cast


def _on_error(reading: Reading, value: Any) -> Any:
    return read_choice(reading, value, tuple(ON_ERROR))


def legacy_settings_to_dict(settings: NodeSettings) -> dict[str, Any]:
    """The four fields of Prana's settings; ``UsageError`` for settings that Prana has no words for."""
    retry = settings.retry
    delay = retry.delay if retry else timedelta(seconds=1)
    written = {
        "retry_on_failed": retry is not None,
        "max_retries": retry.max_attempts - 1 if retry else 1,
        "retry_delay_ms": delay // timedelta(milliseconds=1),
        "on_error": next((name for name, ours in ON_ERROR.items() if ours == settings.on_error), None),
    }
    reading = Reading()
    said = reading.read(read_prana_settings, written)
    if said is INVALID or said != _with_prana_errors(settings):
        raise UsageError(
            "these settings cannot be written as Prana's: it has fixed retries (1 to 10, at most 60 seconds apart) "
            "and an on_error of stop, continue or error_port, nothing else",
            code="not_expressible",
        )
    return written


def _with_prana_errors(settings: NodeSettings) -> NodeSettings:
    fields = {name: getattr(settings, name) for name in settings.__struct_fields__}
    return NodeSettings(**{**fields, "error_format": "prana"})


def connections_reader(readers: Readers) -> Reader:
    """Reads connections from a list, or from Prana's map of source node, then source port, then list."""
    list_reader = readers.listing(Connection)
    connection_reader = readers.reader(Connection)

    def read_connections(reading: Reading, value: Any) -> Any:
        if not isinstance(value, Mapping) or reading.typed:
            return list_reader(reading, value)
        connections: list[Any] = []
        for source, ports in _parts(reading, value, "an object of source nodes"):
            reading.path.append(source)
            for port, items in _parts(reading, ports, "an object of ports"):
                reading.path.append(port)
                connections.extend(_read_items(reading, items, (source, port), connection_reader))
                reading.path.pop()
            reading.path.pop()
        return tuple(connections)

    return read_connections


def _parts(reading: Reading, value: Any, what: str) -> Iterator[tuple[str, Any]]:
    mapping = reading.mapping(value, what)
    return iter(()) if mapping is INVALID else iter(mapping.items())


def _read_items(reading: Reading, items: Any, keys: tuple[str, str], reader: Reader) -> list[Any]:
    if not isinstance(items, (list, tuple)):
        return [reading.problem("wrong_type", f"expected a list of connections, got {shown(items)}")]
    return [
        reading.within(index, reader, _with_keys(reading, item, keys, index) if isinstance(item, Mapping) else item)
        for index, item in enumerate(items)
    ]


def _with_keys(reading: Reading, item: Mapping[str, Any], keys: tuple[str, str], index: int) -> Mapping[str, Any]:
    if isinstance(item, RepeatedKeys):
        return item
    for field, key in zip(("from", "from_port"), keys, strict=True):
        own = item.get(field)
        if own is None:
            item = {**item, field: key}
        elif isinstance(own, str) and own != key:
            message = f"{field!r} is {shown(own)}, but the connection stands under {shown(key)}"
            reading.problem("connection_mismatch", message, at=(index, field))
    return item
