"""What is asked after every row: do the invariants hold, is the journal to be believed, is the short way right?"""

from __future__ import annotations

from msgspec.structs import replace

from prana_py.execution.execution import Execution
from prana_py.execution.invariants import broken_invariants
from prana_py.execution.rows import Row, Settled
from prana_py.execution.sameness import difference
from prana_py.execution.straight import advance_straight
from prana_py.execution.transitions import apply


class Scrutiny:
    """Follows one execution, and folds its journal beside it."""

    def __init__(self) -> None:
        self.told: Execution | None = None
        self.straight = 0
        """How many rows the short way could take."""

    def watch(self, before: Execution, row: Row, after: Execution) -> None:
        self.told = apply(self.told or before, row)
        assert (found := difference(self.told, after)) is None, f"the journal tells of another value: {found}"
        assert [*broken_invariants(after)] == []
        if isinstance(row, Settled) and is_ordinary(before, row):
            self.go_straight(before, row, after)

    def go_straight(self, before: Execution, row: Settled, after: Execution) -> None:
        gone = advance_straight(before, before.frontier[-1], replace(row, consequences=()))
        if gone is not None:
            self.straight += 1
            assert (found := difference(gone[0], after)) is None, f"the short way leads elsewhere: {found}"
            assert gone[1] == row


def is_ordinary(before: Execution, row: Settled) -> bool:
    """The driver would try the short way."""
    if row.failed or row.error is not None or len(row.ports) != 1 or row.each:
        return False
    if not before.frontier or before.attention or before.ending is not None:
        return False
    run = before.frontier[-1]
    return run.key == (row.node, row.scope, row.run) and run.vertex.straight and run.index < 0
