"""Contracts: what may pass over a connection, as a JSON Schema that is compiled once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, final

import msgspec

from prana_py.errors import nearest
from prana_py.graph.contract_keywords import DESCRIPTIVE, KEYWORDS, Check, ContractError, Faults, Keyword, all_hold
from prana_py.graph.contract_values import TooMuch, Visit, kind_of

DEEPEST: Final = 64
"""How deep schemas may nest."""

MOST_FAULTS: Final = 20
"""After so many nobody reads on."""

__all__ = ["Contract", "ContractError", "compile_contract"]


@final
class Contract(msgspec.Struct, frozen=True, eq=False):
    """A compiled schema."""

    schema: dict[str, Any]
    check: Check

    def faults(self, value: Any) -> list[tuple[str, str]]:
        """What is wrong with a value, as pairs of path and message; at most the first twenty."""
        found: list[tuple[str, str]] = []
        try:
            for fault in self.check(value, "", Visit()):
                found.append(fault)
                if len(found) == MOST_FAULTS:
                    break
        except TooMuch as limit:
            found.append(("", str(limit)))
        return found


def compile_contract(schema: Mapping[str, Any]) -> Contract:
    """The contract of a schema; ``ContractError`` for keywords, types and references that are not known."""
    return Contract(schema=dict(schema), check=_Compiler(schema).compile(schema, "", 0))


class _Compiler:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self.references: dict[str, list[Check]] = {}
        """What each reference leads to: empty while it is being compiled, for schemas may refer to themselves."""

    def compile(self, schema: Any, path: str, depth: int) -> Check:
        """The check of a schema inside the document."""
        if schema is True:
            return all_hold([])
        if schema is False:
            return _nothing
        if not isinstance(schema, Mapping):
            raise ContractError(path, f"a schema is an object, true or false, not {kind_of(schema)}")
        if depth > DEEPEST:
            raise ContractError(path, f"the schema is nested more than {DEEPEST} deep")
        checks: list[Check] = []
        for name, argument in schema.items():
            if name in DESCRIPTIVE:
                continue
            where = f"{path}.{name}" if path else str(name)
            make = KEYWORDS.get(name)
            if make is None:
                raise ContractError(where, f"the keyword {name!r} is not known{nearest(str(name), KEYWORDS)}")
            checks.append(make(Keyword(self, argument, where, depth, schema)))
        return all_hold(checks)

    def reference(self, reference: str, path: str, depth: int) -> Check:
        """The check of the schema that a reference leads to; it may be the one that is being compiled."""
        if reference not in self.references:
            self.references[reference] = []
            self.references[reference].append(self.compile(self._resolve(reference, path), path, depth + 1))
        found = self.references[reference]

        def check(value: Any, where: str, visit: Visit) -> Faults:
            yield from found[0](value, where, visit.deeper())

        return check

    def _resolve(self, reference: str, path: str) -> Any:
        if reference != "#" and not reference.startswith("#/"):
            raise ContractError(path, f"the reference {reference!r} leads outside of the schema, which is not allowed")
        target: Any = self.root
        for part in reference.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, Mapping) or name not in target:
                raise ContractError(path, f"the reference {reference!r} leads to nothing in the schema")
            target = target[name]
        return target


def _nothing(_value: Any, where: str, _visit: Visit) -> Faults:
    yield where, "nothing is allowed here"
