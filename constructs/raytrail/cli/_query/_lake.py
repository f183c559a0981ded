"""The table that a query is asked of, as it is deployed: which accounts, Regions and days it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from raytrail.cli._aws import Aws, asking
from raytrail.cli._errors import WrongUse
from raytrail.cli._refusals import Refused, code_of
from raytrail.queries import EVENTS, SavedQuery


@dataclass(frozen=True, kw_only=True)
class Lake:
    """A table of events in the Glue catalog.

    Attributes:
        database: Its database.
        table: Its name.
        accounts: Accounts that it shows; none where a query must name them.
        regions: Regions that it shows; others are invisible, without an error.
        first_day: The first day that it shows, ``yyyy/MM/dd``; empty where the table does not say it.
    """

    database: str
    table: str
    accounts: tuple[str, ...]
    regions: tuple[str, ...]
    first_day: str

    def accounts_of(self, given: tuple[str, ...]) -> tuple[str, ...]:
        """The accounts to ask about: those given, or all.

        Raises:
            WrongUse: One is not shown, or none is given and the table needs them.
        """
        return _chosen("account", given, self.accounts, "audit.accounts")

    def regions_of(self, given: tuple[str, ...]) -> tuple[str, ...]:
        """The Regions to ask about, likewise."""
        return _chosen("Region", given, self.regions, "audit.regions")

    def check_values(self, query: SavedQuery, values: dict[str, str]) -> None:
        """Refuse an account or a Region among the values that the table does not show.

        Raises:
            WrongUse: There is one.
        """
        for parameter in query.parameters:
            value = values.get(parameter.name, "")
            if parameter.kind == "account" and value:
                self.accounts_of((value,))
            elif parameter.kind == "region" and value:
                self.regions_of((value,))


def find_lake(aws: Aws, database: str) -> Lake:
    """Look the table up.

    Raises:
        Refused: It is not there, or may not be seen.
    """
    try:
        with asking(aws):
            found = _table(aws, database)
    except Refused as error:
        if isinstance(error.__cause__, ClientError) and code_of(error.__cause__) == "EntityNotFoundException":
            raise Refused(
                f"there is no table {EVENTS.name} in the Glue database {database!r} in {aws}: deploy the audit stack "
                "there, or give the --region, the --kit (its name in cdk.json) or the --database where it is"
            ) from error
        raise
    properties = found.get("Parameters") or {}
    return Lake(
        database=database,
        table=EVENTS.name,
        accounts=_values(properties, "account"),
        regions=_values(properties, "region"),
        first_day=properties.get("projection.timestamp.range", "").partition(",")[0],
    )


def _table(aws: Aws, database: str) -> dict[str, Any]:
    table: dict[str, Any] = aws.client("glue").get_table(DatabaseName=database, Name=EVENTS.name)["Table"]
    return table


def _values(properties: dict[str, str], key: str) -> tuple[str, ...]:
    return tuple(value for value in properties.get(f"projection.{key}.values", "").split(",") if value)


def _chosen(word: str, given: tuple[str, ...], shown: tuple[str, ...], setting: str) -> tuple[str, ...]:
    option = f"--{word.lower()}s"
    if not given and not shown:
        raise WrongUse(f"the table finds {word.lower()}s only by name: give {option}, with commas between them")
    unknown = [value for value in given if shown and value not in shown]
    if unknown:
        raise WrongUse(
            f"{word} {unknown[0]} is not among those that the table shows ({', '.join(shown)}), so Athena would find "
            f"nothing there; add it to {setting} in cdk.json and deploy the audit stack"
        )
    return given or shown
