"""Plain Python's answers to the queries about one actor, address, key, resource or hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.queries.plain_reader import (
    ADDRESS,
    AGENT,
    FILED_ACCOUNT,
    FILED_REGION,
    ID,
    NAME,
    PARAMETERS,
    SOURCE,
    TIME,
    Record,
    Values,
    actor,
    changed,
    column,
    distinct,
    failed,
    field,
    first,
    grouped,
    identity,
    listed,
    of_identity,
    ordered,
    outcome,
    span,
    text,
)

Rows = list[list[Any]]


def principal_calls(records: Sequence[Record], values: Values) -> Rows:
    mine = [record for record in records if values["principal"] in names_of(record)]
    rows = [
        (*key, distinct(group), distinct(failed(group)), distinct(group, ADDRESS), *span(group))
        for key, group in grouped(mine, FILED_ACCOUNT, FILED_REGION, SOURCE, NAME).items()
    ]
    return ordered(rows, -5, 1, 2, 3, 4)


def address_calls(records: Sequence[Record], values: Values) -> Rows:
    mine = [record for record in records if ADDRESS(record) == values["address"]]
    rows = [
        (*key, distinct(group), distinct(failed(group)), *span(group))
        for key, group in grouped(mine, actor, FILED_ACCOUNT, SOURCE, NAME).items()
    ]
    return ordered(rows, -5, 1, 2, 3, 4)


def access_key_calls(records: Sequence[Record], values: Values) -> Rows:
    def wanted(record: Record) -> bool:
        return identity(record, "accessKeyId") == values["access_key"]

    columns = (TIME, FILED_ACCOUNT, FILED_REGION, actor, SOURCE, NAME, ADDRESS, AGENT, outcome, ID)
    return ordered(listed(records, wanted, *columns), 1, 10)


def resource_history(records: Sequence[Record], values: Values) -> Rows:
    wanted_text = f'"{values["resource"]}"'

    def wanted(record: Record) -> bool:
        arns = [text(field(touched, "arn")) for touched in field(record, "resources") or []]
        texts = (PARAMETERS(record) or "", column("responseElements")(record) or "")
        return values["resource"] in arns or any(wanted_text in each for each in texts)

    columns = (TIME, FILED_ACCOUNT, FILED_REGION, actor, SOURCE, NAME, outcome, ADDRESS, PARAMETERS, ID)
    return ordered(listed(records, wanted, *columns), 1, 10)


def changes_before(records: Sequence[Record], values: Values) -> Rows:
    def wanted(record: Record) -> bool:
        seconds = before(record, values["at"])
        kind = first(text(field(record, "eventCategory")), "Management")
        return seconds is not None and 0 <= seconds <= 3600 and changed(record) and kind == "Management"

    columns = (TIME, FILED_REGION, actor, SOURCE, NAME, ADDRESS, AGENT, PARAMETERS, ID)
    return ordered(listed(records, wanted, *columns), -1, 9)


def actor_hour(records: Sequence[Record], values: Values) -> Rows:
    def wanted(record: Record) -> bool:
        seconds = before(record, values["at"])
        names = {*names_of(record), identity(record, "accessKeyId"), *names_in_alerts(record)}
        return seconds is not None and -1800 <= seconds <= 1800 and values["actor"] in names

    session, key = of_identity("arn"), of_identity("accessKeyId")
    where = (TIME, FILED_ACCOUNT, FILED_REGION)
    columns = (*where, SOURCE, NAME, outcome, session, key, ADDRESS, AGENT, PARAMETERS, ID)
    return ordered(listed(records, wanted, *columns), 1, 12)


def names_of(record: Record) -> set[str | None]:
    """Under which a caller may be looked for."""
    issuer = ("sessionContext", "sessionIssuer")
    paths = [(part,) for part in ("arn", "userName", "principalId")]
    return {
        *(identity(record, *path) for path in paths),
        *(identity(record, *issuer, *path) for path in paths),
    }


def names_in_alerts(record: Record) -> set[str | None]:
    """Further names that an alert may give a caller."""
    person, caller = identity(record, "onBehalfOf", "userId"), identity(record, "principalId") or ""
    session, _, _ = (identity(record, "arn") or "").rpartition("/")
    parts = ("arn", "userName", "invokedBy", "accountId")
    arn, name, service, account = (identity(record, part) for part in parts)
    return {
        person,
        session if ":assumed-role/" in session else None,
        caller.split(":")[0] if caller.startswith("AROA") else None,
        arn or person or caller or name or service or account or "unknown",
    }


def before(record: Record, at: str) -> float | None:
    """Seconds from the event to an instant; None where the event has no readable time."""
    try:
        return (datetime.fromisoformat(at) - datetime.fromisoformat(str(TIME(record)))).total_seconds()
    except ValueError:
        return None


def days_around(values: Values, back: timedelta, on: timedelta) -> tuple[str, str]:
    """The first and the last day of the files in which the events of a span of time can lie."""
    at = datetime.fromisoformat(values["at"])
    return f"{at - back:%Y/%m/%d}", f"{at + on:%Y/%m/%d}"


ANSWERS = (access_key_calls, actor_hour, address_calls, changes_before, principal_calls, resource_history)
