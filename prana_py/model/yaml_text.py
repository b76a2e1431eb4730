"""YAML text, read as JSON's data model: no tags, no aliases, no words that turn into something else."""

from __future__ import annotations

import re
from typing import Any

from prana_py.errors import DocumentError, Problem, UsageError
from prana_py.model.json_text import as_text
from prana_py.model.reading import Limits, RepeatedKeys

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", re.ASCII)
_LONGEST_INTEGER = 25
_UNSAFE = "[^\t\n\x20-\x7e\xa0-\u2027\u2030-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
"""What a YAML reader may take for a line break, or refuse, unless escaped; a text, for compiling it takes 5 ms."""


def read_yaml(source: str | bytes, limits: Limits, subject: str) -> Any:
    """The data of a YAML text; whatever the text is, a ``DocumentError`` is all that can happen."""
    yaml = _yaml()
    text = as_text(source, limits, subject)
    building = _Building(limits, subject)
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            building.take(event)
    except yaml.MarkedYAMLError as error:
        message = f"this is not YAML: {error.problem or error.context or 'it cannot be parsed'}"
        raise building.refused("invalid_yaml", message, error.problem_mark or error.context_mark) from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise building.refused("invalid_yaml", f"this is not YAML: {type(error).__name__}", None) from None
    return building.document


def write_yaml(data: Any) -> str:
    """The data as YAML text in block style; texts that could be read as something else stand in quotes."""
    yaml = _yaml()

    class Dumper(yaml.SafeDumper):  # type: ignore[misc,name-defined]  # PyYAML is an extra, imported when it is needed
        """Quotes by our own rules for plain words, and never refers back by an alias."""

        def ignore_aliases(self, _data: Any) -> bool:
            return True

    def represent_text(dumper: Any, text: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(text))

    Dumper.add_representer(str, represent_text)
    dumped = yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=120)
    return str(dumped)


def _style(text: str) -> str | None:
    """How text is written so that it is read again as it was: lines as a block where that is safe."""
    if re.search(_UNSAFE, text):
        return '"'
    if "\n" in text:
        return "|" if _keeps_as_block(text) else '"'
    return None if isinstance(plain_value(text), str) else "'"


def _keeps_as_block(text: str) -> bool:
    """The first line is not indented, no line ends in white space, and at most one line break ends the text."""
    lines = text.removesuffix("\n").split("\n")
    return bool(lines[-1]) and lines[0][:1].strip() != "" and all(line == line.rstrip() for line in lines)


def plain_value(word: str) -> Any:
    """What a word without quotes means: null, true, false, a decimal number, else the text itself."""
    if word in _NULL:
        return None
    if word in _BOOLEANS:
        return _BOOLEANS[word]
    if _INTEGER.fullmatch(word):
        return int(word[:_LONGEST_INTEGER])
    if _NUMBER.fullmatch(word) or _NOT_FINITE.fullmatch(word):
        return float(
            word.replace(".inf", "inf")
            .replace(".Inf", "inf")
            .replace(".INF", "inf")
            .replace(".n", "n")
            .replace(".N", "N")
        )
    return word


def _yaml() -> Any:
    try:
        import yaml
    except ImportError:
        raise UsageError(
            "YAML needs PyYAML, which is not installed: pip install 'prana-py[yaml]'",
            code="extra_missing",
            extra="yaml",
        ) from None
    return yaml


class _Open:
    """A list or object that has begun and not ended; an object also has the key that waits for its value."""

    __slots__ = ("is_object", "items", "key", "pairs")

    def __init__(self, *, is_object: bool) -> None:
        self.is_object = is_object
        self.items: list[Any] = []
        self.pairs: list[tuple[str, Any]] = []
        self.key: str | None = None

    def value(self) -> Any:
        return RepeatedKeys.of(self.pairs) if self.is_object else self.items


class _Building:
    """Makes plain data of parser events, with a stack of its own, so that no depth can exhaust Python's."""

    def __init__(self, limits: Limits, subject: str) -> None:
        self._limits = limits
        self._subject = subject
        self._open: list[_Open] = []
        self._documents = 0
        self.document: Any = None

    def take(self, event: Any) -> None:
        """Go on by one event."""
        kind = type(event).__name__
        if kind == "AliasEvent":
            raise self.refused("alias_refused", "aliases are not read; write the value out", event.start_mark)
        if getattr(event, "tag", None) not in (None, "!"):
            raise self.refused("tag_refused", "tags are not read; documents hold plain data only", event.start_mark)
        if kind == "DocumentStartEvent":
            self._begin_document(event)
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            self._begin(event, is_object=kind == "MappingStartEvent")
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            self._put(self._open.pop().value())
        elif kind == "ScalarEvent":
            self._scalar(event)

    def refused(self, code: str, message: str, mark: Any) -> DocumentError:
        """The error for something at a mark of the parser."""
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        position = mark.index if mark is not None else None
        return DocumentError(
            [Problem(code=code, message=message, place=where, position=position)], subject=self._subject
        )

    def _begin_document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            raise self.refused("invalid_yaml", "there is more than one document in this text", event.start_mark)

    def _begin(self, event: Any, *, is_object: bool) -> None:
        if self._awaits_key():
            message = "a key must be text; a value that begins with '{' or '[' must stand in quotes, as templates do"
            raise self.refused("wrong_type", message, event.start_mark)
        if len(self._open) >= self._limits.max_depth:
            message = f"lists and objects are nested deeper than {self._limits.max_depth}"
            raise self.refused("too_deep", message, event.start_mark)
        self._open.append(_Open(is_object=is_object))

    def _scalar(self, event: Any) -> None:
        if self._awaits_key():
            self._open[-1].key = event.value
        else:
            self._put(plain_value(event.value) if event.implicit[0] else event.value)

    def _awaits_key(self) -> bool:
        return bool(self._open) and self._open[-1].is_object and self._open[-1].key is None

    def _put(self, value: Any) -> None:
        if not self._open:
            self.document = value
            return
        parent = self._open[-1]
        if parent.is_object:
            assert parent.key is not None
            parent.pairs.append((parent.key, value))
            parent.key = None
        else:
            parent.items.append(value)
