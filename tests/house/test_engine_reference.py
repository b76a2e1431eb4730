"""The page about the engine has every verb, as it is called and with what it promises, and every option."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

from prana_py import AsyncEngine, Engine
from prana_py.engine.verbs import EngineVerbs, Verb
from tests.house.sources import TOP

PAGE = TOP / "docs" / "reference" / "engine.md"


def verbs() -> Iterator[str]:
    """A line for each verb: how it is called, and the first line of its promise."""
    for name, member in vars(EngineVerbs).items():
        make = member.make if isinstance(member, Verb) else member
        if name.startswith("_") or not callable(make):
            continue
        told = (inspect.getdoc(make) or "").partition("\n")[0]
        yield f"| `{name}({', '.join(parameters(make))})` | {told.replace('``', '`')} |"


def parameters(function: object) -> Iterator[str]:
    """Names, with what stands for them where they are left out."""
    assert callable(function)
    was_keyword = False
    for one in list(inspect.signature(function).parameters.values())[1:]:
        if one.kind is one.VAR_KEYWORD:
            yield f"**{one.name}"
            continue
        if one.kind is one.KEYWORD_ONLY and not was_keyword:
            was_keyword = True
            yield "*"
        yield one.name if one.default is one.empty else f"{one.name}={shown(one.default)}"


def shown(default: object) -> str:
    """A default as people write it."""
    text = repr(default)
    if text == "UNSET":
        return "…"
    return re.sub(r"datetime\.timedelta\(seconds=(\d+)\)", r"\1 s", text)


def test_the_page_has_every_verb_as_it_is():
    page = PAGE.read_text(encoding="utf-8")

    assert [line for line in verbs() if line not in page] == []


def test_the_page_has_no_verb_that_does_not_exist():
    rows = re.findall(r"^\| `\w+\(.*", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(set(rows) - set(verbs())) == []


def test_the_page_has_every_option_of_both_engines():
    page = PAGE.read_text(encoding="utf-8")

    for engine in (Engine, AsyncEngine):
        options = list(inspect.signature(engine).parameters)
        assert [name for name in options if f"| `{name}` |" not in page] == []


if __name__ == "__main__":
    print("\n".join(verbs()))
