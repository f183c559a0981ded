"""The view over the events: what people always need of a record, under one name each, and each event once.

An Athena view is a Glue table of the type ``VIRTUAL_VIEW`` whose text is Presto's definition of a view: JSON in
base64 between ``/* Presto View:`` and ``*/``. Athena's documentation prints no such text. The form here has the keys,
in their order, of the views that Athena itself writes, and is what Trino's Hive connector takes for a view of its own
(``ViewReaderUtil.isTrinoView``, ``ConnectorViewDefinition``): table type, both properties, prefix and suffix.

Copies of an event are removed within one account, Region and day, because these are the partition keys: Trino moves a
predicate below a window where all of its columns are in the window's PARTITION BY, so that a query of the view reads
only the partitions that it names. A copy that CloudTrail delivered under another day stays: where that matters, count
``DISTINCT event_id``. Records without an id (before version 1.01) are all kept.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import NamedTuple

from raytrail.errors import InvalidProps

EVENTS_VIEW = "events"
"""Name of the view, beside the table of the events."""

EXPANDED_TEXT = "/* Presto View */"
"""What stands in the place of the statement that Hive would run."""
PARAMETERS = {"presto_view": "true", "comment": "Presto View"}
"""Table properties by which a view of Presto is known. The comment is a mark: it cannot say anything else."""

_NAME = re.compile(r"[a-z0-9_]+")
_HIVE_TYPES = {
    "varchar": "string",
    "boolean": "boolean",
    "timestamp(3)": "timestamp",
    "array(varchar)": "array<string>",
}
# What names a resource in the requests of the services that most changes are made with, and CloudTrail's order of them.
_RESOURCE_NAMES = (
    *("bucketName", "functionName", "roleName", "userName", "groupName", "policyArn", "groupId", "tableName"),
    *("topicArn", "queueUrl", "keyId", "secretId", "logGroupName", "instanceId", "vpcId", "dBInstanceIdentifier"),
    *("stackName", "roleArn", "name"),
)
_NAMED_IN_REQUEST = ", ".join(f"json_extract_scalar(requestparameters, '$.{name}')" for name in _RESOURCE_NAMES)


class ViewColumn(NamedTuple):
    """One column of the view."""

    name: str
    """As Athena shows it."""
    type: str
    """Trino's name, such as ``varchar``: it must be the type of the expression, or Athena calls the view stale."""
    expression: str
    """How it is computed from the columns of the table."""
    comment: str
    """What it holds, in words."""

    @property
    def glue_type(self) -> str:
        """Hive's name of the type, such as ``string``."""
        return _HIVE_TYPES[self.type]


COLUMNS: tuple[ViewColumn, ...] = (
    ViewColumn("account", "varchar", "account", "Account that the events belong to; name it to read less"),
    ViewColumn("region", "varchar", "region", "Region that the file was written for; name it to read less"),
    ViewColumn("timestamp", "varchar", '"timestamp"', "Day of the file, yyyy/MM/dd; name it to read less"),
    ViewColumn(
        "event_time",
        "timestamp(3)",
        "TRY_CAST(replace(replace(eventtime, 'T', ' '), 'Z', '') AS timestamp)",
        "When the request was completed, in UTC",
    ),
    ViewColumn("event_id", "varchar", "eventid", "Id of the event"),
    ViewColumn("service", "varchar", "eventsource", "Service that was called, such as s3.amazonaws.com"),
    ViewColumn("operation", "varchar", "eventname", "API operation that was called"),
    ViewColumn("read_only", "boolean", "(readonly = 'true')", "Whether the call only reads; null where not recorded"),
    ViewColumn(
        "kind",
        "varchar",
        "coalesce(eventcategory, CASE WHEN managementevent = 'false' THEN 'Data' ELSE 'Management' END)",
        "Management, Data or NetworkActivity",
    ),
    ViewColumn(
        "actor",
        "varchar",
        "coalesce(useridentity.sessioncontext.sessionissuer.arn, useridentity.arn, useridentity.invokedby, "
        "useridentity.accountid, 'unknown')",
        "Who called: the role behind a session, the user, the service, or the account",
    ),
    ViewColumn(
        "actor_kind",
        "varchar",
        "coalesce(useridentity.type, CASE WHEN useridentity.invokedby IS NOT NULL THEN 'AWSService' END, 'Unknown')",
        "IAMUser, AssumedRole, Root, AWSService and others",
    ),
    ViewColumn("actor_account", "varchar", "useridentity.accountid", "Account of the caller"),
    ViewColumn("session", "varchar", "useridentity.arn", "The caller as it called: the session of a role"),
    ViewColumn("access_key", "varchar", "useridentity.accesskeyid", "Key that signed the request"),
    ViewColumn("source", "varchar", "sourceipaddress", "Address, or AWS service, that the request came from"),
    ViewColumn("user_agent", "varchar", "useragent", "Tool or SDK that made the request"),
    ViewColumn(
        "mfa",
        "boolean",
        "CASE WHEN useridentity.sessioncontext.attributes.mfaauthenticated = 'true' "
        "OR json_extract_scalar(additionaleventdata, '$.MFAUsed') = 'Yes' THEN true "
        "WHEN useridentity.sessioncontext.attributes.mfaauthenticated IS NOT NULL "
        "OR json_extract_scalar(additionaleventdata, '$.MFAUsed') IS NOT NULL THEN false END",
        "Whether the caller gave a second factor; null where the record does not say",
    ),
    ViewColumn(
        "error",
        "varchar",
        "coalesce(errorcode, errormessage)",
        "Code of the error, or its message where there is no code (failed sign-ins); null when the call succeeded",
    ),
    ViewColumn(
        "resource",
        "varchar",
        f"coalesce(element_at(transform(resources, touched -> touched.arn), 1), {_NAMED_IN_REQUEST})",
        "First resource of the record, or the name in the request",
    ),
    ViewColumn(
        "resources", "array(varchar)", "transform(resources, touched -> touched.arn)", "ARNs of all recorded resources"
    ),
    ViewColumn("request", "varchar", "requestparameters", "Parameters of the request, JSON"),
    ViewColumn("response", "varchar", "responseelements", "Answer of a call that changed something, JSON"),
)
"""Columns of the view, in order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewDefinition:
    """The view as a Glue table takes it: ``TableType`` VIRTUAL_VIEW, with these columns, texts and properties.

    Raises:
        InvalidProps: A name is not lower-case letters, digits and underscores.
    """

    database: str
    """The database of the table."""
    table: str
    """The table of events."""

    def __post_init__(self) -> None:
        for prop, value in (("database", self.database), ("table", self.table)):
            if not _NAME.fullmatch(value):
                raise InvalidProps(f"{prop} of a view is lower-case letters, digits and underscores, got {value!r}")

    @property
    def columns(self) -> tuple[ViewColumn, ...]:
        """The columns of the view."""
        return COLUMNS

    @property
    def parameters(self) -> dict[str, str]:
        """The table properties."""
        return dict(PARAMETERS)

    @property
    def sql(self) -> str:
        """The statement that the view stands for."""
        computed = "".join(f'    {column.expression} AS "{column.name}",\n' for column in COLUMNS)
        names = ",\n".join(f'  "{column.name}"' for column in COLUMNS)
        return (
            f"SELECT\n{names}\nFROM (\n  SELECT\n{computed}"
            '    row_number() OVER (PARTITION BY account, region, "timestamp", eventid) AS copy\n'
            f'  FROM "{self.database}"."{self.table}"\n) AS copies\n'
            "WHERE copy = 1 OR event_id IS NULL"
        )

    @property
    def original_text(self) -> str:
        """``ViewOriginalText``: the definition in Presto's form."""
        definition = {
            "originalSql": self.sql,
            "catalog": "awsdatacatalog",
            "schema": self.database,
            "columns": [{"name": column.name, "type": column.type} for column in COLUMNS],
        }
        return f"/* Presto View: {base64.b64encode(json.dumps(definition).encode()).decode()} */"

    @property
    def expanded_text(self) -> str:
        """``ViewExpandedText``."""
        return EXPANDED_TEXT


def view_definition(*, database: str, table: str) -> ViewDefinition:
    """Return the view over a table of events.

    Args:
        database: The Glue database that both are in; a literal name, because it ends up in base64.
        table: The table of the events, a literal name too.

    Raises:
        InvalidProps: A name is not lower-case letters, digits and underscores.
    """
    return ViewDefinition(database=database, table=table)
