"""Partition keys of every type, and tables without projection, on the embedded Athena."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.athena_lake import TABLE, Lake

pytestmark = pytest.mark.local

ACCOUNTS = ("111122223333", "444455556666")
REGIONS = ("us-east-1", "eu-west-1")
TODAY = datetime.now(UTC).date()


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
def any_account(local_aws: Any) -> Lake:
    """A table whose accounts the query must name."""
    made = Lake(local_aws, accounts=(), regions=REGIONS, start_date=TODAY - timedelta(days=30))
    for account in ("111111111111", "222222222222", "333333333333"):
        made.put(account, "us-east-1", TODAY, [record()])
    return made


class TestInjectedAccounts:
    @pytest.mark.parametrize(
        "where",
        [
            "account IN ('111111111111', '333333333333')",
            "account = '333333333333' OR account = concat('1111', '11111111')",
            "account IN ('111111111111', '333333333333', '444444444444')",
        ],
    )
    def test_named_accounts_are_read(self, any_account: Lake, where: str) -> None:
        answer = any_account.ask(f"SELECT account FROM {TABLE} WHERE {where} ORDER BY 1")
        assert answer.rows == [["111111111111"], ["333333333333"]]
        assert answer.scanned == sum(size for (account, *_), size in any_account.sizes.items() if account[0] in "13")

    @pytest.mark.parametrize(
        "where", ["region = 'us-east-1'", "account LIKE '1%'", "account > '1'", "account = recipientaccountid"]
    )
    def test_a_query_that_names_no_account_fails_as_documented(self, any_account: Lake, where: str) -> None:
        answer = any_account.ask(f"SELECT account FROM {TABLE} WHERE {where}")
        assert (answer.state, answer.reason) == (
            "FAILED",
            "CONSTRAINT_VIOLATION: For the injected projected partition column account, the WHERE clause must contain "
            "only static equality conditions, and at least one such condition must be present.",
        )


@pytest.fixture(scope="module")
def other(local_aws: Any) -> Lake:
    """A bucket with lines of JSON by month and shard."""
    made = Lake(local_aws, accounts=ACCOUNTS, regions=REGIONS, start_date=TODAY)
    lines = {"2024-11/01": [1], "2024-11/03": [2], "2025-01/01": [3, 4], "2025-03/02": [5]}
    for path, ids in lines.items():
        body = "".join(json.dumps({"Id": n, "TAGS": {"n": str(n)}}) + "\n" for n in ids)
        made.s3.put_object(Bucket=made.name, Key=f"data/{path}/part.json", Body=body.encode())
        made.s3.put_object(Bucket=made.name, Key=f"data/{path}/_SUCCESS", Body=b"hidden")
    return made


class TestOtherTables:
    """Tables that are not CloudTrail's: other projections, and none."""

    COLUMNS = ({"name": "id", "type": "int"}, {"name": "tags", "type": "map<string,string>"})
    TEXT = "org.apache.hadoop.mapred.TextInputFormat"

    def make(self, other: Lake, parameters: dict[str, str], keys: Any) -> str:
        name = f"t_{uuid.uuid4().hex[:8]}"
        other.create_table(
            name,
            location=f"s3://{other.name}/data",
            columns=self.COLUMNS,
            keys=keys,
            parameters=parameters,
            input_format=self.TEXT,
        )
        return name

    def projected(self, other: Lake, **changes: str) -> str:
        parameters = {
            "projection.enabled": "true",
            "projection.month.type": "date",
            "projection.month.range": "2024-11,2025-02",
            "projection.month.format": "yyyy-MM",
            "projection.shard.type": "integer",
            "projection.shard.range": "1,3",
            "projection.shard.digits": "2",
            "storage.location.template": f"s3://{other.name}/data/${{month}}/${{shard}}/",
        }
        parameters |= {f"projection.{key.replace('_', '.')}": value for key, value in changes.items()}
        keys = [{"name": "month", "type": "string"}, {"name": "shard", "type": "int"}]
        return self.make(other, parameters, keys)

    def test_months_and_padded_integers_are_projected(self, other: Lake) -> None:
        answer = other.ask(f"SELECT id, tags['n'], month, shard FROM {self.projected(other)} ORDER BY id")
        assert answer.types == ["integer", "varchar", "varchar", "integer"]
        assert answer.rows == [
            ["1", "1", "2024-11", "1"],
            ["2", "2", "2024-11", "3"],
            ["3", "3", "2025-01", "1"],
            ["4", "4", "2025-01", "1"],
        ]

    def test_an_integer_key_is_compared_as_a_number(self, other: Lake) -> None:
        assert other.rows(f"SELECT id FROM {self.projected(other)} WHERE shard > 1 AND shard < 10") == [["2"]]

    def test_an_interval_skips_values(self, other: Lake) -> None:
        assert other.rows(f"SELECT id FROM {self.projected(other, shard_interval='2')} WHERE id < 3") == [
            ["1"],
            ["2"],
        ]
        assert other.ask(
            f"SELECT count(*) FROM {self.projected(other, month_interval='3', month_interval_unit='MONTHS')}"
        ).rows == [["2"]]

    def test_a_range_may_be_relative_to_now(self, other: Lake) -> None:
        assert other.rows(f"SELECT count(*) FROM {self.projected(other, month_range='2024-12,NOW')}") == [["3"]]
        assert other.rows(f"SELECT count(*) FROM {self.projected(other, month_range='NOW-1MONTH,NOW')}") == [["0"]]

    def test_a_key_without_projection_fails_as_documented(self, other: Lake) -> None:
        name = self.make(other, {"projection.enabled": "true"}, [{"name": "month", "type": "string"}])
        label = f"{other.database}.{name}"
        assert other.ask(f"SELECT id FROM {name}").reason == (
            f"HIVE_METASTORE_ERROR: Table {label} is configured for partition projection, but the following partition "
            f"columns are missing projection configuration: [month] (table {label})"
        )

    def test_a_table_without_partitions_is_all_below_its_location(self, other: Lake) -> None:
        answer = other.ask(f"SELECT sum(id) FROM {self.make(other, {}, [])}")
        assert (answer.rows, answer.types) == ([["15"]], ["bigint"])

    def test_a_table_without_projection_has_its_registered_partitions(self, other: Lake) -> None:
        name = self.make(other, {}, [{"name": "month", "type": "string"}])
        assert other.rows(f"SELECT id FROM {name}") == []
        table = other.glue.get_table(DatabaseName=other.database, Name=name)["Table"]
        storage = {**table["StorageDescriptor"], "Location": f"s3://{other.name}/data/2025-01"}
        other.glue.create_partition(
            DatabaseName=other.database,
            TableName=name,
            PartitionInput={"Values": ["2025-01"], "StorageDescriptor": storage},
        )
        assert other.rows(f"SELECT id, month FROM {name} ORDER BY id") == [["3", "2025-01"], ["4", "2025-01"]]
