"""A worker drives whatever is due in its engine's store, gives back what it cannot finish, and outlives all trouble."""

from datetime import timedelta
from threading import Event, Semaphore

import pytest

from prana_py import LocalRuntime, StorageError, UsageError, WorkflowBuilder, node, wait_for_interval
from prana_py.engine.engine import Engine
from prana_py.engine.worker import Worker
from prana_py.stores.opening import open_database
from prana_py.stores.places import place_of
from prana_py.stores.statements import Statement
from prana_py.testing.crashing import Fault, FaultyDatabase
from prana_py.testing.fake_clock import FakeClock

PATIENCE = timedelta(seconds=20)


@node
def double(input):
    return input * 2


@node
def nap(input):
    return wait_for_interval(timedelta(hours=1))


class Gate:
    """A node that says when it is called, and ends when it is let through."""

    def __init__(self, name="gate"):
        self.open = Event()
        self.calls = 0
        self.node = node(type=name)(self._pass)
        self._called = Semaphore(0)

    def next_call(self):
        """Wait until it is called, or once more."""
        assert self._called.acquire(timeout=30)

    def _pass(self, input):
        self.calls += 1
        self._called.release()
        assert self.open.wait(30)
        return input


def flow(*nodes, name="flow"):
    builder = WorkflowBuilder(name)
    last = None
    for position, one in enumerate(nodes):
        added = builder.add(one, key=f"n{position}")
        last = added if last is None else last.then(added)
    return builder.build()


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def engine(clock):
    with Engine(nodes=[double, nap], runtime=LocalRuntime(clock=clock)) as engine:
        engine.publish(flow(double, double))
        engine.publish(flow(double, nap, name="napping"))
        yield engine


def completed(execution):
    return [key for key, runs in execution.node_executions.items() if runs[-1].status == "completed"]


def test_a_worker_begins_what_was_submitted(engine):
    ids = [engine.submit("flow", number) for number in range(20)]

    Worker(engine, concurrency=3).run_until_idle()

    assert [engine.get(one).output for one in ids] == [4 * number for number in range(20)]


def test_who_watches_a_worker_is_told_that_what_was_submitted_has_begun():
    told = []
    runtime = LocalRuntime(observers=[lambda event: told.append(event.kind)])
    with Engine(nodes=[double], runtime=runtime) as engine:
        engine.publish(flow(double))
        engine.submit("flow", 1)

        Worker(engine).run_until_idle()

    assert [kind for kind in told if kind.startswith("execution_")] == ["execution_started", "execution_completed"]


def test_a_worker_drives_timers_when_they_are_due_and_not_before(engine, clock):
    execution_id = engine.submit("napping", 1)
    worker = Worker(engine)
    worker.run_until_idle()
    clock.advance(minutes=59)
    worker.run_until_idle()
    before = engine.get(execution_id).status

    clock.advance(minutes=1)
    worker.run_until_idle()

    assert (before, engine.get(execution_id).status) == ("suspended", "completed")


def test_a_running_worker_takes_what_is_submitted_and_whoever_waits_for_it_is_told():
    with Engine(nodes=[double]) as engine, Worker(engine):
        engine.publish(flow(double, double))

        assert engine.wait_for(engine.submit("flow", 1), PATIENCE).output == 4


def test_a_running_worker_wakes_for_its_next_timer():
    @node
    def nod(input):
        return wait_for_interval(timedelta(milliseconds=20))

    with Engine(nodes=[nod, double], lease=timedelta(hours=1)) as engine, Worker(engine):
        engine.publish(flow(nod))

        assert engine.wait_for(engine.submit("flow", 1), PATIENCE).status == "completed"


def test_a_worker_that_is_told_to_stop_finishes_the_node_and_leaves_the_next_one_to_others(tmp_path):
    address = f"sqlite:///{tmp_path / 'store.db'}"

    @node
    def last_one(input):
        worker.stop()
        return input

    with Engine(address, nodes=[last_one, double]) as engine:
        engine.publish(flow(last_one, double))
        execution_id = engine.submit("flow", 1)
        worker = Worker(engine)
        worker.run()
        stopped = engine.get(execution_id)

        with Engine(address, nodes=[last_one, double]) as other:
            Worker(other).run_until_idle()
            ended = other.get(execution_id)

    assert (completed(stopped), stopped.status) == (["trigger", "n0"], "running")
    assert (completed(ended), ended.status) == (["trigger", "n0", "n1"], "completed")


@pytest.mark.parametrize("max_concurrency", [1, 2])
def test_what_is_under_way_when_the_grace_is_over_is_left_to_others_at_once(tmp_path, max_concurrency):
    address = f"sqlite:///{tmp_path / 'store.db'}"
    slow, quick = Gate(), Gate()
    quick.open.set()
    runtime = LocalRuntime(max_concurrency=max_concurrency)
    with Engine(address, nodes=[slow.node, double], runtime=runtime) as engine:
        engine.publish(flow(slow.node, double))
        execution_id = engine.submit("flow", 1)
        with Worker(engine) as worker:
            slow.next_call()
            worker.stop(grace=timedelta(0))
        with Engine(address, nodes=[quick.node, double]) as other:
            Worker(other).run_until_idle()
            ended = other.get(execution_id)
        slow.open.set()

        assert (ended.status, quick.calls) == ("completed", 1)
        assert engine.get(execution_id).journal == ended.journal


def test_what_a_worker_had_not_begun_when_it_was_stopped_is_free_at_once(tmp_path):
    gate = Gate()
    with Engine(f"sqlite:///{tmp_path / 'store.db'}", nodes=[gate.node]) as engine:
        engine.publish(flow(gate.node))
        ids = [engine.submit("flow", number) for number in range(5)]
        with Worker(engine, concurrency=2) as worker:
            gate.next_call()
            worker.stop(grace=timedelta(0))
        gate.open.set()

        assert [engine.header(one).owner for one in ids] == [None] * 5
        Worker(engine).run_until_idle()
        assert {engine.get(one).status for one in ids} == {"completed"}


def test_a_worker_runs_once_at_a_time(engine):
    with Worker(engine) as worker, pytest.raises(UsageError, match="runs already"):
        worker.run_until_idle()


def test_a_worker_may_be_stopped_before_it_runs(engine):
    worker = Worker(engine)
    worker.stop()

    worker.run()


def test_a_worker_needs_something_to_drive_with(engine):
    with pytest.raises(UsageError, match="at least 1"):
        Worker(engine, concurrency=0)


# ── trouble ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def spoil(engine, sql, *parameters):
    """Change what is in the store behind everybody's back."""
    engine.plain.learn({"spoil": sql})

    def operation():
        yield Statement("spoil", parameters)

    engine.plain.transact(operation)


def crash(engine, execution_id, times):
    """Whoever drove this has died, so and so often."""
    spoil(engine, "UPDATE execution SET crashes = ? WHERE id = ?", times, execution_id)


def test_what_kills_whoever_drives_it_is_put_into_quarantine_with_the_evidence_until_it_is_released(engine, clock):
    execution_id = engine.submit("napping", 1)
    Worker(engine).run_until_idle()
    crash(engine, execution_id, 5)
    clock.advance(hours=1)
    Worker(engine).run_until_idle()
    header = engine.header(execution_id)

    assert (header.status, header.owner, header.wake_at) == ("suspended", None, None)
    assert "5 times in a row at the same place" in header.quarantine
    assert "position 4" in header.quarantine
    with pytest.raises(StorageError, match="in quarantine"):
        engine.resume(execution_id)

    assert engine.release_quarantined(execution_id)
    Worker(engine).run_until_idle()
    assert engine.get(execution_id).status == "completed"
    assert not engine.release_quarantined(execution_id)


def test_a_request_does_not_drive_what_kills_whoever_drives_it(engine):
    execution_id = engine.submit("napping", 1)
    Worker(engine).run_until_idle()
    crash(engine, execution_id, 5)

    with pytest.raises(StorageError) as refused:
        engine.cancel(execution_id)

    assert refused.value.code == "quarantined"


def test_of_those_under_suspicion_one_is_driven_at_a_time_while_others_go_on_beside_it():
    suspects, others = Gate(), Gate("other")
    with Engine(nodes=[suspects.node, others.node]) as engine:
        engine.publish(flow(suspects.node, name="suspects"))
        engine.publish(flow(others.node, name="others"))
        ids = [engine.submit("suspects", number) for number in range(3)]
        for one in ids:
            crash(engine, one, 2)
        ids += [engine.submit("others", number) for number in range(3)]
        with Worker(engine):
            for _ in range(3):
                others.next_call()
            suspects.next_call()
            alone = suspects.calls, others.calls
            suspects.open.set()
            others.open.set()
            ended = [engine.wait_for(one, PATIENCE).status for one in ids]

    assert alone == (1, 3)
    assert ended == ["completed"] * 6


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE journal SET body = x'c1' WHERE place = (SELECT number << 28 FROM execution WHERE id = ?)",
        "UPDATE journal SET body = x'c1' WHERE place = (SELECT number * 268435456 + 2 FROM execution WHERE id = ?)",
        "DELETE FROM journal WHERE place >> 28 = (SELECT number FROM execution WHERE id = ?)",
        "INSERT INTO inbox SELECT NULL, number, 1, x'c1', 0, NULL FROM execution WHERE id = ?",
    ],
)
def test_an_execution_that_cannot_be_read_is_put_into_quarantine_and_the_others_are_served(engine, clock, sql):
    ids = [engine.submit("napping", number) for number in range(3)]
    worker = Worker(engine)
    worker.run_until_idle()
    spoil(engine, sql, ids[1])
    clock.advance(hours=1)

    worker.run_until_idle()

    assert [engine.header(one).status for one in ids] == ["completed", "suspended", "completed"]
    assert engine.header(ids[1]).quarantine


def test_a_submission_that_cannot_be_read_is_put_into_quarantine(engine):
    ids = [engine.submit("flow", number) for number in range(2)]
    spoil(engine, "UPDATE execution SET submission = x'c1' WHERE id = ?", ids[0])

    Worker(engine).run_until_idle()

    assert engine.header(ids[0]).quarantine
    assert engine.get(ids[1]).status == "completed"


@pytest.mark.parametrize("call", range(1, 16))
def test_a_worker_outlives_a_store_that_is_away_for_a_while(call):
    database = FaultyDatabase(open_database(place_of("sqlite://")))
    with Engine(nodes=[double], database=database, lease=timedelta(milliseconds=300)) as engine:
        engine.publish(flow(double, double))
        execution_id = engine.submit("flow", 1)
        database.faults = (Fault(database.calls + call, "unavailable", 2),)
        with Worker(engine):
            ended = patiently(lambda: engine.wait_for(execution_id, PATIENCE))

    assert (ended.status, ended.output) == ("completed", 4)


def patiently(ask):
    """The store may be away when it is asked as well."""
    while True:
        try:
            return ask()
        except StorageError as error:
            if error.code != "store_unavailable":
                raise
