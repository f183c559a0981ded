"""The view of the events: in the form that Athena reads, and right over own and real records."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.athena_lake import TABLE, Lake
from tests.queries.plain_reader import (
    ADDRESS,
    AGENT,
    DAY,
    ERROR,
    FILED_ACCOUNT,
    FILED_REGION,
    ID,
    NAME,
    PARAMETERS,
    SOURCE,
    TIME,
    Record,
    actor,
    column,
    field,
    first,
    identity,
    named,
    scalar,
    text,
)
from tests.queries.world import ACCOUNTS, REGIONS, ago, own_lake, real_lake
from tests.trino_grammar import grammar_errors

from raytrail.errors import InvalidProps
from raytrail.localaws._athena._functions import FUNCTIONS
from raytrail.queries import EVENTS_VIEW, view_definition

VIEW = view_definition(database="audit", table=TABLE)


def test_the_text_of_the_view_is_the_json_that_athena_writes_for_one() -> None:
    written = re.fullmatch(r"/\* Presto View: ([A-Za-z0-9+/=]+) \*/", VIEW.original_text)
    assert written is not None
    definition = json.loads(base64.b64decode(written[1]))
    # The keys of a view that Athena wrote, in their order.
    assert list(definition) == ["originalSql", "catalog", "schema", "columns"]
    assert (definition["catalog"], definition["schema"]) == ("awsdatacatalog", "audit")
    assert definition["originalSql"] == VIEW.sql
    assert definition["columns"] == [{"name": column.name, "type": column.type} for column in VIEW.columns]


def test_a_view_is_known_by_two_properties_and_has_no_text_for_hive() -> None:
    assert VIEW.parameters == {"presto_view": "true", "comment": "Presto View"}
    assert VIEW.expanded_text == "/* Presto View */"


def test_the_columns_of_the_catalog_have_hives_names_of_the_same_types() -> None:
    types = {(column.type, column.glue_type) for column in VIEW.columns}
    assert types == {
        ("varchar", "string"),
        ("boolean", "boolean"),
        ("timestamp(3)", "timestamp"),
        ("array(varchar)", "array<string>"),
    }
    names = [column.name for column in VIEW.columns]
    assert len(set(names)) == len(names)
    assert {"account", "region", "timestamp", "event_id", "actor", "actor_kind", "source", "mfa", "error"} < set(names)


def test_an_independent_trino_grammar_takes_the_view_and_every_function_is_on_the_list() -> None:
    assert grammar_errors([VIEW.sql]) == [[]]
    called = set(re.findall(r"([a-z_]+)\(", re.sub(r"'[^']*'", "", VIEW.sql), flags=re.IGNORECASE))
    assert {name for name in called if name.lower() not in FUNCTIONS} == set()


@pytest.mark.parametrize("names", [{"database": "a-b", "table": "t"}, {"database": "d", "table": 't"'}])
def test_a_name_that_could_end_the_statement_is_refused(names: dict[str, str]) -> None:
    with pytest.raises(InvalidProps, match="of a view is lower-case letters, digits and underscores"):
        view_definition(**names)


def flat(record: Record) -> tuple[str | None, ...]:
    """A record in the columns of the view, as texts."""

    def boolean(value: bool | None) -> str | None:
        return None if value is None else str(value).lower()

    session = text(field(record, "userIdentity", "sessionContext", "attributes", "mfaAuthenticated"))
    sign_in = scalar(record, "additionalEventData", "MFAUsed")
    mfa = True if session == "true" or sign_in == "Yes" else None if session is None and sign_in is None else False
    read_only = text(field(record, "readOnly"))
    # Some of the real records went through other tools, which wrote a blank and zeros of a second.
    time = re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.0+)?Z?", TIME(record) or "")
    of_data = text(field(record, "managementEvent")) == "false"
    arns = [text(field(each, "arn")) for each in field(record, "resources") or []]
    kind = "AWSService" if identity(record, "invokedBy") is not None else "Unknown"
    names = "bucketName functionName roleName userName groupName policyArn groupId tableName topicArn queueUrl keyId"
    more = "secretId logGroupName instanceId vpcId dBInstanceIdentifier stackName roleArn name"
    shown = None if field(record, "resources") is None else f"[{', '.join(arn or 'null' for arn in arns)}]"
    return (
        FILED_ACCOUNT(record),
        FILED_REGION(record),
        DAY(record),
        f"{time[1]} {time[2]}.000" if time else None,
        ID(record),
        SOURCE(record),
        NAME(record),
        boolean(None if read_only is None else read_only == "true"),
        first(column("eventCategory")(record), "Data" if of_data else "Management"),
        actor(record),
        first(identity(record, "type"), kind),
        identity(record, "accountId"),
        identity(record, "arn"),
        identity(record, "accessKeyId"),
        ADDRESS(record),
        AGENT(record),
        boolean(mfa),
        first(ERROR(record), column("errorMessage")(record)),
        first(next(iter(arns), None), named(record, *names.split(), *more.split())),
        shown,
        PARAMETERS(record),
        column("responseElements")(record),
    )


def create_view(lake: Lake) -> None:
    view = view_definition(database=lake.database, table=TABLE)
    lake.glue.create_table(
        DatabaseName=lake.database,
        TableInput={
            "Name": EVENTS_VIEW,
            "TableType": "VIRTUAL_VIEW",
            "Parameters": view.parameters,
            "PartitionKeys": [],
            "StorageDescriptor": {
                "Columns": [{"Name": each.name, "Type": each.glue_type} for each in view.columns],
                "Location": "",
                "SerdeInfo": {},
            },
            "ViewOriginalText": view.original_text,
            "ViewExpandedText": view.expanded_text,
        },
    )


@pytest.fixture(scope="module")
def own(local_aws: Any) -> Lake:
    lake = own_lake(local_aws)
    create_view(lake)
    return lake


@pytest.fixture(scope="module")
def real(local_aws: Any, attack_logs: Path) -> Lake:
    lake = real_lake(local_aws, attack_logs)
    create_view(lake)
    return lake


def in_view(lake: Lake, accounts: Sequence[str], regions: Sequence[str], begin: str, end: str) -> list[Any]:
    """The rows that the view must have: within one account, Region and day one for each event."""
    rows: dict[object, tuple[str | None, ...]] = {}
    for number, (account, region, day, record) in enumerate(lake.records):
        if account in accounts and region in regions and begin <= day <= end:
            row = flat({**record, "_account": account, "_region": region, "_day": day})
            rows.setdefault((*row[:3], row[4] or number), row)
    return list(rows.values())


@pytest.mark.local
def test_each_event_of_a_day_is_in_the_view_once_and_only_the_named_partitions_are_read(own: Lake) -> None:
    begin, end = f"{ago(2):%Y/%m/%d}", f"{ago(1):%Y/%m/%d}"
    answer = own.ask(
        f"SELECT * FROM {EVENTS_VIEW} WHERE account = '{ACCOUNTS[0]}' AND region IN ('{REGIONS[0]}', '{REGIONS[3]}') "
        f"AND \"timestamp\" BETWEEN '{begin}' AND '{end}'"
    )
    assert answer.state == "SUCCEEDED", answer.reason
    expected = in_view(own, ACCOUNTS[:1], (REGIONS[0], REGIONS[3]), begin, end)
    assert sorted(map(str, answer.rows)) == sorted(str(list(row)) for row in expected)
    delivered = [key for *key, _ in own.records if key[0] == ACCOUNTS[0] and key[1] in (REGIONS[0], REGIONS[3])]
    assert len(answer.rows) < sum(begin <= key[2] <= end for key in delivered), "the records must have copies"
    assert answer.scanned == sum(
        size
        for (account, region, day), size in own.sizes.items()
        if account == ACCOUNTS[0] and region in (REGIONS[0], REGIONS[3]) and begin <= day <= end
    )
    assert answer.columns == [each.name for each in VIEW.columns]
    # GetQueryResults names a type without its precision or elements.
    assert answer.types == [each.type.partition("(")[0] for each in VIEW.columns]


@pytest.mark.local
def test_parameters_reach_the_partitions_through_the_view(own: Lake) -> None:
    day = f"{ago(1):%Y/%m/%d}"
    answer = own.ask(
        f'SELECT count(*) FROM {EVENTS_VIEW} WHERE account = ? AND region = ? AND "timestamp" = ?',
        ExecutionParameters=[f"'{ACCOUNTS[2]}'", f"'{REGIONS[1]}'", f"'{day}'"],
    )
    assert answer.rows == [[str(len(in_view(own, ACCOUNTS[2:], REGIONS[1:2], day, day)))]]
    assert answer.scanned == own.sizes[ACCOUNTS[2], REGIONS[1], day]


@pytest.mark.local
def test_the_view_is_right_over_every_real_record(real: Lake) -> None:
    answer = real.ask(f"SELECT * FROM {EVENTS_VIEW}")
    assert answer.state == "SUCCEEDED", answer.reason
    expected = in_view(real, ACCOUNTS, REGIONS, "", "9")
    assert len(answer.rows) == len(expected) > 900
    # Records with a redacted id are taken for copies of each other: which one stays is open.
    records = Counter(field(record, "eventID") for *_, record in real.records)
    redacted = {event_id for event_id, count in records.items() if event_id is not None and count > 1}
    rows = [sorted(str(list(row)) for row in each if row[4] not in redacted) for each in (answer.rows, expected)]
    assert rows[0] == rows[1]
    assert len(rows[0]) > 800
