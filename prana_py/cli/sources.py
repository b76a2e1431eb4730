"""From what people name to workflows and node types: documents, Python modules, and what stands beside them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import msgspec

from prana_py.builtin_nodes.all_nodes import BUILTIN_NODES, builtin_catalog
from prana_py.cli.files import like, read_bytes
from prana_py.cli.modules import broken, named_module, named_object, split_target
from prana_py.errors import PranaError, UsageError
from prana_py.model.builder import WorkflowBuilder
from prana_py.model.document import DocumentFormat, load_workflow, workflow_from_dict
from prana_py.model.workflow import Workflow
from prana_py.nodes.catalog import Catalog
from prana_py.nodes.node_type import AnyNode, NodeType

AnyNodeType: TypeAlias = AnyNode | type[NodeType]


class Source(msgspec.Struct, frozen=True):
    """A workflow, and what it needs that was found beside it."""

    workflow: Workflow
    others: tuple[Workflow, ...] = ()
    """Workflows of the same module, which this one may call."""
    nodes: tuple[Any, ...] = ()
    """Node types of the same module."""


def load_source(target: str) -> Source:
    """The workflow that ``FILE``, ``FILE.py``, ``FILE.py:NAME``, ``MODULE:NAME`` or ``-`` names."""
    if target == "-":
        return Source(load_workflow(sys.stdin.buffer.read()))
    module_name, name = split_target(target)
    if not Path(target).exists() and name is not None:
        return _from_module(named_module(module_name), name)
    if target.endswith(".py"):
        return _from_module(named_module(target), None)
    if _is_module_name(target):
        hint = like(Path(target)) or f"; for a workflow in a module name both, such as {target}:workflow"
        raise UsageError(f"{target!r} is no file{hint}", code="workflow_not_found")
    path = Path(target)
    written_in: DocumentFormat = "yaml" if path.suffix in (".yaml", ".yml") else "json"
    return Source(load_workflow(read_bytes(path), written_in))


def load_nodes(target: str) -> tuple[AnyNodeType, ...]:
    """The node types that ``MODULE``, ``FILE.py`` or ``MODULE:NAME`` names."""
    module_name, name = split_target(target)
    if Path(target).exists() or name is None:
        module = named_module(target)
        found = nodes_of(module)
        if not found:
            raise UsageError(f"--nodes {target}: no node type is defined there; @node makes a function one")
        return found
    given = named_object(named_module(module_name), name)
    return tuple(given) if isinstance(given, (Catalog, list, tuple)) else (given,)


def catalog_of(sources: Iterable[Source], targets: Iterable[str]) -> Catalog:
    """What comes with the engine, what packages offer, what stands beside the workflows, and what is named."""
    named = [node for target in targets for node in load_nodes(target)]
    beside = [node for source in sources for node in source.nodes]
    return builtin_catalog().plus(*_once([*Catalog.from_entry_points(), *beside, *named]))


def nodes_of(module: ModuleType) -> tuple[AnyNodeType, ...]:
    """``NODES`` of a module, else every node type among its names."""
    given = getattr(module, "NODES", None)
    if given is not None:
        return tuple(given)
    found = [value for value in vars(module).values() if _is_node_type(value)]
    return tuple(_once(node for node in found if not any(node is builtin for builtin in BUILTIN_NODES)))


def _is_module_name(target: str) -> bool:
    dotted = all(part.isidentifier() for part in target.split("."))
    return dotted and not Path(target).exists() and Path(target).suffix not in (".json", ".yaml", ".yml")


def _is_node_type(value: object) -> bool:
    if isinstance(value, type):
        return issubclass(value, NodeType) and value._description is not None
    return isinstance(value, AnyNode)


def _once(nodes: Iterable[AnyNodeType]) -> list[AnyNodeType]:
    kept: list[AnyNodeType] = []
    for node in nodes:
        if not any(node is other for other in kept):
            kept.append(node)
    return kept


def _from_module(module: ModuleType, name: str | None) -> Source:
    given = named_object(module, name) if name is not None else _only_workflow(module)
    workflow = _as_workflow(given, f"{module.__name__}:{name}" if name else str(module.__file__))
    others = [other for other in workflows_of(module) if other.id != workflow.id]
    return Source(workflow, tuple(others), nodes_of(module))


def workflows_of(module: ModuleType) -> list[Workflow]:
    """``WORKFLOWS`` of a module, else every workflow among its names."""
    given = getattr(module, "WORKFLOWS", None)
    if given is not None:
        return list(given)
    found: dict[str, Workflow] = {}
    for value in vars(module).values():
        if isinstance(value, Workflow):
            found.setdefault(value.id, value)
    return list(found.values())


def _only_workflow(module: ModuleType) -> Any:
    """The workflow called ``workflow``, else the only one."""
    if hasattr(module, "workflow"):
        return module.workflow
    found = workflows_of(module)
    if len(found) == 1:
        return found[0]
    names = [name for name, value in vars(module).items() if isinstance(value, (Workflow, WorkflowBuilder))]
    if not names:
        raise UsageError(f"{module.__file__} defines no workflow at its top level", code="workflow_not_found")
    choices = " or ".join(f"{module.__file__}:{name}" for name in names)
    raise UsageError(f"{module.__file__} defines several workflows; name one: {choices}", code="workflow_ambiguous")


def _as_workflow(given: Any, what: str) -> Workflow:
    """A workflow, what builds one, what describes one, or a function that makes one of these."""
    if not isinstance(given, (Workflow, WorkflowBuilder, dict)) and callable(given) and not _is_node_type(given):
        given = _called(given, what)
    match given:
        case Workflow():
            return given
        case WorkflowBuilder():
            return given.build()
        case dict():
            return workflow_from_dict(given)
        case _:
            raise UsageError(
                f"{what} is {_kind(given)}; a Workflow, a WorkflowBuilder or a function that makes one is wanted",
                code="workflow_unusable",
            )


def _called(function: Callable[[], Any], what: str) -> Any:
    try:
        return function()
    except PranaError:
        raise
    except Exception as error:  # somebody else's code
        raise broken(what, error) from error


def _kind(given: object) -> str:
    return "a node type" if _is_node_type(given) else f"a {type(given).__name__}"
