"""The ranges that fields of a document keep to, as part of their types."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final, TypeAlias, final

import msgspec

LARGEST_COUNT = 2**53
"""Up to here JSON numbers are exact everywhere."""


@final
class LongerThanZero:
    """Marks a duration that must not be zero."""

    __slots__ = ()


LONGER_THAN_ZERO: Final = LongerThanZero()

LONGEST_NAME = 255

Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""What things go by: not empty, not endless, without control characters."""

Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=LARGEST_COUNT)]
CountOrZero: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_COUNT)]
Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]
Factor: TypeAlias = Annotated[float, msgspec.Meta(ge=1, le=1_000)]
Period: TypeAlias = Annotated[timedelta, LONGER_THAN_ZERO]
"""A duration longer than zero, such as a timeout."""
