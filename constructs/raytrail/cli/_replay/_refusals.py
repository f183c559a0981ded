"""What could not be read: some of each file by name, all of it counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from raytrail.records import Refusal

NAMED_OF_A_FILE = 20
"""Lines that are named of a file in which some cannot be read; the others are counted."""


class Refusals:
    """Refusals as they come, in memory that grows with the files alone."""

    def __init__(self) -> None:
        self._named: dict[str, list[Refusal]] = {}
        self._counts: Counter[str] = Counter()
        self._read: set[str] = set()

    def add(self, refusals: Iterable[Refusal]) -> None:
        """Take some more."""
        for each in refusals:
            self._counts[each.file] += 1
            if self._counts[each.file] <= NAMED_OF_A_FILE:
                self._named.setdefault(each.file, []).append(each)

    def read(self, files: Iterable[str]) -> None:
        """Take note of files in which there are records, too."""
        self._read.update(files)

    @property
    def total(self) -> int:
        """How many there are."""
        return self._counts.total()

    def lines(self) -> Iterator[str]:
        """A line for each that is named, and one for those that are only counted.

        A file without any record is no log, whatever it is, and has one line.
        """
        for file, named in self._named.items():
            count = self._counts[file]
            if file not in self._read and count > 1:
                yield f"{file}: none of its {count:,} lines is a CloudTrail record; the first: {named[0].reason}"
                continue
            yield from map(str, named)
            if count > len(named):
                yield f"{file}: {count - len(named):,} more of it"
