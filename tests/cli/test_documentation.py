"""The commands that the documentation shows answer what it says."""

from __future__ import annotations

import re
import shlex
from argparse import Action, ArgumentParser
from collections.abc import Iterator
from pathlib import Path

import pytest

from prana_py.cli.arguments import parser
from tests.cli.command import TOP, prana, program
from tests.house.test_docs import blocks

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
                if line.startswith(("prana ", "python ")) and told:
                    yield line, told


GUIDES = sorted((TOP / "docs" / "guides").glob("*.md"))
PAGES = [PAGE, TOP / "README.md", *GUIDES]


def goes_on(line: str) -> bool:
    """It is about what the commands before it have left."""
    return "--db" in line or line.startswith("python ")


@pytest.mark.parametrize(("line", "told"), [case for case in shown_commands(*PAGES) if not goes_on(case[0])])
def test_a_command_answers_what_the_page_says(line: str, told: str):
    answer = prana(*shlex.split(line)[1:])

    assert _VARIES.sub("…", answer.err + answer.out) == _VARIES.sub("…", told)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_on_a_store_answer_in_their_order_what_the_page_says(page: Path, tmp_path: Path):
    (tmp_path / "examples").symlink_to(TOP / "examples")
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.language == "python" and block.file:
            (tmp_path / block.file).write_text(block.body, encoding="utf-8")

    for line, told in shown_commands(page):
        if goes_on(line):
            answer = (program if line.startswith("python ") else prana)(*shlex.split(line)[1:], at=tmp_path)
            assert _VARIES.sub("…", answer.err + answer.out) == _VARIES.sub("…", told)


def commands_of(command: ArgumentParser) -> Iterator[ArgumentParser]:
    """All commands, also those in groups."""
    groups = [action.choices for action in command._actions if isinstance(action.choices, dict)]
    if not groups:
        yield command
    for group in groups:
        for one in group.values():
            yield from commands_of(one)


def section_of(page: str, command: ArgumentParser) -> str:
    """What the page says under the heading of a command."""
    heading = re.search(rf"^#+ `{command.prog}( [^`]*)?`$", page, re.MULTILINE)
    assert heading is not None, command.prog
    wanted = " ".join([command.prog, *(str(one.metavar) for one in command._actions if not one.option_strings)])
    assert heading[0].strip("#` ") == wanted
    return page[heading.end() :].partition("\n#")[0]


def test_every_option_and_every_exit_code_is_on_the_page():
    page = PAGE.read_text(encoding="utf-8")
    common = page[page.index("## Commands on a store") :].partition("###")[0]
    running = page[page.index("## `prana run") :].partition("\n## ")[0]
    resuming = page[page.index("### `prana resume") :].partition("\n### ")[0]

    for command in commands_of(parser()):
        where = section_of(page, command)
        where += common if "### `" + command.prog in page else running
        where += resuming if command.prog == "prana signal" else ""
        for option in command._actions:
            if option.dest != "help" and option.option_strings and not is_as_for_run(option, command):
                assert any(f"`{text}" in where for text in option.option_strings), (command.prog, option.option_strings)
    for code in (0, 1, 2, 3, 4, 130, 141):
        assert f"| {code} |" in page


def is_as_for_run(option: Action, command: ArgumentParser) -> bool:
    """What drives shows its progress as `prana run` does."""
    return option.dest in ("max_concurrency", "quiet", "traceback") and command.prog.startswith("prana executions")
