"""The node types that an engine knows: by type and alias, made once, never changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from prana_py.errors import NotFoundError, UsageError, nearest
from prana_py.model.node_spec import NodeSpec
from prana_py.nodes.node_type import AnyNode, NodeType

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINTS: Final = "prana_py.nodes"


class Catalog:
    """Node types by type and alias. Two of one name are refused, so that a workflow means one thing."""

    __slots__ = ("_by_name", "_types")

    def __init__(self, *node_types: AnyNode | type[NodeType]) -> None:
        self._types: Final[dict[str, AnyNode]] = {}
        self._by_name: Final[dict[str, AnyNode]] = {}
        for given in node_types:
            self._add(_instance(given))

    def plus(self, *node_types: AnyNode | type[NodeType]) -> Catalog:
        """A catalog with these too."""
        return Catalog(*self._types.values(), *node_types) if node_types else self

    @classmethod
    def from_entry_points(cls, group: str = ENTRY_POINTS) -> Catalog:
        """What installed packages offer: each entry point is a node type, a catalog or a list of node types."""
        from importlib.metadata import entry_points

        found: list[AnyNode | type[NodeType]] = []
        for point in sorted(entry_points(group=group), key=lambda point: point.name):
            offered = _loaded(point)
            several = isinstance(offered, (Catalog, list, tuple))
            found.extend(offered if several else (offered,))
        return cls(*found)

    @property
    def by_name(self) -> Mapping[str, AnyNode]:
        """Every node type under each of its names."""
        return self._by_name

    def get(self, type_name: str) -> AnyNode:
        """The node type of this type or alias; ``NotFoundError`` suggests the nearest name."""
        found = self._by_name.get(type_name)
        if found is None:
            raise NotFoundError(
                f"there is no node type {type_name!r}{nearest(type_name, self._by_name)}",
                code="node_type_unknown",
                type=type_name,
            )
        return found

    def spec(self, type_name: str) -> NodeSpec | None:
        """The description of a type, also by an alias; ``None`` when it is unknown."""
        found = self._by_name.get(type_name)
        return None if found is None else found.spec

    def type_names(self) -> Iterable[str]:
        """Every known type and alias."""
        return self._by_name.keys()

    def param_problems(
        self, type_name: str, params: Mapping[str, Any], templated: frozenset[str]
    ) -> Iterable[tuple[str, str]]:
        """What is wrong with static parameters, as (path, message); those in ``templated`` are known only later."""
        return self.get(type_name).param_problems(params, templated)

    def __contains__(self, type_name: object) -> bool:
        return type_name in self._by_name

    def __iter__(self) -> Iterator[AnyNode]:
        return iter(self._types.values())

    def __len__(self) -> int:
        return len(self._types)

    def __repr__(self) -> str:
        return f"<catalog of {len(self)} node types>"

    def _add(self, node_type: AnyNode) -> None:
        spec = node_type.spec
        for name in (spec.type, *spec.aliases):
            other = self._by_name.get(name)
            if other is node_type:
                continue
            if other is not None:
                raise UsageError(
                    f"two node types are called {name!r}: {other!r} and {node_type!r}; give one of them another type",
                    code="node_type_duplicate",
                    type=name,
                )
            self._by_name[name] = node_type
        self._types[spec.type] = node_type


def _loaded(point: EntryPoint) -> Any:
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"the entry point {point.name!r} = {point.value!r} of group {point.group!r} cannot be loaded: {error}",
            code="node_type_not_loadable",
            entry_point=point.name,
        ) from error


def _instance(given: AnyNode | type[NodeType]) -> AnyNode:
    if isinstance(given, type):
        if not issubclass(given, NodeType):
            raise UsageError(f"{given!r} is no node type; subclass NodeType or use @node", code="node_unusable")
        return given()
    if not isinstance(given, AnyNode):
        raise UsageError(f"{given!r} is no node type; use @node on the function", code="node_unusable")
    return given
