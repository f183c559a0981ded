"""What could not be read: some of each file by name, all of it counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from raytrail.records import Refusal

NAMED_OF_A_FILE = 20
"""Lines that are named of a file in which some cannot be read; the others are counted."""


class Refusals:
    """Refusals as they come, in memory that does not grow with them.

    Attributes:
        named: The first of each file.
        counts: How many each file has.
    """

    def __init__(self) -> None:
        self.named: dict[str, list[Refusal]] = {}
        self.counts: Counter[str] = Counter()

    def add(self, refusals: Iterable[Refusal]) -> None:
        """Take some more."""
        for each in refusals:
            self.counts[each.file] += 1
            if self.counts[each.file] <= NAMED_OF_A_FILE:
                self.named.setdefault(each.file, []).append(each)

    @property
    def total(self) -> int:
        """How many there are."""
        return self.counts.total()
