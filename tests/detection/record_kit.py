"""The records that the catalogue's rules are held to: each rule has a file of them in `tests/detection/records`.

A file of a rule about single events::

    match:                                   # records that the rule is for
      - eventSource: iam.amazonaws.com       # what is not given is as in DEFAULT; a key that is given replaces it whole
        eventName: CreateAccessKey
      - {of: 0, set: {a.b: 1, a.c: 2}}       # the first record with other fields; `remove: a.b` takes one away
      - {of: 0, each: {eventName: [A, B]}}   # the first record, once with each value
    near_misses:                             # records that it is not for, each different from a match in ONE field
      - {of: 0, set: {errorCode: AccessDenied}, why: only what succeeded counts}

``of`` counts the entries of ``match`` from 0. Paths are dotted, with numbers for the places in arrays. The file of a
correlation holds sequences instead::

    match:
      - events: [{eventName: A}, {of: 0, each: {eventName: [B, C]}}]   # entries as above; ``of`` counts within events
        every_seconds: 30                                              # default 10
    near_misses:
      - {of: 0, drop: -1, why: one too few}                            # by its place among the events
      - {of: 0, set_in: [2, {userIdentity.arn: ...}], why: ...}
      - {of: 0, shift_seconds: {2: 3600}, why: too late}
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import yaml

Json = dict[str, Any]

FOLDER = Path(__file__).parent / "records"
START = datetime(2026, 10, 1, 12, tzinfo=UTC)

DEFAULT: Json = {
    "eventVersion": "1.11",
    "userIdentity": {
        "type": "IAMUser",
        "principalId": "AIDAEXAMPLE",
        "arn": "arn:aws:iam::111122223333:user/alex",
        "accountId": "111122223333",
        "accessKeyId": "AKIAEXAMPLE",
        "userName": "alex",
    },
    "eventTime": "2026-10-01T12:00:00Z",
    "awsRegion": "us-east-1",
    "sourceIPAddress": "203.0.113.7",
    "userAgent": "aws-cli/2.31.0",
    "requestParameters": None,
    "responseElements": None,
    "readOnly": False,
    "eventType": "AwsApiCall",
    "managementEvent": True,
    "recipientAccountId": "111122223333",
    "eventCategory": "Management",
}
"""A record of a call by a user with an access key; the id is added for each."""


@dataclass(frozen=True)
class Match:
    """A record that a rule is for, and the entry of the file that it comes from."""

    record: Json
    entry: int


@dataclass(frozen=True)
class NearMiss:
    """A record that a rule is not for, and the one that it differs from in one field."""

    record: Json
    of: Json
    path: str
    why: str


@dataclass(frozen=True)
class NearSequence:
    """Events that do not complete a correlation, and what was done to those that do."""

    events: tuple[Json, ...]
    of: tuple[Json, ...]
    change: str
    why: str


@dataclass(frozen=True)
class RuleRecords:
    """The records of one rule; of a correlation the sequences instead."""

    name: str
    matches: tuple[Match, ...] = ()
    near_misses: tuple[NearMiss, ...] = ()
    sequences: tuple[tuple[Json, ...], ...] = ()
    near_sequences: tuple[NearSequence, ...] = ()


def names() -> list[str]:
    """The rules that have records."""
    return sorted(path.stem for path in FOLDER.glob("*.yml"))


@cache
def load(name: str) -> RuleRecords:
    """The records of a rule.

    Raises:
        ValueError: The file is not as this module says, or a near miss differs in more or in less than one field.
    """
    path = FOLDER / f"{name}.yml"
    written = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    unknown = set(written) - {"match", "near_misses"}
    if unknown or not written.get("match") or not written.get("near_misses"):
        raise ValueError(f"{path.name}: has match and near_misses, got {sorted(written)}")
    try:
        if any("events" in entry for entry in written["match"]):
            return _correlation(name, written)
        return _single(name, written)
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path.name}: {type(error).__name__}: {error}") from error


def _single(name: str, written: Json) -> RuleRecords:
    bases: list[Json] = []
    matches: list[Match] = []
    for index, entry in enumerate(written["match"]):
        records = list(_records(entry, bases))
        bases.append(records[0])
        matches += [Match(record, index) for record in records]
    near = []
    for entry in written["near_misses"]:
        base = bases[entry["of"]]
        if not entry.get("why"):
            raise ValueError(f"a near miss says why it is none: {entry}")
        for paths, record in _changed(base, entry):
            if len(paths) != 1 or record == base:
                raise ValueError(f"a near miss differs from its match in one field: {entry}")
            near.append((record, base, paths[0], entry["why"]))
    number = itertools.count()
    return RuleRecords(
        name,
        tuple(Match(_with_id(each.record, name, next(number)), each.entry) for each in matches),
        tuple(NearMiss(_with_id(record, name, next(number)), of, path, why) for record, of, path, why in near),
    )


def _correlation(name: str, written: Json) -> RuleRecords:
    sequences, near, steps = [], [], []
    number = itertools.count()
    for entry in written["match"]:
        bases: list[Json] = []
        events: list[Json] = []
        for each in entry["events"]:
            records = list(_records(each, bases))
            bases.append(records[0])
            events += records
        step = entry.get("every_seconds", 10)
        steps.append(step)
        sequences.append(
            tuple(
                _with_id({**event, "eventTime": _time(START + timedelta(seconds=index * step))}, name, next(number))
                for index, event in enumerate(events)
            )
        )
    for entry in written["near_misses"]:
        of = sequences[entry["of"]]
        events, change = (
            copy.deepcopy(list(of)),
            {key: value for key, value in entry.items() if key not in ("of", "why")},
        )
        if len(change) != 1 or not entry.get("why"):
            raise ValueError(f"a near miss changes one thing and says why: {entry}")
        if "drop" in change:
            del events[change["drop"]]
        elif "set_in" in change:
            index, fields = change["set_in"]
            if len(fields) != 1:
                raise ValueError(f"a near miss changes one field of one event: {entry}")
            for path, value in fields.items():
                put(events[index], path, value)
        elif "shift_seconds" in change:
            for index, seconds in change["shift_seconds"].items():
                moved = datetime.fromisoformat(events[index]["eventTime"]) + timedelta(seconds=seconds)
                events[index]["eventTime"] = _time(moved)
        else:
            raise ValueError(f"a near miss of a correlation has drop, set_in or shift_seconds: {entry}")
        if events == list(of):
            raise ValueError(f"a near miss differs from its match: {entry}")
        near.append(
            NearSequence(tuple(_with_id(event, name, next(number)) for event in events), of, str(change), entry["why"])
        )
    return RuleRecords(name, sequences=tuple(sequences), near_sequences=tuple(near))


def _records(entry: Json, bases: Sequence[Json]) -> Iterator[Json]:
    """The records that an entry stands for; ``times`` of the same, or one for each value of ``each``."""
    times = entry.pop("times", 1)
    if "of" in entry:
        found = [record for _, record in _changed(bases[entry["of"]], entry)]
    else:
        each = entry.pop("each", None)
        record = {**copy.deepcopy(DEFAULT), **entry}
        found = [changed for _, changed in _changed(record, {"each": each})] if each else [record]
    for _ in range(times):
        yield from copy.deepcopy(found)


def _changed(base: Json, entry: Mapping[str, Any]) -> Iterator[tuple[list[str], Json]]:
    """The base with the changes of an entry: the paths that changed, and the record."""
    unknown = set(entry) - {"of", "set", "remove", "each", "why", "times"}
    if unknown:
        raise ValueError(f"an entry with `of` has set, remove or each, got {sorted(unknown)}")
    record = copy.deepcopy(base)
    paths: list[str] = []
    for path, value in (entry.get("set") or {}).items():
        put(record, path, value)
        paths.append(path)
    if "remove" in entry:
        put(record, entry["remove"], ...)
        paths.append(entry["remove"])
    if not entry.get("each"):
        yield paths, record
        return
    ((path, values),) = entry["each"].items()
    for value in values:
        another = copy.deepcopy(record)
        put(another, path, value)
        yield [*paths, path], another


def put(record: Json, path: str, value: Any) -> None:
    """Set the field at a dotted path, or take it away where the value is ``...``. Objects on the way are made."""
    *parents, last = path.split(".")
    place: Any = record
    for parent in parents:
        if isinstance(place, list):
            place = place[int(parent)]
        else:
            if place.get(parent) is None:
                place[parent] = {}
            place = place[parent]
    key: Any = int(last) if isinstance(place, list) else last
    if value is ...:
        del place[key]
    else:
        place[key] = copy.deepcopy(value)


def _with_id(record: Json, name: str, number: int) -> Json:
    return {**record, "eventID": str(uuid5(NAMESPACE_URL, f"raytrail:records:{name}:{number}"))}


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def event_of(record: Json) -> Json:
    """The event that EventBridge gets for a record.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
    """
    kinds = {
        "AwsConsoleSignIn": "AWS Console Signin via CloudTrail",
        "AwsServiceEvent": "AWS Service Event via CloudTrail",
        "AwsConsoleAction": "AWS Console Action via CloudTrail",
    }
    return {
        "version": "0",
        "id": "5a6b7c8d-0000-4000-8000-000000000002",
        "detail-type": kinds.get(record["eventType"], "AWS API Call via CloudTrail"),
        "source": f"aws.{record['eventSource'].partition('.')[0]}",
        "account": record["recipientAccountId"],
        "time": record["eventTime"],
        "region": record["awsRegion"],
        "resources": [],
        "detail": record,
    }
