"""The reference page names every field and code there is, and its examples load."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

import prana_py.model
from prana_py.model.connection import Connection, Cycle
from prana_py.model.document import load_workflow
from prana_py.model.join import Batch, Custom, FirstOf
from prana_py.model.node import Node
from prana_py.model.reading import DEFAULT_LIMITS
from prana_py.model.retry import Retry
from prana_py.model.settings import NodeSettings, WorkflowSettings
from prana_py.model.workflow import Workflow

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "workflow-documents.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))


def rows(section: str) -> set[str]:
    """The first cells of the tables of a section."""
    return set(re.findall(r"^\| `(\w+)` \|", SECTIONS[section], re.MULTILINE))


@pytest.mark.parametrize(
    ("section", "structs"),
    [
        ("Workflow", [Workflow]),
        ("Node", [Node]),
        ("Connection", [Connection]),
        ("Cycle", [Cycle]),
        ("Node settings", [NodeSettings]),
        ("Retry", [Retry]),
        ("Join", [FirstOf, Batch, Custom]),
        ("Workflow settings", [WorkflowSettings]),
    ],
)
def test_the_tables_name_every_field_and_no_other(section: str, structs: list[type[msgspec.Struct]]):
    assert rows(section) == {field.encode_name for struct in structs for field in msgspec.structs.fields(struct)}


def test_the_table_of_codes_names_every_code_that_reading_can_report():
    sources = "".join(path.read_text("utf-8") for path in Path(prana_py.model.__path__[0]).glob("*.py"))
    reported = set(re.findall(r'(?:\.problem|abandon|_refused|self\.refused|building\.refused)\(\s*"(\w+)"', sources))
    reported |= set(re.findall(r'Problem\(code="(\w+)"', sources))
    reported |= {"out_of_range", "wrong_format"}  # chosen by a condition

    assert rows("What is refused") == reported


def test_the_limits_are_those_that_the_page_names():
    limits = [
        DEFAULT_LIMITS.max_nodes,
        DEFAULT_LIMITS.max_depth,
        DEFAULT_LIMITS.max_values,
        DEFAULT_LIMITS.max_problems,
    ]

    assert all(f"{limit:,}" in SECTIONS["What is refused"] for limit in limits)
    assert DEFAULT_LIMITS.max_bytes == 16 * 2**20


def test_the_examples_in_json_and_yaml_are_the_same_workflow():
    as_json = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    as_yaml = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)

    assert as_json is not None
    assert as_yaml is not None
    assert load_workflow(as_json[1]) == load_workflow(as_yaml[1], "yaml")


def test_the_example_in_python_builds():
    example = next(code for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "WorkflowBuilder" in code)
    names: dict[str, object] = {}

    exec(example, names)

    workflow = names["workflow"]
    assert isinstance(workflow, Workflow)
    assert [node.key for node in workflow.nodes] == ["trigger", "check", "large", "small"]
