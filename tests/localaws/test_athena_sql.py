"""The SQL that Athena takes: what each function answers, what is refused, and how values are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.athena_lake import TABLE, Lake
from tests.localaws.athena_examples import CALLS, DOCUMENTED, OVER_ROWS, OVER_WINDOWS, ROWS
from tests.trino_grammar import grammar_errors

from raytrail.localaws._athena._functions import FUNCTIONS

pytestmark = pytest.mark.local

TODAY = datetime.now(UTC).date()


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
