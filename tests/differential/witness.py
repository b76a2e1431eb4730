"""The reference interpreter beside the engine: it does every event that the engine does, and must agree each time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from prana_py.execution.activation import Activation
from prana_py.execution.execution import Execution
from prana_py.execution.rows import ArrivalRef, Begun, Ended, Row, Settled, Suspended, Withdrawn
from prana_py.execution.scope_state import ScopeState
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.identifiers import TOP, Scope
from tests.differential.nets import told_scope
from tests.reference_interpreter import Behaviour, Completed, Consumed, Failed, Interpreter, Net, Record, Run, Starved
from tests.reference_interpreter.interpreter import EXTERNAL

Told = tuple[Scope, str, int]


class Witness:
    """Follows the engine row by row. ``in_turn`` holds it to the Order rule, too: the run that settles went first."""

    def __init__(self, net: Net, graph: ExecutionGraph, behaviour: Behaviour, *, in_turn: bool) -> None:
        self.net = net
        self.graph = graph
        self.reference = Interpreter(net, _without_values(net, behaviour))
        self.in_turn = in_turn
        self.has_waves = any(isinstance(net.join(key), tuple) for key in net.nodes)
        self.sources: dict[int, tuple[str, int, Scope]] = {-1: ("", 0, ())}
        self.parted = False
        """The engine has failed a join that starves; the interpreter goes on as far as it can."""
        self.verdict: Any = None

    def watch(self, before: Execution, row: Row, after: Execution) -> None:
        """Do what the engine did, and compare where both have come to."""
        if isinstance(row, Begun | Settled | Suspended):
            self.sources[row.execution_index] = (row.node, row.run + 1, told_scope(row.scope))
        if isinstance(row, Ended):
            self.compare_ends(row)
        if self.parted:
            return
        self.follow(before, row)
        self.compare(after)

    def follow(self, before: Execution, row: Row) -> None:
        match row:
            case Settled(node=node, scope=scope, run=run) if (node, scope, run) in before.owners:
                pass  # the interpreter has done so already
            case Settled(error=error) if error is not None and error.code == "join_starved":
                self.parted = True
            case Settled():
                self.settle(row)
            case Suspended() | Begun():
                self.finish(row)
            case _:
                pass
        for consequence in getattr(row, "consequences", ()):
            if isinstance(consequence, Withdrawn):
                self.teach(*consequence.run)

    # ---- events

    def find(self, row: Begun | Settled | Suspended) -> Run:
        place = (told_scope(row.scope), row.node, row.run + 1)
        live = {(run.scope, run.node, run.number): run for run in self.reference.runs()}
        assert place in live, f"{place} settled, but only {sorted(live)} are live"
        return live[place]

    def finish(self, row: Begun | Settled | Suspended) -> None:
        run = self.find(row)
        if self.in_turn:
            first = self.reference.startable()[0]
            assert run is first, f"{_told(run)} went before {_told(first)}"
        self.reference.start(run)
        self.reference.finish(run)

    def settle(self, row: Settled) -> None:
        run = self.find(row)
        known = len(self.reference.records)
        if run in self.reference.suspended:
            self.reference.resolve(run, self.reference.suspended[run] or {})
        else:
            self.finish(row)
        record = self.reference.records[known]
        assert record == self.told(row, record.inputs), f"{row} is not {record}"

    def told(self, row: Settled, inputs: dict[str, Any]) -> Record:
        """A row as the interpreter tells of it; inputs are compared elsewhere."""
        consumed = tuple(sorted(self.consumed(reference) for reference in row.consumed))
        status = "failed" if row.failed else "completed"
        return Record(row.node, told_scope(row.scope), row.run + 1, consumed, tuple(sorted(row.ports)), inputs, status)

    def consumed(self, reference: ArrivalRef) -> Consumed:
        source, connection, _ = reference
        node, run, scope = self.sources[source]
        edge = self.graph.route_list[connection].rank if connection else EXTERNAL
        return Consumed(node, run, edge, scope)

    def teach(self, node: str, scope: Scope, run: int) -> None:
        """What is withdrawn in the event that brought it had a number with the engine: that stays used."""
        place = (told_scope(scope), node)
        self.reference.numbers[place] = max(self.reference.numbers[place], run + 1)

    # ---- where both have come to

    def compare(self, execution: Execution) -> None:
        """The same runs are live, in the same order, and the same arrivals wait – once scope owners have gone on."""
        if self.parted or execution.attention or execution.ending is not None or execution.is_final:
            return
        engine = {_key(activation) for activation in (*execution.frontier, *execution.parked.values())}
        starved = {_key(activation) for activation in execution.frontier if activation.starved}
        reference = {_told(run) for run in self.reference.runs()}
        assert engine - starved == reference, f"the engine has {engine - reference}, and lacks {reference - engine}"
        if starved:
            return
        mine = [_key(activation) for activation in reversed(execution.frontier) if activation.resumption is None]
        theirs = [_told(run) for run in self.reference.startable()]
        assert mine == theirs, f"the engine's order is {mine}, the interpreter's {theirs}"
        if not self.has_waves:
            waiting = self.arrivals_of(execution)
            held = {
                (scope, node): Counter(arrival.consumed for arrival in arrivals)
                for (scope, node), arrivals in self.reference.waiting.items()
                if arrivals
            }
            assert waiting == held, f"{waiting} is not {held}"

    def arrivals_of(self, execution: Execution) -> dict[tuple[Scope, str], Counter[Consumed]]:
        found: dict[tuple[Scope, str], Counter[Consumed]] = {}
        scopes: list[tuple[Scope, ScopeState]] = [(TOP, execution.top), *execution.scopes.items()]
        for scope, state in scopes:
            for ordinal, queue in state.queues.items():
                place = (told_scope(scope), self.graph.vertices[ordinal].key)
                found[place] = Counter(self.consumed(arrival.ref) for arrival in queue)
        return found

    def compare_inputs(self, inputs: Mapping[str, Any], place: Told) -> None:
        """What a run was called with; values that came out of a scope are compared as far as both know them."""
        run = next((run for run in self.reference.runs() if _told(run) == place), None)
        if run is None or self.parted or run.arrivals[0].consumed.edge == EXTERNAL:
            return  # what an execution starts with came over no connection, so nothing is collected
        expected = self.reference.inputs(run)
        sources = {arrival.consumed.source for arrival in run.arrivals}
        merges = self.net.nodes[run.node].collect == "merge"
        if merges and any(source in self.net.owners for source in sources):
            assert inputs.keys() == expected.keys()
        else:
            assert agree(dict(inputs), expected), f"{place} got {inputs}, and not {expected}"

    def compare_ends(self, row: Ended) -> None:
        reference = self.reference
        while self.parted and reference.verdict is None and (left := [*reference.startable(), *reference.suspended]):
            if left[0] in reference.suspended:
                reference.resolve(left[0], reference.suspended[left[0]] or {})
            else:
                reference.start(left[0])
                reference.finish(left[0])
        self.verdict = reference.verdict or reference.rest()
        match row.error:
            case None:
                assert self.verdict == Completed(), f"the engine completed, and the interpreter says {self.verdict}"
            case error if error.code in ("join_starved", "item_failed"):
                assert isinstance(self.verdict, Starved), f"{error.message}, but the interpreter says {self.verdict}"
            case error:
                assert isinstance(self.verdict, Failed), f"{error.message}, but the interpreter says {self.verdict}"


def agree(mine: Any, theirs: Any) -> bool:
    """Equal, where the interpreter knows of a value at all; tuples are lists once they are stored."""
    if theirs is None:
        return True
    if isinstance(theirs, list | tuple):
        return isinstance(mine, list) and len(mine) == len(theirs) and all(map(agree, mine, theirs))
    if isinstance(theirs, dict) and isinstance(mine, dict):
        return mine.keys() == theirs.keys() and all(agree(mine[key], theirs[key]) for key in theirs)
    return bool(mine == theirs)


def _key(activation: Activation) -> Told:
    return told_scope(activation.scope), activation.vertex.key, activation.run + 1


def _told(run: Run) -> Told:
    return run.scope, run.node, run.number


def _without_values(net: Net, behaviour: Behaviour) -> Behaviour:
    """The behaviour, but a while hands on values that the interpreter need not know."""

    def told(key: str, scope: Scope, run: int, inputs: dict[str, Any]) -> Any:
        said = behaviour(key, scope, run, inputs)
        if net.nodes[key].owner == "while" and isinstance(said, Mapping):
            return dict.fromkeys(said)
        return said

    return told
