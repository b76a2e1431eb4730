"""The rows NS of the original Prana: settings of a node, in its form and in ours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from prana_py.errors import DocumentError
from prana_py.model.document import legacy_settings_to_dict, node_settings_from_dict, node_settings_to_dict
from prana_py.model.retry import Retry
from prana_py.model.settings import NodeSettings

DEFAULTS = {"retry_on_failed": False, "max_retries": 1, "retry_delay_ms": 1_000, "on_error": "stop_workflow"}
CUSTOM = {"retry_on_failed": True, "max_retries": 5, "retry_delay_ms": 2_500, "on_error": "continue"}
OURS = NodeSettings(
    retry=Retry(max_attempts=6, delay=timedelta(milliseconds=2_500)), on_error="continue", error_format="prana"
)


def refused(data: dict[str, Any]) -> list[tuple[str, str]]:
    """Place and code of every problem of settings that must not load."""
    with pytest.raises(DocumentError) as caught:
        node_settings_from_dict(data)
    return [(problem.place, problem.code) for problem in caught.value.problems]


def loads_on_error(name: str, ours: str) -> Callable[[], None]:
    def check() -> None:
        settings = node_settings_from_dict({"retry_on_failed": False, "on_error": name})
        assert (settings.on_error, settings.error_format) == (ours, "prana")

    return check


def new_settings_are_the_originals_defaults() -> None:
    settings = NodeSettings()
    assert settings.retry is None
    assert settings.on_error == "stop"
    assert legacy_settings_to_dict(settings) == DEFAULTS


def custom_values_are_kept() -> None:
    settings = NodeSettings(retry=Retry(max_attempts=6, delay=timedelta(milliseconds=2_500)), on_error="continue")
    assert legacy_settings_to_dict(settings) == CUSTOM


def no_retries_are_refused() -> None:
    assert refused({"retry_on_failed": True, "max_retries": 0}) == [("max_retries", "out_of_range")]


def eleven_retries_are_refused() -> None:
    assert refused({"retry_on_failed": True, "max_retries": 11}) == [("max_retries", "out_of_range")]


def a_negative_delay_is_refused() -> None:
    assert refused({"retry_delay_ms": -1}) == [("retry_delay_ms", "out_of_range")]


def a_delay_over_a_minute_is_refused() -> None:
    assert refused({"retry_delay_ms": 60_001}) == [("retry_delay_ms", "out_of_range")]


def an_empty_document_is_the_default() -> None:
    assert node_settings_from_dict({}) == NodeSettings()


def text_keys_load() -> None:
    assert node_settings_from_dict(CUSTOM) == OURS


def what_is_missing_takes_its_default() -> None:
    settings = node_settings_from_dict({"retry_on_failed": True})
    assert settings == NodeSettings(retry=Retry(max_attempts=2, delay=timedelta(seconds=1)), error_format="prana")


def field_names_as_keywords_load() -> None:
    data = dict(retry_on_failed=True, max_retries=5, retry_delay_ms=2_500, on_error="continue")  # noqa: C408  # the point
    assert node_settings_from_dict(data) == OURS


def text_that_is_no_number_is_refused() -> None:
    assert refused({"retry_on_failed": True, "max_retries": "many"}) == [("max_retries", "wrong_type")]


def writing_gives_exactly_four_fields() -> None:
    assert list(legacy_settings_to_dict(OURS)) == ["retry_on_failed", "max_retries", "retry_delay_ms", "on_error"]


def both_round_trips_are_exact() -> None:
    assert node_settings_from_dict(legacy_settings_to_dict(OURS)) == OURS
    assert legacy_settings_to_dict(node_settings_from_dict(CUSTOM)) == CUSTOM
    assert node_settings_from_dict(node_settings_to_dict(OURS)) == OURS


def the_smallest_values_load() -> None:
    settings = node_settings_from_dict({"retry_on_failed": True, "max_retries": 1, "retry_delay_ms": 0})
    assert settings.retry == Retry(max_attempts=2, delay=timedelta())


def the_largest_values_load() -> None:
    settings = node_settings_from_dict({"retry_on_failed": True, "max_retries": 10, "retry_delay_ms": 60_000})
    assert settings.retry == Retry(max_attempts=11, delay=timedelta(minutes=1))


def true_as_text_is_cast() -> None:
    cast = node_settings_from_dict({"retry_on_failed": "true", "max_retries": "5", "retry_delay_ms": "2500"})
    assert cast.retry == OURS.retry


def an_unknown_on_error_is_refused() -> None:
    assert refused({"retry_on_failed": True, "on_error": "explode"}) == [("on_error", "unknown_value")]


def on_error_is_written() -> None:
    settings = NodeSettings(on_error="error_port")
    assert legacy_settings_to_dict(settings)["on_error"] == "continue_error_output"


def every_on_error_loads() -> None:
    modes = ["stop_workflow", "continue", "continue_error_output"]
    loaded = [node_settings_from_dict({"max_retries": 1, "on_error": mode}).on_error for mode in modes]
    assert loaded == ["stop", "continue", "error_port"]


ROWS: list[tuple[str, Callable[[], None]]] = [
    ("NS1", new_settings_are_the_originals_defaults),
    ("NS2", custom_values_are_kept),
    ("NS3", no_retries_are_refused),
    ("NS4", eleven_retries_are_refused),
    ("NS5", a_negative_delay_is_refused),
    ("NS6", a_delay_over_a_minute_is_refused),
    ("NS7", an_empty_document_is_the_default),
    ("NS8", text_keys_load),
    ("NS9", what_is_missing_takes_its_default),
    ("NS10", field_names_as_keywords_load),
    ("NS11", text_that_is_no_number_is_refused),
    ("NS12", writing_gives_exactly_four_fields),
    ("NS13", both_round_trips_are_exact),
    ("NS14", the_smallest_values_load),
    ("NS15", the_largest_values_load),
    ("NS16", true_as_text_is_cast),
    ("NS17", loads_on_error("stop_workflow", "stop")),
    ("NS18", loads_on_error("continue", "continue")),
    ("NS19", loads_on_error("continue_error_output", "error_port")),
    ("NS20", an_unknown_on_error_is_refused),
    ("NS21", on_error_is_written),
    ("NS22", every_on_error_loads),
]


@pytest.mark.parametrize("check", [pytest.param(check, id=row, marks=pytest.mark.row(row)) for row, check in ROWS])
def test_settings_keep_the_promise_of_the_row(check: Callable[[], None]) -> None:
    check()
