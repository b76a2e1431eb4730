"""Bugs planted in the engine one at a time, each with the test that must find it: ``python -m tests.mutants``.

A mutant is a change of one text of one module, made in a copy of the project. The test runs there in a process of its
own and must fail. A text that is no longer in its module is reported, so that the list cannot silently grow old.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parent.parent
RANDOM: Final = "tests/differential/test_random_nets.py::test_the_engine_agrees_about_random_nets"
EXAMPLES: Final = "tests/differential/test_examples.py"
LIVES: Final = "tests/durability/test_every_"
CRASH: Final = f"{LIVES}crash.py::test_a_crash_at_any_store_call_changes_nothing_but_how_often_nodes_are_called"
ONCE: Final = (
    f"{LIVES}crash.py::test_what_may_run_at_most_once_is_interrupted_by_a_crash_after_its_begin_and_never_called_again"
)
FAULT: Final = f"{LIVES}fault.py::test_a_store_call_that_fails_changes_nothing_in_the_end"
BOUNDARIES: Final = "tests/durability/test_modes.py::test_every_mode_commits_before_it_goes_on"
ZOMBIES: Final = "tests/durability/test_zombies.py"
WORKER: Final = "tests/engine/test_workers.py"
WORKERS_STOPPED: Final = "tests/workers/test_stopped_workers.py"
ARRIVALS: Final = (
    "tests/workers/test_arrivals.py::test_what_arrives_while_a_long_node_runs_takes_effect_and_nothing_is_thrown_away"
)
SEEDS: Final = "tests/simulation/test_store_seeds.py::test_engines_on_one_store_come_to_a_right_end"
ENGINES: Final = "tests/simulation/test_store_regressions.py"
WORKERS: Final = 2


class Mutant(NamedTuple):
    """A bug, where it is planted, and the test that finds it."""

    bug: str
    module: str
    right: str
    wrong: str
    test: str


class Verdict(NamedTuple):
    """Whether the test found the bug; if not, why."""

    mutant: Mutant
    found: bool
    told: str


def _of_joins(bug: str, right: str, wrong: str, kind: str) -> Mutant:
    return Mutant(bug, "execution/joins.py", right, wrong, f"{RANDOM}[{kind}-0-1]")


def _of_drafts(bug: str, right: str, wrong: str, kind: str) -> Mutant:
    return Mutant(bug, "execution/draft.py", right, wrong, f"{RANDOM}[{kind}-0-1]")


MUTANTS: Final = (
    _of_drafts("consumed arrivals stay in the queue", "else queue.without(taken)\n", "else queue\n", "acyclic"),
    _of_drafts("a run number is not moved on", "else latest.run + 1", "else latest.run", "cyclic"),
    _of_drafts(
        "a wait that opens is lost",
        "            self.suspensions = self.suspensions.set(suspension.wait_id, suspension)\n",
        "            pass\n",
        "cyclic",
    ),
    _of_drafts(
        "a wait stays open when it is resolved, so that it can wake its run twice",
        "            self.suspensions = self.suspensions.discard(open_wait)\n",
        "            pass\n",
        "cyclic",
    ),
    _of_drafts(
        "a run that is over keeps its node busy", "busy=state.busy & ~vertex.bit)", "busy=state.busy)", "acyclic"
    ),
    _of_drafts("of several results the first is kept", "route.rank >= state", "route.rank > state", "with items"),
    _of_drafts("quiet scopes are forgotten", "if scope and scope in", "if not scope and scope in", "with items"),
    _of_drafts(
        "items that open together start with the last", "if self.attention else 0", "if False else 0", "with items"
    ),
    Mutant(
        "the open wave of withdrawn work stays",
        "execution/draft.py",
        "if vertex.ordinal in state.waves:",
        "if False:",
        EXAMPLES,
    ),
    Mutant(
        "ties go to the later connection",
        "execution/activation.py",
        "(order | RANK_MASK) - (order & RANK_MASK)",
        "order",
        f"{RANDOM}[acyclic-0-1]",
    ),
    Mutant(
        "an activation is as old as its oldest arrival",
        "execution/activation.py",
        "event = max(",
        "event = min(",
        f"{RANDOM}[acyclic-0-1]",
    ),
    Mutant(
        "arrivals follow the order of the ports in an answer",
        "execution/transitions.py",
        "if len(row.ports) > 1:",
        "if len(row.ports) > 99:",
        f"{RANDOM}[acyclic-0-1]",
    ),
    Mutant(
        "loading leaves out what followed from a row",
        "execution/transitions.py",
        "    for consequence in _consequences(row):\n        apply_consequence(draft, consequence)\n    return",
        "    return",
        f"{RANDOM}[acyclic-0-1]",
    ),
    _of_joins(
        "of several arrivals on a connection the newest is taken",
        "taken.setdefault(feed_of(arrival), arrival)",
        "taken[feed_of(arrival)] = arrival",
        "cyclic",
    ),
    _of_joins(
        "a join runs while other work can reach it",
        "return bool(state.live & vertex.upstream",
        "return bool(0",
        "acyclic",
    ),
    _of_joins(
        "an all join runs on its first arrival",
        "queue.present == (1 << len(vertex.feeds)) - 1",
        "bool(queue.present)",
        "starving",
    ),
    _of_joins(
        "a node runs twice at a time",
        "if state.busy & vertex.bit and not vertex.settings.reentrant:",
        "if False:",
        "cyclic",
    ),
    _of_joins("the youngest join is released", "return min(content", "return max(content", "cyclic"),
    _of_joins(
        "what waits for a join that starves is let go", "return possible < len(missing)", "return False", "starving"
    ),
    _of_joins("a batch waits for one more", "if len(queue) >= size:", "if len(queue) > size:", "racing"),
    _of_joins("what comes too late for a wave opens the next one", "    return tuple(rest)", "    return ()", "racing"),
    _of_joins("block blocks nothing", "isinstance(join, FirstOf) and join.block and", "False and", "racing"),
    _of_joins("a wave is over as soon as it has fired", "or not blocked(vertex, state)", "or True", "racing"),
    Mutant(
        "cancel withdraws for as long as the wave is open",
        "execution/readiness.py",
        " and (scope, vertex.ordinal) in draft.fired:",
        ":",
        EXAMPLES,
    ),
    Mutant(
        "a join starves while work of its scope is live",
        "execution/readiness.py",
        "    if state.busy:\n        return None\n    for ordinal",
        "    for ordinal",
        f"{RANDOM}[starving-0-1]",
    ),
    Mutant(
        "the oldest activation goes first",
        "driver/decide.py",
        "in reversed(execution.frontier):",
        "in execution.frontier:",
        f"{RANDOM}[with items-0-1]",
    ),
    Mutant(
        "an execution with open waits ends",
        "driver/decide.py",
        "    if waits_for_others(execution.suspensions, execution.owners):\n        return REST\n",
        "",
        f"{RANDOM}[cyclic-0-1]",
    ),
    Mutant(
        "more items are open at once than were asked for",
        "execution/execution.py",
        "return self.live < self.plan.max_concurrency",
        "return True",
        f"{RANDOM}[with items-0-1]",
    ),
    Mutant(
        "the short way forgets the joins that waited for the node",
        "execution/straight.py",
        "touched = self.vertex.joins_ahead",
        "touched = 0",
        f"{RANDOM}[acyclic-0-1]",
    ),
    Mutant(
        "the last item of a batch of results is forgotten",
        "driver/scopes.py",
        "results = [result for _, result in sorted(owner.results.items())]",
        "results = [result for _, result in sorted(owner.results.items())][:-1]",
        f"{RANDOM}[with items-0-1]",
    ),
    Mutant(
        "a lease that was lost does not keep from writing",
        "stores/sql/shared.py",
        "FROM execution WHERE number = ? AND epoch = ?))",
        "FROM execution WHERE number = ? AND epoch >= ?))",
        f"{ZOMBIES}::test_a_zombie_does_not_write_into_what_somebody_else_has_only_claimed",
    ),
    Mutant(
        "a new owner has the epoch of the one before",
        "stores/sql/sqlite.py",
        "epoch = epoch + 1",
        "epoch = epoch",
        f"{ZOMBIES}::test_a_zombie_does_not_write_into_what_somebody_else_has_only_claimed",
    ),
    Mutant(
        "an open wait is missing in the index",
        "stores/executions.py",
        'yield Statement("wait.open", (change.number, wait_id, *wait_columns(suspension)))',
        "pass",
        f"{CRASH}[memory-retries]",
    ),
    Mutant(
        "a letter that was met is read again",
        "stores/executions.py",
        'asks.extend(Statement("inbox.met", (number,)) for number in change.met)',
        "pass",
        f"{CRASH}[memory-parent that is cancelled]",
    ),
    Mutant(
        "a lease is given back without the time of the next timer",
        "stores/executions.py",
        "release(number, change.epoch, next_due(after), ",
        "release(number, change.epoch, None, ",
        f"{CRASH}[memory-retries]",
    ),
    Mutant(
        "a child is not started with the row that asks for it",
        "stores/executions.py",
        "for start in change.starts:",
        "for start in ():",
        f"{CRASH}[memory-batch of sub-workflows]",
    ),
    Mutant(
        "nobody tells the parent that its child has ended",
        "stores/executions.py",
        "    if change.tells_parent and parent is not None:",
        "    if False and parent is not None:",
        f"{CRASH}[memory-batch of sub-workflows]",
    ),
    Mutant(
        "the next in line is not told of its turn",
        "stores/mutexes.py",
        'yield Batch(executions.post(next_id, f"turn at {name} with {ticket}", free, now))',
        "pass",
        f"{CRASH}[memory-global mutex]",
    ),
    Mutant(
        "a row is written after the call that follows from it",
        "engine/keeper.py",
        "if held is None or not held.is_due:\n            return None\n",
        "return None\n",
        f"{ONCE}[memory]",
    ),
    Mutant(
        "boundaries do not commit at what is no ordinary row",
        "engine/keeper.py",
        "return type(row) in (Settled, ScopeOpened, ScopeClosed)",
        "return True",
        f"{BOUNDARIES}[at most once-pay-last0]",
    ),
    Mutant(
        "a resume URL is given away before its execution is durable",
        "driver/drive.py",
        "yield Barrier(self.execution.id)",
        'yield Barrier("")',
        f"{BOUNDARIES}[resume URL in a template-mail-last7]",
    ),
    Mutant(
        "a lease of which nobody knows whether it was taken is forgotten",
        "engine/keeper.py",
        "self.left_behind.extend(tried)",
        "pass",
        f"{FAULT}[retries]",
    ),
    Mutant(
        "an execution of which nobody knows whether it has begun is forgotten",
        "engine/keeper.py",
        'held.is_doubtful = error.code == "commit_unknown" and not (change.number and held.is_claimed)',
        "held.is_doubtful = False",
        f"{FAULT}[chain]",
    ),
    Mutant(
        "a lease is forgotten though it could not be given back",
        "engine/keeper.py",
        "yield from self.write(held, releases=True)\n            self.forget(held)",
        "self.forget(held)\n            yield from self.write(held, releases=True)",
        f"{FAULT}[signals kept and taken]",
    ),
    Mutant(
        "rows that have landed are written again",
        "engine/keeper.py",
        "if change.rows and (yield from self._has_landed(held, change)):",
        "if False:",
        f"{FAULT}[chain]",
    ),
    Mutant(
        "a fault of the store is taken for a fault of the child",
        "driver/family.py",
        "whoever drives the parent next finds it\n        raise\n",
        'whoever drives the parent next finds it\n        return ChildFailed(start, "store", "")\n',
        f"{FAULT}[sync sub-workflow]",
    ),
    Mutant(
        "a holder who does not know that he is registered registers again",
        "stores/leases.py",
        "    if not renewed.touched:\n",
        "    if True:\n",
        f"{FAULT}[chain]",
    ),
    Mutant(
        "a start with the key of another one is refused for its id",
        "engine/operations.py",
        "        if idempotency is None:\n            raise _id_taken(execution_id)\n        found",
        "        raise _id_taken(execution_id)\n        found",
        f"{CRASH}[memory-chain]",
    ),
    Mutant(
        "whoever has lost his lease may write",
        "stores/sql/shared.py",
        "FROM execution WHERE number = ? AND epoch = ?))",
        "FROM execution WHERE number = ? AND epoch >= ?))",
        f"{WORKERS_STOPPED}::test_what_a_continued_worker_wants_to_write_is_refused[1]",
    ),
    Mutant(
        "what somebody drives is taken from him",
        "stores/sql/sqlite.py",
        "AND (owner IS NULL OR owner NOT IN (SELECT id FROM holder WHERE until > {NOW}))",
        "",
        f"{ARRIVALS}[signal-1]",
    ),
    Mutant(
        "a letter that arrives while a node runs wakes nobody",
        "engine/base.py",
        "            self.runtime.send(execution_id, letter)",
        "            pass",
        f"{ARRIVALS}[signal-2]",
    ),
    Mutant(
        "nobody is told of a child's end",
        "stores/executions.py",
        "    if change.tells_parent and parent is not None:",
        "    if False and parent is not None:",
        f"{ARRIVALS}[child end-1]",
    ),
    Mutant(
        "a worker sleeps through the next timer",
        "engine/worker.py",
        "return None if due is None else self.engine.runtime.clock.seconds_until(due)",
        "return None",
        f"{WORKER}::test_a_running_worker_wakes_for_its_next_timer",
    ),
    Mutant(
        "a worker that is stopped goes on with the next node",
        "engine/keeper.py",
        "return bool(self.draining) and held.by in self.draining and self.runtime.max_concurrency == 1",
        "return False",
        f"{WORKER}::test_a_worker_that_is_told_to_stop_finishes_the_node_and_leaves_the_next_one_to_others",
    ),
    Mutant(
        "what is left after the grace stays with a worker that has stopped",
        "engine/worker.py",
        "do(operations.give_back_all_of(thread))",
        "pass",
        f"{WORKER}::test_what_is_under_way_when_the_grace_is_over_is_left_to_others_at_once[1]",
    ),
    Mutant(
        "those under suspicion bring each other down",
        "engine/worker.py",
        "            if self._suspect is not None:",
        "            if False:",
        f"{WORKER}::test_of_those_under_suspicion_one_is_driven_at_a_time_while_others_go_on_beside_it",
    ),
    Mutant(
        "a claim takes what somebody who lives drives",
        "stores/sql/sqlite.py",
        "AND (owner IS NULL OR owner NOT IN (SELECT id FROM holder WHERE until > {NOW}))",
        "",
        f"{SEEDS}[0]",
    ),
    Mutant(
        "whoever takes an execution over does not fence the one before",
        "stores/sql/sqlite.py",
        "epoch = epoch + 1",
        "epoch = epoch + (owner IS NULL)",
        f"{SEEDS}[1]",
    ),
    Mutant(
        "what is given back is never woken again",
        "stores/executions.py",
        "release(number, change.epoch, next_due(after), ",
        "release(number, change.epoch, None, ",
        f"{SEEDS}[2]",
    ),
    Mutant(
        "a letter that came while its reader was resting is not looked for",
        "stores/sql/shared.py",
        "refusal IS NULL) THEN ? ELSE ? END",
        "refusal IS NULL AND 1 = 0) THEN ? ELSE ? END",
        "tests/stores/test_contract.py::TestStores::test_what_is_released_with_letters_unread_is_due_at_once",
    ),
    Mutant(
        "a commit of which nobody knows what became is taken for a failure",
        "engine/keeper.py",
        "if change.rows and (yield from self._has_landed(held, change)):",
        "if False:",
        f"{SEEDS}[4]",
    ),
    Mutant(
        "a delivery that comes twice is met twice",
        "stores/sql/shared.py",
        "SELECT d.digest FROM delivery AS d JOIN execution AS e ON e.number = d.execution",
        "SELECT d.digest FROM delivery AS d JOIN execution AS e ON e.number = -d.execution",
        f"{SEEDS}[5]",
    ),
    Mutant(
        "a parent that somebody else has taken over is not told of its child's end",
        "stores/sql/shared.py",
        "AND NOT (coalesce(owner, '') = ? AND epoch = ?)",
        "AND NOT (? <> '' AND ? > 0)",
        f"{ENGINES}::test_the_end_of_a_child_is_told_to_a_parent_that_somebody_else_has_taken_over_in_the_meantime",
    ),
    Mutant(
        "whoever has lost his lease lines up at a mutex",
        "stores/sql/shared.py",
        "SELECT ?, number, ? FROM execution WHERE number = ? AND epoch = ?",
        "SELECT ?, number, ? FROM execution WHERE number = ? AND epoch >= ?",
        f"{ENGINES}::test_who_has_lost_his_lease_does_not_line_up_at_a_mutex_where_nobody_would_ever_take_him_away",
    ),
    Mutant(
        "a lease that nobody knows of stays with an engine that lives",
        "engine/keeper.py",
        "for key, claimed in strays.items() if key in self.strays)",
        "for key, claimed in strays.items() if False)",
        f"{ENGINES}::test_a_lease_that_nobody_knows_of_any_more_is_given_back_at_the_second_beat",
    ),
    Mutant(
        "a thread takes from another one of its engine what that one begins",
        "engine/keeper.py",
        "            if execution.id in self.held:",
        "            if False:",
        f"{ENGINES}::test_two_threads_that_begin_the_same_execution_at_once_have_one_between_them",
    ),
)


def main() -> int:
    """Try every mutant; how many survived is the exit code."""
    survivors = 0
    for verdict in tried():
        survivors += not verdict.found
        print(f"{'found' if verdict.found else 'SURVIVED'}: {verdict.mutant.bug}\n    {verdict.told}")
    return survivors


def tried(mutants: tuple[Mutant, ...] = MUTANTS) -> list[Verdict]:
    """The verdict on each, in order; tests run side by side, each in a copy of the project of its own."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as place, ThreadPoolExecutor(WORKERS) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(WORKERS):
            copies.put(_copy_of_the_project(Path(place) / str(number)))

        def attempt(mutant: Mutant) -> Verdict:
            copy = copies.get()
            try:
                return _tried(mutant, copy)
            finally:
                copies.put(copy)

        return list(pool.map(attempt, mutants))


def _copy_of_the_project(place: Path) -> Path:
    leave_out = shutil.ignore_patterns("__pycache__", ".*")
    for part in ("prana_py", "tests", "migrations"):
        shutil.copytree(ROOT / part, place / part, ignore=leave_out)
    shutil.copy(ROOT / "pyproject.toml", place)
    return place


def _tried(mutant: Mutant, copy: Path) -> Verdict:
    module = copy / "prana_py" / mutant.module
    text = module.read_text()
    if mutant.right not in text:
        return Verdict(mutant, False, f"{mutant.module} has no text {mutant.right!r} any more")
    # The last occurrence: what is asked of a function on loading stands below what it does on writing.
    before, _, after = text.rpartition(mutant.right)
    module.write_text(before + mutant.wrong + after)
    try:
        command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--tb=line", mutant.test]
        run = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=120, check=False)
    finally:
        module.write_text(text)
    lines = [line for line in run.stdout.splitlines() if "Error" in line] or run.stdout.splitlines()[-1:]
    return Verdict(
        mutant, run.returncode == 1, f"{mutant.test}: {lines[0].strip()[:200] if lines else run.stderr[-200:]}"
    )


if __name__ == "__main__":
    sys.exit(main())
