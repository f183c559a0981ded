"""The same rules asked of Athena itself: its lake, on the accounts, Regions and days that a replay has read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from raytrail.cli._aws import Aws
from raytrail.cli._query._cost import cost_line
from raytrail.cli._query._lake import Lake, find_lake
from raytrail.cli._query._workgroup import Workgroup, scanned
from raytrail.cli._replay._rules import Rules
from raytrail.cli._terminal import listed
from raytrail.replay import Detection
from raytrail.settings import read_context, read_settings
from raytrail.sigma import statements

_COLUMNS = ("rule", "eventid")
# CloudTrail began in November 2013.
_FIRST_DAY = date(2013, 11, 1)
_NAMED = 5


@dataclass(kw_only=True)
class Found:
    """What Athena answered.

    Attributes:
        events: What it matched, by the id of the event.
        summary: What it took, a line each.
    """

    events: dict[str, list[Detection]] = field(default_factory=dict)
    summary: list[str] = field(default_factory=list)


def ask_lake(
    rules: Rules,
    *,
    aws: Aws,
    workgroup: str,
    database: str | None,
    app_folder: Path,
    places: Collection[tuple[str, str, str]],
    say: Callable[[str], None],
) -> Found:
    """Run the statements of all rules in a workgroup.

    Args:
        rules: The rules.
        aws: Where the lake is.
        workgroup: The workgroup.
        database: The Glue database. Default: that of the kit's name in cdk.json.
        app_folder: Where cdk.json is.
        places: Accounts, Regions and days of what was read.
        say: Is told what is happening.

    Raises:
        Refused: Athena refuses, or there is no lake.
    """
    found = Found()
    days = _plausible({day for _, _, day in places}, found)
    if not days:
        return found
    say(f"looking for the table in {aws}")
    lake = find_lake(aws, database or _kit(app_folder).replace("-", "_"))
    accounts = _shown("account", {account for account, _, _ in places}, lake.accounts, found)
    regions = _shown("Region", {region for _, region, _ in places}, lake.regions, found)
    if not accounts or not regions:
        return found
    start = datetime.combine(date.fromisoformat(days[0]), time(), UTC)
    end = datetime.combine(date.fromisoformat(days[-1]) + timedelta(days=1), time(), UTC)
    detections = {rule.name: Detection.of(rule) for rule in rules.compiled}
    made = statements(rules.compiled, table=lake.table, accounts=accounts, regions=regions)
    read = 0
    for number, statement in enumerate(made, 1):
        say(f"statement {number} of {len(made)} in workgroup {workgroup}")
        execution, rows = _ask(lake, aws, workgroup, statement.sql, statement.bind(start, end), say)
        read += execution
        places_of = [statement.columns.index(name) for name in _COLUMNS]
        for row in rows:
            rule, event_id = (row[place] for place in places_of)
            if rule is not None and event_id is not None:
                found.events.setdefault(event_id, []).append(detections[rule])
    found.summary.append(f"{len(made)} statements about the days {days[0]} to {days[-1]}; {cost_line(read)}")
    return found


def _ask(
    lake: Lake, aws: Aws, workgroup: str, sql: str, literals: Sequence[str], say: Callable[[str], None]
) -> tuple[int, Sequence[list[str | None]]]:
    def tell(text: str, *, once: bool = False) -> None:
        say(text)

    group = Workgroup(aws=aws, name=workgroup, database=lake.database)
    execution = group.run(sql, literals, tell)
    return scanned(execution), list(group.rows(execution["QueryExecutionId"], 0))


def _shown(word: str, wanted: set[str], shown: Sequence[str], found: Found) -> list[str]:
    """Those that the table shows, of those that were read."""
    kept = sorted(wanted & set(shown) if shown else wanted - {"unknown"})
    if missing := sorted(wanted - set(kept)):
        found.summary.append(f"Athena was not asked about {word}s that the table does not show: {listed(missing)}")
    return kept


def _plausible(days: Collection[str], found: Found) -> list[str]:
    """The days on which a trail can have had an event, in order: one in the year 1 would have all of the lake read."""
    last = (datetime.now(UTC) + timedelta(days=1)).date()
    kept = sorted(day for day in days if day and _FIRST_DAY <= date.fromisoformat(day) <= last)
    if others := sorted(set(days) - {*kept, ""}):
        shown = listed(others[:_NAMED])
        more = f" and {len(others) - _NAMED} others" if len(others) > _NAMED else ""
        found.summary.append(f"Athena was not asked about days that no trail has: {shown}{more}")
    return kept


def _kit(app_folder: Path) -> str:
    cdk_json = app_folder / "cdk.json"
    return read_settings(read_context(cdk_json).get("raytrail") if cdk_json.is_file() else None).name
