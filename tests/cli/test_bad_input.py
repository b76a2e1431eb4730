"""Bad input is told in a few lines, with the next step, and never with a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import Answer, prana, written


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "broken.json").write_text('{"id": "x", "nodes": [}')
    (tmp_path / "fields.json").write_text('{"id": "x", "name": "x", "nodes": [{"key": "a", "typ": "core.noop"}]}')
    (tmp_path / "syntax.py").write_text("def f(:\n")
    (tmp_path / "imports.py").write_text("import there_is_no_such_module\n")
    (tmp_path / "raises.py").write_text("raise ValueError('not today')\n")
    (tmp_path / "leaves.py").write_text("raise SystemExit(0)\n")
    (tmp_path / "nothing.py").write_text("x = 1\n")
    (tmp_path / "several.py").write_text(
        "from prana_py import WorkflowBuilder\n"
        "a = WorkflowBuilder('a')\na.add('core.noop')\n"
        "b = WorkflowBuilder('b')\nb.add('core.noop')\n"
    )
    written(tmp_path, "type.json", [{"key": "a", "type": "data.sett"}], ("start", "a"))
    written(tmp_path, "template.json", [{"key": "a", "type": "data.set", "params": {"values": "{{ $input. }}"}}])
    written(tmp_path, "param.json", [{"key": "a", "type": "logic.if"}], ("start", "a"))
    written(tmp_path, "good.json", [{"key": "a", "type": "core.noop"}], ("start", "a"))
    return tmp_path


def few_lines(answer: Answer) -> str:
    """The lines that the command told, which are refused, few, and no traceback."""
    assert answer.code == 2
    assert answer.out == ""
    assert "Traceback" not in answer.err
    assert 1 <= len(answer.err.splitlines()) <= 3
    return answer.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run"], "the following arguments are required: WORKFLOW"),
        (["rnu", "good.json"], "invalid choice: 'rnu'"),
        (["run", "good.json", "--max-concurrency", "0"], "'0' is not a number from 1 to 1000"),
        (["run", "good.json", "--timeout", "soon"], "'soon' is not a duration such as"),
        (["run", "godo.json"], "there is no file 'godo.json' – did you mean 'good.json'?"),
        (["run", "good.jsn"], "'good.jsn' is no file – did you mean 'good.json'?"),
        (["run", "nowhere/good.json"], "there is no directory 'nowhere' either"),
        (["run", "."], "cannot be read"),
        (["run", "broken.json"], "line 1, column 23: this is not JSON"),
        (["run", "fields.json"], "nodes[0].typ: a Node has no field 'typ' – did you mean 'type'?"),
        (["run", "type.json"], "unknown type 'data.sett' – did you mean 'data.set'?"),
        (["run", "template.json"], "nodes[1].params.values"),
        (["run", "param.json"], "nodes[1].params.condition: is required"),
        (["run", "best"], "'best' is no file; for a workflow in a module name both, such as best:workflow"),
        (["run", "no_such_module:flow"], "there is no module 'no_such_module' here"),
        (["run", "nothing:flow"], "nothing has no 'flow'"),
        (["run", "nothing:x"], "nothing:x is a int; a Workflow, a WorkflowBuilder"),
        (["run", "nothing.py"], "defines no workflow at its top level"),
        (["run", "several.py"], "defines several workflows; name one:"),
        (["run", "syntax.py"], "cannot be loaded: SyntaxError"),
        (["run", "imports.py"], "No module named 'there_is_no_such_module'"),
        (["run", "raises.py"], "ValueError: not today"),
        (["run", "leaves.py"], "SystemExit: 0"),
        (["run", "good.json", "--nodes", "nothing"], "no node type is defined there"),
        (["run", "good.json", "--nodes", "nothing:x"], "1 is no node type"),
        (["run", "good.json", "--input", "Ada"], "--input is not JSON"),
        (["run", "good.json", "--input", "@in.json"], "there is no file 'in.json'"),
        (["run", "good.json", "--set", "limit"], "--set 'limit' is not NAME=VALUE"),
        (["run", "good.json", "--resume", "a={"], "--resume a is not JSON"),
        (["graph", "good.json", "--format", "png"], "invalid choice: 'png'"),
        (["graph", "good.json", "-o", "nowhere/x.svg"], "'nowhere/x.svg' cannot be written"),
    ],
)
def test_wrong_usage_is_told_in_a_few_lines(here: Path, arguments: list[str], told: str):
    assert told in few_lines(prana(*arguments, at=here))


def test_for_programs_a_refusal_is_an_object(here: Path):
    answer = prana("run", "type.json", "--json", at=here)

    assert answer.code == 2
    assert answer.data["status"] == "refused"
    assert answer.data["error"]["problems"][0]["code"] == "node_type_unknown"


def test_without_a_command_the_help_is_shown():
    answer = prana()

    assert answer.code == 2
    assert "exit codes" in answer.out


def test_what_would_steer_a_terminal_is_shown_as_text(here: Path):
    shout = {"key": "a", "type": "core.assert", "params": {"condition": False, "message": "\x1b[2J red"}}
    document = written(here, "steer.json", [shout], ("start", "a"))

    answer = prana("run", document, at=here)

    assert "\x1b" not in answer.err
    assert "\\x1b[2J red" in answer.err
