"""How the effects of a drive are met with a store: what is committed, loaded, claimed and left for others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import partial
from threading import get_ident
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from prana_py.builtin_nodes.pure import PURE
from prana_py.driver.drive import DrainedError
from prana_py.driver.effects import (
    AcquireMutex,
    Adopt,
    Barrier,
    ChildStart,
    Claim,
    Commit,
    Deliver,
    ErrorStart,
    Keep,
    Letter,
    Load,
    LoadGraph,
    Notify,
    Refused,
    Transact,
)
from prana_py.driver.global_mutexes import give_up_turns
from prana_py.driver.invocation import Invocation
from prana_py.driver.program import Program
from prana_py.driver.sub_workflows import children_of
from prana_py.errors import NotFoundError, PranaError, StorageError
from prana_py.execution.execution import Execution
from prana_py.execution.node_execution import NodeExecution, fold_runs
from prana_py.execution.rows import AttemptFailed, Migrated, Row, ScopeClosed, ScopeOpened, Settled, Started
from prana_py.execution.storage import told
from prana_py.execution.transitions import fold
from prana_py.graph.compile import compile_workflow
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.identifiers import ExecutionId, Instant, NodeKey, WorkflowId
from prana_py.model.document import load_workflow
from prana_py.runtimes.base import Runtime
from prana_py.stores import executions, inbox, leases, mutexes, workflows
from prana_py.stores.bodies import joined_rows, split_body
from prana_py.stores.executions import NOBODY, Change, Driver, Idempotency
from prana_py.stores.records import Claimed, Contents, Stored
from prana_py.stores.statements import MakeOperation, Operation

Durability: TypeAlias = Literal["each_node", "batched", "boundaries"]

BATCH: Final = 10
"""Rows that ``batched`` writes at once."""

MOST_WAITING: Final = 1000
"""Rows that ``boundaries`` keeps in memory at most."""

_AWAITED: Final = frozenset({"sync", "async"})
"""Modes of sub-workflows whose parents wait for them."""

TRIES: Final = 3
"""How often a commit of which nobody knows what became is made."""


class Journal(NamedTuple):
    """The rows of an execution, all that are in the store, and the graphs that they are about."""

    rows: list[Row]
    graph: ExecutionGraph
    earlier: tuple[ExecutionGraph, ...] = ()
    """Those of the versions that the execution was moved from."""

    def runs(self) -> list[NodeExecution]:
        """Every run of a node that they tell of."""
        return fold_runs(self.graph, self.rows, self.earlier)

    def execution(self, environment: Mapping[str, Any]) -> Execution:
        """What became of it by all of them."""
        return told(lambda: fold(self.graph, self.rows, environment, self.earlier))


class Held:
    """An execution that this engine drives: its lease, what is in the store, and what is not yet."""

    __slots__ = (
        "by",
        "claimed",
        "contents",
        "is_claimed",
        "is_doubtful",
        "is_due",
        "latest",
        "letters",
        "met",
        "rows",
        "starts",
        "stored",
    )

    def __init__(self, claimed: Claimed, stored: Execution | None, by: object = None) -> None:
        self.claimed = claimed
        self.by = by
        """Which thread or task drives it."""
        self.is_claimed = True
        """The lease is taken, and not only looked at: it is to be taken with the first row."""
        self.is_doubtful = False
        """It is not known whether it has begun, or was taken, in the store."""
        self.contents: Contents | None = None
        """What was read together with the claim."""
        self.stored = stored
        self.latest = stored
        self.is_due = False
        """Some of it must be durable before anybody could see what follows from it."""
        self.rows: list[Row] = []
        self.met: list[int] = []
        self.starts: list[ChildStart | ErrorStart] = []
        self.letters: list[Deliver] = []

    def add(self, commit: Commit) -> None:
        """Remember what is to be written."""
        self.latest = commit.execution
        self.rows.append(commit.row)
        if commit.letter:
            self.met.append(commit.letter)
        if commit.starts:
            self.starts.extend(commit.starts)
        if commit.letters:
            self.letters.extend(commit.letters)

    def written(self) -> None:
        """All of it is in the store."""
        self.is_due = False
        self.stored = self.latest
        self.rows.clear()
        self.met.clear()
        self.starts.clear()
        self.letters.clear()


class Keeper:
    """Meets the effects of drives. One for each engine; the executions it holds are driven by one program each."""

    def __init__(
        self,
        runtime: Runtime,
        holder_id: str,
        durability: Durability = "each_node",
        environment: Mapping[str, Any] | None = None,
        current: Callable[[], object] = get_ident,
    ) -> None:
        self.runtime = runtime
        self.holder_id = holder_id
        self.durability = durability
        self.environment = environment or {}
        self.current = current
        """Which thread or task this is."""
        self.draining: set[object] = set()
        """Threads and tasks that are to stop: what they drive makes no more calls."""
        self.workers = 0
        """How many workers this engine has: they see to whatever executions ask of others."""
        self.held: dict[ExecutionId, Held] = {}
        self.beginnings: dict[tuple[ExecutionId, object], Idempotency] = {}
        """What makes starts that are under way the same as others: by execution, and who begins it."""
        self.inline: dict[ExecutionId, int] = {}
        """Children whose parents are driven by the same program, and will be told by it."""
        self.touched: set[ExecutionId] = set()
        """Executions that were given something to do by what was committed here."""
        self.left_behind: list[Claimed] = []
        """Leases that could not be given back, because the store was not there."""
        self.strays: Set[tuple[ExecutionId, int]] = frozenset()
        """Leases of this engine that nobody here knew of at the last look, with their epochs."""

    def programs(self) -> dict[type, Callable[[Any], Program[Any]]]:
        """By effect: the program that meets it."""
        return {
            Notify: self.notify,
            Adopt: self.adopt,
            Keep: self.keep,
            Load: self.load,
            LoadGraph: self.load_graph,
            Claim: self.claim_child,
            Refused: self.refused,
            Barrier: self.barrier,
            AcquireMutex: self.acquire,
        }

    # ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def commit(self, effect: Commit) -> None:
        """Take a row. It is written before the next call, or whatever else others could see."""
        execution = effect.execution
        held = self.mine(execution.id)
        if held is None or (held.stored is None and not held.rows):
            held = self._beginning(execution, effect.row, held)
        held.add(effect)
        if self._is_to_be_written(held, effect.row):
            held.is_due = True

    def _is_to_be_written(self, held: Held, row: Row) -> bool:
        """Whether it must be durable before anything that others could see follows from it."""
        if self.durability == "each_node" or not _is_ordinary(row):
            return True
        return len(held.rows) >= (BATCH if self.durability == "batched" else MOST_WAITING)

    def due(self, execution_id: ExecutionId, invocations: Sequence[Invocation]) -> Held | None:
        """The execution, if something of it must be durable before these calls are made."""
        held = self.mine(execution_id)
        if held is not None and self._stops(held):
            return held
        if held is None or not held.is_due:
            return None
        if invocations and all(call.node_type in PURE for call in invocations) and len(held.rows) < MOST_WAITING:
            return None
        return held

    def flush(self, held: Held) -> Program[None]:
        """Make durable what is to be before a call; and stop here, if this thread is to stop."""
        yield from self.write(held)
        if self._stops(held):
            raise DrainedError(held.claimed.id)

    def _stops(self, held: Held) -> bool:
        """Its next call is not to be made. Where several go on at once, whoever drives sees to it by himself."""
        return bool(self.draining) and held.by in self.draining and self.runtime.max_concurrency == 1

    def drains(self) -> bool:
        """This thread, or task, is to drive no further."""
        return bool(self.draining) and self.current() in self.draining

    def notify(self, effect: Notify) -> Program[None]:
        """What observers are told of is durable."""
        for event in effect.events:
            held = self.held.get(event.execution_id)
            if held is not None and held.is_due:
                yield from self.write(held)
            self.runtime.tell(event)

    def _beginning(self, execution: Execution, row: Row, held: Held | None) -> Held:
        """An execution that begins here, by its first row."""
        if not isinstance(row, Started):
            raise _not_held(execution.id)
        if held is None:
            if execution.id in self.held:
                raise _begun_here(execution.id)
            held = self.held[execution.id] = Held(Claimed(execution.id, 0, 1, execution.status), None, self.current())
            if execution.identity.parent is not None and execution.execution_mode == "sync":
                self._see_to(execution.id, execution.identity.parent.execution_id)
        return held

    def _see_to(self, child_id: ExecutionId, parent_id: ExecutionId) -> None:
        """The program that drives a parent drives its child, too, for as long as it has the parent's lease."""
        parent = self.held.get(parent_id)
        self.inline[child_id] = -1 if parent is None else parent.claimed.epoch

    def adopt(self, effect: Adopt) -> Program[None]:
        """An execution that has a past when it begins."""
        execution = effect.execution
        held = self.held[execution.id] = Held(Claimed(execution.id, 0, 1, execution.status), None, self.current())
        held.latest = execution
        held.rows.extend(execution.history())
        held.starts.extend(
            start
            for suspension in execution.suspensions.values()
            for start in children_of(execution, suspension)
            if start.mode != "sync"
        )
        yield from self.write(held)

    def write(self, held: Held, *, releases: bool = False) -> Program[None]:
        """Make durable what is not yet; and give the lease back, if nothing more will come."""
        if len(held.rows) == 1 and not releases and (yield from self._alone(held)):
            return
        change = self._change(held, releases)
        if change is None:
            return
        for left in reversed(range(TRIES)):
            try:
                yield from self._written(held, change)
                break
            except StorageError as error:
                if error.code == "fenced":
                    raise _lost(change) from error
                if error.code not in ("conflict", "commit_unknown"):
                    raise
                held.is_doubtful = error.code == "commit_unknown" and not (change.number and held.is_claimed)
                if change.rows and (yield from self._has_landed(held, change)):
                    break
                if error.code == "conflict" and change.number:
                    raise _lost(change) from error
                if error.code == "conflict" or not left:
                    raise
        held.is_claimed = True
        self._remember_touched(change)
        held.written()

    def _alone(self, held: Held) -> Program[bool]:
        """Write the only row, if nothing goes with it. What goes wrong is left to the general way, to try again."""
        before, after, claimed = held.stored, held.latest, held.claimed
        if before is None or after is None or not (claimed.number and held.is_claimed):
            return False
        if held.met or held.starts or held.letters:
            return False
        if after.status != before.status or after.suspensions is not before.suspensions:
            return False
        if after.is_final or after.execution_graph.has_global_mutex or type(held.rows[0]) is Migrated:
            return False
        row = executions.only_row(claimed.number, claimed.epoch, before.position, held.rows[0])
        if row is None:
            return False
        try:
            yield Transact(row, single=True)
        except StorageError as error:
            if error.code in ("fenced", "conflict", "commit_unknown"):
                return False
            raise
        held.written()
        return True

    def _written(self, held: Held, change: Change) -> Program[None]:
        if change.number:
            next_ones = yield self._transact(held, change)
            if next_ones and not self.workers:
                self.touched.update(next_ones)
            return
        idempotency = self.beginnings.get((change.after.id, held.by))
        number = yield Transact(lambda: executions.begin(change, self.holder_id, idempotency))
        held.claimed = held.claimed._replace(number=number)

    def _remember_touched(self, change: Change) -> None:
        """Whom this has given something to do – unless there are workers, who see it by themselves."""
        if self.workers:
            return
        self.touched.update(start.execution_id for start in change.starts if not getattr(start, "delay_ns", 0))
        self.touched.update(letter.execution_id for letter in change.letters)
        parent = change.after.identity.parent
        if change.tells_parent and parent is not None and change.after.id not in self.inline:
            self.touched.add(parent.execution_id)

    def _change(self, held: Held, releases: bool) -> Change | None:
        latest = held.latest
        if latest is None or not (held.rows or (releases and not latest.is_final)):
            return None
        is_end = latest.is_final and bool(held.rows)
        return Change(
            number=held.claimed.number,
            epoch=held.claimed.epoch,
            before=held.stored,
            after=latest,
            begins_claimed=held.stored is None and held.claimed.number > 0,
            rows=tuple(held.rows),
            met=tuple(held.met),
            starts=tuple(held.starts),
            letters=tuple(held.letters),
            tells_parent=is_end and _is_awaited(latest),
            unless_driven_by=self._driver_of_parent(latest) if is_end else NOBODY,
            claims=not held.is_claimed,
            releases=releases,
            now=self.runtime.clock.now(),
        )

    def _driver_of_parent(self, execution: Execution) -> Driver:
        """Who need not be told of its end, because the same program drives both."""
        epoch = self.inline.get(execution.id)
        return NOBODY if epoch is None else (self.holder_id, epoch)

    def _transact(self, held: Held, change: Change) -> Transact:
        if not held.is_claimed:
            return Transact(lambda: _claim_and_write(held.claimed, self.holder_id, change))
        if not change.after.execution_graph.has_global_mutex:
            return Transact(lambda: executions.write(change), single=True)
        return Transact(lambda: _write_and_give_up(change))

    def _has_landed(self, held: Held, change: Change) -> Program[bool]:
        """The rows are in the store, as they were to be written: it was this change that did it."""
        number = change.number
        if not number:
            header = yield Transact(lambda: executions.header(change.after.id), reads=True)
            if header is None or (header.owner, header.epoch) != (self.holder_id, change.epoch):
                return False
            number = header.number
        first = change.after.position - len(change.rows)
        wanted = [split_body(row)[0] for row in change.rows]
        found = yield Transact(lambda: executions.rows_at(number, first, len(wanted)), reads=True)
        if [bytes(body) for body in found] != wanted:
            return False
        held.claimed = held.claimed._replace(number=number)
        return True

    def barrier(self, effect: Barrier) -> Program[None]:
        """Whatever waits to be written is written now."""
        held = self.mine(effect.execution_id)
        if held is not None:
            yield from self.write(held)

    def keep(self, effect: Keep) -> Program[None]:
        """A drive is over: what is not written yet is, and the lease is given back."""
        yield from self.release(effect.execution.id)

    def release(self, execution_id: ExecutionId) -> Program[None]:
        """Write what is left, and let others have it."""
        held = self.mine(execution_id)
        if held is not None:
            if held.rows or held.is_claimed:
                yield from self.write(held, releases=True)
            self.forget(held)

    def children_held(self, execution_id: ExecutionId) -> list[Held]:
        """The children that the program which drives their parent drives too."""
        return [
            held
            for key in tuple(self.inline)
            if (held := self.held.get(key)) is not None
            and held.latest is not None
            and held.latest.parent_execution_id == execution_id
        ]

    def mine(self, execution_id: ExecutionId) -> Held | None:
        """What this thread, or task, drives.

        One whose lease was lost, or left, may not touch what another thread of this engine has taken up since.
        """
        held = self.held.get(execution_id)
        return held if held is not None and held.by == self.current() else None

    def forget(self, held: Held) -> None:
        """It is somebody else's now, or nobody's."""
        if self.held.get(held.claimed.id) is held:
            del self.held[held.claimed.id]
            self.inline.pop(held.claimed.id, None)

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────

    def load(self, effect: Load) -> Program[Execution | None]:
        """An execution from the store; one that has not begun yet is none."""
        held = self.mine(effect.execution_id)
        if held is not None and held.latest is not None:
            return held.latest
        return (yield from self.stored(effect.execution_id))

    def stored(self, execution_id: ExecutionId, upto: int | None = None) -> Program[Execution | None]:
        """An execution as it is in the store; with ``upto``, as it was when its journal had so many rows."""
        journal = yield from self.journal(execution_id, upto)
        return None if journal is None else journal.execution(self.environment)

    def journal(self, execution_id: ExecutionId, upto: int | None = None) -> Program[Journal | None]:
        """The rows of an execution, with its graph; one that has not begun has none."""
        stored: Stored | None = yield Transact(lambda: executions.read(execution_id), reads=True)
        if stored is None or not stored.bodies:
            return None
        bodies = stored.bodies if upto is None else stored.bodies[: max(upto, 1)]
        return (yield from self._journal(execution_id, bodies, stored.blobs))

    def _journal(self, execution_id: ExecutionId, bodies: list[bytes], blobs: dict[bytes, bytes]) -> Program[Journal]:
        rows = joined_rows(bodies, blobs)
        first = rows[0] if rows else None
        if not isinstance(first, Started):
            raise StorageError(
                f"the journal of execution {execution_id!r} does not begin with its start", code="journal_invalid"
            )
        versions = [first.workflow_version, *(row.workflow_version for row in rows if isinstance(row, Migrated))]
        graphs: tuple[ExecutionGraph, ...] = ()
        for version in versions:
            graphs = (*graphs, (yield from self.graph(first.workflow_id, version, first.trigger)))
        return Journal(rows, graphs[-1], graphs[:-1])

    def load_graph(self, effect: LoadGraph) -> Program[ExecutionGraph]:
        """The graph of a published workflow, or of one that the runtime was given."""
        return (yield from self.graph(effect.workflow_id, effect.version, None))

    def graph(self, workflow_id: WorkflowId, version: int | None, trigger: NodeKey | None) -> Program[ExecutionGraph]:
        """The graph of one version of a workflow, the newest unless one is named: compiled once, and then found."""
        if version is None:
            version = yield Transact(lambda: workflows.newest_version(workflow_id), reads=True, single=True)
        if version is None:
            raise _no_workflow(workflow_id, None)
        cache = self.runtime.graph_cache
        key = f"{version}/{trigger or ''}"
        known = cache.find(workflow_id, key)
        if known is not None:
            return known
        found = yield Transact(lambda: workflows.definition(workflow_id, version), reads=True)
        if found is None:
            raise _no_workflow(workflow_id, version)
        workflow = load_workflow(found.text)
        graph = cache.made(
            workflow_id,
            key,
            lambda: compile_workflow(workflow, cache.nodes, trigger=trigger, policies=cache.policies),
        )
        if trigger is None:
            cache.made(workflow_id, f"{version}/{graph.trigger_node_key}", lambda: graph)
        return graph

    # ── others ────────────────────────────────────────────────────────────────────────────────────────────────────

    def claim(self, execution_id: ExecutionId) -> Program[Claimed | None]:
        """Take the lease, if it is free."""
        if execution_id in self.held:
            return None
        taken: tuple[Claimed, Contents] | None = yield from self._claiming(
            lambda: leases.claim_and_read(execution_id, self.holder_id), lambda taken: taken and taken[:1]
        )
        if taken is None:
            return None
        if execution_id in self.held:  # another thread has begun it in the meantime, or thinks so
            self.left_behind.append(taken[0])
            yield from self.settle_up()
            return None
        self.hold(*taken)
        return taken[0]

    def look(self, execution_id: ExecutionId) -> Program[Held | None]:
        """An execution that may be driven here, whose lease is taken together with its next row."""
        found = yield Transact(lambda: leases.look(execution_id), reads=True, single=True)
        if found is None:
            return None
        held = Held(found[0], None, self.current())
        held.is_claimed = False
        held.contents = found[1]
        return held if self.held.setdefault(execution_id, held) is held else None

    def claim_due(self, now: Instant, limit: int, crashes_below: int) -> Program[list[Claimed]]:
        """Take leases of what is to be driven."""
        claims = yield from self._claiming(
            lambda: leases.claim_due(self.holder_id, now, limit, crashes_below), lambda claims: claims
        )
        mine = []
        for claimed in claims:
            if claimed.id in self.held:  # the lease was lost and found here; whoever drives it learns so first
                self.left_behind.append(claimed)
            else:
                self.hold(claimed)
                mine.append(claimed)
        yield from self.settle_up()
        return mine

    def _claiming(self, make: MakeOperation[Any], claims_in: Callable[[Any], Iterable[Claimed] | None]) -> Program[Any]:
        """Take leases. Where it is not known whether they were taken, they are given back with the next claim."""
        yield from self.settle_up()
        tried: list[Claimed] = []

        def noting() -> Operation[Any]:
            tried.clear()
            taken = yield from make()
            tried.extend(claims_in(taken) or ())
            return taken

        try:
            return (yield Transact(noting))
        except StorageError:
            self.left_behind.extend(tried)
            raise

    def settle_up(self) -> Program[None]:
        """Give back the leases that could not be given back before, if the store is there again."""
        while self.left_behind:
            claimed = self.left_behind.pop()
            now = self.runtime.clock.now()
            try:
                yield Transact(partial(leases.give_back, claimed, self.holder_id, now, now))
            except StorageError:
                self.left_behind.append(claimed)
                return

    def give_back_strays(self) -> Program[None]:
        """Give back leases that this engine keeps alive, and nobody here knows of: whoever took them was broken off.

        One that is just being taken is not known yet either, so only those go that were strays before.
        """
        mine: list[Claimed] = yield Transact(lambda: leases.owned(self.holder_id), reads=True)
        strays = {(claimed.id, claimed.epoch): claimed for claimed in mine if claimed.id not in self.held}
        self.left_behind.extend(claimed for key, claimed in strays.items() if key in self.strays)
        self.strays = strays.keys() - self.strays
        yield from self.settle_up()

    def hold(self, claimed: Claimed, contents: Contents | None = None) -> None:
        """A lease was taken: this thread, or task, drives, until another one takes it over."""
        held = self.held[claimed.id] = Held(claimed, None, self.current())
        held.contents = contents

    def take_up(self, claimed: Claimed) -> Program[tuple[Execution, list[Letter]]]:
        """An execution whose lease was taken, and the letters to it."""
        held = self.held[claimed.id]
        contents = held.contents or (yield Transact(lambda: leases.contents(claimed.number), reads=True))
        held.contents = None
        journal = yield from self._journal(claimed.id, contents.bodies, contents.blobs)
        execution = journal.execution(self.environment)
        held.stored = held.latest = execution
        return execution, contents.letters

    def take_over(self, claimed: Claimed) -> None:
        """From here on this thread, or task, drives what another one has claimed."""
        self.held[claimed.id].by = self.current()

    def claim_child(self, effect: Claim) -> Program[bool]:
        """Take the lease of a child that the program which drives its parent goes on with."""
        claimed = yield from self.claim(effect.execution_id)
        if claimed is None:
            return False
        try:
            execution, _ = yield from self.take_up(claimed)
        except PranaError:
            self.forget(self.held[claimed.id])
            self.left_behind.append(claimed)
            raise
        if execution.parent_execution_id is not None:
            self._see_to(claimed.id, execution.parent_execution_id)
        return True

    def refused(self, effect: Refused) -> Program[None]:
        """A letter was read, and nothing came of it. What made it vain is durable before its sender hears of that."""
        for held in list(self.held.values()):
            if held.by == self.current() and (held.is_due or not held.is_claimed):
                yield from self._written_and_claimed(held)
        yield Transact(lambda: inbox.refuse(effect.number, effect.error))

    def _written_and_claimed(self, held: Held) -> Program[None]:
        """Whatever waits to be written is, and the lease is taken, also if nothing waits."""
        yield from self.write(held)
        if not held.is_claimed:
            yield Transact(lambda: leases.claim_as(held.claimed, self.holder_id))
            held.is_claimed = True

    def acquire(self, effect: AcquireMutex) -> Program[bool]:
        """Whether it is a run's turn at a mutex of all executions."""
        held = self.mine(effect.execution_id)
        if held is None:
            raise _not_held(effect.execution_id)
        yield from self._written_and_claimed(held)
        claimed = held.claimed
        turn: bool = yield Transact(lambda: mutexes.acquire(effect.name, claimed.number, effect.key, claimed.epoch))
        return turn


def _claim_and_write(claimed: Claimed, holder_id: str, change: Change) -> Operation[list[ExecutionId]]:
    """Take the lease, and write what would have been in vain without it."""
    yield from leases.claim_as(claimed, holder_id, None if change.after.is_final else change.after.status)
    return (yield from _write_and_give_up(change))


def _write_and_give_up(change: Change) -> Operation[list[ExecutionId]]:
    """Write, and tell those whose turn it is now at what has become free."""
    yield from executions.write(change)
    if not change.after.execution_graph.has_global_mutex:
        return []
    return (yield from mutexes.give_up(change.number, give_up_turns(change.after), change.now))


def _is_awaited(execution: Execution) -> bool:
    """A parent waits for it."""
    identity = execution.identity
    return identity.parent is not None and identity.origin is None and identity.execution_mode in _AWAITED


def _is_ordinary(row: Row) -> bool:
    """A row that may be lost, because whatever led to it can be done again."""
    if type(row) is AttemptFailed:
        return row.suspension is None
    return type(row) in (Settled, ScopeOpened, ScopeClosed)


def _not_held(execution_id: ExecutionId) -> StorageError:
    return StorageError(
        f"execution {execution_id!r} is not held here any more, so it may not be written",
        code="lease_lost",
        execution_id=execution_id,
    )


def _begun_here(execution_id: ExecutionId) -> StorageError:
    return StorageError(
        f"execution {execution_id!r} is begun by another thread of this engine just now; look for it a little later",
        code="execution_busy",
        execution_id=execution_id,
    )


def _lost(change: Change) -> StorageError:
    return StorageError(
        f"execution {change.after.id!r} is driven by somebody else now: the lease of this engine was taken over; "
        "what this one did since is not kept, and will be done there",
        code="lease_lost",
        execution_id=change.after.id,
    )


def _no_workflow(workflow_id: WorkflowId, version: int | None) -> NotFoundError:
    which = "" if version is None else f" version {version} of"
    return NotFoundError(
        f"there is no{which} workflow {workflow_id!r} in this store; publish it first",
        code="workflow_not_found",
        workflow_id=workflow_id,
        version=version,
    )
