"""One net played by the engine and by the reference interpreter, and all that is compared on the way."""

from __future__ import annotations

from random import Random
from zlib import crc32

from prana_py.driver.invocation import Invocation
from prana_py.driver.outcome import Outcome
from prana_py.execution.execution import Execution
from prana_py.execution.rows import Row
from tests.differential.nets import answer, compiled, told_scope, with_a_start
from tests.differential.playing import Player
from tests.differential.scrutiny import Scrutiny
from tests.differential.witness import Witness
from tests.reference_interpreter import Behaviour, Net


class Journey:
    """How one net was played to its end."""

    def __init__(self, execution: Execution, witness: Witness, scrutiny: Scrutiny) -> None:
        self.execution = execution
        self.witness = witness
        self.scrutiny = scrutiny


def journey(
    net: Net, behaviour: Behaviour, *, order: int | None = None, max_concurrency: int = 1, scrutinise: bool = True
) -> Journey:
    """Play a net, its calls answered in an order drawn from ``order``, or each at once; fail on the first doubt."""
    graph = compiled(net)
    witness = Witness(net, graph, behaviour, in_turn=order is None)
    scrutiny = Scrutiny()

    def answering(call: Invocation) -> Outcome:
        if call.call == "execute":
            witness.compare_inputs(call.inputs, (told_scope(call.scope), call.node_key, call.run + 1))
        return answer(net, behaviour, call)

    def watching(before: Execution, row: Row, after: Execution) -> None:
        witness.watch(before, row, after)
        if scrutinise:
            scrutiny.watch(before, row, after)

    random = None if order is None else Random(order)
    player = Player(graph, answering, watching, random=random, max_concurrency=max_concurrency)
    return Journey(player.play(), witness, scrutiny)


def drawn(*of: object) -> int:
    """A number that looks random and is always the same."""
    return crc32(repr(of).encode())


__all__ = ["Journey", "drawn", "journey", "with_a_start"]
