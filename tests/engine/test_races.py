"""Many come at once, for one wait: exactly one of them resolves it, and every other is told that it is over."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from prana_py import (
    Execution,
    LocalRuntime,
    TransitionError,
    Workflow,
    WorkflowBuilder,
    node,
    race,
    wait_for_signal,
    wait_for_webhook,
)
from prana_py.engine.async_engine import AsyncEngine
from prana_py.engine.engine import Engine
from prana_py.execution.rows import Expired, Resumed
from prana_py.testing.fake_clock import FakeClock
from tests.engine.office import DATABASES, Office, offices_of

HOUR = timedelta(hours=1)
RACES = int(os.environ.get("PRANA_RACES", "2000"))
"""Of each kind; there are five."""


@node
def ask(timeout: timedelta | None = None) -> Any:
    return wait_for_webhook(timeout=timeout)


@node(outputs=("called", "told"))
def either() -> Any:
    return race(called=wait_for_webhook(), told=wait_for_signal("go"))


@node
def after(input: Any) -> Any:
    return input


NODES: list[Any] = [ask, either, after]


@pytest.fixture(params=DATABASES)
def office(request: pytest.FixtureRequest) -> Iterator[Office]:
    yield from offices_of(request, NODES)


def asking(type_: Any = ask, ports: tuple[str, ...] = ("main",), **params: Any) -> Workflow:
    """``ask`` waits; what follows its ports waits again, so that the execution does not end with the race."""
    flow = WorkflowBuilder("asking")
    first = flow.add(type_, "ask", params=params)
    for port in ports:
        first.then(flow.add(after, f"after_{port}"), port=port).then(flow.add(ask, f"ask_{port}"))
    return flow.build()


def said(ask: Callable[[], Any]) -> str:
    """``won``, or why not."""
    try:
        ask()
    except TransitionError as error:
        return error.code
    return "won"


def resolved(execution: Execution) -> list[Any]:
    """The rows that resolved the first wait."""
    return [row for row in execution.journal if isinstance(row, Resumed | Expired) and row.wait_id.startswith("ask#")]


# ── fifty for one ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("engines", [1, 4])
@pytest.mark.parametrize("ports", [(), ("main",)], ids=["ends", "goes on"])
def test_of_fifty_who_come_with_a_token_one_is_heard(office: Office, engines: int, ports: tuple[str, ...]):
    opened = [office.publish(asking(ports=ports)), *(office.open() for _ in range(engines - 1))]
    execution = opened[0].start("asking")
    token = opened[0].token(execution)
    together = Barrier(50)

    def come(number: int) -> str:
        together.wait(60)
        return said(lambda: opened[number % engines].resume(token, number))

    with ThreadPoolExecutor(50) as pool:
        heard = Counter(pool.map(come, range(50)))

    assert heard == {"won": 1, "token_reused": 49}
    assert len(resolved(opened[0].get(execution.id))) == 1
    assert office.rows("SELECT * FROM inbox") == []


COME = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from prana_py import TransitionError
from prana_py.engine.engine import Engine
from tests.engine.test_races import NODES, said

with Engine(sys.argv[1], nodes=NODES) as engine:
    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(10) as pool:
        print(json.dumps(list(pool.map(lambda number: said(lambda: engine.resume(sys.argv[2], number)), range(10)))))
"""


def test_of_fifty_who_come_from_five_processes_one_is_heard(office: Office):
    engine = office.publish(asking())
    execution = engine.start("asking")
    command = [sys.executable, "-c", COME, office.address, engine.token(execution)]
    processes = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
        )
        for _ in range(5)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    with ThreadPoolExecutor(5) as pool:
        told = list(pool.map(lambda process: process.communicate("go\n", timeout=60)[0], processes))

    assert Counter(code for each in told for code in json.loads(each)) == {"won": 1, "token_reused": 49}
    assert len(resolved(engine.get(execution.id))) == 1


# ── ten thousand short ones ───────────────────────────────────────────────────────────────────────────────────────────


class Track:
    """An engine, runners in threads of their own, and many races one after another."""

    def __init__(self, workflow: Workflow) -> None:
        self.clock = FakeClock()
        self.engine = Engine(nodes=NODES, runtime=LocalRuntime(clock=self.clock))
        self.engine.publish(workflow)
        self.winners: Counter[str] = Counter()

    def run(self, *runners: Callable[[Execution, str], Any]) -> Counter[str]:
        """Let the runners come at once, again and again; after each race one wait is resolved. What they were told."""
        heard: Counter[str] = Counter()
        gate = Barrier(len(runners) + 1)
        now: list[tuple[Execution, str]] = []

        def runs(runner: Callable[[Execution, str], Any]) -> Counter[str]:
            told: Counter[str] = Counter()
            for _ in range(RACES):
                gate.wait(60)
                told[said(lambda: runner(*now[0]))] += 1
                gate.wait(60)
            return told

        with ThreadPoolExecutor(len(runners)) as pool:
            running = [pool.submit(runs, runner) for runner in runners]
            try:
                for _ in range(RACES):
                    execution = self.engine.start("asking")
                    now[:] = [(execution, self.token(execution))]
                    gate.wait(60)
                    gate.wait(60)
                    self.check(execution)
            except BaseException:
                gate.abort()
                raise
            for each in running:
                heard += each.result(60)
        self.engine.close()
        return heard

    def token(self, execution: Execution) -> str:
        wait_id = min(execution.suspensions)
        return self.engine.token(execution, wait_id)

    def check(self, execution: Execution) -> None:
        self.engine.wake_due()  # who was refused because the time was over leaves that to others
        ended = self.engine.get(execution.id)
        rows = resolved(ended)
        assert len(rows) == 1, "one of them resolved it, and nobody else did"
        self.winners[type(rows[0]).__name__] += 1


def test_one_token_comes_three_times_at_once():
    track = Track(asking())

    heard = track.run(*[lambda _, token: track.engine.resume(token)] * 3)

    assert heard == {"won": RACES, "token_reused": 2 * RACES}
    print(f"{RACES} races of three for one token: {dict(heard)}")


def test_a_token_comes_as_the_time_is_over():
    track = Track(asking(timeout="1h", ports=("main", "timeout")))

    def expire(*_: Any) -> None:
        track.clock.advance(hours=1)
        track.engine.wake_due()

    heard = track.run(lambda _, token: track.engine.resume(token), expire)

    assert heard["won"] == RACES + track.winners["Resumed"]
    assert sum(heard[code] for code in ("wait_expired", "token_old")) == track.winners["Expired"]
    assert sum(track.winners.values()) == RACES
    print(f"{RACES} races against the clock: {dict(track.winners)}, {dict(heard)}")


def test_a_token_comes_as_the_execution_is_cancelled():
    track = Track(asking())
    checked = Counter[str]()

    def check(execution: Execution) -> None:
        ended = track.engine.get(execution.id)
        assert ended.status == "cancelled"
        checked[f"resumed {len(resolved(ended))} times"] += 1

    track.check = check  # type: ignore[method-assign]  # here nobody has to win
    heard = track.run(lambda _, token: track.engine.resume(token), lambda e, _: track.engine.cancel(e.id))

    assert set(checked) <= {"resumed 0 times", "resumed 1 times"}
    assert heard["won"] == RACES + checked["resumed 1 times"]
    assert heard["execution_final"] == checked["resumed 0 times"]
    print(f"{RACES} races against a cancel: {dict(checked)}")


def test_a_token_and_a_signal_come_for_one_race():
    track = Track(asking(either, ports=("called", "told")))
    engine = track.engine

    heard = track.run(
        lambda _, token: engine.resume(token), lambda e, _: engine.signal(e.id, "go", buffer=False, timeout=HOUR)
    )

    assert heard["won"] == RACES
    assert sum(heard[code] for code in ("token_withdrawn", "signal_not_awaited")) == RACES
    print(f"{RACES} races of a token and a signal: {dict(heard)}")


def test_one_delivery_comes_twice_at_once_and_another_one_beside_it():
    track = Track(asking())
    engine = track.engine

    heard = track.run(
        lambda _, token: engine.resume(token, 1, delivery_id="post 1"),
        lambda _, token: engine.resume(token, 1, delivery_id="post 1"),
        lambda _, token: engine.resume(token, 2, delivery_id="post 2"),
    )

    assert set(heard) == {"won", "token_reused"}
    assert RACES <= heard["won"] <= 2 * RACES
    print(f"{RACES} races of deliveries: {dict(heard)}")


def test_of_fifty_tasks_one_is_heard(tmp_path: Path):
    async def come(engines: list[AsyncEngine], token: str, number: int) -> str:
        try:
            await engines[number % len(engines)].resume(token, number)
        except TransitionError as error:
            return error.code
        return "won"

    async def races() -> Counter[str]:
        address = f"sqlite:///{tmp_path / 'office.db'}"
        async with AsyncEngine(address, nodes=NODES) as first, AsyncEngine(address, nodes=NODES) as second:
            await first.publish(asking())
            heard: Counter[str] = Counter()
            for _ in range(10):
                token = first.token(await first.start("asking"))
                heard.update(await asyncio.gather(*(come([first, second], token, number) for number in range(50))))
            return heard

    assert asyncio.run(races()) == {"won": 10, "token_reused": 490}
