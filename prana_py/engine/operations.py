"""What an engine can do, each as a program: written once, and performed by both engines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from hashlib import blake2b
from logging import getLogger
from traceback import format_exception
from typing import Any, Final, NamedTuple

import msgspec

from prana_py.builtin_nodes.schedule_triggers import schedules_of
from prana_py.driver.debugging import Entry, retry, run_from, run_node
from prana_py.driver.drive import DrainedError, run_to_rest
from prana_py.driver.effects import (
    Adopt,
    AwaitNews,
    ChildStart,
    Commit,
    Letter,
    MakeId,
    Notify,
    ReadClock,
    ReadNews,
    Transact,
)
from prana_py.driver.family import ChildFailed
from prana_py.driver.lifecycle import events_between
from prana_py.driver.program import Program
from prana_py.driver.requests import Request, Resume, well_formed
from prana_py.driver.start import start_to_rest
from prana_py.driver.token_waits import open_wait
from prana_py.driver.tokens import Address
from prana_py.engine.keeper import Held, Keeper
from prana_py.engine.looking import Looking
from prana_py.engine.moving import Moving
from prana_py.engine.transferring import Transferring
from prana_py.errors import InvariantError, NotFoundError, PranaError, StorageError, TransitionError, UsageError
from prana_py.execution.beginning import StartOptions, started_row
from prana_py.execution.execution import Execution
from prana_py.execution.history import fork
from prana_py.execution.transitions import start
from prana_py.graph.compile import compile_workflow
from prana_py.graph.fingerprint import fingerprint
from prana_py.identifiers import ExecutionId, Instant, NodeKey, WaitId, WorkflowId
from prana_py.model.document import dump_workflow
from prana_py.model.workflow import Workflow
from prana_py.runtimes.base import Runtime, only_wait
from prana_py.stores import deliveries, executions, inbox, leases, schedules, workflows
from prana_py.stores.executions import Idempotency
from prana_py.stores.inbox import Answer
from prana_py.stores.lines import after_end
from prana_py.stores.records import Claimed, Content, Header, Submission, WorkflowVersion, decode_submission, encode
from prana_py.stores.statements import Batch, Operation, Statement

MOST_CRASHES: Final = 5
"""How often an execution may bring down whoever drives it, at the same place, before nobody drives it any more."""

MOST_EVIDENCE: Final = 4000
"""Characters of a traceback that are kept with an execution in quarantine: its end, which says the most."""

LOOK_AGAIN_NS: Final = 1_000_000_000
"""How long whoever waits for news waits at most before he looks by himself."""

BEGINS_NS: Final = 10_000_000
"""How soon whoever waits for another thread to write the first row of an execution looks again."""

_log = getLogger("prana_py.engine")


class Target(NamedTuple):
    """Which wait of which execution is meant: the one at an address, a named one, or the only one."""

    execution_id: ExecutionId
    address: Address | None = None
    wait_id: WaitId | None = None

    def wait_of(self, execution: Execution) -> WaitId:
        """The open wait that is meant, or the error that says why there is none."""
        if self.address is not None:
            return open_wait(execution, self.address)
        return self.wait_id or only_wait(execution)


class Delivery(NamedTuple):
    """What makes a request the same as one that came before: the id that its sender gave it, and what it says."""

    id: str
    digest: str


class Asked(NamedTuple):
    """What somebody wants of an execution."""

    execution_id: ExecutionId
    request_of: Callable[[Execution], Request]
    """The request, for the execution as it is; or the error that says why there can be none."""
    timeout_ns: int
    """How long to wait for whoever drives it."""
    is_token: bool = False
    delivery: Delivery | None = None


class Begin(NamedTuple):
    """How an execution is to begin: of which workflow, with what, and what makes it the same as another."""

    workflow_id: WorkflowId
    version: int | None
    trigger: NodeKey | None
    input: Any
    options: StartOptions
    idempotency_key: str | None


class Operations:
    """The programs of an engine. They own no rules of executions; those are the driver's."""

    def __init__(self, runtime: Runtime, keeper: Keeper) -> None:
        self.runtime = runtime
        self.keeper = keeper
        self.looking = Looking(keeper)
        self.moving = Moving(self)
        self.transferring = Transferring(self)

    # ── workflows ─────────────────────────────────────────────────────────────────────────────────────────────────

    def publish(self, workflow: Workflow) -> Program[WorkflowVersion]:
        """Keep a version of a workflow. It is compiled first, so what cannot run cannot be published."""
        cache = self.runtime.graph_cache
        triggers: list[NodeKey | None] = [*_triggers_of(workflow, self.runtime)]
        for trigger in triggers if len(triggers) > 1 else [None]:
            compile_workflow(workflow, cache.nodes, trigger=trigger, policies=cache.policies)
        digest = fingerprint(msgspec.structs.replace(workflow, version=1))
        now: Instant = yield ReadClock()

        def text_of(version: int) -> str:
            return dump_workflow(msgspec.structs.replace(workflow, version=version))

        scheduled = schedules_of(workflow)

        def publishing() -> Operation[workflows.Published]:
            kept = yield from workflows.publish(workflow.id, workflow.name, workflow.version, digest, text_of, now)
            if kept.is_new:
                yield from schedules.replace(workflow.id, kept.version, scheduled, now)
            return kept

        published: workflows.Published = yield Transact(publishing)
        return WorkflowVersion(workflow.id, published.version, digest, workflow.name, now)

    def kept_schedules(self, workflow_id: WorkflowId | None) -> Program[list[schedules.Kept]]:
        """The schedules of a workflow, or of all."""
        kept: list[schedules.Kept] = yield Transact(lambda: schedules.listed(workflow_id), reads=True)
        return kept

    def pause_schedule(self, name: str, *, paused: bool) -> Program[bool]:
        """Let a schedule fire no more, or again from now on; whether that changed anything."""
        now: Instant = yield ReadClock()
        changed = yield Transact(lambda: schedules.pause(name) if paused else schedules.resume(name, now))
        if not changed and (yield Transact(lambda: schedules.find(name), reads=True)) is None:
            raise NotFoundError(
                f"there is no schedule {name!r} in this store", code="schedule_not_found", schedule=name
            )
        return bool(changed)

    # ── starting ──────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, begin: Begin) -> Program[Execution]:
        """Start an execution, or find the one that was started with the same key, and drive it to rest."""
        graph = yield from self.keeper.graph(begin.workflow_id, begin.version, begin.trigger)
        execution_id: ExecutionId = begin.options.execution_id or (yield MakeId())
        idempotency = idempotency_of(begin)
        options = msgspec.structs.replace(begin.options, execution_id=execution_id)
        beginning = (execution_id, self.keeper.current())
        if idempotency is not None:
            self.keeper.beginnings[beginning] = idempotency
        try:
            execution = yield from self._to_rest(
                execution_id, start_to_rest(graph, begin.input, options, self.runtime.options)
            )
        except StorageError as error:
            if error.code not in ("conflict", "execution_busy"):
                raise
            if error.code == "execution_busy" and (yield from self._fails_to_begin(execution_id)):
                return (yield from self.start(begin._replace(options=options)))
            return (yield from self._started_before(begin, execution_id, idempotency))
        finally:
            self.keeper.beginnings.pop(beginning, None)
        return (yield from self._with_family(execution))

    def _fails_to_begin(self, execution_id: ExecutionId) -> Program[bool]:
        """Another thread of this engine begins the same just now: wait until it has – or else has given up."""
        while execution_id in self.keeper.held:
            if (yield Transact(partial(executions.header, execution_id), reads=True)) is not None:
                return False
            news: int = yield ReadNews()
            now: Instant = yield ReadClock()
            yield AwaitNews(execution_id, news, Instant(now + BEGINS_NS))
        return True

    def submit(self, begin: Begin) -> Program[ExecutionId]:
        """Leave it to a worker to start an execution."""
        yield from self.keeper.graph(begin.workflow_id, begin.version, begin.trigger)
        execution_id: ExecutionId = begin.options.execution_id or (yield MakeId())
        now: Instant = yield ReadClock()
        idempotency = idempotency_of(begin)
        options = begin.options
        submission = Submission(
            workflow_id=begin.workflow_id,
            version=begin.version,
            trigger=begin.trigger,
            input=begin.input,
            mode=options.mode,
            trigger_type=options.trigger_type,
            variables=dict(options.variables),
            settings=options.settings,
            metadata=dict(options.metadata),
        )
        try:
            is_new = yield Transact(lambda: _submit(execution_id, submission, idempotency, now))
        except StorageError as error:
            if error.code != "conflict":
                raise
            is_new = False
        return execution_id if is_new else (yield from self._same_start(begin, execution_id, idempotency))

    def _started_before(
        self, begin: Begin, execution_id: ExecutionId, idempotency: Idempotency | None
    ) -> Program[Execution]:
        found = yield from self._same_start(begin, execution_id, idempotency)
        driven = yield from self.drive(found)  # it was submitted, or left by an engine that has died
        return (yield from self.known(found)) if driven is None else (yield from self._with_family(driven))

    def _same_start(
        self, begin: Begin, execution_id: ExecutionId, idempotency: Idempotency | None
    ) -> Program[ExecutionId]:
        """The execution that was started with the same key; with another input, or only the same id, it is an error."""
        if idempotency is None:
            raise _id_taken(execution_id)
        found = yield Transact(lambda: _by_key(begin.workflow_id, idempotency.key), reads=True)
        if found is None:
            raise _id_taken(execution_id)
        execution_id, digest = found
        if digest != idempotency.digest:
            raise UsageError(
                f"execution {execution_id!r} of workflow {begin.workflow_id!r} was started with the idempotency key "
                f"{idempotency.key!r}, but with another input; use another key for another start",
                code="idempotency_mismatch",
                execution_id=execution_id,
            )
        return execution_id

    # ── asking ────────────────────────────────────────────────────────────────────────────────────────────────────

    def resume(self, target: Target, data: Any, timeout_ns: int, delivery_id: str | None = None) -> Program[Execution]:
        """Resolve a wait, and drive on; whoever drives it already does so, else this program."""

        def request(execution: Execution) -> Request:
            return Resume(target.wait_of(execution), data)

        delivery = delivery_of(delivery_id, [target.address, target.wait_id, data])
        asked = Asked(target.execution_id, request, timeout_ns, target.address is not None, delivery)
        return (yield from self._ask(asked))

    def ask(
        self, execution_id: ExecutionId, request: Request, timeout_ns: int, delivery_id: str | None = None
    ) -> Program[Execution]:
        """Have a request met."""
        delivery = delivery_of(delivery_id, request)
        return (yield from self._ask(Asked(execution_id, lambda _: request, timeout_ns, delivery=delivery)))

    def _ask(self, asked: Asked) -> Program[Execution]:
        if asked.delivery is not None:
            return (yield from self._once(asked, asked.delivery))
        execution_id = asked.execution_id
        if execution_id not in self.keeper.held:
            looked_at = yield from self.keeper.look(execution_id)
            if looked_at is not None and looked_at.claimed.crashes >= MOST_CRASHES:
                self.keeper.forget(looked_at)  # to be claimed, and put away
            elif looked_at is not None:
                try:
                    execution = yield from self._to_rest(execution_id, self._met(looked_at.claimed, asked))
                    return (yield from self._with_family(execution))
                except StorageError as error:
                    if error.code != "claim_lost":
                        raise
            claimed = yield from self.keeper.claim(execution_id)
            if claimed is not None and claimed.crashes >= MOST_CRASHES:
                yield from self._quarantine_poison(claimed)
            elif claimed is not None:
                execution = yield from self._to_rest(execution_id, self._met(claimed, asked))
                return (yield from self._with_family(execution))
        return (yield from self._by_letter(asked))

    def _met(self, claimed: Claimed, asked: Asked) -> Program[Execution]:
        """Meet a request in an execution that nobody else drives."""
        execution, letters = yield from self.taken_up(claimed)
        try:
            request = asked.request_of(execution)
            return (yield from run_to_rest(execution, self.runtime.options, requests=(*letters, request)))
        except TransitionError:
            if self.keeper.held[claimed.id].latest is execution and _rests(execution):
                yield from self.keeper.release(claimed.id)
            raise

    def _by_letter(self, asked: Asked) -> Program[Execution]:
        """Have a request met by whoever drives the execution, and wait for the answer."""
        execution_id = asked.execution_id
        key = f"asked {self.keeper.holder_id} {yield MakeId()}"
        now: Instant = yield ReadClock()
        is_sent = False
        while not is_sent:  # it may end between the look and the letter; the next look says so
            request = yield from self._request(asked)
            is_sent = yield Transact(partial(inbox.post, execution_id, key, request, now))
        answer = yield from self._answer(execution_id, key, Instant(now + asked.timeout_ns))
        if answer.refusal is None:
            return (yield from self._with_family((yield from self.known(execution_id))))
        yield Transact(partial(inbox.tear_up, answer.number))
        raise (yield from self._why_not(asked, answer.refusal))

    def _once(self, asked: Asked, delivery: Delivery) -> Program[Execution]:
        """Have a request met, unless it was before: then the execution is given as it is.

        It always goes by letter, so that whoever drives it, and whoever goes on after a crash, meets it once.
        """
        execution_id = asked.execution_id
        now: Instant = yield ReadClock()
        known = partial(deliveries.known, execution_id, delivery.id)
        while True:
            digest: str | None = yield Transact(known, reads=True)
            if digest is None:
                digest = yield from self._delivered(asked, delivery, now)
            if digest is None:
                continue
            if digest != delivery.digest:
                raise _other_delivery(execution_id, delivery)
            key = deliveries.letter_key(delivery.id)
            answer = yield from self._answer(execution_id, key, Instant(now + asked.timeout_ns))
            if answer.refusal is not None:
                yield Transact(partial(deliveries.refuse, execution_id, delivery.id, answer.number))
                raise (yield from self._why_not(asked, answer.refusal))
            if (yield Transact(known, reads=True)) is not None:
                return (yield from self._with_family((yield from self.known(execution_id))))

    def _delivered(self, asked: Asked, delivery: Delivery, now: Instant) -> Program[str | None]:
        """Send what is delivered for the first time. ``None``: something has happened meanwhile; look again."""
        if (yield from self.header(asked.execution_id)).status == "pending":
            yield from self.drive(asked.execution_id)
        try:
            request = yield from self._request(asked)
        except TransitionError:
            known = partial(deliveries.known, asked.execution_id, delivery.id)
            if (yield Transact(known, reads=True)) is None:
                raise
            return None  # the same one, a moment before
        digest: str | None = yield Transact(
            partial(deliveries.take_in, asked.execution_id, delivery.id, delivery.digest, request, now)
        )
        return digest

    def _request(self, asked: Asked) -> Program[Request]:
        """What is asked of the execution as it is in the store; or the error that says why it cannot be."""
        execution = yield from self.known(asked.execution_id, is_token=asked.is_token)
        request = well_formed(asked.request_of(execution))
        if execution.is_final:
            raise _is_final(execution)
        return request

    def _answer(self, execution_id: ExecutionId, key: str, until: Instant) -> Program[Answer]:
        """What becomes of a letter: whoever drives the execution reads it, or else this program does."""
        while True:
            news: int = yield ReadNews()
            header = yield from self.header(execution_id)
            answer: Answer = yield Transact(lambda: inbox.answer(execution_id, key), reads=True)
            if not answer.is_open:
                return answer
            if header.is_final:  # and nobody has read the letter, nor will
                refusal = _is_final((yield from self.known(execution_id)))
                return Answer(False, answer.number, refusal.details())
            if header.quarantine is not None:
                yield from self.known(execution_id)
            if (yield from self.drive(execution_id)) is not None:
                continue
            now = yield ReadClock()
            if now >= until:
                raise _not_answered_yet(execution_id)
            yield AwaitNews(execution_id, news, Instant(min(until, now + LOOK_AGAIN_NS)))

    def _why_not(self, asked: Asked, refusal: dict[str, Any]) -> Program[TransitionError]:
        """Why a request was refused; whoever comes with a token is told what became of its wait."""
        told = dict(refusal)
        error = TransitionError(told.pop("message"), **told)
        if not asked.is_token:
            return error
        try:
            asked.request_of((yield from self.known(asked.execution_id)))
        except TransitionError as clearer:
            return clearer
        return error

    def known(self, execution_id: ExecutionId, *, is_token: bool = False) -> Program[Execution]:
        """The execution as it is in the store, or the error that says why it cannot be had."""
        header: Header | None = yield Transact(lambda: executions.header(execution_id), reads=True)
        if header is None:
            if is_token:
                raise TransitionError(
                    f"the token is for execution {execution_id!r}, which is not known here",
                    code="token_foreign",
                    execution_id=execution_id,
                )
            raise _no_execution(execution_id)
        if header.quarantine is not None:
            raise StorageError(
                f"execution {execution_id!r} is in quarantine, so nobody drives it: {header.quarantine}",
                code="quarantined",
                execution_id=execution_id,
            )
        execution = yield from self.keeper.stored(execution_id)
        if execution is None:
            why = header.error or "no worker has started it yet"
            raise TransitionError(
                f"execution {execution_id!r} has not begun: {why}", code="not_started", execution_id=execution_id
            )
        return execution

    # ── going on ──────────────────────────────────────────────────────────────────────────────────────────────────

    def drive_due(self, limit: int) -> Program[list[Execution]]:
        """Drive what has come due, what was submitted, what letters wait for, and what dead owners have left.

        And then what these have given to do to others; all that was driven is given, as it is now.
        """
        now: Instant = yield ReadClock()
        claims = yield from self.claim_due(now, limit)
        driven = {}
        try:
            for claimed in claims:
                execution = yield from self._drive_held(claimed)
                if execution is not None:
                    driven[execution.id] = execution
        except Exception:
            for claimed in claims:
                yield from self.give_back(claimed.id)
            raise
        for execution in (yield from self._drive_touched()):
            driven[execution.id] = execution
        return list(driven.values())

    def claim_due(self, now: Instant, limit: int, crashes_below: int = leases.ANY_CRASHES) -> Program[list[Claimed]]:
        """Take leases of what is to be driven; what schedules start now belongs to it."""
        for kept in (yield Transact(lambda: schedules.due(now, limit), reads=True)):
            yield Transact(partial(schedules.fire, kept, now))
        return (yield from self.keeper.claim_due(now, limit, crashes_below))

    def drive(self, execution_id: ExecutionId) -> Program[Execution | None]:
        """Drive one execution to rest, if nobody else does."""
        claimed = yield from self.keeper.claim(execution_id)
        return None if claimed is None else (yield from self._drive_held(claimed))

    def drive_claimed(self, claimed: Claimed, pause_ns: int = 0) -> Program[Execution | None]:
        """Drive in this thread, or task, what was claimed by another one of this engine.

        Whatever is wrong with the execution ends in its quarantine. Errors that are the store's are raised; it is then
        due again after the pause.
        """
        self.keeper.take_over(claimed)
        try:
            return (yield from self._drive_held(claimed, pause_ns))
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001  # a join policy, a bug: the others are not to suffer from it
            yield from self._quarantine(claimed, "".join(format_exception(error))[-MOST_EVIDENCE:])
            return None

    def _drive_held(self, claimed: Claimed, pause_ns: int = 0) -> Program[Execution | None]:
        """Drive an execution whose lease this engine has. One that cannot be driven is put into quarantine."""
        if claimed.crashes >= MOST_CRASHES:
            yield from self._quarantine_poison(claimed)
            return None
        try:
            return (yield from self._to_rest(claimed.id, self._lived(claimed), pause_ns))
        except (_Unstartable, DrainedError):
            return None
        except StorageError as error:
            if error.code in ("lease_lost", "execution_busy"):  # somebody else goes on with it
                return None
            if error.code not in _DAMAGE:
                raise
            yield from self._quarantine(claimed, str(error))
        except (PranaError, InvariantError) as error:
            if isinstance(error, TransitionError):
                raise
            yield from self._quarantine(claimed, str(error))
        return None

    def _lived(self, claimed: Claimed) -> Program[Execution]:
        execution, letters = yield from self.taken_up(claimed)
        return (yield from run_to_rest(execution, self.runtime.options, requests=letters))

    def taken_up(self, claimed: Claimed) -> Program[tuple[Execution, list[Letter]]]:
        """An execution whose lease was just taken, with the letters to it; one that is pending begins."""
        if claimed.status != "pending":
            return (yield from self.keeper.take_up(claimed))
        execution = yield from self._begun(claimed)
        return execution, (yield Transact(lambda: inbox.unread(claimed.number), reads=True))

    def _begun(self, claimed: Claimed) -> Program[Execution]:
        """A pending execution gets its first row."""
        submission = decode_submission(bytes(claimed.submission or b""))
        now: Instant = yield ReadClock()
        try:
            parent = submission.parent
            if parent is not None and parent.depth > parent.max_depth:
                raise UsageError(f"sub-workflows may nest {parent.max_depth} deep", code="sub_workflow_depth")
            graph = yield from self.keeper.graph(submission.workflow_id, submission.version, submission.trigger)
            row = started_row(graph, submission.input, claimed.id, now, _options_of(submission))
        except PranaError as error:
            if isinstance(error, StorageError):
                raise
            yield Transact(partial(_unstartable, claimed, submission, error, now))
            if submission.parent is not None:
                self.keeper.touched.add(submission.parent.execution_id)
            self.keeper.forget(self.keeper.held[claimed.id])
            raise _Unstartable from error
        execution = start(graph, row, self.keeper.environment)
        yield Commit(execution, row)
        if self.runtime.options.observed:
            yield Notify(events_between(None, row, execution))
        return execution

    def _to_rest(self, execution_id: ExecutionId, program: Program[Execution], pause_ns: int = 0) -> Program[Execution]:
        """Drive by a program, and give the lease back at its end, however it ends."""
        try:
            execution = yield from program
            yield from self.keeper.release(execution.id)
        except Exception as error:
            yield from self.give_back(execution_id, pause_ns if isinstance(error, StorageError) else 0)
            raise
        return execution

    def give_back(self, execution_id: ExecutionId, pause_ns: int = 0) -> Program[None]:
        """What this thread, or task, drives no further: somebody may go on from what is in the store."""
        held = self.keeper.mine(execution_id)
        if held is not None:
            yield from self._let_go(held, pause_ns)

    def give_back_all_of(self, by: object) -> Program[None]:
        """Whatever a thread or a task was driving when it was broken off is given back."""
        for held in list(self.keeper.held.values()):
            if held.by == by:
                yield from self._let_go(held)

    def _let_go(self, held: Held, pause_ns: int = 0) -> Program[None]:
        for child in self.keeper.children_held(held.claimed.id):
            yield from self._let_go(child)
        self.keeper.forget(held)
        claimed = held.claimed
        if not ((claimed.number and held.is_claimed) or held.is_doubtful):
            return
        now: Instant = yield ReadClock()
        holder_id = self.keeper.holder_id
        try:
            yield Transact(lambda: leases.give_back(claimed, holder_id, Instant(now + pause_ns), now))
        except StorageError:
            self.keeper.left_behind.append(claimed)

    def _with_family(self, execution: Execution) -> Program[Execution]:
        """Drive what the execution has given to do to others here, if nobody else has taken it: children, parents."""
        driven = yield from self._drive_touched()
        if execution.is_final or not driven:
            return execution
        return (yield from self.keeper.stored(execution.id)) or execution

    def _drive_touched(self) -> Program[list[Execution]]:
        touched = self.keeper.touched
        driven = []
        while touched:
            try:
                next_one = touched.pop()
            except KeyError:  # another thread was quicker
                break
            header: Header | None = yield Transact(partial(executions.header, next_one), reads=True)
            now: Instant = yield ReadClock()
            if header is None or header.wake_at is None or header.wake_at > now:
                continue  # nothing has come of it for this one, or another engine was quicker
            execution = yield from self.drive(next_one)
            if execution is not None:
                driven.append(execution)
        return driven

    def _quarantine_poison(self, claimed: Claimed) -> Program[None]:
        """Put away what kills whoever drives it; and then tell what is known of it, which may kill as well."""
        last = f", the last one {claimed.left_by}" if claimed.left_by else ""
        evidence = f"whoever drove it died, {claimed.crashes} times in a row at the same place{last}"
        yield from self._quarantine(claimed, evidence)
        try:
            execution = yield from self.keeper.stored(claimed.id)
        except PranaError as error:
            more = f"; its journal cannot be read: {error}"
        else:
            more = "; it had not begun" if execution is None else f"; {_where(execution)}"
        yield Transact(lambda: leases.tell_more(claimed.id, evidence + more))

    def _quarantine(self, claimed: Claimed, evidence: str) -> Program[None]:
        try:
            yield Transact(lambda: leases.quarantine(claimed, evidence))
        except StorageError:
            yield from self.give_back(claimed.id)
            raise
        held = self.keeper.mine(claimed.id)
        if held is not None:
            self.keeper.forget(held)
        _log.warning("execution %s is in quarantine: %s", claimed.id, evidence)

    def release_quarantined(self, execution_id: ExecutionId) -> Program[bool]:
        """Try again with an execution that nobody was to drive any more."""
        yield from self.header(execution_id)
        now: Instant = yield ReadClock()
        freed: bool = yield Transact(lambda: leases.release_from_quarantine(execution_id, now))
        return freed

    # ── new executions from old ones ──────────────────────────────────────────────────────────────────────────────

    def retry(self, execution_id: ExecutionId) -> Program[Execution]:
        """A new execution with the past of one that has ended, which goes on from where it went wrong."""
        past = yield from self.known(execution_id)
        new_id: ExecutionId = yield MakeId()
        return (yield from self.driven(new_id, retry(past, self.runtime.options, new_id)))

    def fork(
        self,
        execution_id: ExecutionId,
        position: int | None,
        inputs: Mapping[NodeKey, Any],
        outputs: Mapping[NodeKey, Any],
    ) -> Program[Execution]:
        """A new execution with the past of another, which may go another way from there."""
        past = yield from self.known(execution_id)
        now: Instant = yield ReadClock()
        new_id: ExecutionId = yield MakeId()
        other = fork(past, execution_id=new_id, now=now, position=position, inputs=inputs, outputs=outputs)
        return (yield from self.driven(new_id, self._adopted(other)))

    def _adopted(self, execution: Execution) -> Program[Execution]:
        yield Adopt(execution)
        return (yield from run_to_rest(execution, self.runtime.options))

    def run_by_hand(self, execution_id: ExecutionId, entry: Entry, *, onwards: bool) -> Program[Execution]:
        """Run one node, or a node and all that follows, in an execution that is at rest, or in a new one."""
        drive = run_from if onwards else run_node
        claimed = yield from self.keeper.claim(execution_id)
        if claimed is not None:
            return (yield from self.driven(execution_id, self._entered(claimed, drive, entry)))
        past = yield from self.known(execution_id)
        if not past.is_final:
            raise TransitionError(
                f"execution {execution_id!r} is driven elsewhere just now; try again when it is at rest",
                code="execution_busy",
                execution_id=execution_id,
            )
        new_id: ExecutionId = yield MakeId()
        return (yield from self.driven(new_id, drive(past, entry, self.runtime.options, new_id)))

    def _entered(self, claimed: Claimed, drive: Any, entry: Entry) -> Program[Execution]:
        execution, _ = yield from self.taken_up(claimed)
        driven: Execution = yield from drive(execution, entry, self.runtime.options)
        return driven

    def driven(self, execution_id: ExecutionId, program: Program[Execution]) -> Program[Execution]:
        return (yield from self._with_family((yield from self._to_rest(execution_id, program))))

    # ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────

    def get(self, execution_id: ExecutionId) -> Program[Execution]:
        """An execution as it is in the store."""
        if (yield Transact(lambda: executions.header(execution_id), reads=True)) is None:
            raise _no_execution(execution_id)
        execution = yield from self.keeper.stored(execution_id)
        return (yield from self.known(execution_id)) if execution is None else execution

    def header(self, execution_id: ExecutionId) -> Program[Header]:
        """What is known of an execution without reading its journal."""
        header: Header | None = yield Transact(lambda: executions.header(execution_id), reads=True)
        if header is None:
            raise _no_execution(execution_id)
        return header

    def wait_for(self, execution_id: ExecutionId, timeout_ns: int) -> Program[Execution]:
        """Wait until an execution has ended; after the time, it is given as it is."""
        until = Instant((yield ReadClock()) + timeout_ns)
        while True:
            news: int = yield ReadNews()
            header = yield from self.header(execution_id)
            now: Instant = yield ReadClock()
            if header.is_final or header.quarantine is not None or now >= until:
                return (yield from self.known(execution_id))
            yield AwaitNews(execution_id, news, Instant(min(until, now + LOOK_AGAIN_NS)))


class _Unstartable(Exception):
    """A pending execution could not begin; whoever asked for it has been told."""


_DAMAGE: Final = frozenset(
    {"row_invalid", "journal_invalid", "blob_missing", "graph_mismatch", "snapshot_invalid", "storage_invalid"}
)
"""Codes that mean: this execution cannot be read, and others can."""


def idempotency_of(begin: Begin) -> Idempotency | None:
    """What makes a start the same as another one: its key, and a digest of what it is given."""
    if begin.idempotency_key is None:
        return None
    return Idempotency(begin.idempotency_key, _digest([begin.trigger, begin.input, dict(begin.options.variables)]))


def delivery_of(delivery_id: str | None, content: Any) -> Delivery | None:
    """What makes a request the same as another one: its id, and a digest of what it says."""
    return None if delivery_id is None else Delivery(delivery_id, _digest(content))


def _digest(content: Any) -> str:
    body = msgspec.json.encode(content, enc_hook=repr, order="sorted")
    return blake2b(body, digest_size=16).hexdigest()


def _where(execution: Execution) -> str:
    """How far an execution has come, as far as its journal tells."""
    nodes = ", ".join(sorted({repr(run.vertex.key) for run in execution.frontier})) or "none"
    return f"it is at position {execution.position}, and these nodes were under way or about to be: {nodes}"


def _triggers_of(workflow: Workflow, runtime: Runtime) -> Iterable[NodeKey]:
    for node in workflow.nodes:
        spec = runtime.catalog.spec(node.type)
        if spec is not None and spec.is_trigger:
            yield node.key


def _options_of(submission: Submission) -> StartOptions:
    return StartOptions(
        variables=submission.variables,
        settings=submission.settings,
        mode=submission.mode,
        trigger_type=submission.trigger_type,
        parent=submission.parent,
        metadata=submission.metadata,
    )


def _submit(
    execution_id: ExecutionId, submission: Submission, idempotency: Idempotency | None, now: Instant
) -> Operation[bool]:
    submitted = yield executions.submit(execution_id, submission, now, idempotency=idempotency)
    yield Statement("notify", (execution_id,))
    return bool(submitted.touched)


def _by_key(workflow_id: WorkflowId, key: str) -> Operation[tuple[ExecutionId, str] | None]:
    rows = (yield Statement("execution.by_idempotency_key", (workflow_id, key))).rows
    return rows[0] if rows else None


def _unstartable(claimed: Claimed, submission: Submission, error: PranaError, now: Instant) -> Operation[None]:
    """It ends before it has begun; a parent that waits for it is told so."""
    told = f"{error.code}: {error.message}"
    yield Statement("execution.unstartable", (now, told, claimed.number, claimed.epoch))
    yield Batch(after_end(claimed.number, now))
    yield Statement("notify", (claimed.id,))
    parent = submission.parent
    if parent is not None:
        child = ChildStart(
            execution_id=claimed.id,
            workflow_id=submission.workflow_id,
            version=submission.version,
            input=None,
            mode=submission.mode,
            parent=parent,
            is_one_of_many=submission.is_one_of_many,
        )
        result: Content = ChildFailed(child, error.code, error.message).as_request()
        yield Batch(executions.post(parent.execution_id, f"end of {claimed.id}", encode(result), now))


def _rests(execution: Execution) -> bool:
    """Nothing is to be done about it before the next timer or letter: it only waits for others."""
    return (
        execution.status == "suspended"
        and not execution.frontier
        and execution.ending is None
        and not execution.signals
        and all(suspension.type in _IDLE for suspension in execution.suspensions.values())
    )


_IDLE: Final = frozenset({"webhook", "interval", "schedule", "signal", "retry"})
"""Kinds of waits to which whoever takes an execution up has nothing to do."""


def _other_delivery(execution_id: ExecutionId, delivery: Delivery) -> UsageError:
    return UsageError(
        f"something else was delivered to execution {execution_id!r} as {delivery.id!r} before; give every delivery "
        "an id of its own, and the same one only when the same is delivered again",
        code="delivery_mismatch",
        execution_id=execution_id,
        delivery_id=delivery.id,
    )


def _not_answered_yet(execution_id: ExecutionId) -> TransitionError:
    return TransitionError(
        f"execution {execution_id!r} is busy elsewhere and has not answered in time; the request is kept, and will "
        "be met when it comes to it",
        code="not_answered_yet",
        execution_id=execution_id,
    )


def _is_final(execution: Execution) -> TransitionError:
    return TransitionError(
        f"execution {execution.id!r} is {execution.status}; a final execution takes no requests",
        code="execution_final",
        execution_id=execution.id,
        status=execution.status,
    )


def _no_execution(execution_id: ExecutionId) -> NotFoundError:
    return NotFoundError(
        f"there is no execution {execution_id!r} in this store", code="execution_not_found", execution_id=execution_id
    )


def _id_taken(execution_id: ExecutionId) -> UsageError:
    return UsageError(
        f"there is an execution {execution_id!r} already; leave execution_id out, or choose another",
        code="execution_exists",
        execution_id=execution_id,
    )
