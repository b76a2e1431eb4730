"""What every store promises, as tests: a database of your own is right if a subclass of ``StoreContract`` passes.

    class TestMyDatabase(StoreContract):
        @pytest.fixture
        def database(self):
            database = MyDatabase(...)
            yield database
            database.close()

The database has the tables of the project, and is empty. It performs operations as ``stores.database.Database`` says.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from prana_py.driver.effects import ChildEnded, ChildStart
from prana_py.errors import StorageError
from prana_py.execution.rows import Parent, RunKey
from prana_py.identifiers import ExecutionId, Instant
from prana_py.stores import executions, inbox, leases, listing, mutexes, retention, transfer, workflows
from prana_py.stores.bodies import joined_rows, split_body
from prana_py.stores.database import Database
from prana_py.stores.executions import Change, Idempotency
from prana_py.stores.listing import Filter, Place
from prana_py.stores.records import Claimed, Submission, encode
from prana_py.stores.retention import BEGINNING, Old
from prana_py.stores.statements import Operation, Statement
from prana_py.testing.journeys import Journey, journey

FOREVER = 1 << 60
"""As long as a holder lives that nobody wants to be dead."""

NOW = Instant(2_000_000_000_000_000_000)


def step(way: Journey, number: int, epoch: int, place: int, **more: Any) -> Change:
    """What writes the row that leads to a value of an execution."""
    before = None if place == 0 else way.values[place - 1]
    return Change(
        number=number,
        epoch=epoch,
        before=before,
        after=way.values[place],
        rows=(way.rows[place],),
        now=NOW,
        **more,
    )


def begun(way: Journey, owner: str, upto: int = 1, key: Idempotency | None = None) -> Operation[int]:
    """An execution with some of its rows."""
    number = yield from executions.begin(step(way, 0, 1, 0), owner, key)
    for place in range(1, upto):
        yield from executions.write(step(way, number, 1, place))
    return number


def refused(do: Callable[[], object]) -> str | None:
    """The code of the error that it comes to; ``None``: it comes to none."""
    try:
        do()
    except StorageError as error:
        return error.code
    return None


class StoreContract:
    """Each test asks for a fixture ``database``, which a subclass has."""

    # ── executions ────────────────────────────────────────────────────────────────────────────────────────────────

    def test_an_execution_is_read_as_it_was_written(self, database: Database) -> None:
        way = journey("e", "waits")
        database.transact(lambda: begun(way, "me", len(way.rows)))

        stored = database.transact(lambda: executions.read("e"), reads=True)

        assert stored is not None
        assert tuple(joined_rows([bytes(body) for body in stored.bodies], stored.blobs)) == way.rows
        assert stored.header.status == "completed"
        assert stored.header.ended_at == way.values[-1].last_at

    def test_nobody_is_read_as_nothing(self, database: Database) -> None:
        assert database.transact(lambda: executions.read("nobody"), reads=True) is None
        assert database.transact(lambda: executions.header("nobody"), reads=True) is None

    def test_the_same_id_begins_once(self, database: Database) -> None:
        database.transact(lambda: begun(journey("e", "short"), "me"))

        assert refused(lambda: database.transact(lambda: begun(journey("e", "short"), "you"))) == "conflict"
        assert self.owner(database, "e") == "me"

    def test_the_same_idempotency_key_begins_once(self, database: Database) -> None:
        key = Idempotency("k", "digest")
        database.transact(lambda: begun(journey("e", "short"), "me", key=key))

        assert refused(lambda: database.transact(lambda: begun(journey("other", "short"), "me", key=key))) == "conflict"
        assert database.transact(lambda: executions.header("other")) is None
        database.transact(lambda: begun(journey("third", "large"), "me", key=key))

    def test_a_row_is_written_once(self, database: Database) -> None:
        way = journey("e", "waits")
        number = database.transact(lambda: begun(way, "me", 2))

        assert refused(lambda: database.transact(lambda: executions.write(step(way, number, 1, 1)))) == "conflict"

    def test_who_has_lost_the_lease_writes_nothing(self, database: Database) -> None:
        way = journey("e", "waits")
        number = database.transact(lambda: begun(way, "me"))
        claimed = database.transact(lambda: leases.claim("e", "you"))
        assert claimed is not None

        assert (
            refused(lambda: database.transact(lambda: executions.write(step(way, number, 1, 1)), single=True))
            == "fenced"
        )
        stored = database.transact(lambda: executions.read("e"))
        assert stored is not None
        assert len(stored.bodies) == 1
        database.transact(lambda: executions.write(step(way, number, claimed.epoch, 1)), single=True)

    def test_a_transaction_that_fails_leaves_nothing(self, database: Database) -> None:
        def fails() -> Operation[None]:
            yield from begun(journey("e", "large"), "me", 3)
            raise StorageError("no", code="store_failed")

        assert refused(lambda: database.transact(fails)) == "store_failed"
        assert database.transact(lambda: executions.header("e")) is None

    def test_open_waits_are_listed_until_they_are_over(self, database: Database) -> None:
        way = journey("e", "waits")
        waiting = next(place for place, value in enumerate(way.values) if value.suspensions)
        number = database.transact(lambda: begun(way, "me", waiting + 1))

        open_waits = database.transact(lambda: listing.waits_of("e"), reads=True)
        database.transact(lambda: executions.write(step(way, number, 1, waiting + 1)))

        assert open_waits is not None
        assert [(wait.wait_id, wait.type) for wait in open_waits] == [("asked#0", "webhook")]
        assert database.transact(lambda: listing.waits_of("e")) == []

    def test_what_is_submitted_twice_is_there_once(self, database: Database) -> None:
        for value in (1, 2):
            submission = Submission(workflow_id="w", input=value)
            database.transact(partial(self.submitted, "e", submission))

        claimed = database.transact(lambda: leases.claim("e", "me"))

        assert claimed is not None
        assert (claimed.status, claimed.epoch) == ("pending", 1)
        assert bytes(claimed.submission or b"") == encode(Submission(workflow_id="w", input=1))

    # ── leases ────────────────────────────────────────────────────────────────────────────────────────────────────

    def test_an_execution_has_one_owner_at_a_time(self, database: Database) -> None:
        database.transact(lambda: leases.renew("me", "process", FOREVER))
        database.transact(lambda: begun(journey("e", "waits"), "me"))

        assert database.transact(lambda: leases.claim("e", "you")) is None

    def test_what_a_dead_owner_had_is_free_and_it_is_counted(self, database: Database) -> None:
        database.transact(lambda: leases.renew("me", "process", -FOREVER))
        database.transact(lambda: begun(journey("e", "waits"), "me"))

        claims = [database.transact(lambda: leases.claim_due("you", NOW, 10)) for _ in range(2)]

        assert [(claimed.id, claimed.epoch, claimed.crashes) for claimed in claims[0]] == [("e", 2, 1)]
        assert claims[1] == []
        again = database.transact(lambda: leases.claim("e", "third"))
        assert again is not None
        assert again.crashes == 2

    def test_what_is_given_back_is_due_from_then_on(self, database: Database) -> None:
        database.transact(lambda: leases.renew("me", "process", FOREVER))
        number = database.transact(lambda: begun(journey("e", "waits"), "me"))
        claimed = Claimed("e", number, 1, "running")
        database.transact(lambda: leases.give_back(claimed, "me", NOW, NOW))

        assert database.transact(lambda: leases.claim_due("me", Instant(NOW - 1), 10)) == []
        assert database.transact(leases.next_due) == NOW
        assert [one.id for one in database.transact(lambda: leases.claim_due("me", NOW, 10))] == ["e"]

    def test_nobody_has_what_is_in_quarantine(self, database: Database) -> None:
        number = database.transact(lambda: begun(journey("e", "waits"), "me"))
        database.transact(lambda: leases.quarantine(Claimed("e", number, 1, "running"), "torn"))

        assert database.transact(lambda: leases.claim("e", "you")) is None
        assert database.transact(lambda: leases.release_from_quarantine("e", NOW))
        assert database.transact(lambda: leases.claim("e", "you")) is not None

    # ── letters ───────────────────────────────────────────────────────────────────────────────────────────────────

    def test_a_letter_is_there_once_until_it_is_met(self, database: Database) -> None:
        way = journey("e", "waits")
        number = database.transact(lambda: begun(way, "me"))
        post = partial(inbox.post, "e", "asked 1", ChildEnded("child"), NOW)

        assert [database.transact(post) for _ in range(2)] == [True, False]
        (letter,) = database.transact(lambda: inbox.unread(number))
        assert letter.content == ChildEnded("child")
        database.transact(lambda: executions.write(step(way, number, 1, 1, met=(letter.number,))))
        assert database.transact(lambda: inbox.unread(number)) == []
        assert not database.transact(lambda: inbox.answer("e", "asked 1")).is_open

    def test_a_refusal_waits_for_its_sender(self, database: Database) -> None:
        number = database.transact(lambda: begun(journey("e", "waits"), "me"))
        database.transact(lambda: inbox.post("e", "asked 1", ChildEnded("child"), NOW))
        (letter,) = database.transact(lambda: inbox.unread(number))
        database.transact(lambda: inbox.refuse(letter.number, StorageError("no", code="store_failed")))

        answer = database.transact(lambda: inbox.answer("e", "asked 1"))

        assert answer.refusal is not None
        assert answer.refusal["code"] == "store_failed"
        assert database.transact(lambda: inbox.unread(number)) == []

    def test_a_letter_wakes_whoever_has_no_owner(self, database: Database) -> None:
        number = database.transact(lambda: begun(journey("e", "waits"), "me"))
        database.transact(lambda: leases.give_back(Claimed("e", number, 1, "running"), "me", Instant(NOW + 9), NOW))
        database.transact(lambda: inbox.post("e", "k", ChildEnded("child"), NOW))

        assert [one.id for one in database.transact(lambda: leases.claim_due("you", NOW, 10))] == ["e"]

    def test_what_is_released_with_letters_unread_is_due_at_once(self, database: Database) -> None:
        number = database.transact(lambda: begun(journey("e", "waits"), "me"))
        database.transact(lambda: inbox.post("e", "k", ChildEnded("child"), NOW))
        database.transact(lambda: leases.give_back(Claimed("e", number, 1, "running"), "me", Instant(NOW + 9), NOW))

        assert database.transact(leases.next_due) == NOW

    def test_nobody_writes_to_what_has_ended(self, database: Database) -> None:
        way = journey("e", "short")
        database.transact(lambda: begun(way, "me", len(way.rows)))

        assert not database.transact(lambda: inbox.post("e", "k", ChildEnded("child"), NOW))

    def test_a_child_is_asked_for_and_its_end_is_told(self, database: Database) -> None:
        way, child = journey("e", "waits"), journey("child", "short", "e")
        number = database.transact(lambda: begun(way, "me"))
        start = ChildStart(
            execution_id="child",
            workflow_id="short",
            version=None,
            input=1,
            mode="async",
            parent=Parent("e", "call#0", 0, 1),
            is_one_of_many=False,
        )
        database.transact(lambda: executions.write(step(way, number, 1, 1, starts=(start,))))
        claimed = database.transact(lambda: leases.claim("child", "you"))
        assert claimed is not None

        for place in range(len(child.rows)):
            ends = {"tells_parent": place == len(child.rows) - 1, "begins_claimed": place == 0}
            change = step(child, claimed.number, 1, place, **ends)
            database.transact(partial(executions.write, change))

        assert [letter.content for letter in database.transact(lambda: inbox.unread(number))] == [ChildEnded("child")]

    # ── mutexes ───────────────────────────────────────────────────────────────────────────────────────────────────

    def test_whoever_came_first_has_the_turn(self, database: Database) -> None:
        numbers = [database.transact(partial(begun, journey(name, "waits"), "me")) for name in ("e", "f")]
        run: RunKey = ("n", (), 0)
        turns = [database.transact(partial(mutexes.acquire, "m", number, run)) for number in numbers]

        assert turns == [True, False]
        assert database.transact(lambda: mutexes.acquire("m", numbers[0], run))

    # ── workflows ─────────────────────────────────────────────────────────────────────────────────────────────────

    def test_what_says_the_same_is_the_same_version(self, database: Database) -> None:
        def publish(digest: str, wanted: int = 1) -> int:
            operation = partial(workflows.publish, "w", "name", wanted, digest, lambda v: f"{digest} {v}", NOW)
            version: int = database.transact(operation).version
            return version

        assert [publish("a"), publish("a"), publish("b"), publish("a"), publish("c", 9)] == [1, 1, 2, 3, 9]
        definition = database.transact(lambda: workflows.definition("w", 2))
        assert definition is not None
        assert (definition.digest, definition.text) == ("b", "b 2")
        assert [one.version for one in database.transact(lambda: workflows.versions("w"))] == [1, 2, 3, 9]
        assert database.transact(lambda: workflows.newest_version("nobody")) is None

    # ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def test_lists_are_newest_first_and_go_on_where_they_ended(self, database: Database) -> None:
        for number in range(5):
            database.transact(partial(self.submitted, f"e{number}", Submission(workflow_id="w"), number // 2))

        first = database.transact(lambda: listing.page(Filter(), 3), reads=True)
        place = Place(first[-1].created_at, first[-1].number)
        rest = database.transact(lambda: listing.page(Filter(), 3, place), reads=True)

        assert [header.id for header in (*first, *rest)] == ["e4", "e3", "e2", "e1", "e0"]
        assert database.transact(lambda: listing.count(Filter(statuses=("pending",))), reads=True) == 5

    # ── retention, transfer ───────────────────────────────────────────────────────────────────────────────────────

    def test_what_is_pruned_leaves_what_others_use(self, database: Database) -> None:
        for name in ("e", "f"):
            way = journey(name, "large")
            database.transact(partial(begun, way, "me", len(way.rows) - (name == "f")))
        hashes = {name for row in journey("e", "large").rows for name in split_body(row)[1]}

        old = Old(status="completed")
        chunk = database.transact(lambda: retention.prune(old, BEGINNING, Place(NOW, 0), 10))
        left = database.transact(lambda: executions.read("f"))

        assert (chunk.pruned.executions, chunk.pruned.blobs, chunk.place) == (1, 0, None)
        assert database.transact(lambda: executions.header("e")) is None
        assert left is not None
        assert {bytes(name) for name in left.blobs} == hashes

    def test_what_is_taken_out_can_be_put_in_again(self, database: Database) -> None:
        way = journey("e", "large")
        database.transact(lambda: begun(way, "me", len(way.rows)))
        (parcel,) = database.transact(lambda: transfer.take_out("e"), reads=True)
        old = Old(status="completed")
        database.transact(lambda: retention.prune(old, BEGINNING, Place(NOW, 0), 10))

        database.transact(lambda: transfer.put_in(parcel, (), None))

        assert database.transact(lambda: transfer.take_out("e")) == [parcel]

    # ── helpers ───────────────────────────────────────────────────────────────────────────────────────────────────

    @staticmethod
    def submitted(execution_id: ExecutionId, submission: Submission, at: int = 0) -> Operation[None]:
        """Nobody has begun it."""
        yield executions.submit(execution_id, submission, Instant(NOW + at))

    @staticmethod
    def owner(database: Database, execution_id: ExecutionId) -> str | None:
        """Who drives an execution."""

        def look() -> Operation[str | None]:
            found: str | None = (yield Statement("execution.header", (execution_id,))).rows[0][12]
            return found

        return database.transact(look, reads=True)
