"""The commands that the documentation shows answer what it says."""

from __future__ import annotations

import re
import shlex
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

import pytest

from prana_py.cli.arguments import parser
from tests.cli.command import TOP, prana

PAGE = TOP / "docs" / "reference" / "command-line.md"

_CONSOLE = re.compile(r"^```console\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_VARIES = re.compile(r"in [<\d].*?(?=:)|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
"""How long it took, and when it will be over."""


def shown_commands(*pages: Path) -> Iterator[tuple[str, str]]:
    """Each ``$ prana …`` of a page, with the output that stands below it."""
    for page in pages:
        for block in _CONSOLE.finditer(page.read_text(encoding="utf-8")):
            for command in block["body"].split("$ ")[1:]:
                line, _, told = command.partition("\n")
                if line.startswith("prana ") and told:
                    yield line, told


@pytest.mark.parametrize(("line", "told"), list(shown_commands(PAGE, TOP / "README.md")))
def test_a_command_answers_what_the_page_says(line: str, told: str):
    answer = prana(*shlex.split(line)[1:])

    assert _VARIES.sub("…", answer.err + answer.out) == _VARIES.sub("…", told)


def test_every_option_and_every_exit_code_is_on_the_page():
    page = PAGE.read_text(encoding="utf-8")

    commands = parser()._subparsers
    assert commands is not None
    (action,) = commands._group_actions
    assert isinstance(action.choices, dict)
    for name, command in action.choices.items():
        assert isinstance(command, ArgumentParser)
        assert f"`prana {name} WORKFLOW`" in page
        for option in command._actions:
            if option.dest != "help":
                assert not option.option_strings or any(f"`{text}" in page for text in option.option_strings), option
    for code in (0, 1, 2, 3, 4, 130, 141):
        assert f"| {code} |" in page
