"""What ``raytrail query`` does with its options."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from raytrail.cli._aws import connect
from raytrail.cli._errors import WrongUse
from raytrail.cli._query._answer import Answer
from raytrail.cli._query._catalogue import missing, show_queries
from raytrail.cli._query._cost import cost_line
from raytrail.cli._query._lake import Lake, find_lake
from raytrail.cli._query._local import ask_folder
from raytrail.cli._query._progress import Say, progress
from raytrail.cli._query._show import show_answer
from raytrail.cli._query._values import bind, last_days, read_list, read_values, render, with_days
from raytrail.cli._query._workgroup import Workgroup, scanned
from raytrail.cli._terminal import listed
from raytrail.errors import InvalidProps
from raytrail.queries import SavedQuery, saved_query
from raytrail.settings import read_context, read_settings

PARTLY = 3
"""The status when there is an answer, and some file or record could not be read for it."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options as they were typed."""

    name: str | None
    words: tuple[str, ...]
    local: Path | None
    from_: str | None
    to: str | None
    accounts: str | None
    regions: str | None
    limit: int
    json: bool
    csv: bool
    kit: str | None
    app_folder: Path
    workgroup: str | None
    database: str | None
    endpoint: str | None
    profile: str | None
    region: str | None


def run(asked: Asked) -> int:
    """Do what was asked, and return the status to end with: 0, or `PARTLY`.

    Raises:
        RaytrailError: It cannot be done; `WrongUse` when what was typed is to blame.
    """
    if asked.json and asked.csv:
        raise WrongUse("--json and --csv are two forms of one answer; give one of them")
    if asked.name is None:
        show_queries(as_json=asked.json)
        return 0
    query = _find(asked.name)
    values = with_days(query, read_values(asked.words), {"from": asked.from_, "to": asked.to})
    if needed := missing(query, values):
        raise WrongUse(needed)
    with progress() as say:
        answer = (
            _of_folder(asked, query, values, asked.local, say) if asked.local else _of_aws(asked, query, values, say)
        )
    show_answer(answer, form="json" if asked.json else "csv" if asked.csv else "table", limit=asked.limit)
    return PARTLY if answer.unread else 0


def _find(name: str) -> SavedQuery:
    try:
        return saved_query(name)
    except InvalidProps as error:
        raise WrongUse(str(error)) from error


def _of_folder(asked: Asked, query: SavedQuery, values: dict[str, str], path: Path, say: Say) -> Answer:
    of_aws = ("workgroup", "database", "endpoint", "profile", "region", "kit")
    if useless := [f"--{name}" for name in of_aws if getattr(asked, name) is not None]:
        raise WrongUse(f"--local asks no AWS; leave out {listed(useless)}")
    return ask_folder(
        query,
        values,
        path,
        accounts=read_list("--accounts", asked.accounts),
        regions=read_list("--regions", asked.regions),
        limit=asked.limit,
        say=say,
    )


def _of_aws(asked: Asked, query: SavedQuery, values: dict[str, str], say: Say) -> Answer:
    kit = asked.kit or _kit(asked.app_folder)
    values, literals = bind(query, values, last_days(values, datetime.now(UTC).date()))
    accounts, regions = read_list("--accounts", asked.accounts), read_list("--regions", asked.regions)
    aws = connect(endpoint=asked.endpoint, profile=asked.profile, region=asked.region)
    say(f"looking for the table in {aws}")
    lake = find_lake(aws, asked.database or kit.replace("-", "_"))
    lake.check_values(query, values)
    accounts, regions = lake.accounts_of(accounts), lake.regions_of(regions)
    workgroup = Workgroup(aws=aws, name=asked.workgroup or kit, database=lake.database)
    sql = render(query, table=lake.table, accounts=accounts, regions=regions)
    execution = workgroup.run(sql, literals, say)
    execution_id = execution["QueryExecutionId"]
    return Answer(
        columns=workgroup.columns(execution_id),
        rows=workgroup.rows(execution_id, asked.limit),
        summary=[cost_line(scanned(execution)), *_days(values), f"execution {execution_id}"],
        hint=_hint(lake, values, scanned(execution)),
        unread=[],
    )


def _days(values: dict[str, str]) -> list[str]:
    return [f"days {values['from']} to {values['to']}"] if {"from", "to"} <= set(values) else []


def _hint(lake: Lake, values: dict[str, str], read: int) -> str:
    first = values.get("from", "").replace("-", "/")
    if first and first < lake.first_day:
        return f"the table shows nothing before {lake.first_day} (audit.start_date in cdk.json)"
    shows = f"the table shows {listed(lake.regions)} (audit.regions), and CloudTrail delivers some minutes after a call"
    if not read:
        archived = "files in Glacier (audit.archive_after_days) are passed over until they are restored"
        return f"not one file lies in the days, accounts and Regions asked about; {shows}; {archived}"
    days = "; --from looks further back" if first else ""
    return f"nothing that was read is what the query looks for; {shows}{days}"


def _kit(app_folder: Path) -> str:
    """The kit's name in the settings of cdk.json, or the default where there is no app."""
    cdk_json = app_folder / "cdk.json"
    return read_settings(read_context(cdk_json).get("raytrail") if cdk_json.is_file() else None).name
