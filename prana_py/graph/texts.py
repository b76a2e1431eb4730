"""The expressions of a workflow, compiled once: parameters, guards, conditions, mappings."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from prana_py.errors import Problem, TemplateError
from prana_py.expressions.template import Params, Template, TemplateProblems, compile_expression, compile_params
from prana_py.graph.checks import Inventory
from prana_py.graph.contracts import Contract, ContractError, compile_contract
from prana_py.identifiers import NodeKey
from prana_py.model.connection import Connection
from prana_py.model.node import Node

Mapped = tuple[tuple[tuple[str, ...], str], ...]


_EMPTY = Params(source={})


class Compiled(msgspec.Struct, frozen=True):
    """By node key and by index of the connection: what was written as text, ready to evaluate."""

    params: dict[NodeKey, Params] = {}
    guards: dict[NodeKey, Template] = {}
    conditions: dict[int, Template] = {}
    convergences: dict[int, Template] = {}
    mappings: dict[int, Mapped] = {}
    contracts: dict[int, Contract] = {}


def compile_texts(inventory: Inventory, problems: list[Problem]) -> Compiled:
    """Compile every text of the workflow, adding to ``problems`` what is wrong with any of them."""
    texts = _Texts(inventory, problems)
    for place, connection in enumerate(inventory.workflow.connections):
        texts.connection(place, connection)
    for index, node in enumerate(inventory.workflow.nodes):
        texts.node(index, node)
    return texts.compiled


class _Texts:
    def __init__(self, inventory: Inventory, problems: list[Problem]) -> None:
        self.inventory = inventory
        self.problems = problems
        self.strict = inventory.workflow.settings.strict_templates
        self.compiled = Compiled()
        self.mapped: dict[NodeKey, set[str]] = {}
        """The parameters of each node that connections fill in."""

    def connection(self, place: int, connection: Connection) -> None:
        """A connection's condition, mapping, contract and cycle."""
        key = connection.to_node
        where = f"connections[{place}]"
        if connection.condition is not None:
            condition = self.expression(connection.condition, f"{where}.condition", connection.from_node)
            if condition is not None:
                self.compiled.conditions[place] = condition
        if connection.loop is not None and connection.loop.converge_when is not None:
            source = connection.loop.converge_when
            convergence = self.expression(source, f"{where}.loop.converge_when", connection.from_node)
            if convergence is not None:
                self.compiled.convergences[place] = convergence
        if connection.mapping:
            mapped = self.mapping(connection.mapping, f"{where}.mapping", key)
            self.compiled.mappings[place] = mapped
            self.mapped.setdefault(key, set()).update(target for _, target in mapped)
        if connection.contract is not None:
            self.contract(place, connection)

    def node(self, index: int, node: Node) -> None:
        """A node's parameters and guard."""
        try:
            params = self.params(node)
        except TemplateProblems as error:
            self.problems += [
                msgspec.structs.replace(
                    problem, place=_inside(f"nodes[{index}].params", problem.place), node_key=node.key
                )
                for problem in error.problems
            ]
        else:
            self.compiled.params[node.key] = params
            self.check_params(index, node, params)
        if node.settings.enabled_if is not None:
            guard = self.expression(node.settings.enabled_if, f"nodes[{index}].settings.enabled_if", node.key)
            if guard is not None:
                self.compiled.guards[node.key] = guard

    def params(self, node: Node) -> Params:
        """The parameters, compiled – but for those that the node type wants as they are written."""
        if not node.params:
            return _EMPTY
        spec = self.inventory.specs.get(node.key)
        raw = {name: node.params[name] for name in (spec.raw_params if spec else ()) if name in node.params}
        if not raw:
            return compile_params(node.params, strict=self.strict)
        others = {name: value for name, value in node.params.items() if name not in raw}
        params = compile_params(others, strict=self.strict)
        renderer = None if params.static else lambda names: {**params.render(names), **raw}
        return msgspec.structs.replace(params, source=node.params, renderer=renderer)

    def check_params(self, index: int, node: Node, params: Params) -> None:
        """What the node type says of the parameters that are already known."""
        if node.key not in self.inventory.specs:
            return
        later = params.templated.union(self.mapped.get(node.key, ()))
        for path, message in self.inventory.types.param_problems(node.type, node.params, later):
            place = _inside(f"nodes[{index}].params", path)
            self.problems.append(Problem(code="params_invalid", message=message, place=place, node_key=node.key))

    def expression(self, source: str, place: str, key: NodeKey) -> Template | None:
        """A condition, or a problem."""
        try:
            return compile_expression(source, strict=self.strict)
        except TemplateError as error:
            self.problems.append(
                Problem(code=error.code, message=error.message, place=place, node_key=key, position=error.position)
            )
            return None

    def mapping(self, written: Mapping[str, str], place: str, key: NodeKey) -> Mapped:
        """Pairs of (path, parameter); two fields cannot fill one parameter."""
        pairs = tuple((tuple(path.split(".")), target) for path, target in written.items())
        filled: set[str] = set()
        for (path, target), source in zip(pairs, written, strict=True):
            message = ""
            if "" in path:
                message = f"the path {source!r} has an empty part; write fields separated by single dots"
            elif not target:
                message = f"the field {source!r} is mapped to a parameter without a name"
            elif target in filled:
                message = f"the parameter {target!r} is filled by more than one field"
            if message:
                self.problems.append(Problem(code="mapping_invalid", message=message, place=place, node_key=key))
            filled.add(target)
        return pairs

    def contract(self, place: int, connection: Connection) -> None:
        """What may pass over a connection."""
        assert connection.contract is not None
        try:
            self.compiled.contracts[place] = compile_contract(connection.contract)
        except ContractError as error:
            where = _inside(f"connections[{place}].contract", error.path)
            key = connection.from_node
            self.problems.append(Problem(code="contract_invalid", message=error.message, place=where, node_key=key))


def _inside(place: str, path: str) -> str:
    if not path:
        return place
    return f"{place}{path}" if path.startswith("[") else f"{place}.{path}"
