"""The pure core, for those who drive executions in a loop of their own: values and functions, no clock, no I/O.

``moves`` name what happened (``complete_node``, ``fail_node``, ``resume`` …). ``decide`` says what should happen next,
``prepare`` what a node is called with, ``row_of`` what its outcome becomes, and ``advance`` writes that.
"""

from __future__ import annotations

from prana_py.driver.apply import row_of
from prana_py.driver.decide import Await, Decision, Launch, Rest, Write, decide, next_due
from prana_py.driver.invocation import Invocation
from prana_py.driver.moves import (
    ask,
    cancel,
    complete_node,
    fail_node,
    ready_nodes,
    resume,
    settle,
    signal,
    suspend_node,
)
from prana_py.driver.outcome import Completed, CompletedPorts, Failed, Opened, Outcome, Stopped, Waiting
from prana_py.driver.prepare import prepare
from prana_py.driver.requests import AddItems, Cancel, CancelBranch, Request, Resume, Signal, row_for
from prana_py.execution.history import at, diff, fork
from prana_py.execution.rows import Row
from prana_py.execution.storage import decode_row, encode_row, load_rows
from prana_py.execution.suspension import as_datetime, as_instant
from prana_py.execution.transitions import advance, apply, fold
from prana_py.nodes.call import call_node

__all__ = [
    "AddItems",
    "Await",
    "Cancel",
    "CancelBranch",
    "Completed",
    "CompletedPorts",
    "Decision",
    "Failed",
    "Invocation",
    "Launch",
    "Opened",
    "Outcome",
    "Request",
    "Rest",
    "Resume",
    "Row",
    "Signal",
    "Stopped",
    "Waiting",
    "Write",
    "advance",
    "apply",
    "as_datetime",
    "as_instant",
    "ask",
    "at",
    "call_node",
    "cancel",
    "complete_node",
    "decide",
    "decode_row",
    "diff",
    "encode_row",
    "fail_node",
    "fold",
    "fork",
    "load_rows",
    "next_due",
    "prepare",
    "ready_nodes",
    "resume",
    "row_for",
    "row_of",
    "settle",
    "signal",
    "suspend_node",
]
