"""A token resolves exactly the wait that it is for, once; whoever comes otherwise is told why not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from prana_py import Execution, LocalRuntime, WorkflowBuilder, node, race, wait_for_interval, wait_for_webhook
from prana_py.driver.requests import CancelBranch
from prana_py.driver.tokens import address_of, key_id, matches, resume_token, token_hash
from prana_py.errors import TransitionError, UsageError
from prana_py.execution.history import fork
from prana_py.execution.storage import from_storage_format, to_storage_format
from prana_py.testing.fake_clock import FakeClock

KEY = b"a key for tests, of 32 bytes ...."
OLD_KEY = b"the key before it, also 32 bytes."


@node
def ask(question: str = "?") -> Any:
    """Wait for somebody's answer."""
    return wait_for_webhook(timeout=timedelta(days=1))


@node(outputs=("answered", "late"))
def ask_or_go_on() -> Any:
    """Wait for an answer, but not for long."""
    return race(answered=wait_for_webhook(), late=wait_for_interval(timedelta(hours=1)))


@node(on_resume=lambda data: wait_for_webhook() if data == "again" else data)
def ask_twice() -> Any:
    """Wait, and perhaps once more."""
    return wait_for_webhook()


@node
def mail(text: str) -> str:
    """What a mail would say."""
    return text


@node
def shown(url: str) -> dict[str, Any]:
    """What it was called with."""
    return {"length": len(url), "url": url}


NODES: list[Any] = [ask, ask_or_go_on, ask_twice, mail, shown]


def runtime_of(key: Any = KEY, clock: FakeClock | None = None, **options: Any) -> LocalRuntime:
    return LocalRuntime(NODES, key=key, clock=clock or FakeClock(), **options)


def asking(question: str = "Ship it?", *, type: Any = ask) -> WorkflowBuilder:
    builder = WorkflowBuilder("asking")
    settings: dict[str, Any] = {"question": question} if type is ask else {}
    builder.add(type, key="ask", **settings)
    return builder


def waiting(runtime: LocalRuntime, builder: WorkflowBuilder | None = None) -> Execution:
    return runtime.keep(runtime.execute((builder or asking()).build()))


def refusal(runtime: LocalRuntime, token: str, data: Any = None) -> str:
    with pytest.raises(TransitionError) as caught:
        runtime.resume_with_token(token, data)
    return caught.value.code


def test_a_token_resolves_its_wait():
    runtime = runtime_of()
    execution = waiting(runtime)

    ended = runtime.resume_with_token(runtime.token(execution), {"ok": True})

    assert (ended.status, ended.output) == ("completed", {"ok": True})


def test_a_token_is_the_same_whenever_it_is_made():
    execution = waiting(runtime_of())

    tokens = {runtime_of().token(execution), resume_token(KEY, execution.id, (), "ask", 0)}

    assert len(tokens) == 1


def test_a_token_is_good_for_one_time():
    runtime = runtime_of()
    token = runtime.token(waiting(runtime))
    runtime.resume_with_token(token, 1)

    assert refusal(runtime, token, 2) == "token_reused"


def test_of_many_who_present_a_token_at_once_one_wins():
    runtime = runtime_of()
    token = runtime.token(waiting(runtime))

    def present(number: int) -> str:
        try:
            return str(runtime.resume_with_token(token, number).output)
        except TransitionError as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        said = sorted(pool.map(present, range(8)))

    assert said.count("token_reused") == 7


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t[:-1] + ("A" if t[-1] != "A" else "B"),
        lambda t: "",
        lambda t: "x.y.z",
        lambda t: t * 100,
        lambda t: t.replace(".", "\ud800"),
    ],
)
def test_a_token_that_was_changed_is_wrong(spoil: Any):
    runtime = runtime_of()
    token = runtime.token(waiting(runtime))

    assert refusal(runtime, spoil(token)) in ("token_wrong", "token_old")


def test_a_token_for_an_execution_that_nobody_keeps_is_foreign():
    runtime = runtime_of()
    token = runtime.token(runtime.execute(asking().build()))
    runtime.forget(address_of([KEY], token).execution_id)

    assert refusal(runtime, token) == "token_foreign"


def test_a_token_made_before_its_wait_is_open_says_not_yet_and_then_works():
    runtime = runtime_of()
    builder = WorkflowBuilder("two")
    first = builder.add(ask, key="first")
    first.then(builder.add(ask, key="second"))
    execution = waiting(runtime, builder)
    token = resume_token(KEY, execution.id, (), "second", 0)

    assert refusal(runtime, token) == "token_early"
    runtime.resume_with_token(runtime.token(execution))
    assert runtime.resume_with_token(token, "there").output == "there"


def test_a_token_is_too_late_after_the_wait_has_expired():
    clock = FakeClock()
    runtime = runtime_of(clock=clock)
    execution = waiting(runtime)
    token = runtime.token(execution)
    clock.advance(days=2)

    assert refusal(runtime, token) == "wait_expired"
    runtime.keep(runtime.wake(execution))
    assert refusal(runtime, token) == "token_old"


def test_a_token_opens_nothing_after_a_cancel():
    runtime = runtime_of()
    execution = waiting(runtime)
    token, early = runtime.token(execution), resume_token(KEY, execution.id, (), "ask", 1)
    runtime.keep(runtime.cancel(execution))

    assert refusal(runtime, token) == "execution_final"
    assert refusal(runtime, early) == "execution_final"


def test_a_wait_that_lost_a_race_refuses_its_token():
    clock = FakeClock()
    runtime = runtime_of(clock=clock)
    builder = asking(type=ask_or_go_on)
    builder.connect("ask", builder.add(ask, key="then"), "late")
    execution = waiting(runtime, builder)
    token = runtime.token(execution, "ask#0:answered")
    clock.advance(hours=1)
    after = runtime.keep(runtime.wake(execution))

    assert after.left_by("ask") == "late"
    assert refusal(runtime, token) == "token_withdrawn"


def test_a_branch_that_was_withdrawn_refuses_its_token():
    runtime = runtime_of()
    builder = asking()
    builder.add(ask, key="other")
    execution = waiting(runtime, builder)
    token = runtime.token(execution, "ask#0")
    runtime.keep(runtime.ask(execution, CancelBranch(("ask",))))

    assert refusal(runtime, token) == "token_withdrawn"


def test_a_run_that_waits_again_has_another_token():
    runtime = runtime_of()
    execution = waiting(runtime, asking(type=ask_twice))
    first = runtime.token(execution)
    execution = runtime.resume_with_token(first, "again")

    assert refusal(runtime, first, "again") == "token_reused"
    assert runtime.resume_with_token(runtime.token(execution), "done").output == "done"


def test_a_key_can_be_replaced_while_tokens_are_out():
    before = runtime_of(OLD_KEY)
    execution = waiting(before)
    token = before.token(execution)
    between, after = runtime_of([KEY, OLD_KEY]), runtime_of(KEY)
    between.keep(execution)
    after.keep(execution)

    assert refusal(after, token) == "token_old"
    assert between.token(execution) != token
    assert between.resume_with_token(token, 1).output == 1


def test_a_token_does_not_fit_another_key_of_the_same_name():
    token = resume_token(KEY, "e", (), "ask", 0)

    assert matches(KEY, token)
    assert not matches(OLD_KEY, token.replace(key_id(KEY), key_id(OLD_KEY)))


def test_a_fork_does_not_take_the_tokens_of_its_origin():
    runtime = runtime_of()
    execution = waiting(runtime)

    copy = fork(execution, execution_id="copy", now=execution.last_at)

    assert runtime.token(copy) != runtime.token(execution)


def test_only_a_webhook_has_a_token():
    runtime = runtime_of()
    execution = runtime.execute(asking(type=ask_or_go_on).build())

    with pytest.raises(TransitionError, match="only a webhook"):
        runtime.token(execution, "ask#0:late")
    with pytest.raises(TransitionError, match="did you mean"):
        runtime.token(execution, "ask#0:answer")


def test_a_short_key_is_refused():
    with pytest.raises(UsageError, match="16"):
        runtime_of(b"short")


def test_a_hash_finds_a_token_and_tells_nothing_of_it():
    token = resume_token(KEY, "e", (), "ask", 0)

    assert len(token_hash(token)) == 64
    assert token_hash(token) != token_hash(token + " ")


# ── resume_url ───────────────────────────────────────────────────────────────────────────────────────────────────────


def mailing(text: str) -> WorkflowBuilder:
    builder = WorkflowBuilder("mailing")
    builder.add(mail, key="mail", text=text).then(builder.add(ask, key="ask"))
    return builder


def test_a_template_can_say_how_to_answer_a_wait_that_is_still_to_come():
    runtime = runtime_of(base_url="https://example.org/")
    execution = waiting(runtime, mailing("Go to {{ resume_url('ask') }} please"))

    text = execution.completed_nodes["mail"]
    url = text.split()[2]

    assert url.startswith("https://example.org/resume/")
    assert runtime.resume_with_token(url.rpartition("/")[2], "yes").output == "yes"


def test_what_is_kept_of_the_params_is_a_reference():
    runtime = runtime_of()
    builder = WorkflowBuilder("shown")
    builder.add(ask, key="ask", question="{{ resume_url('ask') }}")
    execution = waiting(runtime, builder)

    kept = str(to_storage_format(execution))

    assert runtime.token(execution) not in kept
    assert "{$resume_url:" in kept


def test_filters_work_on_the_real_url():
    runtime = runtime_of(base_url="https://example.org")
    builder = WorkflowBuilder("shown")
    builder.add(shown, key="shown", url="{{ resume_url('shown') | upper }}")

    assert runtime.execute(builder.build()).output["url"].startswith("HTTPS://EXAMPLE.ORG/RESUME/")


def test_a_reference_that_comes_from_outside_opens_nothing():
    runtime = runtime_of()
    execution = waiting(runtime)
    writer = runtime.options.urls
    assert writer is not None
    address = address_of([KEY], runtime.token(execution))
    forged = writer.reference(address)[:-3] + "xx}"

    assert writer.made_real({"text": [forged]}, execution) == {"text": [forged]}
    assert runtime.token(execution) in writer.made_real([writer.reference(address)], execution)[0]


def test_a_node_that_does_not_exist_or_cannot_be_seen_has_no_url():
    runtime = runtime_of()

    execution = runtime.execute(mailing("at {{ resume_url('asc') }}.").build())

    assert execution.completed_nodes["mail"] == "at ."


def test_a_loaded_execution_takes_the_tokens_that_were_made_before():
    runtime = runtime_of()
    execution = waiting(runtime)
    token = runtime.token(execution)
    loaded = from_storage_format(to_storage_format(execution), execution.execution_graph)
    runtime.keep(loaded)

    assert runtime.resume_with_token(token, 7).output == 7
