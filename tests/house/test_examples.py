"""The examples are read, and run."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from prana_py import load_workflow, run
from tests.house.sources import TOP

EXAMPLES = TOP / "examples"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.name)
def test_a_document_among_the_examples_runs_without_a_failure(path: Path):
    execution = run(load_workflow(path.read_text(encoding="utf-8")))

    assert execution.error is None
    assert execution.status in ("completed", "suspended")


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_a_program_among_the_examples_runs_and_says_something(path: Path, capsys: pytest.CaptureFixture[str]):
    runpy.run_path(str(path), run_name="__main__")

    assert capsys.readouterr().out
