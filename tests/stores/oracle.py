"""A store made of dicts: what each operation answers, and what is there afterwards, said as plainly as can be."""

from __future__ import annotations

from typing import Any

from prana_py.driver.effects import ChildEnded
from prana_py.stores.bodies import split_body
from prana_py.stores.executions import wait_columns
from prana_py.stores.records import Submission, encode
from prana_py.testing.journeys import journey

FINAL = ("completed", "failed", "cancelled")
LIVE = ("pending", "running", "suspended")

WAYS = (
    journey("e0", "waits"),
    journey("e1", "large"),
    journey("e2", "short"),
    journey("e3", "short", "e0"),
    journey("e4", "large", "e0"),
)

SUBMISSIONS = tuple(encode(Submission(workflow_id=way.values[0].workflow_id)) for way in WAYS)


class Refused(Exception):
    """The store says no, and nothing has changed."""


class Oracle:
    """The plain store."""

    def __init__(self) -> None:
        self.executions: dict[str, dict[str, Any]] = {}
        self.letters: dict[tuple[str, str], list[Any]] = {}
        self.holders: dict[str, bool] = {}
        self.turns: list[tuple[str, str, int]] = []
        self.blobs: dict[bytes, bytes] = {}
        self.workflows: dict[str, list[tuple[int, str]]] = {}
        self.count = 0

    def dump(self) -> dict[str, list[Any]]:
        """All there is."""
        everything = sorted(self.executions.items())
        return {
            "execution": [(name, *(e[column] for column in COLUMNS)) for name, e in everything],
            "journal": [(name, place, body) for name, e in everything for place, body in enumerate(e["rows"])],
            "wait": [(name, *wait) for name, e in everything for wait in sorted(e["waits"].items())],
            "inbox": [(*place, *letter) for place, letter in sorted(self.letters.items())],
            "holder": sorted(self.holders.items()),
            "mutex": [*self.turns],
            "blob_use": [(name, used) for name, e in everything for used in sorted(e["blobs"])],
            "blob": sorted(self.blobs.items()),
            "workflow": [(name, *version) for name, versions in sorted(self.workflows.items()) for version in versions],
        }

    # ── executions ────────────────────────────────────────────────────────────────────────────────────────────────

    def _new(self, k: int, **columns: Any) -> dict[str, Any]:
        way, self.count = WAYS[k], self.count + 1
        parent = way.values[0].identity.parent
        new = dict.fromkeys(COLUMNS) | {
            "workflow_id": way.values[0].workflow_id,
            "parent_id": parent and parent.execution_id,
            "parent_wait": parent and parent.wait_id,
            "epoch": 0,
            "crashes": 0,
            "rows": [],
            "waits": {},
            "blobs": set(),
            "order": self.count,
        }
        self.executions[way.id] = new | columns
        return self.executions[way.id]

    def begin(self, k: int, owner: str, key: str | None, now: int) -> Any:
        first = WAYS[k].values[0]
        same_key = [e for e in self.executions.values() if key and e["idempotency_key"] == key]
        if WAYS[k].id in self.executions or any(e["workflow_id"] == first.workflow_id for e in same_key):
            raise Refused("conflict")
        new = self._new(
            k,
            status=first.status,
            created_at=first.last_at,
            trigger_type=first.trigger_type,
            owner=owner,
            epoch=1,
            idempotency_key=key,
            workflow_version=first.workflow_version,
        )
        self._append(k, new)
        return "begun"

    def submit(self, k: int, now: int) -> Any:
        if WAYS[k].id in self.executions:
            return False
        self._new(k, status="pending", created_at=now, trigger_type="manual", submission=SUBMISSIONS[k], wake_at=now)
        return True

    def _append(self, k: int, e: dict[str, Any]) -> None:
        place = len(e["rows"])
        body, apart = split_body(WAYS[k].rows[place])
        e["rows"].append(body)
        e["blobs"] |= set(apart)
        self.blobs |= apart
        suspensions = WAYS[k].values[place].suspensions
        e["waits"] = {name: wait_columns(wait)[0] for name, wait in suspensions.items()}

    def step(self, k: int, stale: bool, releases: bool, now: int) -> Any:
        e = self.executions.get(WAYS[k].id)
        if e is None or e["status"] in FINAL or e["quarantine"]:
            return None
        if stale:
            raise Refused("fenced")
        self._append(k, e)
        value = WAYS[k].values[len(e["rows"]) - 1]
        e |= {"status": value.status, "workflow_version": value.workflow_version, "submission": None}
        if value.is_final:
            e |= {"ended_at": value.last_at, "owner": None, "wake_at": None}
            if value.identity.parent is not None:
                self._tell_end(WAYS[k].id, e, now)
        elif releases:
            self._release(WAYS[k].id, e, None, now)
        return value.status

    def _tell_end(self, name: str, e: dict[str, Any], now: int) -> None:
        parent = self.executions.get(e["parent_id"])
        if parent is None or parent["status"] in FINAL:
            return
        siblings = [s for s in self.executions.values() if s["parent_id"] == e["parent_id"]]
        key = f"end of {name}"
        if not any(s["status"] in LIVE for s in siblings if s["parent_wait"] == e["parent_wait"]):
            self.letters.setdefault((e["parent_id"], key), [encode(ChildEnded(name)), None])
        if (e["parent_id"], key) in self.letters:
            self._wake(parent, now)

    def _wake(self, e: dict[str, Any], now: int) -> None:
        if e["status"] not in FINAL and (e["wake_at"] is None or e["wake_at"] > now):
            e["wake_at"] = now

    # ── leases ────────────────────────────────────────────────────────────────────────────────────────────────────

    def claim(self, k: int, owner: str, now: int) -> Any:
        return self._claim(WAYS[k].id, owner)

    def _claim(self, name: str, owner: str) -> Any:
        e = self.executions.get(name)
        if e is None or e["quarantine"] or e["status"] in FINAL or self.holders.get(e["owner"]):
            return None
        if e["owner"] is not None:
            place = len(e["rows"]) - 1 if e["rows"] else None
            e["crashes"] = e["crashes"] + 1 if e["crash_place"] == place else 1
            e["crash_place"] = place
        e |= {"owner": owner, "epoch": e["epoch"] + 1, "wake_at": None}
        return name, e["epoch"], e["status"], e["crashes"], e["workflow_version"], e["submission"]

    def claim_due(self, owner: str, now: int) -> Any:
        due = [
            name
            for name, e in self.executions.items()
            if not e["quarantine"]
            and (
                (e["owner"] is None and e["wake_at"] is not None and e["wake_at"] <= now)
                or (e["owner"] is not None and e["owner"] != owner and not self.holders.get(e["owner"]))
            )
        ]
        return sorted(self._claim(name, owner) for name in due)

    def give_back(self, k: int, at: int, now: int) -> Any:
        e = self.executions.get(WAYS[k].id)
        if e is None or e["owner"] is None:
            return None
        self._release(WAYS[k].id, e, at, now)
        return "given"

    def _release(self, name: str, e: dict[str, Any], at: int | None, now: int) -> None:
        has_letters = any(to == name and letter[1] is None for (to, _), letter in self.letters.items())
        e |= {"owner": None, "wake_at": now if has_letters else at}

    def quarantine(self, k: int, now: int) -> Any:
        e = self.executions.get(WAYS[k].id)
        if e is None or e["owner"] is None:
            return None
        e |= {"owner": None, "wake_at": None, "quarantine": "torn", "epoch": e["epoch"] + 1}
        return "put there"

    def free(self, k: int, now: int) -> Any:
        e = self.executions.get(WAYS[k].id)
        if e is None or not e["quarantine"]:
            return False
        e |= {"quarantine": None, "crashes": 0, "crash_place": None, "wake_at": now}
        return True

    def renew(self, owner: str, lives: bool, now: int) -> Any:
        self.holders[owner] = lives
        return "said"

    def leave(self, owner: str, now: int) -> Any:
        self.holders.pop(owner, None)
        return "left"

    def next_due(self, now: int) -> Any:
        free = [e for e in self.executions.values() if e["owner"] is None and not e["quarantine"]]
        return min((e["wake_at"] for e in free if e["wake_at"] is not None), default=None)

    # ── letters, mutexes ──────────────────────────────────────────────────────────────────────────────────────────

    def post(self, k: int, key: str, now: int) -> Any:
        name = WAYS[k].id
        e = self.executions.get(name)
        if e is None or e["status"] in FINAL:
            return False
        is_new = (name, key) not in self.letters
        self.letters.setdefault((name, key), [encode(ChildEnded(key)), None])
        self._wake(e, now)
        return is_new

    def refuse(self, k: int, key: str, now: int) -> Any:
        letter = self.letters.get((WAYS[k].id, key))
        if letter is None:
            return None
        if key.startswith("asked "):
            letter[1] = "told"
        else:
            del self.letters[WAYS[k].id, key]
        return "refused"

    def answer(self, k: int, key: str, now: int) -> Any:
        letter = self.letters.get((WAYS[k].id, key))
        return (letter is not None and letter[1] is None), letter and letter[1]

    def tear_up(self, k: int, key: str, now: int) -> Any:
        return self.letters.pop((WAYS[k].id, key), None) is not None

    def acquire(self, k: int, run: int, now: int) -> Any:
        name = WAYS[k].id
        if name not in self.executions:
            return None
        if ("m", name, run) not in self.turns:
            self.turns.append(("m", name, run))
        return self.turns[0] == ("m", name, run)

    # ── workflows, lists, retention ───────────────────────────────────────────────────────────────────────────────

    def publish(self, name: str, digest: str, now: int) -> Any:
        versions = self.workflows.setdefault(name, [])
        if not versions or versions[-1][1] != digest:
            versions.append((len(versions) + 1, digest))
        return versions[-1][0]

    def page(self, wanted: dict[str, Any], limit: int, now: int) -> Any:
        return [name for name, _ in sorted(self._wanted(wanted), key=_newest_first)][: 2 * limit]

    def number(self, wanted: dict[str, Any], now: int) -> Any:
        return len(self._wanted(wanted))

    def _wanted(self, wanted: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
        return [
            (name, e)
            for name, e in self.executions.items()
            if wanted.get("workflow_id") in (None, e["workflow_id"])
            and (not wanted.get("statuses") or e["status"] in wanted["statuses"])
            and wanted.get("parent_id") in (None, e["parent_id"])
            and wanted.get("trigger_type") in (None, e["trigger_type"])
            and wanted.get("quarantined") in (None, e["quarantine"] is not None)
            and wanted.get("since", 0) <= e["created_at"] < wanted.get("before", 1 << 63)
        ]

    def read(self, k: int, now: int) -> Any:
        e = self.executions.get(WAYS[k].id)
        return None if e is None else (e["rows"], sorted(e["blobs"]))

    def waits(self, k: int, now: int) -> Any:
        e = self.executions.get(WAYS[k].id)
        return None if e is None else sorted(e["waits"].items())

    def prune(self, status: str, before: int, now: int) -> Any:
        gone = [
            name
            for name, e in self.executions.items()
            if e["status"] == status and e["ended_at"] < before and not self._has_live_kin(name, e)
        ]
        rows, unused = 0, set[bytes]()
        for name in gone:
            e = self.executions.pop(name)
            rows, unused = rows + len(e["rows"]), unused | e["blobs"]
            self.letters = {place: letter for place, letter in self.letters.items() if place[0] != name}
            self.turns = [turn for turn in self.turns if turn[1] != name]
        unused -= {used for e in self.executions.values() for used in e["blobs"]}
        for used in unused:
            del self.blobs[used]
        return len(gone), rows, len(unused)

    def _has_live_kin(self, name: str, e: dict[str, Any]) -> bool:
        kin = [other for other in self.executions.values() if other["parent_id"] == name]
        kin += [self.executions[e["parent_id"]]] if e["parent_id"] in self.executions else []
        return any(other["status"] in LIVE for other in kin)


COLUMNS = (
    "workflow_id",
    "workflow_version",
    "status",
    "created_at",
    "ended_at",
    "parent_id",
    "parent_wait",
    "trigger_type",
    "idempotency_key",
    "submission",
    "owner",
    "epoch",
    "wake_at",
    "crashes",
    "crash_place",
    "quarantine",
)


def _newest_first(item: tuple[str, dict[str, Any]]) -> Any:
    return -item[1]["created_at"], -item[1]["order"]
