"""Maps that change by becoming other maps: copied while they are small, persistent when they have grown.

Copying a dict of a few entries takes a tenth of the time of one change in a persistent map, and an execution rarely
has many open scopes, owners or waits. Where it has thousands, a change must not copy them all.
"""

from __future__ import annotations

from typing import Any, Final, NoReturn, TypeAlias, TypeVar

from pyrsistent import PMap, pmap

K = TypeVar("K")
V = TypeVar("V")

LARGEST: Final = 64
"""How many entries a map may have and still be copied."""


class SmallMap(dict[K, V]):
    """A dict that is never changed, with the methods of a ``PMap`` that give another one."""

    __slots__ = ()

    def set(self, key: K, value: V) -> FrozenMap[K, V]:
        """This map with one entry more, or another value for it."""
        changed = SmallMap(self)
        dict.__setitem__(changed, key, value)
        return changed if len(changed) <= LARGEST else pmap(changed)

    def remove(self, key: K) -> FrozenMap[K, V]:
        """This map without an entry, which it must have."""
        changed = SmallMap(self)
        dict.__delitem__(changed, key)
        return changed

    def discard(self, key: K) -> FrozenMap[K, V]:
        """This map without an entry, if it has it."""
        return self.remove(key) if key in self else self

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("the maps of an execution never change; set, remove and discard give another one")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse


FrozenMap: TypeAlias = SmallMap[K, V] | PMap[K, V]


def frozen(entries: dict[K, V]) -> FrozenMap[K, V]:
    """The map with these entries."""
    return SmallMap(entries) if len(entries) <= LARGEST else pmap(entries)
