"""``prana start``, ``prana resume`` and ``prana signal``: executions that outlive the command."""

from __future__ import annotations

import json

import pytest

from tests.cli.command import EXAMPLES, prana
from tests.cli.kept import Shop

ORDER = '{"id": 7, "items": [{"name": "boat", "price": 900}]}'


def test_what_one_command_starts_another_one_resumes(shop: Shop):
    started = shop("start", shop.waiting(), "--id", "first")
    resumed = shop("resume", "first", "--data", '{"by": "Grace"}')

    assert (started.code, started.out) == (3, "")
    assert "first: suspended in " in started.err
    assert "  ask#0 waits for a webhook, until " in started.err
    assert started.err.endswith("  To answer: prana resume first --data '{}'\n")
    assert (resumed.code, resumed.data) == (0, {"by": "Grace"})
    assert "  ▶ ask    goes on\n" in resumed.err


def test_a_workflow_in_a_module_is_published_with_those_that_it_calls_and_others_find_its_nodes(shop: Shop):
    example = str(EXAMPLES / "order_approval.py")
    started = shop("start", example, "--input", ORDER, "--id", "order-7", "--quiet")
    resumed = shop("resume", "order-7", "--data", '{"ok": true, "by": "Grace"}', "--nodes", example)

    assert started.code == 3
    assert resumed.data == "order 7 is on its way, in a small box"
    assert "  ✓ shipping/pack  completed" in resumed.err


def test_a_published_workflow_is_started_by_its_id_and_version(shop: Shop):
    shop("workflows", "publish", shop.waiting())
    shop("workflows", "publish", shop.document("ask.json", [{"key": "now", "type": "core.noop"}], ("start", "now")))

    assert shop.json("start", "ask", "--version", "1")["status"] == "suspended"
    assert shop.json("start", "ask", "--version", "2")["status"] == "completed"


def test_the_token_of_a_wait_answers_it(shop: Shop):
    shop("start", shop.waiting(), "--id", "first", "--quiet")
    hidden = shop.json("executions", "show", "first")
    token = shop.json("executions", "show", "first", "--token")["tokens"]["ask#0"]

    assert "tokens" not in hidden
    assert shop("resume", token, "--data", '{"by": "Ada"}', "-q").data == {"by": "Ada"}


def test_the_same_key_starts_one_execution(shop: Shop):
    flow = shop.waiting()
    first, second = (shop.json("start", flow, "--key", "order 7", "--input", "7") for _ in range(2))
    other = shop("start", flow, "--key", "order 7", "--input", "8")

    assert first["execution_id"] == second["execution_id"]
    assert other.code == 2
    assert "[idempotency_mismatch] take another --key for another start" in other.err


def test_the_same_delivery_has_one_effect(shop: Shop):
    shop("start", shop.waiting(), "--id", "first", "-q")
    twice = [
        shop("resume", "first", "-d", '{"by": "Ada"}', "--wait-id", "ask#0", "--delivery-id", "d1", "-q") for _ in "12"
    ]

    assert [answer.data for answer in twice] == [{"by": "Ada"}] * 2


def test_a_signal_is_kept_until_somebody_waits_for_it(shop: Shop):
    nodes = [
        {"key": "ask", "type": "wait.wait", "params": {"mode": "webhook"}},
        {"key": "paid", "type": "wait.wait", "params": {"mode": "signal", "signal": "paid"}},
    ]
    shop("start", shop.document("pay.json", nodes, ("start", "ask"), ("ask", "paid")), "--id", "first", "-q")

    assert shop("signal", "first", "paid", "--data", "45", "-q").code == 3
    assert shop("resume", "first", "-q").data == 45


def test_one_of_several_waits_is_named(shop: Shop):
    nodes = [
        {"key": "left", "type": "wait.wait", "params": {"mode": "webhook"}},
        {"key": "right", "type": "wait.wait", "params": {"mode": "webhook"}},
    ]
    flow = shop.document("two.json", nodes, ("start", "left"), ("start", "right"))
    started = shop("start", flow, "--id", "two")
    refused = shop("resume", "two")

    assert "To answer: prana resume two --wait-id 'left#0' --data '{}'" in started.err
    assert "[wait_ambiguous] `prana executions show ID` tells what it waits for; name one with --wait-id" in refused.err
    assert shop("resume", "two", "--wait-id", "left#0", "-q").code == 3
    assert shop("resume", "two", "-q").code == 0


def test_json_tells_the_wait_of_a_sub_workflow_with_its_execution(shop: Shop):
    shop("workflows", "publish", shop.waiting())
    call = [{"key": "call", "type": "workflow.execute", "params": {"workflow_id": "ask"}}]
    (wait,) = shop.json("start", shop.document("caller.json", call, ("start", "call")), "--id", "one")["waits"]

    assert wait["wait"] == "ask#0"
    assert shop("resume", wait["execution_id"], "-d", '{"by": "Ada"}', "-q").data == {"by": "Ada"}
    assert shop.json("executions", "show", "one")["output"] == {"by": "Ada"}


def test_a_failure_tells_its_execution_and_exits_with_1(shop: Shop):
    failing = [{"key": "sum", "type": "data.set", "params": {"values": {"a": "{{ 1 / 0 }}"}}}]
    answer = shop("start", shop.document("bad.json", failing, ("start", "sum")), "--id", "bad", "-q")

    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("bad: failed in ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["start", "nothing"],
            "prana: there is no workflow 'nothing' in this store; publish it first\n  [workflow_not_",
        ),
        (["start", "nothing.json"], "prana: there is no file 'nothing.json'\n  [file_not_found]"),
        (["start", "ask", "-i", "{"], "prana: --input is not JSON"),
        (["resume", "nobody"], "prana: there is no execution 'nobody' in this store\n  [execution_not_found] `prana"),
        (["resume", "first", "-d", "{"], "prana: --data is not JSON"),
        (["resume", "aaaaaaaa.bbbb.cccc"], "  [token_"),
        (["signal", "first"], "prana signal: the following arguments are required: NAME"),
        (["executions"], "prana executions: the following arguments are required: ACTION"),
        (["executions", "show", "first", "--at", "99"], "has no position 99: its journal has "),
        (["executions", "show", "first", "--at", "0"], "'0' is not a number from 1 on"),
        (["executions", "list", "--after", "x"], "[cursor_invalid] the page before tells its --after"),
        (["executions", "list", "--started-after", "soon"], "'soon' is no instant such as 2030-01-31T08:00:00Z"),
        (
            ["worker", "--db", ":memory:"],
            "':memory:' would be gone when this command ends; name a file\n  [address_inv",
        ),
        (["worker", "--db", "mysql://x"], "  [address_invalid]"),
        (
            ["executions", "list", "--db", "ship.db"],
            "no store 'ship.db' – did you mean 'shop.db'?\n  [store_not_found]",
        ),
        (["executions", "list", "--db", "no/shop.db"], "there is no directory 'no' either"),
    ],
)
def test_what_makes_no_sense_is_refused_in_two_lines(shop: Shop, arguments: list[str], told: str):
    shop("start", shop.waiting(), "--id", "first", "-q")

    answer = shop(*arguments)

    assert (answer.code, answer.out) == (2, "")
    assert told in answer.err
    assert len(answer.err.splitlines()) == 2


def test_without_a_store_both_ways_to_name_one_are_told(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PRANA_DB")

    answer = shop("executions", "list")

    assert answer.err == (
        "prana: no store is named, neither by --db nor by the variable PRANA_DB\n"
        "  [db_missing] write --db orders.db, or set PRANA_DB=orders.db\n"
    )


def test_node_types_that_are_missing_are_named_and_nothing_is_lost(shop: Shop):
    example = str(EXAMPLES / "order_approval.py")
    shop("start", example, "--input", ORDER, "--id", "order-7", "-q")

    refused = shop("resume", "order-7", "-d", '{"ok": true, "by": "Grace"}')
    shown = shop("executions", "show", "order-7")
    resumed = shop("resume", "order-7", "-d", '{"ok": true, "by": "Grace"}', "--nodes", example, "-q")

    assert refused.code == 2
    assert refused.err.endswith("--nodes MODULE, or --nodes FILE.py, says where its node types are\n")
    assert "order-7: suspended" in shown.out
    assert "What ran can be shown with its node types: --nodes MODULE" in shown.out
    assert resumed.code == 0


def test_the_variable_names_node_types_as_well(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    shop("start", str(EXAMPLES / "order_approval.py"), "--input", ORDER, "--id", "order-7", "-q")
    monkeypatch.setenv("PRANA_NODES", str(EXAMPLES / "order_approval.py"))

    assert shop("resume", "order-7", "-d", '{"ok": true, "by": "Grace"}', "-q").code == 0


def test_an_error_is_an_object_for_those_who_want_objects(shop: Shop):
    shop("start", shop.waiting(), "-q")

    answer = shop("resume", "nobody", "--json")

    assert answer.code == 2
    assert json.loads(answer.out)["error"]["code"] == "execution_not_found"


def test_the_store_may_be_an_address_and_the_file_any_name(shop: Shop):
    flow = shop.waiting()

    shop("start", flow, "--id", "first", "-q", "--db", "a store %20.db")
    seen = shop.json("executions", "list", "--db", f"sqlite:///{shop.folder}/a store %2520.db")

    assert (shop.folder / "a store %20.db").exists()
    assert [one["id"] for one in seen["executions"]] == ["first"]


def test_the_command_itself_keeps_its_promise(shop: Shop):
    flow = shop.waiting()

    started = prana("start", flow, "--id", "first", "-q", at=shop.folder, PRANA_DB="real.db")
    resumed = prana("resume", "first", "-d", '{"by": "Ada"}', "-q", "--db", "real.db", at=shop.folder)

    assert (started.code, resumed.code, resumed.data) == (3, 0, {"by": "Ada"})
