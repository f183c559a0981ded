"""CloudTrail's JSON read by DuckDB itself, ten times as fast as row by row through Python.

It reads what CloudTrail writes and nothing else. Whatever is not exactly that (a wrapper around the record, a missing
field, a time with an offset) ends the statement with an error, and the file is read by `raytrail.records` instead.
DuckDB compares the names of JSON's fields letter by letter where Hive's SerDe ignores their case, so they are spelled
here as CloudTrail spells them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from sqlglot import exp

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
_SPELLED = {name.lower(): name for name in _NAMES.split()}
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


def attach_parts(scan: Scan, file: Path) -> str:
    """Return the statement that opens a database for the parts, in a file: compressed, and out of the way of memory."""
    return f'ATTACH {_text(str(file))} AS "{_database(scan)}"'


def create_part(scan: Scan, number: int, reads: Sequence[Read], *, lines: bool, filtered: bool) -> str:
    """Return the statement that puts records into a table of their own, which adding to a larger one takes longer than.

    Args:
        scan: The scan; its table has CloudTrail's columns.
        number: Of the part, which has the columns that the scan needs, and the keys.
        reads: Files of one kind.
        lines: Whether a file holds one record a line. Otherwise it is a list of records.
        filtered: Leave out the rows that the scan's conditions refuse.
    """
    table = scan.table
    kept = _kept(scan)
    by_record = any(each.place is None for each in reads)
    read = dict.fromkeys([*kept, *_ALWAYS, *(_OF_THE_PLACE if by_record else ())])
    spec = ", ".join(f"{_text(_spelled(name))}: {_text(_read_as(name, table.columns[name]))}" for name in read)
    columns = ", ".join(f'{_expression(name, table.columns[name])} AS "{name}"' for name in read)
    files = ", ".join(_text(str(each.path)) for each in reads)
    conditions = " AND ".join(f"({to_duckdb(condition)})" for condition in scan.conditions) if filtered else ""
    wanted = ", ".join(
        f'CAST("{name}" AS {duckdb_type(kind)}) AS "{name}"' for name, kind in {**kept, **table.keys}.items()
    )
    return (
        f"CREATE TABLE {_part(scan, number)} AS SELECT {wanted} FROM ("
        f"SELECT {columns}, {_keys(by_record)} FROM read_json([{files}], "
        f"format = '{'newline_delimited' if lines else 'array'}', columns = {{{spec}}}, filename = true) AS record "
        f"JOIN (VALUES {', '.join(map(_place, reads))}) AS place(file, account, region, day) "
        "ON place.file = record.filename) AS event "
        f"WHERE CASE WHEN {_IS_RECORD} THEN {conditions or 'true'} ELSE {_REFUSED} END"
    )


def drop_part(scan: Scan, number: int) -> str:
    """Return the statement that removes a part."""
    return f"DROP TABLE {_part(scan, number)}"


def join_parts(scan: Scan, numbers: Iterable[int]) -> str:
    """Return the statements that put a view of the scan's table and of its parts in the table's place."""
    kept = _kept(scan)
    columns = ", ".join(
        f'"{name}"' if name in kept or name in scan.table.keys else f'CAST(NULL AS {duckdb_type(kind)}) AS "{name}"'
        for name, kind in (scan.table.columns | scan.table.keys).items()
    )
    rows = f'"{scan.alias}_rows"'
    tables = [rows, *(_part(scan, number) for number in numbers)]
    selects = " UNION ALL ".join(f"SELECT {columns} FROM {table}" for table in tables)
    return f'ALTER TABLE "{scan.alias}" RENAME TO {rows}; CREATE VIEW "{scan.alias}" AS {selects}'


def _database(scan: Scan) -> str:
    return f"{scan.alias}_parts"


def _part(scan: Scan, number: int) -> str:
    return f'"{_database(scan)}"."part_{number}"'


def _kept(scan: Scan) -> dict[str, exp.DataType]:
    return {name: kind for name, kind in scan.table.columns.items() if name in scan.columns}


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
    values = ", ".join("NULL::VARCHAR" if value is None else _text(value) for value in read.place or (None,) * 3)
    return f"({_text(str(read.path))}, {values})"


def _spelled(name: str) -> str:
    return _SPELLED.get(name, name)


def _read_as(name: str, kind: exp.DataType) -> str:
    return "VARCHAR" if name == _RESOURCES else _type(kind)


def _type(kind: exp.DataType) -> str:
    """The type as DuckDB reads it from JSON, its fields spelled as CloudTrail spells them."""
    if kind.this != exp.DataType.Type.STRUCT:
        return duckdb_type(kind)
    fields = ", ".join(f'"{_spelled(field.name)}" {_type(field.args["kind"])}' for field in kind.expressions)
    return f"STRUCT({fields})"


def _expression(name: str, kind: exp.DataType) -> str:
    if name == _RESOURCES:
        text = 'record."resources"'
        return (
            f"CASE WHEN {text} IS NULL THEN NULL WHEN json_type({text}) <> 'ARRAY' THEN {_REFUSED} "
            f"ELSE json_transform(replace({text}, '\"ARN\":', '\"arn\":'), {_text(_structure(kind))}) END"
        )
    return f'record."{_spelled(name)}"'


def _structure(kind: exp.DataType) -> str:
    fields = ", ".join(
        f'"{_spelled(field.name)}": "{duckdb_type(field.args["kind"])}"' for field in kind.expressions[0].expressions
    )
    return f"[{{{fields}}}]"


def _text(value: str) -> str:
    escaped = value.replace("'", "''")
    return f"'{escaped}'"
