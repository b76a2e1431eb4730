"""The tests find every bug that is planted."""

from __future__ import annotations

from tests.mutants import MUTANTS, tried


def test_no_planted_bug_survives():
    survivors = [f"{verdict.mutant.bug} ({verdict.told})" for verdict in tried() if not verdict.found]

    assert len(MUTANTS) >= 20
    assert survivors == []
