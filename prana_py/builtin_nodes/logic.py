"""Choosing where to go on: ``logic.if`` and ``logic.switch``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec

from prana_py.builtin_nodes.truth import holds
from prana_py.nodes.definition import node
from prana_py.nodes.returns import NodeFailure, Output, Outputs

PortText = Annotated[str, msgspec.Meta(min_length=1)]


@node(
    type="logic.if",
    name="If",
    category="logic",
    aliases=("logic.if_condition",),
    outputs=("true", "false"),
    reads_only=True,
    blocks=False,
)
def if_(input: Any, condition: Any) -> Output:
    """The input passes through, by ``true`` or by ``false``."""
    return Output(input, "true" if holds(condition) else "false")


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way on: taken when its condition holds."""

    port: PortText
    condition: Any = None


def _cases_missing(params: Mapping[str, Any], templated: frozenset[str]) -> Iterable[tuple[str, str]]:
    if "cases" not in params and "cases" not in templated:
        yield "cases", "is required"


@node(
    type="logic.switch",
    name="Switch",
    category="logic",
    outputs=("*",),
    reads_only=True,
    blocks=False,
    check=_cases_missing,
)
def switch(
    input: Any,
    cases: list[Case] | None = None,
    default_port: PortText | None = None,
    all_matching: bool = False,
) -> Output | Outputs:
    """The input passes through, by the port of the first case that holds, or of all that do, or by the default port.

    A case is a map of ``port`` and ``condition``.
    """
    if cases is None:
        raise NodeFailure("missing_cases", "a switch needs cases, each with a condition and a port", retryable=False)
    ports = [case.port for case in cases if holds(case.condition)]
    if not ports and default_port is not None:
        ports = [default_port]
    if not ports:
        reason = f"none of the {len(cases)} cases holds, and there is no default_port"
        raise NodeFailure("no_matching_case", reason, details={"cases": len(cases)}, retryable=False)
    return Outputs(dict.fromkeys(ports, input)) if all_matching else Output(input, ports[0])
