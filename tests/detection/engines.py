"""Both engines asked about records: EventBridge's by ministack's matcher, Athena's by the embedded Athena."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

from tests.detection.record_kit import Json, event_of
from tests.replay.matcher import matches

from raytrail.localaws.athena import Batches, LogFiles, Record, ask, check_conditions, is_plain, list_logs
from raytrail.queries import EVENTS
from raytrail.sigma import CompiledRule
from raytrail.sigma._statement import statements

# What the keys of the table are does not matter to files that are read where they lie.
TABLE = EVENTS.table_input(bucket="files", accounts=("unknown",), regions=("unknown",), start_date=date.min)


def eventbridge_sees(rule: CompiledRule, record: Json) -> bool:
    """Whether any of the rule's patterns matches the event of a record."""
    return any(matches(pattern, event_of(record)) for pattern in rule.patterns)


def athena_answers(
    rules: Sequence[CompiledRule], records: Iterable[Json], folder: Path, *, among: Iterable[CompiledRule] = ()
) -> dict[str, set[str]]:
    """The ids of the events that each rule reports, by the rule's name, by the statements that a lake would be asked.

    Rules that are otherwise only part of a correlation report too; those of correlations are found ``among`` others.
    """
    logs = folder / "records.ndjson"
    logs.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    files = list_logs(logs).logs
    found: dict[str, set[str]] = defaultdict(set)
    asked = [replace(rule, own=True) for rule in rules]
    for statement in statements(asked, table=EVENTS.name, accounts=None, regions=None, window=False, among=among):
        source = LogFiles(files=files)
        run = ask(statement.sql, table=TABLE, files=source)
        assert not source.skipped, source.skipped[:3]
        names = [column.name for column in run.columns]
        for row in run.rows:
            found[str(row[names.index("rule")])].add(str(row[names.index("eventid")]))
    return found


def athena_meets(predicates: Mapping[str, str], records: Sequence[Json]) -> dict[str, set[int]]:
    """The places of the records that meet each condition, by its name: all conditions over one load."""
    found: dict[str, set[int]] = defaultdict(set)
    with Batches(check_conditions(predicates, table=TABLE)) as batches:
        met, misfits = batches.ask([Record(json.dumps(record).encode(), is_plain(record)) for record in records])
    assert not misfits, misfits[:3]
    for each in met:
        found[each.condition].add(each.place)
    return found


def on_day(events: Sequence[Json], day: int) -> list[Json]:
    """The events so many days later, and each with an id of that day, so that sequences do not touch each other."""
    return [
        {
            **event,
            "eventTime": _later(event["eventTime"], day),
            "eventID": f"{event['eventID'][:-6]}{day:06d}",
        }
        for event in events
    ]


@cache
def _later(moment: str, days: int) -> str:
    return (datetime.fromisoformat(moment) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
