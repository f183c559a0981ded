"""The same query over a folder of logs on this machine, with no AWS at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from raytrail.cli._errors import Unanswered, WrongUse
from raytrail.cli._query._answer import Answer, Column
from raytrail.cli._query._cost import size
from raytrail.cli._query._progress import Say
from raytrail.cli._query._values import bind, render
from raytrail.cli._signals import Stopped
from raytrail.cli._terminal import listed
from raytrail.errors import RaytrailError
from raytrail.queries import EVENTS, SavedQuery

if TYPE_CHECKING:
    from raytrail.localaws.athena import Listing, Places, Skipped

NAMED_OF_A_FILE = 3
"""Records that are named of a file in which some cannot be read; the others are counted."""


def ask_folder(
    query: SavedQuery,
    values: dict[str, str],
    path: Path,
    *,
    accounts: tuple[str, ...],
    regions: tuple[str, ...],
    limit: int,
    say: Say,
) -> Answer:
    """Run a query over the logs below a path.

    Raises:
        Unanswered: The extra ``local`` is missing, or there are no logs.
        WrongUse: A value is missing or wrong.
        QueryFailed: The statement fails as on Athena.
    """
    try:
        from raytrail.localaws.athena import LogFiles, Progress, ask, list_logs, places_of
    except ModuleNotFoundError as error:
        raise Unanswered(f"--local needs the package {error.name}; install raytrail[cli,local]") from error

    def show(progress: Progress) -> None:
        say(f"{size(progress.done)} of {size(progress.total)} read")

    say(f"looking for logs in {path}")
    try:
        listing = list_logs(path)
    except OSError as error:
        raise WrongUse(f"--local {path} cannot be read: {error.strerror or error}") from error
    if not listing.logs:
        raise Unanswered(_nothing_there(path, listing))
    # The keys' values are those of the files: what the table would be deployed with does not matter.
    table = EVENTS.table_input(bucket="files", accounts=("unknown",), regions=("unknown",), start_date=date.min)
    files = LogFiles(files=listing.logs, on_progress=show)
    days_given = all(each.name in values for each in query.parameters if each.name in ("from", "to"))
    needs_places = not (accounts and regions and days_given)
    found = LogFiles(files=listing.logs, on_progress=show)
    with _stopping():
        places = places_of(files, table=table) if needs_places else None
        _, literals = bind(query, values, _days(places))
        sql = render(
            query,
            table=EVENTS.name,
            accounts=accounts or _all(places.accounts if places else ()),
            regions=regions or _all(places.regions if places else ()),
        )
        run = ask(sql, table=table, files=found, parameters=literals, most=limit + 1 if limit else None)
    return Answer(
        columns=[Column(each.name, each.type) for each in run.columns],
        rows=run.rows,
        summary=_summary(listing, found.scanned_files, found.scanned_bytes, places),
        hint=_hint(places, accounts, regions),
        unread=_unread(dict.fromkeys([*files.skipped, *found.skipped])),
    )


@contextmanager
def _stopping() -> Iterator[None]:
    """Let Ctrl-C be Ctrl-C: while DuckDB works, it puts an error of its own in the place of what the signal raises."""
    try:
        yield
    except (RuntimeError, RaytrailError) as error:
        if "interrupted" in str(error).lower():
            raise Stopped from error
        raise


def _days(places: Places | None) -> dict[str, str]:
    days = places.days if places else ()
    today = f"{date.max:%Y/%m/%d}"
    return {"from": days[0], "to": days[-1]} if days else {"from": today, "to": today}


def _all(values: tuple[str, ...]) -> tuple[str, ...]:
    # A folder without a single record has none, and a query must name one.
    return values or ("unknown",)


def _nothing_there(path: Path, listing: Listing) -> str:
    passed = len(listing.left) + listing.others
    return f"there are no CloudTrail logs in {path}" + (f": {passed} files are something else" if passed else "")


def _summary(listing: Listing, count: int, read: int, places: Places | None) -> list[str]:
    lines = [f"{count} of {len(listing.logs)} files read, {size(read)}, on this machine: no AWS was asked"]
    if places and places.days:
        lines.append(
            f"the logs have {len(places.accounts)} account(s), {len(places.regions)} Region(s), and the days "
            f"{places.days[0]} to {places.days[-1]}"
        )
    if listing.others:
        lines.append(f"{listing.others} files passed over: digests, Insights or network activity, no API calls")
    if listing.left:
        names = listed(path.name for path in listing.left[:5])
        others = f" and {len(listing.left) - 5} others" if len(listing.left) > 5 else ""
        lines.append(f"{len(listing.left)} files not opened, by their names no logs: {names}{others}")
    return lines


def _hint(places: Places | None, accounts: tuple[str, ...], regions: tuple[str, ...]) -> str:
    if places is None:
        return "nothing in the files is what the query looks for in these accounts, Regions and days"
    for word, asked, known in (("account", accounts, places.accounts), ("Region", regions, places.regions)):
        absent = [value for value in asked if value not in known]
        if absent:
            return f"the logs have no {word} {absent[0]}, only {listed(known)}"
    return "nothing in the files is what the query looks for"


def _unread(skipped: Iterable[Skipped]) -> list[str]:
    by_file: dict[str, list[Skipped]] = {}
    for each in skipped:
        by_file.setdefault(each.uri, []).append(each)
    lines = []
    for uri, of_file in by_file.items():
        for each in of_file[:NAMED_OF_A_FILE]:
            lines.append(f"{uri}{f':{each.place}' if each.place else ''}: {each.reason}")
        if len(of_file) > NAMED_OF_A_FILE:
            lines.append(f"{uri}: {len(of_file) - NAMED_OF_A_FILE} more of it")
    return lines
