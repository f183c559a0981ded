"""The SQL that Athena takes: what each function answers, what is refused, and how values are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.athena_lake import TABLE, Lake
from tests.trino_grammar import grammar_errors

from raytrail.localaws._athena._functions import FUNCTIONS

pytestmark = pytest.mark.local

TODAY = datetime.now(UTC).date()

# Each call with the value that the function's page in Trino's documentation gives or defines.
CALLS: dict[str, str | None] = {
    "coalesce(NULL, 'a')": "a",
    "nullif(1, 1)": None,
    "if(1 > 2, 'a', 'b')": "b",
    "if(1 > 2, 'a')": None,
    "cast('1' AS integer)": "1",
    "try_cast('x' AS integer)": None,
    "greatest(1, 2)": "2",
    "least(1, 2)": "1",
    "concat('a', 'b')": "ab",
    "concat('a', NULL)": None,
    "concat_ws(',', 'a', 'b')": "a,b",
    "length('abc')": "3",
    "lower('A')": "a",
    "upper('a')": "A",
    "trim(' a ')": "a",
    "ltrim(' a')": "a",
    "rtrim('a ')": "a",
    "lpad('a', 3, 'x')": "xxa",
    "rpad('a', 3, 'x')": "axx",
    "replace('abca', 'a')": "bc",
    "replace('abca', 'a', 'x')": "xbcx",
    "reverse('abc')": "cba",
    "split('a,b', ',')": "[a, b]",
    "split_part('a:b', ':', 2)": "b",
    "split_part('a:b', ':', 3)": None,
    "starts_with('abc', 'ab')": "true",
    "strpos('abc', 'c')": "3",
    "substr('abc', 2)": "bc",
    "substr('abc', 2, 1)": "b",
    "substring('abc', -1)": "c",
    "regexp_like('1a 2b 14m', '\\d+b')": "true",
    "regexp_extract('1a 2b 14m', '\\d+')": "1",
    "regexp_extract('1a 2b 14m', '(\\d+)([a-z]+)', 2)": "a",
    "regexp_extract('abc', '\\d')": None,
    "regexp_replace('1a 2b 14m', '\\d+[ab] ')": "14m",
    "regexp_replace('1a 2b 14m', '(\\d+)([ab]) ', '3c$2 ')": "3ca 3cb 14m",
    "json_extract_scalar('{\"a\": {\"b\": 1}}', '$.a.b')": "1",
    "json_extract_scalar('{\"a\": {\"b\": 1}}', '$.a')": None,
    "json_extract_scalar('{\"a\": null}', '$.a')": None,
    "json_extract_scalar('{\"a\": true}', '$.a')": "true",
    'json_extract_scalar(\'{"a": ["x", "y"]}\', \'$.a[1]\')': "y",
    "json_extract_scalar('no json', '$.a')": None,
    "json_format(json_extract('{\"a\": {\"b\": 1}}', '$.a'))": '{"b":1}',
    "json_format(json_parse('[1, 2]'))": "[1,2]",
    "json_array_length('[1, 2, 3]')": "3",
    "json_array_contains('[1, 2, 3]', 2)": "true",
    "json_array_contains('[\"a\"]', 'b')": "false",
    'json_size(\'{"x": {"a": 1, "b": 2}}\', \'$.x\')': "2",
    "json_size('{\"x\": [1, 2, 3]}', '$.x')": "3",
    "json_size('{\"x\": 1}', '$.x')": "0",
    "cardinality(ARRAY[1, 2])": "2",
    "contains(ARRAY[1, 2], 2)": "true",
    "element_at(ARRAY[1, 2], -1)": "2",
    "element_at(ARRAY[1, 2], 5)": None,
    "array_join(ARRAY['a', 'b'], '-')": "a-b",
    "array_join(ARRAY['a', NULL], '-', 'n')": "a-n",
    "array_sort(array_distinct(ARRAY[2, 1, 2]))": "[1, 2]",
    "array_max(ARRAY[1, 2])": "2",
    "array_min(ARRAY[1, 2])": "1",
    "array_position(ARRAY[1, 2], 2)": "2",
    "array_position(ARRAY[1, 2], 3)": "0",
    "slice(ARRAY[1, 2, 3, 4], 2, 2)": "[2, 3]",
    "slice(ARRAY[1, 2, 3, 4], -2, 2)": "[3, 4]",
    "sequence(1, 3)": "[1, 2, 3]",
    "flatten(ARRAY[ARRAY[1], ARRAY[2]])": "[1, 2]",
    "any_match(ARRAY[1, 2], x -> x > 1)": "true",
    "all_match(ARRAY[1, 2], x -> x > 1)": "false",
    "none_match(ARRAY[1, 2], x -> x > 2)": "true",
    "filter(ARRAY[5, -6], x -> x > 0)": "[5]",
    "transform(ARRAY[5, 6], x -> x + 1)": "[6, 7]",
    "map_keys(map(ARRAY['a'], ARRAY[1]))": "[a]",
    "map_values(map(ARRAY['a'], ARRAY[1]))": "[1]",
    "element_at(map(ARRAY['a'], ARRAY[1]), 'a')": "1",
    "date_format(timestamp '2026-01-02 03:04:05', '%Y/%m/%d %H:%i:%s')": "2026/01/02 03:04:05",
    "date_parse('2026/01/02', '%Y/%m/%d')": "2026-01-02 00:00:00.000",
    "cast(date_parse('2026/01/02', '%Y/%m/%d') AS varchar)": "2026-01-02 00:00:00.000",
    "date_add('day', 2, date '2026-01-30')": "2026-02-01",
    "date '2026-01-01' - INTERVAL '1' DAY": "2025-12-31",
    "date_diff('day', date '2026-01-01', date '2026-01-03')": "2",
    "date_diff('hour', timestamp '2026-01-01 00:30:00', timestamp '2026-01-01 02:20:00')": "1",
    "date_trunc('month', date '2026-01-21')": "2026-01-01",
    "from_iso8601_date('2026-01-01')": "2026-01-01",
    "from_iso8601_timestamp('2026-01-01T10:00:00+02:00')": "2026-01-01 08:00:00.000 UTC",
    "to_iso8601(date '2026-01-01')": "2026-01-01",
    "to_iso8601(from_iso8601_timestamp('2026-01-01T10:00:00Z'))": "2026-01-01T10:00:00.000Z",
    "to_unixtime(from_unixtime(10))": "10.0",
    "to_unixtime(now()) > 0": "true",
    "year(date '2026-01-02')": "2026",
    "month(date '2026-01-02')": "1",
    "day(date '2026-01-02')": "2",
    "day_of_week(date '2026-11-22')": "7",
    "hour(timestamp '2026-01-02 03:04:05')": "3",
    "minute(timestamp '2026-01-02 03:04:05')": "4",
    "second(timestamp '2026-01-02 03:04:05')": "5",
    "extract(year FROM date '2026-01-02')": "2026",
    "date('2026-01-02')": "2026-01-02",
    "abs(-1)": "1",
    "ceil(1.2)": "2",
    "ceiling(-1.2)": "-1",
    "floor(1.8)": "1",
    "round(2.5)": "3",
    "round(2.345e0, 2)": "2.35",
    "mod(5, 3)": "2",
    "power(2, 3)": "8.0",
    "sqrt(4)": "2.0",
    "5 / 2": "2",
    "5e0 / 2": "2.5",
    "1e7": "1.0E7",
    "1.5e-5": "1.5E-5",
    "'a' || 'b'": "ab",
    "CAST(NULL AS varchar) IS NULL": "true",
    "CAST(row(1, 'x') AS row(a integer, b varchar))": "{a=1, b=x}",
}
OVER_ROWS: dict[str, str] = {
    "any_value(a) IN ('p', 'q')": "true",
    "arbitrary(a) IN ('p', 'q')": "true",
    "approx_distinct(a)": "2",
    "array_agg(a ORDER BY n)": "[p, q, q, null]",
    "avg(n)": "2.5",
    "bool_and(n > 1)": "false",
    "bool_or(n > 3)": "true",
    "count(*)": "4",
    "count(a)": "3",
    "count(DISTINCT a)": "2",
    "count(*) FILTER (WHERE n > 3)": "1",
    "count_if(n > 2)": "2",
    "every(n > 0)": "true",
    "max(a)": "q",
    "max_by(a, n)": "null",
    "min(n)": "1",
    "min_by(a, n)": "p",
    "sum(n)": "10",
}
OVER_WINDOWS: dict[str, list[str | None]] = {
    "row_number() OVER (ORDER BY n)": ["1", "2", "3", "4"],
    "rank() OVER (ORDER BY a)": ["1", "2", "2", "4"],
    "dense_rank() OVER (ORDER BY a)": ["1", "2", "2", "3"],
    "lag(n) OVER (ORDER BY n)": [None, "1", "2", "3"],
    "lead(n) OVER (ORDER BY n)": ["2", "3", "4", None],
    "first_value(n) OVER (ORDER BY n)": ["1", "1", "1", "1"],
    "last_value(n) OVER (ORDER BY n)": ["1", "2", "3", "4"],
}
ROWS = "(VALUES (1, 'p'), (2, 'q'), (3, 'q'), (4, NULL)) AS t (n, a)"


@pytest.fixture(scope="module")
def lake(local_aws: Any) -> Lake:
    made = Lake(local_aws, accounts=["111122223333"], regions=["us-east-1"], start_date=TODAY - timedelta(days=3))
    records: list[dict[str, Any]] = [
        {
            "eventID": "1",
            "eventName": "DeleteBucket",
            "eventSource": "s3.amazonaws.com",
            "eventTime": "2026-11-01T00:00:00Z",
            "awsRegion": "us-east-1",
            "readOnly": False,
            "userIdentity": {
                "type": "AssumedRole",
                "userName": "ana",
                "sessionContext": {
                    "attributes": {"creationDate": "2026-11-01T00:00:00Z", "mfaAuthenticated": "false"},
                    "sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/admin"},
                },
            },
            "requestParameters": {"bucketName": "b", "Nested": {"list": [1, True, None, "ü"]}},
            "resources": [
                {"ARN": "arn:aws:s3:::b", "accountId": "111122223333", "type": "AWS::S3::Bucket"},
                {"ARN": "arn:aws:s3:::b/example/datafile.txt"},
            ],
        },
        {
            "eventID": "2",
            "eventName": "GetObject",
            "eventSource": "s3.amazonaws.com",
            "eventTime": "2026-11-01T00:00:01Z",
            "userIdentity": {"accountId": "anonymous"},
            "requestParameters": {"bucketName": "b"},
        },
    ]
    made.put("111122223333", "us-east-1", TODAY, records)
    return made


def test_each_function_answers_as_its_page_says(lake: Lake) -> None:
    answer = lake.ask("SELECT " + ",\n".join(CALLS))
    assert answer.state == "SUCCEEDED", answer.reason
    assert dict(zip(CALLS, answer.rows[0], strict=True)) == CALLS


def test_each_aggregate_answers_as_its_page_says(lake: Lake) -> None:
    calls = OVER_ROWS | {"max_by(a, n)": None}
    answer = lake.rows(f"SELECT {', '.join(calls)} FROM {ROWS}")
    assert dict(zip(calls, answer[0], strict=True)) == calls


def test_each_window_function_answers_as_its_page_says(lake: Lake) -> None:
    rows = lake.rows(f"SELECT {', '.join(OVER_WINDOWS)} FROM {ROWS} ORDER BY n")
    assert dict(zip(OVER_WINDOWS, map(list, zip(*rows, strict=True)), strict=True)) == OVER_WINDOWS


def test_no_function_is_allowed_without_an_example() -> None:
    examples = " ".join([*CALLS, *OVER_ROWS, *OVER_WINDOWS])
    assert [name for name in FUNCTIONS if f"{name}(" not in examples] == []


def test_results_have_the_types_of_athena(lake: Lake) -> None:
    values = {
        "'a'": "varchar",
        "1": "integer",
        "count(*)": "bigint",
        "sum(1)": "bigint",
        "1e0": "double",
        "1.5": "decimal",
        "true": "boolean",
        "current_date": "date",
        "current_timestamp": "timestamp with time zone",
        "timestamp '2026-01-01 00:00:00'": "timestamp",
        "ARRAY[1]": "array",
        "map(ARRAY['a'], ARRAY[1])": "map",
        "json_parse('[]')": "json",
        "CAST(row(1) AS row(a integer))": "row",
    }
    answer = lake.ask(f"SELECT {', '.join(values)}")
    assert dict(zip(values, answer.types, strict=True)) == values
    assert answer.columns == [f"_col{place}" for place in range(len(values))]


# Printed in https://docs.aws.amazon.com/athena/latest/ug/query-examples-cloudtrail-logs.html
DOCUMENTED = {
    """
    SELECT eventsource, eventname, useridentity.sessioncontext.attributes.creationdate,
      useridentity.sessioncontext.sessionissuer.arn
    FROM {t} WHERE useridentity.sessioncontext.sessionissuer.arn IS NOT NULL ORDER BY eventsource, eventname LIMIT 10
    """: (
        ["eventsource", "eventname", "creationdate", "arn"],
        [["s3.amazonaws.com", "DeleteBucket", "2026-11-01T00:00:00Z", "arn:aws:iam::111122223333:role/admin"]],
    ),
    """
    SELECT awsregion, replace(unnested.resources_entry.ARN,'arn:aws:s3:::') as s3_resource, eventname, eventtime,
      useragent
    FROM {t} t CROSS JOIN UNNEST(t.resources) unnested (resources_entry)
    WHERE unnested.resources_entry.ARN LIKE '%example/datafile.txt' ORDER BY eventtime
    """: (
        ["awsregion", "s3_resource", "eventname", "eventtime", "useragent"],
        [["us-east-1", "b/example/datafile.txt", "DeleteBucket", "2026-11-01T00:00:00Z", None]],
    ),
    """
    SELECT awsregion, replace(unnested.resources_entry.ARN,'arn:aws:s3:::') as deleted_bucket,
      eventtime AS time_deleted, useridentity.username, unnested.resources_entry.accountid as bucket_acct_id
    FROM {t} t CROSS JOIN UNNEST(t.resources) unnested (resources_entry)
    WHERE eventname = 'DeleteBucket' ORDER BY eventtime, 2
    """: (
        ["awsregion", "deleted_bucket", "time_deleted", "username", "bucket_acct_id"],
        [
            ["us-east-1", "b", "2026-11-01T00:00:00Z", "ana", "111122223333"],
            ["us-east-1", "b/example/datafile.txt", "2026-11-01T00:00:00Z", "ana", None],
        ],
    ),
    """
    SELECT eventid FROM {t} WHERE eventsource = 's3.amazonaws.com' AND eventname in ('GetObject') AND
      useridentity.accountid = 'anonymous' AND useridentity.arn IS NULL AND requestparameters LIKE '%b%'
    """: (["eventid"], [["2"]]),
}


@pytest.mark.parametrize("sql", DOCUMENTED)
def test_the_documented_queries_over_cloudtrail_logs_run(lake: Lake, sql: str) -> None:
    answer = lake.ask(sql.format(t=TABLE))
    assert answer.state == "SUCCEEDED", answer.reason
    assert (answer.columns, answer.rows) == DOCUMENTED[sql]


def test_nested_json_reads_as_text_in_a_string_column_and_as_fields_in_a_struct(lake: Lake) -> None:
    rows = lake.rows(
        f"SELECT requestparameters, readonly, resources[1].type, useridentity.sessioncontext FROM {TABLE} "
        "WHERE eventid = '1'"
    )
    assert rows == [
        [
            '{"bucketName":"b","Nested":{"list":[1,true,null,"ü"]}}',
            "false",
            "AWS::S3::Bucket",
            "{attributes={mfaauthenticated=false, creationdate=2026-11-01T00:00:00Z}, sessionissuer={type=null, "
            "principalid=null, arn=arn:aws:iam::111122223333:role/admin, accountid=null, username=null}, "
            "ec2roledelivery=null, sourceidentity=null, assumedroot=null, signinsessionarn=null, "
            "webidfederationdata=null}",
        ]
    ]


# What DuckDB or sqlglot take, or a person used to another engine writes.
FOREIGN = (
    "SELECT eventname FROM t QUALIFY row_number() OVER (PARTITION BY eventname ORDER BY eventtime) = 1",
    "SELECT eventname FROM t WHERE eventname ILIKE 'get%'",
    "SELECT eventname::varchar FROM t",
    "SELECT eventname FROM t LIMIT 1 OFFSET 2",
    "SELECT eventname FROM t LIMIT 1, 2",
    "SELECT * EXCLUDE (eventname) FROM t",
    "SELECT [1, 2]",
    "SELECT {'a': 1}",
    "SELECT eventname, FROM t",
    "FROM t",
    "FROM t SELECT eventname",
    "SELECT eventname FROM t WHERE eventname == 'x'",
    "SELECT eventname FROM t WHERE eventname RLIKE 'x'",
    "SELECT eventname FROM t WHERE eventname GLOB 'x*'",
    "SELECT DISTINCT ON (eventname) eventname FROM t",
    "SELECT current_date - INTERVAL 7 DAY",
    "SELECT eventname FROM",
    "SELECT 1 FROM read_csv('x')",
    "SELEC eventname FROM t",
)
# Refused here and by Athena, though the grammar alone lets them pass; SEMI would be an alias to Trino.
FOREIGN_BY_MEANING = (
    "SELECT eventname FROM t SEMI JOIN u USING (eventname)",
    "SELECT current_date - INTERVAL '7 days'",
    "SELECT requestparameters -> '$.a' FROM t",
    "SELECT `eventname` FROM t",
)


@pytest.mark.parametrize("sql", [*FOREIGN, *FOREIGN_BY_MEANING])
def test_sql_of_other_engines_is_refused_when_it_is_submitted(lake: Lake, sql: str) -> None:
    with pytest.raises(ClientError) as refused:
        lake.start(sql)
    assert refused.value.response["Error"]["Code"] == "InvalidRequestException"
    assert dict(refused.value.response)["AthenaErrorCode"] == "MALFORMED_QUERY"


def test_an_independent_trino_grammar_refuses_the_same() -> None:
    accepted = {sql for sql, errors in zip(FOREIGN, grammar_errors(FOREIGN), strict=True) if not errors}
    assert accepted == set()


def test_an_independent_trino_grammar_takes_what_is_taken_here() -> None:
    taken = [f"SELECT {call}" for call in CALLS]
    taken += [f"SELECT {call} FROM {ROWS}" for call in [*OVER_ROWS, *OVER_WINDOWS]]
    taken += [sql.format(t=TABLE) for sql in DOCUMENTED]
    refused = {sql: errors for sql, errors in zip(taken, grammar_errors(taken), strict=True) if errors}
    assert refused == {}


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT list_sort(ARRAY[1])", "FUNCTION_NOT_FOUND: line 1:8: Function 'list_sort' not registered"),
        ("SELECT\n  strftime(now(), '%Y')", "FUNCTION_NOT_FOUND: line 2:3: Function 'strftime' not registered"),
        ("SELECT nothing FROM {t}", "COLUMN_NOT_FOUND: line 1:8: Column 'nothing' cannot be resolved or requester is "),
        ("SELECT eventname AS n FROM {t} WHERE n = 'x'", "COLUMN_NOT_FOUND: line 1:52: Column 'n' cannot be resolved"),
        ("SELECT eventname AS n, count(*) FROM {t} GROUP BY n", "COLUMN_NOT_FOUND: line 1:65: Column 'n' cannot be"),
        ("SELECT eventname, count(*) AS c FROM {t} GROUP BY 1 HAVING c > 1", "COLUMN_NOT_FOUND: line 1:74: Column 'c'"),
        ("SELECT useridentity.nothing FROM {t}", "COLUMN_NOT_FOUND: Column 'nothing' cannot be resolved"),
        ("SELECT 1 FROM nowhere", "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog."),
        ("SELECT 1 FROM nowhere.{t}", "SCHEMA_NOT_FOUND: line 1:15: Schema 'nowhere' does not exist"),
        (
            "SELECT 1 FROM {t} WHERE readonly = true",
            "TYPE_MISMATCH: Cannot apply operator: varchar = boolean",
        ),
        (
            "SELECT 1 FROM {t} WHERE eventid IN (1, 2)",
            "TYPE_MISMATCH: Cannot apply operator: varchar = integer",
        ),
        (
            'SELECT 1 FROM {t} WHERE "timestamp" > current_date',
            "TYPE_MISMATCH: Cannot apply operator: varchar > date",
        ),
        ("SELECT 1 / 0", "DIVISION_BY_ZERO"),
        ("SELECT CAST('x' AS integer)", "INVALID_CAST_ARGUMENT"),
    ],
)
def test_a_query_that_means_nothing_fails_with_athenas_code(lake: Lake, sql: str, reason: str) -> None:
    answer = lake.ask(sql.format(t=TABLE))
    assert answer.state == "FAILED"
    assert answer.reason.startswith(reason)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("UNLOAD (SELECT 1) TO 's3://b/' WITH (format = 'JSON')", "UNLOAD is not emulated here"),
        ("CREATE TABLE x AS SELECT 1 AS a", "CREATE TABLE AS SELECT and CREATE VIEW are not emulated here"),
        ("CREATE OR REPLACE VIEW x AS SELECT 1 AS a", "CREATE TABLE AS SELECT and CREATE VIEW are not emulated here"),
        ("INSERT INTO x SELECT 1", "INSERT is not emulated here"),
        ("SHOW TABLES", "SHOW is not emulated here"),
        ("SELECT 1; SELECT 2", "Only one sql statement is allowed"),
        ("SELECT CAST(1 AS text)", "Unknown type: text"),
        ("SELECT CAST(1 AS string)", "Unknown type: string"),
    ],
)
def test_a_statement_that_is_not_emulated_says_so(lake: Lake, sql: str, message: str) -> None:
    with pytest.raises(ClientError, match=message):
        lake.start(sql)
