"""What users and we test with: a clock that stands still, a scripted runtime, a simulator, a database that fails."""

from __future__ import annotations

from prana_py.execution.invariants import check_invariants, same_state
from prana_py.testing.counted_ids import CountedIds
from prana_py.testing.crashing import Fault, FaultyDatabase, Killed
from prana_py.testing.fake_clock import FakeClock
from prana_py.testing.ledger import Effect, Ledger
from prana_py.testing.simulate import (
    Ask,
    CrashPoint,
    Pass,
    SimulationResult,
    simulate,
    simulate_every_crash,
)
from prana_py.testing.store_invariants import check_store
from prana_py.testing.testing_runtime import TestingRuntime

__all__ = [
    "Ask",
    "CountedIds",
    "CrashPoint",
    "Effect",
    "FakeClock",
    "Fault",
    "FaultyDatabase",
    "Killed",
    "Ledger",
    "Pass",
    "SimulationResult",
    "TestingRuntime",
    "check_invariants",
    "check_store",
    "same_state",
    "simulate",
    "simulate_every_crash",
]
