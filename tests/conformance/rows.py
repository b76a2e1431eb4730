"""The rows of the conformance table: their names, what each promises, and which are not kept."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent

OWN_GROUP = "X"
"""The group that the original's suite does not have."""

_HEADING = re.compile(r"== (?P<group>[A-Z]+)  (?P<subject>.+)")
_ROW = re.compile(r"(?P<name>(?P<group>[A-Z]+)\d+) +(?P<promise>\S.*)")


@dataclass(frozen=True)
class Row:
    """One promise, under its name."""

    name: str
    group: str
    subject: str
    promise: str


def read_rows() -> dict[str, Row]:
    """Every row by name, in the table's order."""
    rows: dict[str, Row] = {}
    subjects: dict[str, str] = {}
    for line in (FOLDER / "rows.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if heading := _HEADING.fullmatch(line):
            subjects[heading["group"]] = heading["subject"]
            continue
        found = _ROW.fullmatch(line)
        if found is None or found["name"] in rows:
            raise ValueError(f"rows.txt: not a row, or there twice: {line!r}")
        rows[found["name"]] = Row(found["name"], found["group"], subjects[found["group"]], found["promise"])
    return rows


def read_reasons(kind: str, rows: dict[str, Row]) -> dict[str, str]:
    """Why rows are ``refused``, or come ``later``: by row, whole groups spelled out."""
    reasons: dict[str, str] = {}
    entries: list[dict[str, Any]] = tomllib.loads((FOLDER / f"{kind}.toml").read_text(encoding="utf-8")).get(kind, [])
    for entry in entries:
        for name in entry["names"]:
            named = [row.name for row in rows.values() if name in (row.name, row.group)]
            if not named:
                raise ValueError(f"{kind}.toml names {name!r}, which is neither a row nor a group")
            reasons.update(dict.fromkeys(named, entry["reason"]))
    return reasons
