"""``prana executions`` and ``prana workflows``: what is in a store, and what becomes of it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from tests.cli.kept import WAITING, Shop


@pytest.fixture
def three(shop: Shop) -> Shop:
    """Three executions that wait."""
    for name in ("a", "b", "c"):
        shop("start", shop.waiting(), "--id", name, "-q")
    return shop


def test_a_list_goes_by_pages_the_newest_first(three: Shop):
    first = three("executions", "list", "--limit", "2")
    cursor = first.err.removeprefix("there are more: --after ").strip()
    second = three("executions", "list", "--limit", "2", "--after", cursor)

    assert [line.split()[:4] for line in first.out.splitlines()] == [
        ["execution", "workflow", "status", "started"],
        ["c", "ask", "1", "suspended"],
        ["b", "ask", "1", "suspended"],
    ]
    assert [line.split()[0] for line in second.out.splitlines()[1:]] == ["a"]
    assert second.err == ""


def test_a_list_keeps_to_what_is_asked_for(three: Shop):
    three("resume", "b", "-d", '{"by": "Ada"}', "-q")

    def listed(*filters: str) -> list[str]:
        return [one["id"] for one in three.json("executions", "list", *filters)["executions"]]

    assert listed("--status", "completed") == ["b"]
    assert listed("--status", "completed", "--status", "suspended") == ["c", "b", "a"]
    assert listed("--workflow", "ask", "--started-before", "2001-01-01") == []
    assert listed("--workflow", "task") == []
    assert listed("--quarantined") == []
    assert listed("--parent", "a") == []
    assert listed("--trigger-type", "manual", "--started-after", "2001-01-01T00:00:00+01:00") == ["c", "b", "a"]


def test_show_tells_what_is_waited_for_what_ran_and_the_picture_of_it(three: Shop):
    shown = three("executions", "show", "a")

    assert shown.out.startswith("a: suspended\n  workflow    ask 1\n  started     ")
    assert "  journal     3 rows\n  ask#0 waits for a webhook, until " in shown.out
    assert "  start  completed  " in shown.out
    assert "[ ask: suspended ]" in shown.out


def test_show_tells_how_it_was(three: Shop):
    three("resume", "a", "-d", '{"by": "Ada"}', "-q")

    now, then = three.json("executions", "show", "a"), three.json("executions", "show", "a", "--at", "3")

    assert (now["status"], now["position"], now["rows"]) == ("completed", now["rows"], now["rows"])
    assert (then["status"], then["position"], then["rows"]) == ("suspended", 3, now["rows"])
    assert [run["node_key"] for run in then["node_executions"]] == ["start", "ask"]
    assert f"as it was at row 3 of {now['rows']}" in three("executions", "show", "a", "--at", "3").out


def test_a_cancelled_execution_has_a_reason_and_can_be_retried(three: Shop):
    cancelled = three("executions", "cancel", "a", "--reason", "sold out", "-q")
    retried = three.json("executions", "retry", "a")

    assert cancelled.code == 4
    assert three.json("executions", "show", "a")["cancel_reason"] == "sold out"
    assert "  cancelled   sold out\n" in three("executions", "show", "a").out
    assert retried["status"] == "suspended"
    assert retried["execution_id"] != "a"


def test_a_fork_shares_the_past_and_goes_on_by_itself(three: Shop):
    forked = three.json("executions", "fork", "a")["execution_id"]

    assert three("resume", forked, "-d", '{"by": "Ada"}', "-q").data == {"by": "Ada"}
    assert three.json("executions", "show", "a")["status"] == "suspended"


def test_what_was_submitted_can_be_seen_before_it_has_begun(shop: Shop):
    submitted = shop("start", shop.waiting(), "--submit", "--id", "later")
    shown = shop("executions", "show", "later")

    assert (submitted.code, submitted.out) == (0, "later\n")
    assert shown.out.startswith("later: pending\n")
    assert "has not begun: no worker has started it yet" in shown.out
    assert shop.json("executions", "show", "later")["unreadable"]["code"] == "not_started"


def test_an_execution_in_quarantine_is_released(three: Shop):
    _changed("UPDATE execution SET quarantine = 'it killed its drivers', wake_at = NULL WHERE id = 'a'")
    shown = three("executions", "show", "a")
    refused = three("resume", "a")
    released = three("executions", "release", "a")
    again = three("executions", "release", "a")

    assert "  quarantine  it killed its drivers\n" in shown.out
    assert "[quarantined] when it is mended, `prana executions release ID`" in refused.err
    assert released.out == "a may be driven again\n"
    assert again.out == "a is not in quarantine\n"
    assert three("resume", "a", "-d", '{"by": "Ada"}', "-q").code == 0


def test_the_workflows_of_a_store_are_listed_and_shown(three: Shop):
    changed = three.document("ask.json", [{"key": "now", "type": "core.noop"}], ("start", "now"))

    published = three("workflows", "publish", changed)
    same = three.json("workflows", "publish", changed)
    listed = three.json("workflows", "list")["workflows"]

    assert published.out == "ask version 2\n"
    assert [one["version"] for one in same["workflows"]] == [2]
    assert [(one["id"], one["version"]) for one in listed] == [("ask", 2)]
    assert [line.split()[:2] for line in three("workflows", "list").out.splitlines()] == [
        ["workflow", "version"], ["ask", "2"],
    ]  # fmt: skip
    assert len(three("workflows", "show", "ask").data["nodes"]) == 2
    assert len(three("workflows", "show", "ask", "--version", "1").data["nodes"]) == 3


def test_schedules_are_listed_paused_and_resumed(shop: Shop):
    document = {
        "id": "report",
        "name": "Report",
        "nodes": [{"key": "nightly", "type": "schedule.cron_trigger", "params": {"cron": "30 2 * * *"}}],
    }
    (shop.folder / "report.json").write_text(json.dumps(document))
    shop("workflows", "publish", "report.json")
    (one,) = shop.json("schedules", "list", "--workflow", "report")["schedules"]
    name = one["schedule"]

    paused = shop("schedules", "pause", name)
    listed = shop("schedules", "list")
    again = shop("schedules", "pause", name)
    resumed = shop("schedules", "resume", name)
    refused = shop("schedules", "resume", "nothing")

    assert (one["workflow_id"], one["trigger"], one["paused"]) == ("report", "nightly", False)
    assert paused.out == f"{name} fires no more\n"
    assert "nightly  paused" in listed.out
    assert again.out == f"{name} was paused already\n"
    assert resumed.out == f"{name} fires again, from now on\n"
    assert refused.err.endswith("  [schedule_not_found] `prana schedules list` tells which there are\n")


def test_migrate_makes_the_tables_and_says_which(shop: Shop):
    shop("migrate")
    _changed("DELETE FROM migration")
    missing = shop("migrate", "--check")
    refused = shop("migrate", "--db", "nothing.db", "--check")

    made = shop("migrate", "--db", "new.db")
    again = shop("migrate", "--db", "new.db")

    assert (missing.code, missing.out) == (1, "0001_beginning is missing\n")
    assert (refused.code, "[store_not_found]" in refused.err) == (2, True)
    assert (made.code, made.out) == (0, "0001_beginning applied\n")
    assert (again.code, again.out) == (0, "nothing is missing\n")
    assert shop.json("migrate", "--check", "--db", "new.db") == {"applied": [], "missing": []}


def test_an_execution_goes_on_in_another_store(three: Shop):
    three("executions", "export", "a", "--output", "a.json")
    exported = three.json("executions", "export", "a")
    imported = three("executions", "import", "a.json", "--db", "other.db")
    again = three("executions", "import", "a.json", "--db", "other.db")

    assert exported == json.loads((three.folder / "a.json").read_text())
    assert imported.out == "a came in\n"
    assert again.out == "all of it was here already\n"
    assert three("resume", "a", "-d", '{"by": "Ada"}', "-q", "--db", "other.db").data == {"by": "Ada"}


def test_what_is_over_is_thrown_away_and_nothing_else(three: Shop):
    three("resume", "b", "-d", '{"by": "Ada"}', "-q")

    kept = three("executions", "prune", "--older-than", "1d")
    refused = three("executions", "prune")
    pruned = three("executions", "prune", "--keep", "0", "--workflow", "ask", "--status", "completed")

    assert kept.out == "0 executions thrown away\n"
    assert refused.code == 2
    assert pruned.out == "1 execution thrown away\n"
    assert [one["id"] for one in three.json("executions", "list")["executions"]] == ["c", "a"]


def test_an_execution_is_moved_to_a_version_that_has_a_place_for_its_open_work(three: Shop):
    three("workflows", "publish", three.document("ask.json", [{"key": "now", "type": "core.noop"}], ("start", "now")))
    told = {"key": "told", "type": "data.set", "params": {"values": {"thanks": "{{ $input.by }}"}}}
    three("workflows", "publish", three.document("ask.json", [WAITING[0], told], ("start", "ask"), ("ask", "told")))

    impossible = three("executions", "migrate", "a", "2", "--dry-run")
    refused = three("executions", "migrate", "a", "2")
    possible = three("executions", "migrate", "a", "3", "--dry-run")
    moved = three("executions", "migrate", "a", "3")

    assert (impossible.code, "[node_gone]" in impossible.out) == (1, True)
    assert (refused.code, "[migration_refused]" in refused.err) == (2, True)
    assert possible.out == "a can be moved to version 3: suspended\n"
    assert moved.out == "a goes on with version 3: suspended\n"
    assert three("resume", "a", "-d", '{"by": "Ada"}', "-q").data == {"thanks": "Ada"}


def _changed(sql: str) -> None:
    """Change the store behind everybody's back."""
    with closing(sqlite3.connect("shop.db")) as connection, connection:
        connection.execute(sql)
