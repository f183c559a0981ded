"""What the demo shows: rows of evidence, each read back through a public AWS API."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from raytrail.errors import EvidenceMissing

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """One thing that was seen.

    Args:
        row: The name of the row, as ``alert: TrailTampering``.
        seen: What was seen, in a few words.
        proof: The id by which anybody can find it again: a trace id, an event id, a key.
        read_with: The public API that it was read with.
        made_by: What stands behind that API: ministack, raytrail's own extension of it, or AWS.
        lines: More to show under it, in the terminal only.
    """

    row: str
    seen: str
    proof: str
    read_with: str
    made_by: str
    lines: tuple[str, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """Return the row as the report has it."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """A row whose evidence did not come."""

    row: str
    reason: str


def wait_for(look: Callable[[], T | None], *, seconds: float, what: str, pause: float = 0.3) -> T:
    """Call ``look`` until it returns something, and return that.

    Raises:
        EvidenceMissing: It returned nothing for so many seconds; the message says what was waited for.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found is not None:
            return found
        if time.monotonic() > deadline:
            raise EvidenceMissing(f"{what} did not come within {seconds:.0f} seconds")
        time.sleep(pause)
