"""What a template may use: every bound of the template language, in one place."""

from __future__ import annotations

from typing import Final

TEMPLATE_BYTES: Final = 100_000
"""The longest template."""

NESTING: Final = 50
"""How deep brackets, prefixes and blocks may be nested in a template, and directives in params."""

PARAMS_NESTING: Final = 100
"""How deep the maps and lists of a node's params may be nested."""

DATA_NESTING: Final = 200
"""How deep a value may be nested that is compared, flattened or shown as text."""

UNMETERED_TOKENS: Final = 80
"""A template that is no longer than this, and has no tags, cannot do much: its steps are not counted."""

STEPS: Final = 500_000
"""How much one evaluation may do: a step is about one round of a loop, ten items or a hundred characters."""

CHARACTERS: Final = 10_000_000
"""The longest text that an operation, a filter or a template makes."""

ITEMS: Final = 1_000_000
"""The longest list, and the most values in a structure, that a template makes or shows."""

INTEGER_BITS: Final = 4_096
"""The largest whole number that arithmetic makes."""

PATTERN_CHARACTERS: Final = 500
"""The longest regular expression."""

PATTERN_STATES: Final = 2_000
"""The largest regular expression once its counted repetitions are written out."""

PATTERN_STEPS: Final = 1_000_000
"""How long one search with a regular expression goes on: characters times the states that are alive."""
