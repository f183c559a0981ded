"""The saved queries and the detections as files of Athena's SQL, for people who ask by other tools."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tools._release_table import BUCKET, ORGANIZATION, PREFIX, first_day, table_statement

from raytrail.queries import EVENTS, SavedQuery, saved_queries
from raytrail.settings import read_settings
from raytrail.sigma import CompiledRule, Statement, catalog, statements

ACCOUNT = "111122223333"
"""AWS's own example of an account, which a reader replaces."""
START = datetime(2026, 11, 1, 10, tzinfo=UTC)
END = START + timedelta(hours=1)
"""The window of the examples."""
_READ = (
    "the day, in UTC, of the first file to read",
    "the day of the last one: of what is delivered up to an hour after the window",
    "the first moment to look at",
    "the moment after the last",
)
_SEQUENCE = ("the first moment at which a sequence may end", "the moment after the last at which it may")
"""What the parameters of a detection are; of a sequence, what comes before the window is looked at, too."""


def queries(version: str, *, region: str) -> dict[str, bytes]:
    """Return the files by their paths.

    Raises:
        RaytrailError: The Region is none that the settings take.
    """
    settings = read_settings({"region": region}).audit
    regions = tuple(dict.fromkeys((*settings.regions, region)))
    saved = saved_queries()
    files = {f"queries/{query.name}.sql": _query(query, regions) for query in saved}
    asked = [rule for rule in catalog() if rule.own and (rule.predicate is not None or rule.correlation is not None)]
    for rule in asked:
        [statement] = statements([rule], table=EVENTS.name, accounts=[ACCOUNT], regions=regions, among=catalog())
        files[f"detections/{rule.name}.sql"] = _detection(rule, statement)
    files[f"tables/{EVENTS.name}.sql"] = table_statement(settings, account=ACCOUNT, regions=regions)
    rows = "\n".join(f"| `{query.name}` | {query.question} | {', '.join(query.places) or 'none'} |" for query in saved)
    files["README.md"] = _README.format(
        version=version,
        account=ACCOUNT,
        rows=rows,
        detections=len(asked),
        table=EVENTS.name,
        bucket=BUCKET,
        prefix=PREFIX,
        organization=ORGANIZATION,
        first_day=first_day(settings),
    )
    return {path: text.encode() for path, text in files.items()}


def _query(query: SavedQuery, regions: tuple[str, ...]) -> str:
    text = query.render(table=EVENTS.name, accounts=[ACCOUNT], regions=regions)
    title, _, rest = text.partition("\n")
    return f"{title}\n-- {query.question.replace('?', '')}\n{rest}".rstrip() + "\n"


def _detection(rule: CompiledRule, statement: Statement) -> str:
    """The statement, under what it detects and what its question marks are; there may be none in a comment."""
    about = [f"{rule.title} [{rule.level}]", " ".join((rule.description, *rule.techniques))]
    literals = statement.bind(START, END)
    means = (*_READ, *_SEQUENCE) if statement.before_seconds else _READ
    about += [
        f"{number}: {meaning}, such as {literal}"
        for number, (meaning, literal) in enumerate(zip(means, literals, strict=True), 1)
    ]
    lines = [f"-- {' '.join(line.replace('?', '').split())}" for line in about]
    return "\n".join([*lines, statement.sql.strip()]) + "\n"


_README = """\
# raytrail {version}: queries for Athena

For the table `{table}` that the stack `raytrail-audit` makes, or that you make over a trail of your own, see below: its
columns are CloudTrail's as AWS documents them for Athena, and its partition keys are `account`, `region` and
`timestamp`. The table of the stack begins at the setting `audit.start_date`, {first_day} without one.

The account in each file is {account}; put your own in its place, or several, and take out the Regions that you do not
use, because each one that is named costs a look:

```sh
sed -i "s/{account}/$(aws sts get-caller-identity --query Account --output text)/" */*.sql
```

A question mark is a parameter. The comments at the top of a file say what each one is, in order, with an example that
has the quotes which Athena wants. `raytrail` is the workgroup of the stack; over a table of your own, give your own
workgroup, such as `primary`, which each account has:

```sh
aws athena start-query-execution --work-group raytrail --query-execution-context Database=raytrail \\
  --query-string file://queries/address_calls.sql \\
  --execution-parameters "'2026/11/01'" "'2026/11/07'" "'198.51.100.7'"
```

`detections/` has a statement for each of {detections} detections. It asks about a window of time, and gives a row for
each event that was detected.

| query | what it answers | parameters, in order |
| --- | --- | --- |
{rows}

## The table, over a trail that you have

Put your values into `tables/{table}.sql`: the trail's bucket for `{bucket}`, its key prefix for `{prefix}`, the
organization's id for `{organization}`, and the day of the trail's first file for `{first_day}`. A trail without a
prefix, or of one account, has no such folder. With several accounts, join them with commas in
`projection.account.values`. What a projection does not name is not found, and Athena does not say so: name each Region
that you use in `projection.region.values`; days before the first of `projection.timestamp.range` have no rows.

```sh
sed -i "s|{bucket}|my-trail-files|; s|/{prefix}||; s|/{organization}||; s|{first_day}|2023/04/01|" tables/{table}.sql
aws athena start-query-execution --work-group primary --query-string "CREATE DATABASE IF NOT EXISTS raytrail"
```

A statement goes on after the command has ended. Before the next one, ask with the id that was answered until `State` is
`SUCCEEDED`:

```sh
aws athena get-query-execution --query-execution-id ID --query QueryExecution.Status
aws athena start-query-execution --work-group primary --query-execution-context Database=raytrail \\
  --query-string file://tables/{table}.sql
```

A workgroup needs a place for results, and a limit on the bytes that a query reads is worth setting.

The queries and detections were run on an emulator of Athena, not on Athena. The statement of the table was read by a
parser of others (sqlglot), and run nowhere.
"""
