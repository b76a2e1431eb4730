"""The tests find every bug that is planted."""

from __future__ import annotations

import os

import pytest

from tests.mutants import MUTANTS, tried


@pytest.mark.skipif("PRANA_CI_SIZES" not in os.environ, reason="takes two minutes: PRANA_CI_SIZES=1 is not set")
def test_no_planted_bug_survives():
    survivors = [f"{verdict.mutant.bug} ({verdict.told})" for verdict in tried() if not verdict.found]

    assert len(MUTANTS) >= 20
    assert survivors == []
