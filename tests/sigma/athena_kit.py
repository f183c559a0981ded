"""Rules asked of records by the embedded Athena, and what Sigma's words say of them, evaluated here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

from sigma.rule import SigmaRule
from tests.sigma.sigma_kit import rule

from raytrail.localaws.athena import FILE, LINE, Located, Records, ask, with_places
from raytrail.queries import EVENTS
from raytrail.sigma import Call, CompiledRule, Correlation
from raytrail.sigma._athena_backend import predicate
from raytrail.sigma._statement import Statement, statements

TABLE = with_places(EVENTS.table_input(bucket="b", accounts=["1"], regions=["us-east-1"], start_date=date(2026, 1, 1)))
START = datetime(2026, 11, 22, 10, tzinfo=UTC)
Record = dict[str, Any]


def record(**fields: Any) -> Record:
    """A record of CloudTrail; ``userIdentity__arn`` stands for ``userIdentity.arn``, None for null."""
    made: Record = {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDAEXAMPLE",
            "arn": "arn:aws:iam::111122223333:user/ana",
            "accountId": "111122223333",
            "userName": "ana",
        },
        "eventTime": "2026-11-22T10:30:00Z",
        "eventSource": "iam.amazonaws.com",
        "eventName": "CreateUser",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "10.1.2.3",
        "userAgent": "aws-cli/2.1",
        "requestParameters": None,
        "responseElements": None,
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": "111122223333",
    }
    for name, value in fields.items():
        *path, last = name.split("__")
        at = made
        for step in path:
            if not isinstance(at.get(step), dict):
                at[step] = {}
            at = at[step]
        at[last] = value
    return made


def located(records: Iterable[Record]) -> list[Located]:
    """Records as if from the lines of a file."""
    return [Located("records.ndjson", line, json.dumps(each).encode()) for line, each in enumerate(records, 1)]


def matching(condition: str, records: Sequence[Record]) -> list[int]:
    """The places of the records, from 0, for which a condition holds."""
    source = Records(records=located(records))
    run = ask(f"SELECT {LINE} FROM {EVENTS.name} WHERE {condition}", table=TABLE, files=source)
    assert not source.skipped
    return sorted(int(str(line)) - 1 for (line,) in run.rows)


def compiled(name: str, condition: str | None = None, **values: Any) -> CompiledRule:
    """A rule that was compiled, as far as Athena needs it."""
    calls = values.pop("calls", (Call("*", "*"),) if condition else ())
    return CompiledRule(
        name=name,
        id=name,
        title=name,
        level="medium",
        description="",
        techniques=(),
        tactics=(),
        predicate=condition,
        calls=calls,
        **values,
    )


def correlated(kind: Any, *rules: str, seconds: int, group_by: Sequence[str] = (), **values: Any) -> CompiledRule:
    """A correlation of rules."""
    return compiled(
        "correlated",
        correlation=Correlation(type=kind, rules=rules, group_by=tuple(group_by), timespan_seconds=seconds, **values),
    )


def answers(statement: Statement, records: Sequence[Record], parameters: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The rows of a statement, in the order of the records."""
    source = Records(records=located(records))
    run = ask(statement.sql, table=TABLE, files=source, parameters=parameters)
    assert not source.skipped
    assert [column.name for column in run.columns] == list(statement.columns)
    rows = [dict(zip(statement.columns, row, strict=True)) for row in run.rows]
    return sorted(rows, key=lambda row: int(row[LINE]))


def completing(rules: Sequence[CompiledRule], records: Sequence[Record]) -> list[int]:
    """The places of the records, from 0, that complete the one correlation among some rules."""
    asked = [each for each in rules if each.correlation]
    (made,) = statements(
        asked, table=EVENTS.name, accounts=None, regions=None, window=False, carry=[FILE, LINE], among=rules
    )
    return [int(row[LINE]) - 1 for row in answers(made, records)]


def at(seconds: float, **fields: Any) -> Record:
    """A record so many seconds after START."""
    return record(eventTime=(START + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ"), **fields)


def athena_of(detection: str | Mapping[str, Any]) -> str:
    """The condition that a detection becomes."""
    made: SigmaRule = rule(detection)
    return predicate(made)


def holds(detection: Mapping[str, Any], record: Record) -> bool:
    """Whether a record meets a detection whose condition is made of its names and the words and, or, not."""
    words = re.findall(r"[()]|\w+", detection["condition"])
    known = {name: _selected(value, record) for name, value in detection.items() if name != "condition"}
    text = " ".join(word if word in ("and", "or", "not", "(", ")") else str(known[word]) for word in words)
    # True, False, three words and parentheses.
    return bool(eval(text))


def _selected(selection: Any, record: Record) -> bool:
    if isinstance(selection, list):
        return any(_selected(each, record) for each in selection)
    return all(_item(key.split("|"), value, record) for key, value in selection.items())


def _item(key: list[str], value: Any, record: Record) -> bool:
    field, *modifiers = key
    wanted = value if isinstance(value, list) else [value]
    combine = all if "all" in modifiers else any
    found = list(_values(record, field.split(".")))
    return combine(_one(field, modifiers, each, found) for each in wanted)


def _values(value: Any, path: list[str]) -> Iterable[Any]:
    if isinstance(value, list):
        for each in value:
            yield from _values(each, path)
    elif not path:
        yield value
    elif isinstance(value, dict):
        yield from _values(value.get(path[0]), path[1:])


def _one(field: str, modifiers: list[str], wanted: Any, found: list[Any]) -> bool:
    there = [value for value in found if value is not None]
    if "exists" in modifiers:
        return bool(there) is wanted
    if wanted is None:
        return not there
    return any(_compare(modifiers, wanted, _text(value)) for value in there if not isinstance(value, dict))


def _compare(modifiers: list[str], wanted: Any, value: str) -> bool:
    if "cidr" in modifiers:
        try:
            return ip_address(value) in ip_network(wanted)
        except ValueError:
            return False
    if "re" in modifiers:
        return re.search(wanted, value, re.IGNORECASE if "i" in modifiers else 0) is not None
    numeric = {"lt": float.__lt__, "lte": float.__le__, "gt": float.__gt__, "gte": float.__ge__}
    for name in numeric.keys() & set(modifiers):
        return re.fullmatch(r"-?\d+(\.\d+)?", value) is not None and numeric[name](float(value), float(wanted))
    pattern = re.escape(_text(wanted)) if not isinstance(wanted, str) else _pattern(wanted)
    before = ".*" if {"contains", "endswith"} & set(modifiers) else ""
    after = ".*" if {"contains", "startswith"} & set(modifiers) else ""
    flags = re.DOTALL | (0 if "cased" in modifiers else re.IGNORECASE)
    return re.fullmatch(f"{before}{pattern}{after}", value, flags) is not None


def _pattern(text: str) -> str:
    parts = re.findall(r"\\[\\*?]|.", text, re.DOTALL)
    wild = {"*": ".*", "?": "."}
    return "".join(wild.get(part, re.escape(part[1:] if len(part) > 1 else part)) for part in parts)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
