"""Random operations on a real store and on one made of dicts: answers and contents are the same after every step."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest

from prana_py.driver.effects import ChildEnded
from prana_py.errors import StorageError
from prana_py.identifiers import Instant
from prana_py.stores import executions, inbox, leases, listing, mutexes, retention, workflows
from prana_py.stores.executions import Change, Idempotency
from prana_py.stores.listing import Filter, Place
from prana_py.stores.records import Claimed, Submission
from prana_py.stores.retention import BEGINNING, Old
from prana_py.stores.statements import Batch, Operation, Statement
from prana_py.testing.contracts import FOREVER, NOW
from tests.databases import Asked
from tests.stores.oracle import COLUMNS, WAYS, Oracle, Refused

STEPS = 4
"""Operations in a sequence."""

FRESH = 50
"""After so many sequences the store is emptied."""

LONG = bool(os.environ.get("PRANA_LONG_TESTS"))
SEQUENCES = {"sqlite memory": 1_000_000 if LONG else 50_000, "postgresql": 50_000 if LONG else 600}

DUMP = {
    "execution": f"SELECT id, {', '.join(COLUMNS)} FROM execution ORDER BY id".replace(
        "crash_place", "crash_place & 268435455"
    ),
    "journal": """
        SELECT e.id, j.place & 268435455, j.body FROM journal AS j LEFT JOIN execution AS e ON e.number = j.place >> 28
        ORDER BY e.id, j.place
    """,
    "wait": """
        SELECT e.id, w.wait_id, w.kind FROM wait AS w LEFT JOIN execution AS e ON e.number = w.execution
        ORDER BY e.id, w.wait_id
    """,
    "inbox": """
        SELECT e.id, i.dedupe_key, i.payload, i.refusal FROM inbox AS i
        LEFT JOIN execution AS e ON e.number = i.execution ORDER BY e.id, i.dedupe_key
    """,
    "holder": f"SELECT id, until > {NOW} FROM holder ORDER BY id",
    "mutex": """
        SELECT m.name, e.id, m.run FROM mutex AS m LEFT JOIN execution AS e ON e.number = m.execution ORDER BY m.ticket
    """,
    "blob_use": """
        SELECT e.id, u.hash FROM blob_use AS u LEFT JOIN execution AS e ON e.number = u.execution ORDER BY e.id, u.hash
    """,
    "blob": "SELECT hash, body FROM blob ORDER BY hash",
    "workflow": "SELECT id, version, digest FROM workflow ORDER BY id, version",
}
_READ = Batch(tuple(Statement(f"test.{table}") for table in DUMP))
_EMPTY = Batch(tuple(Statement(f"test.empty.{table}") for table in DUMP))


class Real:
    """The same operations on a store, each with what is there afterwards, in one transaction."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        asked.database.learn({f"test.{table}": text for table, text in DUMP.items()})
        asked.database.learn({f"test.empty.{table}": f"DELETE FROM {table}" for table in DUMP})

    def do(self, name: str, arguments: tuple[Any, ...], now: int) -> tuple[Any, dict[str, list[Any]]]:
        operation: Callable[..., Operation[Any]] = getattr(self, name)

        def whole() -> Operation[Any]:
            answer = yield from operation(*arguments, Instant(now))
            return answer, (yield from self.dump())

        try:
            found: tuple[Any, dict[str, list[Any]]] = self.asked.transact(whole)
        except StorageError as error:
            return ("refused", error.code), self.asked.transact(self.dump)
        return found

    def dump(self) -> Operation[dict[str, list[Any]]]:
        found = yield _READ
        dump = {
            table: [tuple(map(_plain, row)) for row in result.rows] for table, result in zip(DUMP, found, strict=True)
        }
        dump["holder"] = [(name, bool(lives)) for name, lives in dump["holder"]]
        dump["mutex"] = [(name, of, msgspec.msgpack.decode(run)[2]) for name, of, run in dump["mutex"]]
        dump["inbox"] = [(*row[:3], row[3] and "told") for row in dump["inbox"]]
        return dump

    def empty(self) -> None:
        def delete() -> Operation[None]:
            yield _EMPTY

        self.asked.transact(delete)

    def _header(self, k: int) -> Operation[Any]:
        return (yield from executions.header(WAYS[k].id))

    def begin(self, k: int, owner: str, key: str | None, now: Instant) -> Operation[Any]:
        idempotency = None if key is None else Idempotency(key, "digest")
        first = Change(number=0, epoch=1, before=None, after=WAYS[k].values[0], rows=WAYS[k].rows[:1], now=now)
        yield from executions.begin(first, owner, idempotency)
        return "begun"

    def submit(self, k: int, now: Instant) -> Operation[Any]:
        value = WAYS[k].values[0]
        submission = Submission(workflow_id=value.workflow_id, parent=value.identity.parent)
        ask = executions.submit(WAYS[k].id, submission, now)
        plain = msgspec.msgpack.encode(Submission(workflow_id=value.workflow_id))
        parameters = [plain if isinstance(given, bytes) else given for given in ask.parameters]
        return bool((yield Statement(ask.name, tuple(parameters))).touched)

    def step(self, k: int, stale: bool, releases: bool, now: Instant) -> Operation[Any]:
        header = yield from self._header(k)
        if header is None or header.is_final or header.quarantine is not None:
            return None
        place = len((yield from executions.rows_at(header.number, 0, 1000)))
        value = WAYS[k].values[place]
        change = Change(
            number=header.number,
            epoch=header.epoch - stale,
            before=WAYS[k].values[place - 1] if place else None,
            after=value,
            begins_claimed=place == 0,
            rows=(WAYS[k].rows[place],),
            tells_parent=value.is_final,
            releases=releases,
            now=now,
        )
        yield from executions.write(change)
        return value.status

    def claim(self, k: int, owner: str, now: Instant) -> Operation[Any]:
        claimed = yield from leases.claim(WAYS[k].id, owner)
        return claimed and _claim(claimed)

    def claim_due(self, owner: str, now: Instant) -> Operation[Any]:
        return sorted(map(_claim, (yield from leases.claim_due(owner, now, 100))))

    def give_back(self, k: int, at: int, now: Instant) -> Operation[Any]:
        header = yield from self._header(k)
        if header is None or header.owner is None:
            return None
        claimed = Claimed(header.id, header.number, header.epoch, header.status)
        yield from leases.give_back(claimed, header.owner, Instant(at), now)
        return "given"

    def quarantine(self, k: int, now: Instant) -> Operation[Any]:
        header = yield from self._header(k)
        if header is None or header.owner is None:
            return None
        yield from leases.quarantine(Claimed(header.id, header.number, header.epoch, header.status), "torn")
        return "put there"

    def free(self, k: int, now: Instant) -> Operation[Any]:
        return (yield from leases.release_from_quarantine(WAYS[k].id, now))

    def renew(self, owner: str, lives: bool, now: Instant) -> Operation[Any]:
        yield from leases.renew(owner, "process", FOREVER if lives else -FOREVER)
        return "said"

    def leave(self, owner: str, now: Instant) -> Operation[Any]:
        yield from leases.leave(owner)
        return "left"

    def next_due(self, now: Instant) -> Operation[Any]:
        return (yield from leases.next_due())

    def post(self, k: int, key: str, now: Instant) -> Operation[Any]:
        return (yield from inbox.post(WAYS[k].id, key, ChildEnded(key), now))

    def _letter(self, k: int, key: str) -> Operation[int | None]:
        rows = (yield Statement("inbox.letter", (WAYS[k].id, key))).rows
        return rows[0][0] if rows else None

    def refuse(self, k: int, key: str, now: Instant) -> Operation[Any]:
        number = yield from self._letter(k, key)
        if number is None:
            return None
        yield from inbox.refuse(number, StorageError("no", code="told"))
        return "refused"

    def answer(self, k: int, key: str, now: Instant) -> Operation[Any]:
        answer = yield from inbox.answer(WAYS[k].id, key)
        return answer.is_open, answer.refusal and answer.refusal["code"]

    def tear_up(self, k: int, key: str, now: Instant) -> Operation[Any]:
        number = yield from self._letter(k, key)
        if number is None:
            return False
        yield from inbox.tear_up(number)
        return True

    def acquire(self, k: int, run: int, now: Instant) -> Operation[Any]:
        header = yield from self._header(k)
        return None if header is None else (yield from mutexes.acquire("m", header.number, ("n", (), run)))

    def publish(self, name: str, digest: str, now: Instant) -> Operation[Any]:
        return (yield from workflows.publish(name, name, 1, digest, str, now)).version

    def page(self, wanted: dict[str, Any], limit: int, now: Instant) -> Operation[Any]:
        """A page, and the one behind it."""
        found = yield from listing.page(Filter(**wanted), limit)
        if found:
            found += yield from listing.page(Filter(**wanted), limit, Place(found[-1].created_at, found[-1].number))
        return [header.id for header in found]

    def number(self, wanted: dict[str, Any], now: Instant) -> Operation[Any]:
        return (yield from listing.count(Filter(**wanted)))

    def read(self, k: int, now: Instant) -> Operation[Any]:
        stored = yield from executions.read(WAYS[k].id)
        return stored and ([bytes(body) for body in stored.bodies], sorted(map(bytes, stored.blobs)))

    def waits(self, k: int, now: Instant) -> Operation[Any]:
        waits = yield from listing.waits_of(WAYS[k].id)
        return None if waits is None else sorted((wait.wait_id, wait.type) for wait in waits)

    def prune(self, status: str, before: int, now: Instant) -> Operation[Any]:
        old = Old(status=status, ended_before=Instant(before))
        pruned = (yield from retention.prune(old, BEGINNING, Place(listing.END_OF_TIME, 0), 100)).pruned
        return pruned.executions, pruned.rows, pruned.blobs


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def _claim(claimed: Claimed) -> Any:
    submission = None if claimed.submission is None else bytes(claimed.submission)
    return claimed.id, claimed.epoch, claimed.status, claimed.crashes, claimed.workflow_version, submission


# ── what is done ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _some_filter(random: Random) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    if random.random() < 0.3:
        wanted["workflow_id"] = random.choice(["waits", "large", "nobody's"])
    if random.random() < 0.5:
        wanted["statuses"] = tuple(random.sample(listing.STATUSES, random.randint(1, 3)))
    if random.random() < 0.2:
        wanted["parent_id"] = "e0"
    if random.random() < 0.3:
        wanted["trigger_type"] = random.choice(["manual", "workflow"])
    if random.random() < 0.3:
        wanted["quarantined"] = random.random() < 0.5
    if random.random() < 0.2:
        wanted["since"] = WAYS[0].values[0].last_at + random.randint(0, 1)
    if random.random() < 0.2:
        wanted["before"] = NOW + random.randint(0, 20)
    return wanted


def _execution(random: Random, now: int) -> int:
    return random.randrange(len(WAYS))


def _owner(random: Random, now: int) -> str:
    return random.choice(["me", "you"])


def _key(random: Random, now: int) -> str:
    return random.choice(["asked 1", "other"])


def _chance(of: float) -> Callable[[Random, int], bool]:
    return lambda random, now: random.random() < of


OPERATIONS: dict[str, tuple[int, tuple[Callable[[Random, int], Any], ...]]] = {
    "begin": (4, (_execution, _owner, lambda random, now: random.choice([None, None, "k"]))),
    "submit": (2, (_execution,)),
    "step": (16, (_execution, _chance(0.1), _chance(0.3))),
    "claim": (3, (_execution, _owner)),
    "claim_due": (3, (_owner,)),
    "give_back": (3, (_execution, lambda random, now: now + random.randint(-5, 5))),
    "quarantine": (1, (_execution,)),
    "free": (1, (_execution,)),
    "renew": (1, (_owner, _chance(0.7))),
    "leave": (1, (_owner,)),
    "next_due": (1, ()),
    "post": (3, (_execution, _key)),
    "refuse": (1, (_execution, _key)),
    "answer": (1, (_execution, _key)),
    "tear_up": (1, (_execution, _key)),
    "acquire": (1, (_execution, lambda random, now: random.randrange(2))),
    "publish": (1, (lambda random, now: random.choice("vw"), lambda random, now: random.choice("ab"))),
    "page": (1, (lambda random, now: _some_filter(random), lambda random, now: random.randint(1, 3))),
    "number": (1, (lambda random, now: _some_filter(random),)),
    "read": (1, (_execution,)),
    "waits": (2, (_execution,)),
    "prune": (1, (lambda random, now: random.choice(["completed", "failed"]), lambda r, now: r.choice([0, 1 << 62]))),
}
"""How often each comes up, and what it is done with: mostly what makes sense."""

_KINDS = list(OPERATIONS)
_WEIGHTS = [weight for weight, _ in OPERATIONS.values()]


def some_operation(random: Random, now: int) -> tuple[str, tuple[Any, ...]]:
    """One of all kinds."""
    name = random.choices(_KINDS, _WEIGHTS)[0]
    return name, tuple(argument(random, now) for argument in OPERATIONS[name][1])


DOES_NOTHING: tuple[Any, ...] = (None, False, [], (0, 0, 0), (False, None), 0)


def agree(real: Real, oracle: Oracle, random: Random, now: int, succeeded: Counter[str], said: str) -> None:
    name, arguments = some_operation(random, now)
    answer, contents = real.do(name, arguments, now)
    try:
        expected = getattr(oracle, name)(*arguments, now)
        succeeded[name] += expected not in DOES_NOTHING
    except Refused as refused:
        expected = ("refused", str(refused))
        succeeded[f"{name}: {refused}"] += 1
    assert answer == expected, f"{said}: {name}{arguments}"
    assert contents == oracle.dump(), f"{said}: {name}{arguments}"


@pytest.mark.parametrize("any_database", SEQUENCES, indirect=True, ids=str)
def test_a_store_is_what_a_dict_would_be(any_database, request, capsys):
    count = next(SEQUENCES[kind] for kind in SEQUENCES if f"[{kind}]" in request.node.name)
    real, oracle = Real(any_database), Oracle()
    succeeded: Counter[str] = Counter()
    for seed in range(count):
        if seed % FRESH == 0:
            real.empty()
            oracle = Oracle()
        random = Random(seed)
        for step in range(STEPS):
            now = NOW + (seed % FRESH) * STEPS + step
            agree(real, oracle, random, now, succeeded, f"sequence {seed} of the {seed // FRESH}th store, step {step}")
    with capsys.disabled():
        done = ", ".join(f"{name} {times:,}" for name, times in sorted(succeeded.items()))
        print(f"\n{count:,} sequences of {STEPS} operations on {any_database.dialect} as on dicts: {done}")
    assert {name for name in (*OPERATIONS, "begin: conflict", "step: fenced") if not succeeded[name]} == set()
