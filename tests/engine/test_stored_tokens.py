"""Tokens for executions that are kept: which are refused, that nothing changes then, and where keys come from."""

from __future__ import annotations

import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from prana_py import TransitionError, UsageError, Workflow, WorkflowBuilder, node, wait_for_webhook
from prana_py.driver.requests import CancelBranch
from prana_py.driver.tokens import key_id, resume_token
from prana_py.engine.engine import Engine
from tests.engine.office import Office, offices


@node
def ask(timeout: timedelta | None = None) -> Any:
    return wait_for_webhook(timeout=timeout)


@node(on_resume=lambda data: wait_for_webhook() if data == "again" else data)
def ask_twice() -> Any:
    return wait_for_webhook()


@node
def count(input: Any) -> int:
    return (input or 0) + 1


NODES: list[Any] = [ask, ask_twice, count]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    yield from offices(tmp_path, NODES)


def asking(type_: Any = ask, *, then: bool = False, **params: Any) -> Workflow:
    flow = WorkflowBuilder("asking")
    first = flow.add(type_, "ask", params=params)
    if then:
        first.then(flow.add(ask, "then"))
    return flow.build()


def rounds() -> Workflow:
    """Ask again and again."""
    flow = WorkflowBuilder("rounds")
    question, again = flow.add(ask, "ask"), flow.add("logic.if", "again", condition="{{ $input.more }}")
    question.then(again)
    again.then(question, port="true")
    return flow.build()


def spoiled(token: str) -> str:
    return token[:-2] + ("AA" if token[-2:] != "AA" else "BB")


# ── refused ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_token_that_was_changed_guessed_or_cut_off_opens_nothing(office: Office):
    engine = office.publish(asking())
    token = engine.token(engine.start("asking"))
    name, address, _ = token.split(".")

    for guess in (spoiled(token), f"{name}.{address}.", f"{name}..", f"{name}.{address}", token * 99, f"{token}\udc80"):
        assert office.refusal(engine.resume, guess) in ("token_wrong", "token_old")
    for nonsense in ("", "..", "a.b.c"):
        assert office.refusal(engine.resume, nonsense) == "execution_not_found"


def test_an_execution_may_be_named_with_dots(office: Office):
    engine = office.publish(asking())
    engine.start("asking", execution_id="asked.in.2030")

    assert engine.resume("asked.in.2030", 1).status == "completed"


def test_a_thousand_guesses_for_a_wait_that_is_open_are_all_wrong(office: Office):
    engine = office.publish(asking())
    signed, _, right = engine.token(engine.start("asking")).rpartition(".")
    before = office.journal(), office.duties()

    said = set()
    for number in range(1000):
        guess = f"{number:04}{right[4:]}"
        with pytest.raises(Exception, match="not a token") as refused:
            engine.resume(f"{signed}.{guess}")
        said.add(getattr(refused.value, "code", None))

    assert said == {"token_wrong"}
    assert (office.journal(), office.duties()) == before


def test_a_token_is_good_for_once_whichever_engine_it_is_brought_to(office: Office):
    engine = office.publish(asking(then=True))
    token = engine.token(engine.start("asking"))
    engine.resume(token, 1)

    for other in (engine, office.open()):
        assert office.refusal(other.resume, token, 2) == "token_reused"
    engine.cancel(engine.wait_for(office.rows("SELECT id FROM execution")[0][0], timedelta()).id)
    assert office.refusal(engine.resume, token, 2) == "token_reused"


def test_a_token_that_comes_early_is_told_so_and_good_later(office: Office):
    engine = office.publish(asking(then=True))
    execution = engine.start("asking")
    early = resume_token(engine.runtime.key_ring.keys[0], execution.id, (), "then", 0)

    assert office.refusal(engine.resume, early, 2) == "token_early"
    engine.resume(execution.id, 1)

    assert engine.resume(early, 2).status == "completed"


def test_a_token_of_an_earlier_round_opens_nothing_in_a_later_one(office: Office):
    engine = office.publish(rounds())
    execution = engine.start("rounds")
    first = engine.token(execution)
    execution = engine.resume(first, {"more": True})

    assert execution.status == "suspended"
    assert office.refusal(engine.resume, first, {"more": True}) == "token_reused"
    assert engine.resume(engine.token(execution), {"more": False}).status == "completed"


def test_a_run_that_waits_again_wants_another_token(office: Office):
    engine = office.publish(asking(ask_twice))
    execution = engine.start("asking")
    first = engine.token(execution)
    execution = engine.resume(first, "again")

    assert office.refusal(engine.resume, first, "again") == "token_reused"
    assert engine.resume(engine.token(execution), "done").output == "done"


def test_a_token_opens_nothing_after_a_cancel(office: Office):
    engine = office.publish(asking())
    execution = engine.start("asking")
    token = engine.token(execution)
    engine.cancel(execution.id)

    assert office.refusal(engine.resume, token) == "execution_final"


def test_a_token_of_a_branch_that_was_withdrawn_opens_nothing(office: Office):
    flow = WorkflowBuilder("asking")
    flow.add(ask, "one")
    flow.add(ask, "two")
    engine = office.publish(flow.build())
    execution = engine.start("asking")
    token = engine.token(execution, "one#0")
    engine.ask(execution.id, CancelBranch(("one",)))

    assert office.refusal(engine.resume, token) == "token_withdrawn"


def test_a_token_that_comes_late_is_told_so_before_and_after_anybody_has_noticed(office: Office):
    engine = office.publish(asking(timeout="1h"))
    token = engine.token(engine.start("asking"))
    office.clock.advance(hours=1)

    assert office.refusal(engine.resume, token) == "wait_expired"
    engine.wake_due()
    assert office.refusal(engine.resume, token) == "token_old"


def test_what_is_refused_is_not_due_for_anybody(office: Office):
    engine = office.publish(asking(then=True))
    token = engine.token(engine.start("asking"))
    engine.resume(token)

    office.refusal(engine.resume, token)

    assert engine.wake_due() == []


def test_whoever_asks_too_late_leaves_to_others_what_a_dead_engine_had_in_hand(office: Office):
    engine = office.publish(asking(then=True))
    execution = engine.start("asking")
    token = engine.token(execution)
    ((last,),) = office.rows("SELECT max(place) FROM journal")
    engine.resume(token)
    office.bury(engine)
    office.write("DELETE FROM journal WHERE place > ?", last + 1)  # it died when the wait was resolved, and no more
    office.write("DELETE FROM wait")
    office.write("UPDATE execution SET owner = 'dead', status = 'running', wake_at = NULL")
    other = office.open()

    with pytest.raises(TransitionError, match="resolved already"):
        other.resume(token)
    (woken,) = other.wake_due()

    assert [suspension.node_key for suspension in woken.suspensions.values()] == ["then"]


# ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_token_of_another_store_is_foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PRANA_KEY", b64encode(b"k" * 32).decode())
    here, there = Office(tmp_path / "here", NODES), Office(tmp_path / "there", NODES)
    for one in (here, there):
        one.file.parent.mkdir()
    engine, other = here.publish(asking()), there.publish(asking())
    token = other.token(other.start("asking"))

    assert here.refusal(engine.resume, token) == "token_foreign"
    here.close()
    there.close()


def test_keys_are_replaced_while_tokens_are_out(office: Office, monkeypatch: pytest.MonkeyPatch):
    old, new = b64encode(b"o" * 32).decode(), b64encode(b"n" * 32).decode()
    monkeypatch.setenv("PRANA_KEY", old)
    engine = office.publish(asking())
    executions = [engine.start("asking") for _ in range(3)]
    tokens = [engine.token(execution) for execution in executions]
    office.close()

    monkeypatch.setenv("PRANA_KEY", f"{new},{old}")
    engine = office.open()
    assert engine.token(executions[1]).startswith(key_id(b"n" * 32))
    assert engine.resume(tokens[0]).status == "completed"
    assert engine.resume(engine.token(executions[1])).status == "completed"
    office.close()

    monkeypatch.setenv("PRANA_KEY", new)
    engine = office.open()
    assert office.refusal(engine.resume, tokens[2]) == "token_old"
    assert not office.file.with_name("office.db.key").exists()


def test_an_address_that_was_written_under_an_older_key_is_still_made_real(
    office: Office, monkeypatch: pytest.MonkeyPatch
):
    seen: list[str] = []

    @node(on_resume=lambda ctx, data: seen.append(ctx.params["url"]))
    def ask_by(url: str) -> Any:
        seen.append(url)
        return wait_for_webhook()

    old, new = b64encode(b"o" * 32).decode(), b64encode(b"n" * 32).decode()
    monkeypatch.setenv("PRANA_KEY", old)
    flow = WorkflowBuilder("mailing")
    flow.add(ask_by, "mail", params={"url": "{{ resume_url('mail') }}"})
    office.nodes.append(ask_by)
    execution = office.publish(flow.build()).start("mailing")
    office.close()

    monkeypatch.setenv("PRANA_KEY", f"{new},{old}")
    office.open().resume(execution.id)

    assert [url.rpartition("/")[2].partition(".")[0] for url in seen] == [key_id(b"o" * 32), key_id(b"n" * 32)]


def test_the_key_lies_beside_the_database_and_nobody_else_may_read_it(office: Office):
    engine = office.publish(asking())
    file = office.file.with_name("office.db.key")
    token = engine.token(engine.start("asking"))
    office.close()

    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert [path.name for path in file.parent.iterdir() if "key" in path.name] == [file.name]
    assert office.open().resume(token).status == "completed"


def test_a_token_that_was_signed_with_a_key_that_is_gone_says_so(office: Office):
    engine = office.publish(asking())
    token = engine.token(engine.start("asking"))
    office.close()
    office.file.with_name("office.db.key").unlink()
    engine = office.open()

    assert office.refusal(engine.resume, token) == "token_old"


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "is empty"), ("not base64!\n", "not base64"), ("\xff\xfe", "not base64"), ("c2hvcnQ=\n", "5 bytes")],
)
def test_a_key_file_that_cannot_be_used_is_named(office: Office, text: str, says: str):
    file = office.file.with_name("office.db.key")
    file.write_text(text, "latin-1")

    with pytest.raises(UsageError, match=says) as refused:
        office.open()

    assert refused.value.code == "key_invalid"
    assert str(file) in str(refused.value)


def test_a_key_file_that_cannot_be_read_is_named(office: Office):
    office.file.with_name("office.db.key").mkdir()

    with pytest.raises(UsageError, match=r"office\.db\.key") as refused:
        office.open()

    assert refused.value.code == "key_unreadable"


def test_a_variable_that_holds_no_key_is_named(office: Office, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PRANA_KEY", "hunter2")

    with pytest.raises(UsageError, match="PRANA_KEY") as refused:
        office.open()

    assert refused.value.code == "key_invalid"
    assert "hunter2" not in str(refused.value)


OPEN = """
import sys
from prana_py.engine.engine import Engine
sys.stdin.read(1)
with Engine(sys.argv[1]) as engine:
    print(engine.runtime.key_ring.keys[0].hex())
"""


def test_of_several_processes_that_need_a_key_at_once_one_makes_it(office: Office):
    def opener() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", OPEN, office.address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    processes = [opener() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        said = {out for out, _ in pool.map(lambda process: process.communicate("g"), processes)}

    assert len(said) == 1
    assert len(bytes.fromhex(said.pop().strip())) == 32
    assert [path.name for path in office.file.parent.iterdir() if ".key" in path.name] == ["office.db.key"]


def test_a_store_in_memory_has_a_key_of_its_own():
    with Engine(nodes=NODES) as engine:
        engine.publish(asking())
        execution = engine.start("asking")

        assert engine.resume(engine.token(execution)).status == "completed"


def test_a_store_holds_nothing_that_a_token_could_be_made_of(office: Office):
    engine = office.publish(asking())
    token = engine.token(engine.start("asking"))
    key = engine.runtime.key_ring.keys[0]
    office.close()

    kept = b"".join(path.read_bytes() for path in office.file.parent.iterdir() if not path.name.endswith(".key"))

    assert token.rpartition(".")[2].encode() not in kept
    assert key not in kept
    assert b64encode(key) not in kept
