"""``prana check``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cli.command import prana, written


def test_a_workflow_without_problems_is_told_so():
    answer = prana("check", "examples/first.json")

    assert (answer.code, answer.out) == (0, "examples/first.json: no problems (8 nodes, 9 connections)\n")


def test_all_problems_are_told_at_once_with_place_and_code(tmp_path: Path):
    nodes: list[dict[str, Any]] = [
        {"key": "a", "type": "data.sett"},
        {"key": "b", "type": "logic.if"},
        {"key": "c", "type": "data.set", "params": {"values": {"x": "{{ $input. }}"}}},
    ]
    document = written(tmp_path, "bad.json", nodes, ("start", "a"), ("start", "b"), ("start", "c"), ("c", "d"))

    answer = prana("check", document, at=tmp_path)

    assert answer.code == 2
    assert answer.err.splitlines()[0] == "bad.json: the workflow has 4 problems"
    for place, code in (
        ("nodes[1].type", "node_type_unknown"),
        ("nodes[2].params.condition", "params_invalid"),
        ("nodes[3].params.values.x", "template_invalid"),
        ("connections[3].to", "connection_dangling"),
    ):
        assert any(line.startswith(f"  {place}: ") and line.endswith(f"[{code}]") for line in answer.err.splitlines())
    told = prana("check", document, "--json", at=tmp_path)
    assert (told.code, told.data["valid"], len(told.data["problems"])) == (2, False, 4)


def test_warnings_are_told_and_refuse_nothing(tmp_path: Path):
    document = written(tmp_path, "loose.json", [{"key": "a", "type": "core.noop"}])

    answer = prana("check", document, at=tmp_path)

    assert answer.code == 0
    assert "1 warning" in answer.out
    assert "[unreachable_node]" in answer.out
    assert prana("check", document, "--json", at=tmp_path).data["warnings"][0]["node_key"] == "a"
