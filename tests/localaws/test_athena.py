"""Athena on the embedded AWS, through boto3: what is read, bad files, workgroups, results."""

from __future__ import annotations

import gzip
import json
import os
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.athena_lake import TABLE, Lake

pytestmark = pytest.mark.local

ACCOUNTS = ("111122223333", "444455556666")
REGIONS = ("us-east-1", "eu-west-1")
LEAST_CUTOFF = 10_000_000
TODAY = datetime.now(UTC).date()
DAYS = (TODAY, TODAY - timedelta(days=3), TODAY - timedelta(days=9))


def record(**fields: Any) -> dict[str, Any]:
    return {
        "eventVersion": "1.11",
        "eventID": str(uuid.uuid4()),
        "eventTime": f"{TODAY}T10:00:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ana", "accountId": "111122223333"},
        **fields,
    }


@pytest.fixture(scope="module")
def lake(local_aws: Any) -> Lake:
    """Two accounts, two Regions and three days, with another number of records in each file."""
    made = Lake(local_aws, accounts=ACCOUNTS, regions=REGIONS, start_date=TODAY - timedelta(days=30), prefix="trail")
    count = 0
    for account in ACCOUNTS:
        for region in REGIONS:
            for day in DAYS:
                count += 1
                made.put(account, region, day, [record(awsRegion=region) for _ in range(count)])
    # What lies beside the projected partitions is no part of the table.
    for key in (
        f"trail/AWSLogs/{ACCOUNTS[0]}/CloudTrail-Digest/us-east-1/{TODAY:%Y/%m/%d}/digest.json.gz",
        f"trail/AWSLogs/999999999999/CloudTrail/us-east-1/{TODAY:%Y/%m/%d}/other_account.json.gz",
        f"trail/AWSLogs/{ACCOUNTS[0]}/CloudTrail/ap-south-1/{TODAY:%Y/%m/%d}/other_region.json.gz",
        f"trail/AWSLogs/{ACCOUNTS[0]}/CloudTrail/us-east-1/2020/01/01/before_the_range.json.gz",
    ):
        made.s3.put_object(Bucket=made.name, Key=key, Body=gzip.compress(b'{"Records": [{"eventID": "beside"}]}'))
    return made


def day_text(day: date) -> str:
    return f"{day:%Y/%m/%d}"


@pytest.mark.parametrize(
    ("where", "selects"),
    [
        ("true", lambda account, region, day: True),
        ("account = '111122223333'", lambda account, region, day: account == "111122223333"),
        ("'eu-west-1' = region", lambda account, region, day: region == "eu-west-1"),
        ("region IN ('eu-west-1', 'sa-east-1')", lambda account, region, day: region == "eu-west-1"),
        ("region <> 'eu-west-1'", lambda account, region, day: region != "eu-west-1"),
        ("account LIKE '4444%'", lambda account, region, day: account.startswith("4444")),
        (
            "\"timestamp\" >= date_format(current_date - INTERVAL '5' DAY, '%Y/%m/%d')",
            lambda account, region, day: day >= day_text(TODAY - timedelta(days=5)),
        ),
        (
            "\"timestamp\" BETWEEN date_format(current_date - INTERVAL '12' DAY, '%Y/%m/%d') "
            "AND date_format(date_add('day', -2, current_date), '%Y/%m/%d')",
            lambda account, region, day: day_text(DAYS[2]) <= day <= day_text(DAYS[1]),
        ),
        (
            "account = '111122223333' AND (region = 'us-east-1' OR region = 'nowhere') AND eventname = 'GetObject'",
            lambda account, region, day: account == "111122223333" and region == "us-east-1",
        ),
        # A condition on data beside one on partitions prunes nothing.
        ("account = '111122223333' OR eventname = 'GetObject'", lambda account, region, day: True),
        ("account = '999999999999'", lambda account, region, day: False),
        ("\"timestamp\" = '2020/01/01'", lambda account, region, day: False),
    ],
)
def test_only_the_objects_of_the_selected_partitions_are_read(lake: Lake, where: str, selects: Any) -> None:
    chosen = {part: size for part, size in lake.sizes.items() if selects(*part)}
    answer = lake.ask(f"SELECT count(*) FROM {TABLE} WHERE {where}")
    assert (answer.state, answer.reason) == ("SUCCEEDED", "")
    assert answer.scanned == sum(chosen.values())
    assert answer.rows == [[str(sum(1 for *part, _ in lake.records if tuple(part) in chosen))]]


@pytest.mark.parametrize(
    "sql",
    [
        "WITH e AS (SELECT * FROM {t}) SELECT count(*) FROM e WHERE account = '111122223333'",
        "SELECT count(*) FROM (SELECT account AS a, eventid FROM {t}) WHERE a = '111122223333'",
        "SELECT count(*) FROM {t} e CROSS JOIN (VALUES 1) AS one (x) WHERE e.account = '111122223333'",
        "SELECT count(DISTINCT e.eventid) FROM (VALUES '111122223333') AS v (a) JOIN {t} e ON e.account = v.a "
        "AND e.account = '111122223333'",
    ],
)
def test_a_predicate_outside_a_subquery_prunes_inside_it(lake: Lake, sql: str) -> None:
    mine = [size for (account, _, _), size in lake.sizes.items() if account == "111122223333"]
    answer = lake.ask(sql.format(t=TABLE))
    assert (answer.reason, answer.scanned) == ("", sum(mine))
    assert answer.rows == [[str(sum(1 for account, *_ in lake.records if account == "111122223333"))]]


def test_a_left_join_keeps_rows_whose_right_side_was_not_selected(lake: Lake) -> None:
    answer = lake.ask(
        f"SELECT count(*), count(b.eventid) FROM {TABLE} a LEFT JOIN {TABLE} b "
        "ON a.eventid = b.eventid AND b.account = '444455556666'"
    )
    right = [size for (account, _, _), size in lake.sizes.items() if account == "444455556666"]
    matched = sum(1 for account, *_ in lake.records if account == "444455556666")
    assert answer.rows == [[str(len(lake.records)), str(matched)]]
    assert answer.scanned == sum(lake.sizes.values()) + sum(right)


def test_the_files_of_an_organization_lie_one_folder_deeper(local_aws: Any) -> None:
    lake = Lake(
        local_aws,
        accounts=ACCOUNTS,
        regions=REGIONS,
        start_date=TODAY - timedelta(days=1),
        organization_id="o-a1b2c3d4e5",
    )
    lake.put(ACCOUNTS[1], REGIONS[0], TODAY, [record()])
    assert f"/o-a1b2c3d4e5/{ACCOUNTS[1]}/" in lake.s3.list_objects_v2(Bucket=lake.name)["Contents"][0]["Key"]
    assert lake.rows(f"SELECT account FROM {TABLE}") == [[ACCOUNTS[1]]]


class TestBadFiles:
    @pytest.fixture
    def lake(self, local_aws: Any) -> Lake:
        made = Lake(local_aws, accounts=ACCOUNTS, regions=REGIONS, start_date=TODAY - timedelta(days=5))
        made.put(ACCOUNTS[0], "us-east-1", TODAY, [record()])
        return made

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (b"not gzip", "HIVE_CANNOT_OPEN_SPLIT"),
            (gzip.compress(b'{"Records": []}' * 999)[:-12], "HIVE_CURSOR_ERROR"),
            (gzip.compress(b"{not json"), "HIVE_CURSOR_ERROR: Row is not a valid JSON Object"),
            (gzip.compress(b'{"digestEndTime": "x"}'), "HIVE_BAD_DATA"),
            (gzip.compress(b'{"Records": [{"userIdentity": "root"}]}'), "HIVE_BAD_DATA: Error parsing field value"),
        ],
        ids=["not gzip", "truncated gzip", "not JSON", "no records", "a text where a struct is due"],
    )
    def test_a_bad_file_fails_the_query_and_is_named(self, lake: Lake, body: bytes, code: str) -> None:
        key = lake.key(ACCOUNTS[0], "us-east-1", TODAY)
        lake.s3.put_object(Bucket=lake.name, Key=key, Body=body)
        answer = lake.ask(f"SELECT count(*) FROM {TABLE}")
        assert answer.state == "FAILED"
        assert answer.reason.startswith(code)
        assert f"s3://{lake.name}/{key}" in answer.reason

    def test_a_bad_file_of_another_partition_is_not_read(self, lake: Lake) -> None:
        lake.s3.put_object(Bucket=lake.name, Key=lake.key(ACCOUNTS[0], "eu-west-1", TODAY), Body=b"not gzip")
        assert lake.rows(f"SELECT count(*) FROM {TABLE} WHERE region = 'us-east-1'") == [["1"]]


class TestWorkgroups:
    @pytest.fixture
    def lake(self, local_aws: Any) -> Lake:
        made = Lake(local_aws, accounts=ACCOUNTS, regions=REGIONS, start_date=TODAY - timedelta(days=5))
        for region in REGIONS:
            made.put(ACCOUNTS[0], region, TODAY, [record()])
        return made

    def update(self, lake: Lake, **updates: Any) -> None:
        lake.athena.update_work_group(WorkGroup=lake.name, ConfigurationUpdates=updates)

    def test_a_query_over_the_cutoff_is_cancelled_and_a_narrow_one_is_not(self, lake: Lake) -> None:
        # Random text, so that gzip does not bring the files below the least cutoff that AWS allows.
        for region in REGIONS:
            lake.put(ACCOUNTS[0], region, TODAY, [record(requestParameters=os.urandom(5_500_000).hex())])
        one = lake.sizes[(ACCOUNTS[0], "us-east-1", day_text(TODAY))]
        assert one < LEAST_CUTOFF < sum(lake.sizes.values())
        self.update(lake, BytesScannedCutoffPerQuery=LEAST_CUTOFF)
        wide = lake.ask(f"SELECT count(*) FROM {TABLE}")
        assert (wide.state, wide.reason) == ("CANCELLED", "Bytes scanned limit was exceeded")
        narrow = lake.ask(f"SELECT count(*) FROM {TABLE} WHERE region = 'us-east-1'")
        assert (narrow.state, narrow.scanned) == ("SUCCEEDED", one)
        self.update(lake, RemoveBytesScannedCutoffPerQuery=True)
        assert lake.rows(f"SELECT count(*) FROM {TABLE}") == [["4"]]

    @pytest.mark.parametrize(("enforced", "folder"), [(True, ""), (False, "asked/")])
    def test_an_enforced_location_wins_over_the_callers(self, lake: Lake, enforced: bool, folder: str) -> None:
        self.update(lake, EnforceWorkGroupConfiguration=enforced)
        bucket = f"{lake.name}-results"
        query_id = lake.start(
            "SELECT 'a' AS x, NULL AS y", ResultConfiguration={"OutputLocation": f"s3://{bucket}/asked/"}
        )
        location = lake.wait(query_id)["ResultConfiguration"]["OutputLocation"]
        assert location == f"s3://{bucket}/{folder}{query_id}.csv"
        body = lake.s3.get_object(Bucket=bucket, Key=f"{folder}{query_id}.csv")["Body"].read()
        assert body == b'"x","y"\n"a",\n'

    def test_a_query_needs_a_workgroup_and_a_place_for_its_result(self, lake: Lake) -> None:
        with pytest.raises(ClientError, match="WorkGroup nowhere is not found"):
            lake.start("SELECT 1", WorkGroup="nowhere")
        with pytest.raises(ClientError, match="No output location provided"):
            lake.start("SELECT 1", WorkGroup="primary")
        nowhere = {"OutputLocation": "s3://no-such-bucket-here/"}
        with pytest.raises(ClientError, match="Unable to verify/create output bucket"):
            lake.start("SELECT 1", WorkGroup="primary", ResultConfiguration=nowhere)

    def test_a_workgroup_with_contents_is_deleted_only_with_all_in_it(self, lake: Lake) -> None:
        lake.ask("SELECT 1")
        saved = lake.athena.create_named_query(
            Name="one", Database=lake.database, QueryString="SELECT 1", WorkGroup=lake.name
        )["NamedQueryId"]
        with pytest.raises(ClientError, match="is not empty"):
            lake.athena.delete_work_group(WorkGroup=lake.name)
        lake.athena.delete_work_group(WorkGroup=lake.name, RecursiveDeleteOption=True)
        with pytest.raises(ClientError, match="not found"):
            lake.athena.get_named_query(NamedQueryId=saved)


def test_pages_start_with_the_names_of_the_columns_and_hold_as_many_rows_as_asked(lake: Lake) -> None:
    query_id = lake.start("SELECT x FROM UNNEST(sequence(1, 2500)) AS t (x) ORDER BY x")
    lake.wait(query_id)
    pages = list(lake.athena.get_paginator("get_query_results").paginate(QueryExecutionId=query_id))
    values = [[row["Data"][0]["VarCharValue"] for row in page["ResultSet"]["Rows"]] for page in pages]
    assert [len(page) for page in values] == [1000, 1000, 501]
    assert [value for page in values for value in page] == ["x", *map(str, range(1, 2501))]


def test_execution_parameters_fill_the_question_marks(lake: Lake) -> None:
    sql = f"SELECT count(*) FROM {TABLE} WHERE region = ? AND account = ?"
    answer = lake.ask(sql, ExecutionParameters=["'us-east-1'", "'111122223333'"])
    chosen = [
        size for (account, region, _), size in lake.sizes.items() if (account, region) == ("111122223333", "us-east-1")
    ]
    assert answer.scanned == sum(chosen)
    with pytest.raises(ClientError, match="Incorrect number of parameters: expected 2 but found 1"):
        lake.start(sql, ExecutionParameters=["'us-east-1'"])


def test_a_table_may_be_defined_in_sql_as_the_documentation_does(lake: Lake) -> None:
    name = f"by_ddl_{uuid.uuid4().hex[:6]}"
    ddl = f"""
    CREATE EXTERNAL TABLE {name} (eventname STRING, useridentity STRUCT<type: STRING, arn: STRING>)
    PARTITIONED BY (`timestamp` string)
    ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'
    STORED AS INPUTFORMAT 'com.amazon.emr.cloudtrail.CloudTrailInputFormat'
    OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
    LOCATION 's3://{lake.name}/trail/AWSLogs/111122223333/CloudTrail/us-east-1/'
    TBLPROPERTIES (
      'projection.enabled'='true', 'projection.timestamp.type'='date', 'projection.timestamp.format'='yyyy/MM/dd',
      'projection.timestamp.range'='2026/01/01,NOW', 'projection.timestamp.interval'='1',
      'projection.timestamp.interval.unit'='DAYS',
      'storage.location.template'='s3://{lake.name}/trail/AWSLogs/111122223333/CloudTrail/us-east-1/${{timestamp}}')
    """
    assert lake.ask(ddl).state == "SUCCEEDED"
    mine = [r for account, region, _, r in lake.records if (account, region) == ("111122223333", "us-east-1")]
    assert lake.rows(f"SELECT count(useridentity.arn) FROM {name}") == [[str(len(mine))]]
    assert lake.ask(f"DROP TABLE {name}").state == "SUCCEEDED"
    assert lake.ask(f"SELECT 1 FROM {name}").reason.startswith("TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.")


def unknown_members(shape: Any, value: Any, path: str = "") -> list[str]:
    """Paths of what an answer holds beside the members that botocore's model names."""
    if shape.type_name == "structure":
        return [
            found
            for name, item in value.items()
            for found in (
                unknown_members(shape.members[name], item, f"{path}.{name}")
                if name in shape.members
                else [f"{path}.{name}"]
            )
        ]
    if shape.type_name == "list":
        return [found for item in value for found in unknown_members(shape.member, item, path)]
    kinds: dict[str, tuple[type, ...]] = {"string": (str,), "boolean": (bool,), "timestamp": (int, float)}
    return [] if isinstance(value, kinds.get(shape.type_name, (int,))) else [f"{path} is {value!r}"]


@pytest.mark.parametrize("sql", [f"SELECT * FROM {TABLE} WHERE account = '111122223333'", "SELECT nothing"])
def test_answers_hold_only_what_the_api_defines(lake: Lake, sql: str) -> None:
    raw: dict[str, Any] = {}
    events = lake.athena.meta.events
    for operation in ("StartQueryExecution", "GetQueryExecution", "GetQueryResults"):
        events.register(
            f"after-call.athena.{operation}",
            lambda http_response, model, **_: raw.update(
                {model.name: (model, http_response.status_code, http_response)}
            ),
            unique_id=operation,
        )
    lake.ask(sql)
    for operation in ("StartQueryExecution", "GetQueryExecution", "GetQueryResults"):
        events.unregister(f"after-call.athena.{operation}", unique_id=operation)
    assert {"StartQueryExecution", "GetQueryExecution"} <= set(raw)
    for model, status, response in raw.values():
        assert status == 200
        assert unknown_members(model.output_shape, json.loads(response.content)) == []
