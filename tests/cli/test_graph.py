"""``prana graph``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import prana


@pytest.mark.parametrize(
    ("form", "beginning"), [("ascii", ""), ("mermaid", "flowchart"), ("dot", "digraph"), ("svg", "<svg")]
)
def test_a_workflow_is_drawn_in_each_form(form: str, beginning: str):
    answer = prana("graph", "examples/first.json", "--format", form)

    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(beginning)
    for key in ("start", "warehouse", "each_order", "is_large", "gift", "postage", "label", "list"):
        assert key in answer.out


def test_a_run_is_painted_on():
    answer = prana("graph", "examples/first.json", "--run", "--set", "orders=3")

    assert answer.code == 0
    assert "[ each_order: failed ]" in answer.out
    assert "[ gift: skipped ]" in answer.out
    assert answer.err == "failed: for_each goes through a list, not int\n"


def test_a_picture_goes_into_a_file(tmp_path: Path):
    picture = tmp_path / "first.svg"

    answer = prana("graph", "examples/first.json", "-f", "svg", "-o", str(picture))

    assert (answer.code, answer.out) == (0, "")
    assert picture.read_text(encoding="utf-8").startswith("<svg")
