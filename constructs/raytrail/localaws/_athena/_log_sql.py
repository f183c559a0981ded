"""CloudTrail's JSON read by DuckDB itself, ten times as fast as row by row through Python.

It reads what CloudTrail writes and nothing else. Whatever is not exactly that (a wrapper around the record, a missing
field, a time with an offset) ends the statement with an error, and the file is read by `raytrail.records` instead.
DuckDB compares the names of JSON's fields letter by letter where Hive's SerDe ignores their case, so they are spelled
here as CloudTrail spells them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sqlglot import exp

from raytrail.localaws._athena._load import quoted
from raytrail.localaws._athena._plan import Scan
from raytrail.localaws._athena._table import duckdb_type
from raytrail.localaws._athena._translate import to_duckdb

UNKNOWN = "unknown"
"""The account or Region of a record that names none."""

PLACE_KEYS = ("account", "region", "timestamp")
"""The partition keys that a file's path, or else its records, give."""

_NAMES = """
eventVersion userIdentity eventTime eventSource eventName awsRegion sourceIPAddress userAgent errorCode errorMessage
requestParameters responseElements additionalEventData requestID eventID readOnly eventType apiVersion managementEvent
recipientAccountId serviceEventDetails sharedEventID vpcEndpointId vpcEndpointAccountId eventCategory
sessionCredentialFromConsole edgeDeviceDetails tlsDetails principalId accountId accessKeyId userName invokedBy
identityProvider credentialId onBehalfOf userId identityStoreArn inScopeOf sourceArn sourceAccount issuerType
credentialsIssuedTo invokedByDelegate sessionContext sessionIssuer signInSessionArn mfaAuthenticated creationDate
webIdFederationData federatedProvider ec2RoleDelivery sourceIdentity assumedRoot updatedFields originalRequestID
originalEventID tlsVersion cipherSuite clientProvidedHostHeader keyExchange
"""
SPELLED = {name.lower(): name for name in _NAMES.split()}
"""Names of JSON's fields as CloudTrail spells them, by the lake's names of them."""
# What says that an object is a record of an event, and where it belongs.
_ALWAYS = ("eventsource", "eventname", "eventtype", "eventcategory", "eventtime")
_OF_THE_PLACE = ("recipientaccountid", "useridentity", "awsregion")
# The one field that services spell in two ways.
_RESOURCES = "resources"

_REFUSED = "error('no record as CloudTrail writes it')"
_IS_RECORD = (
    "coalesce(eventsource, '') <> '' AND coalesce(eventname, '') <> '' "
    "AND coalesce(eventtype, '') <> 'AwsCloudTrailInsight' AND coalesce(eventcategory, '') <> 'Insight' "
    r"AND coalesce(regexp_full_match(eventtime, '\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ'), false)"
)


class Place(NamedTuple):
    """Where CloudTrail puts a file: the values of the partition keys, as they stand in its path."""

    account: str
    region: str
    day: str
    """``yyyy/MM/dd``."""


class Read(NamedTuple):
    """A file that DuckDB is to read, and the place of its records; None where each record says it itself."""

    path: Path
    place: Place | None


def create_table(scan: Scan) -> str:
    """Return the statement that makes a table for records, with no column that the scan can do without.

    In the scan's own table, which has them all, a NULL takes as much memory as a word.
    """
    columns = ", ".join(f"{_name(name)} {kind}" for name, kind in _kept(scan).items())
    return f"CREATE TABLE {_records(scan)} ({columns})"


def insert_records(scan: Scan, reads: Sequence[Read], *, lines: bool, filtered: bool) -> str:
    """Return the statement that puts records into that table.

    Args:
        scan: The scan; its table has CloudTrail's columns.
        reads: Files of one kind.
        lines: Whether a file holds one record a line. Otherwise it is a list of records.
        filtered: Leave out the rows that the scan's conditions refuse.
    """
    columns = scan.table.columns
    by_record = any(each.place is None for each in reads)
    wanted = [name for name in columns if name in scan.columns]
    read = dict.fromkeys([*wanted, *_ALWAYS, *(_OF_THE_PLACE if by_record else ())])
    spec = ", ".join(f"{quoted(spelled(name))}: {quoted(_read_as(name, columns[name]))}" for name in read)
    values = ", ".join(f"{_expression(name, columns[name])} AS {_name(name)}" for name in read)
    files = ", ".join(quoted(str(each.path)) for each in reads)
    conditions = " AND ".join(f"({to_duckdb(condition)})" for condition in scan.conditions) if filtered else ""
    return (
        f"INSERT INTO {_records(scan)} SELECT {', '.join(map(_name, _kept(scan)))} FROM ("
        f"SELECT {values}, {_keys(by_record)} FROM read_json([{files}], "
        f"format = '{'newline_delimited' if lines else 'array'}', columns = {{{spec}}}, filename = true) AS record "
        f"JOIN (VALUES {', '.join(map(_place, reads))}) AS place(file, account, region, day) "
        "ON place.file = record.filename) AS event "
        f"WHERE CASE WHEN {_IS_RECORD} THEN {conditions or 'true'} ELSE {_REFUSED} END"
    )


def join_tables(scan: Scan) -> str:
    """Return the statements that put a view of both tables in the place of the scan's own."""
    kept = _kept(scan)
    columns = ", ".join(
        _name(name) if name in kept else f"CAST(NULL AS {duckdb_type(kind)}) AS {_name(name)}"
        for name, kind in (scan.table.columns | scan.table.keys).items()
    )
    own, others = _name(scan.alias), _name(f"{scan.alias}_others")
    return (
        f"ALTER TABLE {own} RENAME TO {others}; CREATE VIEW {own} AS "
        f"SELECT {columns} FROM {_records(scan)} UNION ALL SELECT {columns} FROM {others}"
    )


def records_table(scan: Scan) -> str:
    """Return the name of the table that `create_table` makes."""
    return f"{scan.alias}_records"


def _records(scan: Scan) -> str:
    return _name(records_table(scan))


def _kept(scan: Scan) -> dict[str, str]:
    """The columns that the scan needs, and the keys, with DuckDB's types."""
    kinds = {name: kind for name, kind in scan.table.columns.items() if name in scan.columns} | scan.table.keys
    return {name: duckdb_type(kind) for name, kind in kinds.items()}


def _name(text: str) -> str:
    return f'"{text}"'


def _keys(by_record: bool) -> str:
    account, region, day = (f"place.{name}" for name in Place._fields)
    if by_record:
        said = "coalesce(nullif(record.recipientAccountId, ''), record.userIdentity.accountId)"
        account = f"coalesce({account}, {_known(said)})"
        region = f"coalesce({region}, {_known('record.awsRegion')})"
        day = f"coalesce({day}, replace(record.eventTime[1:10], '-', '/'))"
    return f'{account} AS "account", {region} AS "region", {day} AS "timestamp"'


def _known(value: str) -> str:
    # What goes on to stand in quotes in a statement is a word.
    return f"CASE WHEN regexp_full_match({value}, '[A-Za-z0-9_.-]+') THEN {value} ELSE '{UNKNOWN}' END"


def _place(read: Read) -> str:
    values = ", ".join("NULL::VARCHAR" if value is None else quoted(value) for value in read.place or (None,) * 3)
    return f"({quoted(str(read.path))}, {values})"


def spelled(name: str) -> str:
    """Return the name of a column, or of a part of one, as CloudTrail spells it in JSON."""
    return SPELLED.get(name, name)


def _read_as(name: str, kind: exp.DataType) -> str:
    return "VARCHAR" if name == _RESOURCES else _type(kind)


def _type(kind: exp.DataType) -> str:
    """The type as DuckDB reads it from JSON, its fields spelled as CloudTrail spells them."""
    if kind.this != exp.DataType.Type.STRUCT:
        return duckdb_type(kind)
    fields = ", ".join(f'"{spelled(field.name)}" {_type(field.args["kind"])}' for field in kind.expressions)
    return f"STRUCT({fields})"


def _expression(name: str, kind: exp.DataType) -> str:
    if name == _RESOURCES:
        text = 'record."resources"'
        return (
            f"CASE WHEN {text} IS NULL THEN NULL WHEN json_type({text}) <> 'ARRAY' THEN {_REFUSED} "
            f"ELSE json_transform(replace({text}, '\"ARN\":', '\"arn\":'), {quoted(_structure(kind))}) END"
        )
    return f'record."{spelled(name)}"'


def _structure(kind: exp.DataType) -> str:
    fields = ", ".join(
        f'"{spelled(field.name)}": "{duckdb_type(field.args["kind"])}"' for field in kind.expressions[0].expressions
    )
    return f"[{{{fields}}}]"
