"""The built-in types whose calls have no effect that anybody could see: made twice, they are as if made once."""

from __future__ import annotations

from typing import Final

PURE: Final = frozenset(
    {
        "core.assert",
        "core.for_each",
        "core.noop",
        "core.stop",
        "core.while",
        "data.merge",
        "data.set",
        "error.trigger",
        "logic.filter",
        "logic.if",
        "logic.switch",
        "manual.trigger",
        "schedule.cron_trigger",
        "schedule.interval_trigger",
        "wait.race",
        "wait.wait",
        "workflow.execute",
        "workflow.set_state",
        "workflow.trigger",
    }
)
