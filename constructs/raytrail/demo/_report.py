"""What the demo found, and report.json."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from raytrail.demo._evidence import Evidence, Missing
from raytrail.errors import EvidenceMissing

REPORT = "report.json"


@dataclass(kw_only=True)
class Report:
    """What the demo found; `write` makes ``report.json``."""

    target: str
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: dict[str, float] = field(default_factory=dict)
    stacks: dict[str, int] = field(default_factory=dict)
    emulated: int = 0
    recorded: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows: list[Evidence] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    loaded: dict[str, Any] | None = None
    left_behind: list[str] = field(default_factory=list)

    def add(self, row: Evidence | Missing) -> None:
        """Take in one row."""
        if isinstance(row, Missing):
            self.missing.append(row)
        else:
            self.rows.append(row)

    def check(self) -> None:
        """Refuse a report that lacks a row.

        Raises:
            EvidenceMissing: Evidence is missing; the message names each row.
        """
        if self.missing:
            raise EvidenceMissing(f"evidence is missing: {', '.join(missing.row for missing in self.missing)}")

    def write(self, folder: Path) -> Path:
        """Write the report as JSON into a folder, and return the file."""
        body = {
            "target": self.target,
            "started": self.started.isoformat(timespec="seconds"),
            "seconds": {name: round(value, 1) for name, value in self.seconds.items()},
            "stacks": self.stacks,
            "resources": {
                "emulated": self.emulated,
                "recorded": sum(entry["count"] for entry in self.recorded.values()),
                "recorded_types": self.recorded,
            },
            "evidence": [row.as_json() for row in self.rows],
            "missing": [{"row": row.row, "reason": row.reason} for row in self.missing],
            "loaded": self.loaded,
            "left_behind": self.left_behind,
        }
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / REPORT
        path.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")
        return path
