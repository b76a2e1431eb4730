"""The examples are read, and run."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

import prana_py
from prana_py.model.document import load_workflow
from tests.house.sources import TOP

EXAMPLES = TOP / "examples"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.name)
def test_a_document_among_the_examples_is_a_workflow(path: Path):
    assert load_workflow(path.read_text(encoding="utf-8")).nodes


@pytest.mark.skipif(not hasattr(prana_py, "run"), reason="the examples need prana_py.run")
@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_a_program_among_the_examples_runs_and_says_something(path: Path, capsys: pytest.CaptureFixture[str]):
    runpy.run_path(str(path), run_name="__main__")

    assert capsys.readouterr().out
