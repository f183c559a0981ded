"""The table of events as a statement of Athena, for who has a trail and not the stack that makes the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from raytrail.queries import EVENTS
from raytrail.settings import AuditSettings

BUCKET, PREFIX, ORGANIZATION = "YOUR-BUCKET", "YOUR-PREFIX", "o-organization"
"""What a reader replaces, or takes out with the slash before it."""


def first_day(settings: AuditSettings) -> str:
    """Return the first day that the table knows, as its partitions write it; a reader replaces it."""
    return settings.start_date.strftime("%Y/%m/%d")


def table_statement(settings: AuditSettings, *, account: str, regions: Sequence[str]) -> str:
    """Return the statement that makes the table which the lake has, over a trail that is there.

    Args:
        settings: Whose first day it shows.
        account: Whose files it reads.
        regions: Where they are from.

    Raises:
        InvalidProps: A value is none that the lake takes.
    """
    table = EVENTS.table_input(
        bucket=BUCKET,
        prefix=PREFIX,
        organization_id=ORGANIZATION,
        accounts=[account],
        regions=regions,
        start_date=settings.start_date,
    )
    storage = table["StorageDescriptor"]
    # EXTERNAL is said by the statement itself.
    given = {key: value for key, value in table["Parameters"].items() if key != "EXTERNAL"}
    properties = ",\n".join(f"  {_text(key)} = {_text(value)}" for key, value in given.items())
    return f"""\
CREATE EXTERNAL TABLE `{table["Name"]}` (
{_columns(storage["Columns"])}
)
COMMENT {_text(table["Description"])}
PARTITIONED BY (
{_columns(table["PartitionKeys"])}
)
ROW FORMAT SERDE {_text(storage["SerdeInfo"]["SerializationLibrary"])}
STORED AS INPUTFORMAT {_text(storage["InputFormat"])}
OUTPUTFORMAT {_text(storage["OutputFormat"])}
LOCATION {_text(storage["Location"])}
TBLPROPERTIES (
{properties}
)
"""


def _columns(columns: Sequence[Mapping[str, str]]) -> str:
    return ",\n".join(f"  `{each['Name']}` {each['Type']} COMMENT {_text(each['Comment'])}" for each in columns)


def _text(value: str) -> str:
    return "'{}'".format(value.replace("'", "\\'"))
