"""``prana run``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import EXAMPLES, prana, written

WEBHOOK = {"key": "ask", "type": "wait.wait", "params": {"mode": "webhook"}}
ECHO = {"key": "echo", "type": "data.set", "params": {"values": {"got": "{{ $input }}"}}}


def test_the_first_example_shows_branches_a_loop_a_retry_and_expressions():
    answer = prana("run", "examples/first.json")

    assert answer.code == 0
    assert answer.data == {
        "packed": [
            "1: Ada pays 45, postage included",
            "2: Grace pays 250, with a gift",
            "3: Edsger pays 95, postage included",
        ],
        "count": 3,
    }
    lines = answer.err.splitlines()
    assert "  ↻ warehouse      attempt 1 failed: the warehouse does not answer; again in 100 ms" in lines
    assert "  ✓ warehouse      completed at attempt 2" in lines
    assert "  ✓ is_large[1]    completed by true" in lines
    assert "  ✓ gift[1]        completed" in lines
    assert "[ label: completed ]" in answer.err
    assert lines[-1].startswith("completed in ")
    assert lines[-1].endswith(": 13 node runs, 1 retry")


def test_json_is_one_object_with_status_output_error_and_runs():
    answer = prana("run", "examples/first.json", "--json")

    assert (answer.code, answer.err) == (0, "")
    assert answer.data["status"] == "completed"
    assert answer.data["output"]["count"] == 3
    assert answer.data["error"] is None
    runs = answer.data["node_executions"]
    assert [run["node_key"] for run in runs][:3] == ["start", "warehouse", "each_order"]
    warehouse = runs[1]
    assert (warehouse["attempt"], warehouse["status"]) == (2, "completed")
    assert warehouse["attempts"][0]["error"]["message"] == "the warehouse does not answer"


@pytest.mark.parametrize(
    "target", ["examples/hello.py", "examples/hello.py:workflow", "examples.hello:workflow", "examples.hello:flow"]
)
def test_a_workflow_in_a_module_brings_its_nodes(target: str):
    answer = prana("run", target, "--quiet", "--input", '{"name": "Ada"}')

    assert (answer.code, answer.out, answer.err) == (0, '"Hello, Ada!"\n', "")


def test_a_function_that_makes_a_workflow_will_do(tmp_path: Path):
    (tmp_path / "made.py").write_text(
        "from prana_py import WorkflowBuilder\n"
        "def make():\n"
        "    flow = WorkflowBuilder('made')\n"
        "    flow.add('data.set', 'a', values={'b': 1})\n"
        "    return flow\n"
    )

    assert prana("run", "made:make", "-q", at=tmp_path).data == {"b": 1}


def test_nodes_for_a_document_come_from_a_module(tmp_path: Path):
    (tmp_path / "mine.py").write_text(
        "from prana_py import node\n"
        "@node\n"
        "def double(number: int) -> int:\n"
        "    print('at work')\n"
        "    return 2 * number\n"
    )
    document = written(
        tmp_path, "twice.json", [{"key": "double", "type": "double", "params": {"number": "{{ $input }}"}}],
        ("start", "double"),
    )  # fmt: skip

    for nodes in ("mine", "mine.py", "mine:double"):
        answer = prana("run", document, "--nodes", nodes, "--input", "21", "-q", at=tmp_path)
        assert (answer.code, answer.out) == (0, "42\n"), nodes
        assert answer.err == "at work\n"  # what nodes print does not mix with the output


def test_a_document_may_be_yaml_or_come_from_the_standard_input(tmp_path: Path):
    (tmp_path / "one.yaml").write_text(
        "id: one\nname: One\nnodes:\n- {key: start, type: manual.trigger}\n- {key: a, type: core.noop}\n"
        "connections:\n- {from: start, to: a}\n"
    )

    assert prana("run", "one.yaml", "-q", "-i", '"hi"', at=tmp_path).out == '"hi"\n'
    document = (EXAMPLES / "first.json").read_text(encoding="utf-8")
    assert prana("run", "-", "-q", stdin=document).data["count"] == 3


def test_input_comes_from_json_a_file_or_the_standard_input(tmp_path: Path):
    document = written(tmp_path, "echo.json", [ECHO], ("start", "echo"))
    (tmp_path / "in.json").write_text('{"a": 1}')
    (tmp_path / "in.yaml").write_text("a: 1\n")

    for given in ('{"a": 1}', "@in.json", "@in.yaml", "-"):
        answer = prana("run", document, "-q", "--input", given, at=tmp_path, stdin='{"a": 1}')
        assert answer.data == {"got": {"a": 1}}, given


def test_variables_are_json_or_else_text(tmp_path: Path):
    shown = {"key": "show", "type": "data.set", "params": {"values": {"a": "{{ $vars.a }}", "b": "{{ $vars.b }}"}}}
    document = written(tmp_path, "vars.json", [shown], ("start", "show"))

    answer = prana("run", document, "-q", "--set", "a=[1, 2]", "--set", "b=plain text", at=tmp_path)

    assert answer.data == {"a": [1, 2], "b": "plain text"}


def test_a_failure_is_told_with_its_node_and_its_code():
    answer = prana("run", "examples/first.json", "--set", "orders=3")

    assert (answer.code, answer.out) == (1, "")
    assert "✗ each_order     failed: for_each goes through a list, not int" in answer.err
    assert "[ list: skipped ]" in answer.err
    assert answer.err.splitlines()[-1] == (
        "  node 'each_order' failed: for_each goes through a list, not int [invalid_collection_type]"
    )


def test_a_failure_within_a_nodes_code_shows_where_when_asked(tmp_path: Path):
    (tmp_path / "bad.py").write_text(
        "from prana_py import WorkflowBuilder, node\n"
        "@node\n"
        "def divide(by: int) -> float:\n"
        "    return 1 / by\n"
        "flow = WorkflowBuilder('bad')\n"
        "flow.add(divide, by=0)\n"
        "workflow = flow.build()\n"
    )

    short = prana("run", "bad.py", at=tmp_path)
    long = prana("run", "bad.py", "--traceback", at=tmp_path)

    assert (short.code, long.code) == (1, 1)
    assert short.err.endswith("--traceback shows where in its code\n")
    assert "Traceback" not in short.err
    assert "node 'divide' failed: ZeroDivisionError: division by zero [node_failed]" in short.err
    assert "return 1 / by" in long.err


def test_an_answer_that_does_not_fit_is_refused():
    order = '{"id": 7, "items": [{"price": 900}]}'

    answer = prana("run", "examples/order_approval.py", "-q", "-i", order, "--resume", 'approval={"yes": 1}')

    assert answer.code == 2
    assert answer.err.startswith("prana: the data to resume 'approval#0' with does not fit its schema: ")


def test_a_suspended_run_says_what_it_waits_for_and_how_to_go_on(tmp_path: Path):
    document = written(tmp_path, "wait.json", [WEBHOOK, ECHO], ("start", "ask"), ("ask", "echo"))

    answer = prana("run", document, at=tmp_path)

    assert (answer.code, answer.out) == (3, "")
    assert "◔ ask    waits for a webhook" in answer.err
    assert "ask#0 waits for a webhook, until" in answer.err
    assert "--resume 'ask#0={}'" in answer.err
    assert prana("run", document, "--json", at=tmp_path).data["waits"][0]["wait"] == "ask#0"


@pytest.mark.parametrize("name", ["ask", "ask#0"])
def test_a_wait_is_answered_by_its_id_or_by_its_node(tmp_path: Path, name: str):
    document = written(tmp_path, "wait.json", [WEBHOOK, ECHO], ("start", "ask"), ("ask", "echo"))

    answer = prana("run", document, "--resume", f'{name}={{"ok": true}}', "-q", at=tmp_path)

    assert (answer.code, answer.data) == (0, {"got": {"ok": True}})


def test_waits_are_answered_in_order(tmp_path: Path):
    signal = {"key": "more", "type": "wait.wait", "params": {"mode": "signal", "signal": "go"}}
    document = written(
        tmp_path, "two.json", [WEBHOOK, signal, ECHO], ("start", "ask"), ("ask", "more"), ("more", "echo")
    )

    assert prana("run", document, "--resume", "ask=1", "-q", at=tmp_path).code == 3
    assert prana("run", document, "--resume", "ask=1", "--resume", "go=2", "-q", at=tmp_path).data == {"got": 2}


def test_an_answer_that_nobody_waits_for_is_refused(tmp_path: Path):
    document = written(tmp_path, "wait.json", [WEBHOOK, ECHO], ("start", "ask"), ("ask", "echo"))

    answer = prana("run", document, "--resume", "aks=1", "-q", at=tmp_path)

    assert answer.code == 2
    assert answer.err == ("prana: --resume aks: no such wait is open, the execution is suspended; open: ask#0\n")


def test_timers_pass_as_long_as_there_is_patience(tmp_path: Path):
    pause = {"key": "pause", "type": "wait.wait", "params": {"mode": "interval", "duration": 50, "unit": "ms"}}
    document = written(tmp_path, "pause.json", [pause, ECHO], ("start", "pause"), ("pause", "echo"))

    assert prana("run", document, "-q", at=tmp_path).code == 3
    assert prana("run", document, "-q", "--wait", "20", "-i", "5", at=tmp_path).data == {"got": 5}


def test_a_sub_workflow_is_called_and_its_waits_are_answered(tmp_path: Path):
    call = {"key": "call", "type": "workflow.execute", "params": {"workflow_id": "child"}}
    parent = written(tmp_path, "parent.json", [call], ("start", "call"))
    child = written(tmp_path, "child.json", [WEBHOOK, ECHO], ("start", "ask"), ("ask", "echo"))

    waiting = prana("run", parent, "--with", child, at=tmp_path)
    answered = prana("run", parent, "--with", child, "--resume", "child/ask#0=7", "-q", at=tmp_path)

    assert waiting.code == 3
    assert "child/ask#0 waits for a webhook" in waiting.err
    assert (answered.code, answered.data) == (0, {"got": 7})


def test_what_nodes_log_is_shown(tmp_path: Path):
    log = {"key": "log", "type": "core.log", "params": {"message": "look here"}}
    document = written(tmp_path, "log.json", [log], ("start", "log"))

    assert "info: look here" in prana("run", document, at=tmp_path).err


SLOW = (
    "from threading import Event\n"
    "from prana_py import WorkflowBuilder, node\n"
    "@node\n"
    "def never() -> None:\n"
    "    Event().wait(3600)\n"
    "flow = WorkflowBuilder('slow')\n"
)


def test_a_node_that_takes_too_long_is_left_behind_and_the_others_go_on(tmp_path: Path):
    (tmp_path / "slow.py").write_text(
        f"{SLOW}"
        "late = flow.add(never, settings={'timeout': '50ms', 'on_error': 'continue'})\n"
        "late.then(flow.add('core.noop', settings={'timeout': '30s'}))\n"
        "workflow = flow.build()\n"
    )

    answer = prana("run", "slow.py", "-q", at=tmp_path)

    assert answer.code == 0
    assert answer.data["code"] == "timeout"


@pytest.mark.parametrize("concurrency", ["1", "2"])
def test_the_time_of_a_run_is_up_whatever_its_nodes_do(tmp_path: Path, concurrency: str):
    (tmp_path / "slow.py").write_text(f"{SLOW}flow.add(never)\nworkflow = flow.build()\n")

    answer = prana("run", "slow.py", "--json", "--timeout", "100ms", "--max-concurrency", concurrency, at=tmp_path)

    assert answer.code == 1
    assert answer.data["error"]["code"] == "execution_timeout"


def test_a_run_may_be_given_a_time(tmp_path: Path):
    pause = {"key": "pause", "type": "core.assert", "params": {"condition": False},
             "settings": {"retry": {"max_attempts": 1000, "delay": "20ms"}}}  # fmt: skip
    document = written(tmp_path, "long.json", [pause], ("start", "pause"))

    answer = prana("run", document, "--timeout", "100ms", "--json", at=tmp_path)

    assert answer.code == 1
    assert answer.data["error"]["code"] == "execution_timeout"


def test_several_nodes_may_be_at_work_at_once():
    answer = prana("run", "examples/fan_out.py", "--max-concurrency", "3", "-q", "-i", json.dumps({"item": "tea"}))

    assert answer.data == {"shop": "market", "item": "tea", "price": 9}
