"""How many bytes a question about one account, one Region and one day reads, beside AWS's table without partitions.

Records of three accounts, four Regions and 90 days lie in the embedded S3 in CloudTrail's layout; the same question
goes through the embedded Athena's API to the kit's table, to its view, and to the table of AWS's console. Bytes are
counted where S3 hands them out. Prints a table, writes build/bench/lake.json, and exits non-zero when the kit's table
or view reads another byte than those of that partition, or an answer is wrong. README.md says how to read it.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import cycle, product
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from raytrail.localaws import LocalAws
from raytrail.queries import EVENTS, EVENTS_VIEW, view_definition
from raytrail.records import LogFile, RecordLine, group_into_files, read_records

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT / "build" / "bench" / "lake.json"

ACCOUNTS = ("111122223333", "444455556666", "777788889999")
REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1")
FIRST_DAY, DAYS = date(2026, 1, 1), 90
FILES_A_DAY = 2
ASKED = (ACCOUNTS[1], REGIONS[2], FIRST_DAY + timedelta(days=44))
BUCKET, DATABASE, WORKGROUP = "bench-trail", "bench_lake", "bench-lake"

# The statement of https://docs.aws.amazon.com/athena/latest/ug/create-cloudtrail-table.html without its partitions, as
# https://docs.aws.amazon.com/athena/latest/ug/create-cloudtrail-table-ct.html says that the console makes it.
CONSOLE_DDL = """
CREATE EXTERNAL TABLE {name} (
eventversion STRING,
useridentity STRUCT<type:STRING, principalid:STRING, arn:STRING, accountid:STRING, invokedby:STRING,
  accesskeyid:STRING, username:STRING, onbehalfof:STRUCT<userid:STRING, identitystorearn:STRING>,
  sessioncontext:STRUCT<attributes:STRUCT<mfaauthenticated:STRING, creationdate:STRING>,
    sessionissuer:STRUCT<type:STRING, principalid:STRING, arn:STRING, accountid:STRING, username:STRING>,
    ec2roledelivery:STRING,
    webidfederationdata:STRUCT<federatedprovider:STRING, attributes:map<string,string>>>>,
eventtime STRING, eventsource STRING, eventname STRING, awsregion STRING, sourceipaddress STRING, useragent STRING,
errorcode STRING, errormessage STRING, requestparameters STRING, responseelements STRING, additionaleventdata STRING,
requestid STRING, eventid STRING, resources ARRAY<STRUCT<arn:STRING, accountid:STRING, type:STRING>>, eventtype STRING,
apiversion STRING, readonly STRING, recipientaccountid STRING, serviceeventdetails STRING, sharedeventid STRING,
vpcendpointid STRING, vpcendpointaccountid STRING, eventcategory STRING,
addendum STRUCT<reason:STRING, updatedfields:STRING, originalrequestid:STRING, originaleventid:STRING>,
sessioncredentialfromconsole STRING, edgedevicedetails STRING,
tlsdetails STRUCT<tlsversion:STRING, ciphersuite:STRING, clientprovidedhostheader:STRING>
)
ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'
STORED AS INPUTFORMAT 'com.amazon.emr.cloudtrail.CloudTrailInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION '{location}'
"""
BY_PARTITION = 'SELECT count(*) FROM {table} WHERE account = ? AND region = ? AND "timestamp" = ?'
BY_RECORD = (
    "SELECT count(*) FROM {table} WHERE recipientaccountid = ? AND awsregion = ? AND substr(eventtime, 1, 10) = ?"
)


class CountedAws(LocalAws):
    """The embedded AWS, with a counter at its object store."""

    @property
    def _reads(self) -> Path:
        return self._folder / "reads.tsv"

    def _server_environment(self) -> dict[str, str]:
        counted = {"PYTHONPATH": str(ROOT / "benchmarks" / "counted"), "RAYTRAIL_READS": str(self._reads)}
        return super()._server_environment() | counted

    def take_reads(self, bucket: str) -> list[tuple[str, int]]:
        """Return the key and the bytes of each object that was read from a bucket since the last time."""
        rows = [line.split("\t") for line in self._reads.read_text(encoding="utf-8").splitlines()]
        # Emptied in place: the server goes on writing at its end.
        with self._reads.open("w", encoding="utf-8"):
            pass
        return [(key, int(size)) for name, key, size in rows if name == bucket]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one question read."""

    table: str
    objects: int
    bytes_at_store: int
    bytes_by_athena: int
    rows: int


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything measured, beside what the partition holds."""

    records: int
    files: int
    bytes_in_bucket: int
    partition_objects: int
    partition_bytes: int
    partition_rows: int
    kit: list[Row]
    console: list[Row]

    @property
    def missed(self) -> list[str]:
        """What is not as it should be, in words."""
        found = [
            f"{row.table} read {row.bytes_at_store} bytes of {row.objects} objects, the partition has "
            f"{self.partition_bytes} of {self.partition_objects}"
            for row in self.kit
            if (row.bytes_at_store, row.objects) != (self.partition_bytes, self.partition_objects)
        ]
        found += [
            f"{row.table} counted {row.rows} records, the partition has {self.partition_rows}"
            for row in [*self.kit, *self.console]
            if row.rows != self.partition_rows
        ]
        return found


def main() -> int:
    """Fill the bucket, ask, print, write; return 1 when a byte too many is read or an answer is wrong."""
    parser = argparse.ArgumentParser(description="Bytes read by one account, one Region, one day.")
    parser.add_argument("--records", type=Path, help="folder of CloudTrail records to spread out (default: made up)")
    parser.add_argument("--per-day", type=int, default=20, help="records of an account, Region and day (default: 20)")
    options = parser.parse_args()
    console = Console(width=110)
    records = list(spread(samples(options.records), options.per_day))
    files = [file for part in range(FILES_A_DAY) for file in group_into_files(records[part::FILES_A_DAY])]
    with CountedAws() as aws:
        report = measure(aws, files, console)
    show(report, console)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(asdict(report), indent=2) + "\n", encoding="utf-8")
    for sentence in report.missed:
        console.print(f"missed: {sentence}")
    return int(bool(report.missed))


def samples(folder: Path | None) -> list[dict[str, Any]]:
    """Return records to spread: those of a folder, or some that are made up, the same each time."""
    if folder is not None:
        found = [each.record for each in read_records(folder) if isinstance(each, RecordLine)]
        if not found:
            sys.exit(f"benchmark: no CloudTrail records in {folder}")
        return found
    dice = random.Random(20260101)
    return [made_up(dice) for _ in range(500)]


def made_up(dice: random.Random) -> dict[str, Any]:
    """Return a record of about a kilobyte, as many are."""
    service, name = dice.choice([("s3", "GetObject"), ("iam", "ListRoles"), ("ec2", "DescribeInstances")])
    user = f"user-{dice.randrange(40)}"
    return {
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "userName": user, "accessKeyId": f"AKIA{dice.randrange(10**12):016}"},
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "sourceIPAddress": f"198.51.100.{dice.randrange(256)}",
        "userAgent": "aws-cli/2.31.0",
        "requestParameters": {"name": f"{dice.randrange(10**9)}", "filter": dice.randbytes(200).hex()},
        "responseElements": None,
        "requestID": f"{dice.randrange(10**18)}",
        "readOnly": True,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "eventCategory": "Management",
    }


def spread(records: Sequence[dict[str, Any]], per_day: int) -> Iterator[dict[str, Any]]:
    """Return records for each account, Region and day, each event once, as if it had happened there."""
    source = cycle(records)
    for account, region, days in product(ACCOUNTS, REGIONS, range(DAYS)):
        start = datetime.combine(FIRST_DAY, datetime.min.time(), UTC) + timedelta(days=days)
        for number in range(per_day):
            moment = start + timedelta(seconds=number * (86_400 // per_day))
            yield {
                **next(source),
                "eventTime": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
                "eventID": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{account}/{region}/{days}/{number}")),
                "awsRegion": region,
                "recipientAccountId": account,
            }


def measure(aws: CountedAws, files: Sequence[LogFile], console: Console) -> Report:
    """Ask each table the same, and return what was read."""
    fill(aws, files, console)
    account, region, day = ASKED
    mine = [file for file in files if f"/{account}/CloudTrail/{region}/{day:%Y/%m/%d}/" in file.key]
    partition = [account, region, f"{day:%Y/%m/%d}"]
    fields = [account, region, f"{day}"]
    return Report(
        records=sum(file.count for file in files),
        files=len(files),
        bytes_in_bucket=sum(len(file.body) for file in files),
        partition_objects=len(mine),
        partition_bytes=sum(len(file.body) for file in mine),
        partition_rows=sum(file.count for file in mine),
        kit=[
            ask(aws, "kit's table", BY_PARTITION.format(table=EVENTS.name), partition),
            ask(aws, "kit's view", BY_PARTITION.format(table=EVENTS_VIEW), partition),
        ],
        console=[
            ask(aws, "console's, one account", BY_RECORD.format(table="console_account"), fields),
            ask(aws, "console's, all accounts", BY_RECORD.format(table="console_all"), fields),
        ],
    )


def fill(aws: LocalAws, files: Sequence[LogFile], console: Console) -> None:
    """Make the bucket, the files, and every table."""
    s3, glue, athena = aws.client("s3"), aws.client("glue"), aws.client("athena")
    s3.create_bucket(Bucket=BUCKET)
    s3.create_bucket(Bucket=f"{BUCKET}-results")
    for file in track(files, description="files", console=console, transient=True):
        s3.put_object(Bucket=BUCKET, Key=file.key, Body=file.body)
    results = {"OutputLocation": f"s3://{BUCKET}-results/"}
    athena.create_work_group(Name=WORKGROUP, Configuration={"ResultConfiguration": results})
    glue.create_database(DatabaseInput={"Name": DATABASE})
    table = EVENTS.table_input(bucket=BUCKET, accounts=ACCOUNTS, regions=REGIONS, start_date=FIRST_DAY)
    glue.create_table(DatabaseName=DATABASE, TableInput=table)
    view = view_definition(database=DATABASE, table=EVENTS.name)
    glue.create_table(
        DatabaseName=DATABASE,
        TableInput={
            "Name": EVENTS_VIEW,
            "TableType": "VIRTUAL_VIEW",
            "Parameters": view.parameters,
            "ViewOriginalText": view.original_text,
            "ViewExpandedText": view.expanded_text,
            "StorageDescriptor": {"Columns": [{"Name": each.name, "Type": each.glue_type} for each in view.columns]},
        },
    )
    locations = {"console_account": f"s3://{BUCKET}/AWSLogs/{ASKED[0]}/", "console_all": f"s3://{BUCKET}/AWSLogs/"}
    for name, location in locations.items():
        run(aws, CONSOLE_DDL.format(name=name, location=location))


def ask(aws: CountedAws, table: str, sql: str, values: Sequence[str]) -> Row:
    """Ask, and return what S3 gave away meanwhile."""
    aws.take_reads(BUCKET)
    execution, rows = run(aws, sql, [f"'{value}'" for value in values])
    reads = aws.take_reads(BUCKET)
    return Row(
        table=table,
        objects=len(reads),
        bytes_at_store=sum(size for _, size in reads),
        bytes_by_athena=execution["Statistics"]["DataScannedInBytes"],
        rows=int(rows[0]),
    )


def run(aws: LocalAws, sql: str, parameters: Sequence[str] = ()) -> tuple[dict[str, Any], list[str]]:
    """Run a statement to its end; return the execution and the first column of its rows."""
    athena = aws.client("athena")
    given: dict[str, Any] = {"ExecutionParameters": list(parameters)} if parameters else {}
    context = {"Database": DATABASE}
    started = athena.start_query_execution(QueryString=sql, WorkGroup=WORKGROUP, QueryExecutionContext=context, **given)
    while True:
        execution = athena.get_query_execution(QueryExecutionId=started["QueryExecutionId"])["QueryExecution"]
        if execution["Status"]["State"] not in ("QUEUED", "RUNNING"):
            break
        time.sleep(0.05)
    if execution["Status"]["State"] != "SUCCEEDED":
        sys.exit(f"benchmark: {execution['Status'].get('StateChangeReason')}\n{sql}")
    answer = athena.get_query_results(QueryExecutionId=started["QueryExecutionId"])
    return execution, [row["Data"][0].get("VarCharValue", "") for row in answer["ResultSet"]["Rows"][1:]]


def show(report: Report, console: Console) -> None:
    """Print a row for each table."""
    account, region, day = ASKED
    console.print(
        f"{report.records:,} records in {report.files:,} files, {report.bytes_in_bucket:,} bytes; asked for {account}, "
        f"{region}, {day}: {report.partition_rows} records in {report.partition_objects} file(s), "
        f"{report.partition_bytes:,} bytes"
    )
    table = Table(title="One account, one Region, one day", title_justify="left")
    table.add_column("table")
    for heading in ("objects read", "bytes at S3", "of the partition's", "bytes that Athena says", ""):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in [*report.kit, *report.console]:
        met = ("met" if row.bytes_at_store == report.partition_bytes else "missed") if row in report.kit else ""
        table.add_row(
            row.table,
            f"{row.objects:,}",
            f"{row.bytes_at_store:,}",
            f"{row.bytes_at_store / report.partition_bytes:,.1f}",
            f"{row.bytes_by_athena:,}",
            met,
        )
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
