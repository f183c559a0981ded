"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A cause, or something worth knowing.

    Attributes:
        name: A word for programs, such as ``active-tracing-off``; it stays the same.
        title: The cause in a few words.
        seen: What was seen.
        means: What follows from it.
        todo: What to do.
        cause: Whether it is a reason for traces to be missing; otherwise it is only worth knowing.
    """

    name: str
    title: str
    seen: str
    means: str
    todo: str
    cause: bool = True

    def as_json(self) -> dict[str, Any]:
        """The finding for a program."""
        return {"name": self.name, "title": self.title, "seen": self.seen, "means": self.means, "todo": self.todo}
