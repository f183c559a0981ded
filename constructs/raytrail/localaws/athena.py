"""The embedded Athena's engine over a folder of logs, without a server, a bucket or a catalog.

    listing = list_logs(Path("logs"))
    run = ask(sql, table=table, files=LogFiles(files=listing.logs), parameters=["'2026/11/22'"])
    run.columns, run.rows

The statement is checked, translated and executed as the embedded Athena does it. Needs duckdb and sqlglot (extra
``local``).
"""

from raytrail.localaws._athena._engine import Run
from raytrail.localaws._athena._errors import Malformed, QueryFailed
from raytrail.localaws._athena._log_ask import Places, ask, places_of
from raytrail.localaws._athena._log_conditions import (
    Batches,
    Conditions,
    Met,
    Misfit,
    Record,
    check_conditions,
    is_plain,
)
from raytrail.localaws._athena._log_files import LogFiles, Progress
from raytrail.localaws._athena._log_list import Listing, LogFile, list_logs
from raytrail.localaws._athena._log_records import FILE, LINE, Located, Records, with_places
from raytrail.localaws._athena._source import Skipped, Source

__all__ = [
    "FILE",
    "LINE",
    "Batches",
    "Conditions",
    "Listing",
    "Located",
    "LogFile",
    "LogFiles",
    "Malformed",
    "Met",
    "Misfit",
    "Places",
    "Progress",
    "QueryFailed",
    "Record",
    "Records",
    "Run",
    "Skipped",
    "Source",
    "ask",
    "check_conditions",
    "is_plain",
    "list_logs",
    "places_of",
    "with_places",
]
