"""``raytrail replay`` over a bucket, and by Athena, both of the embedded AWS."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from tests.athena_lake import Lake
from tests.audit.own_records import event
from tests.cli.command import Gatekeeper, Refusal, Said

from raytrail.cli._replay import _rules
from raytrail.sigma import catalog

pytestmark = pytest.mark.local

Json = dict[str, Any]
Here = Callable[..., Said]

ACCOUNT, REGION, DAY = "111122223333", "eu-west-1", date(2026, 10, 1)
AT = {"recipientAccountId": ACCOUNT, "awsRegion": REGION}
STOPPED = event("StopLogging", "cloudtrail", eventID="stopped", eventTime="2026-10-01T12:00:00Z", **AT)
READ = event("DescribeInstances", "ec2", eventID="read", readOnly=True, eventTime="2026-10-01T12:00:00Z", **AT)
LATER = event("StopLogging", "cloudtrail", eventID="later", eventTime="2026-10-02T12:00:00Z", **AT)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without an app: the rules are the catalogue's."""
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))


FEW = ("trail_tampering", "sign_in_failed", "sign_ins_failing")


@pytest.fixture(autouse=True)
def few_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule and a correlation of the catalogue: each is a statement that takes its second."""
    few = tuple(rule for rule in catalog() if rule.name in FEW)
    assert len(few) == len(FEW)
    monkeypatch.setattr(_rules, "catalog", lambda: few)


@pytest.fixture(scope="module")
def lake(local_aws: Any) -> Lake:
    made = Lake(local_aws, accounts=[ACCOUNT], regions=[REGION], start_date=date(2026, 1, 1))
    made.put(ACCOUNT, REGION, DAY, [READ, STOPPED])
    made.put(ACCOUNT, REGION, date(2026, 10, 2), [LATER])
    made.s3.put_object(
        Bucket=made.name, Key=f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/{REGION}/2026/10/01/x.json.gz", Body=b"{}"
    )
    return made


def rows(said: Said) -> list[Json]:
    return [json.loads(line) for line in said.out.splitlines()]


def essence(said: Said) -> list[tuple[str, int, str, str]]:
    return [(row["event_id"], row["line"], row["detection"], row["engine"]) for row in rows(said)]


def test_a_bucket_is_read_and_its_objects_are_named(here: Here, local_aws: Any, lake: Lake) -> None:
    said = here("replay", f"s3://{lake.name}/AWSLogs", "--endpoint", local_aws.endpoint, "--json")
    assert said.status == 0, said.err
    assert essence(said) == [
        (name, line, "trail_tampering", engine)
        for name, line in (("stopped", 2), ("later", 1))
        for engine in ("eventbridge", "athena")
    ]
    keys = {f"s3://{lake.name}/{each['Key']}" for each in lake.s3.list_objects_v2(Bucket=lake.name)["Contents"]}
    assert {row["file"] for row in rows(said)} <= keys
    assert "1 objects passed over: digests" in said.err


def test_athena_itself_says_what_the_engine_on_this_machine_says(here: Here, local_aws: Any, lake: Lake) -> None:
    first = f"s3://{lake.name}/AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/10/01/"
    on_aws = ["--endpoint", local_aws.endpoint, "--athena", lake.name, "--database", lake.database]
    said = here("replay", first, "--json", *on_aws)
    assert said.status == 0, said.err
    assert essence(said) == [("stopped", 2, "trail_tampering", engine) for engine in ("eventbridge", "athena")]
    assert f"workgroup {lake.name}" in said.err
    assert "scanned" in said.err or "read" in said.err
    alone = here("replay", first, "--json", "--engine", "athena", *on_aws)
    assert essence(alone) == [("stopped", 2, "trail_tampering", "athena")]


def test_what_athena_finds_on_these_days_and_nobody_gave_is_counted(
    here: Here, local_aws: Any, lake: Lake, tmp_path: Any
) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"Records": [READ]}), encoding="utf-8")
    on_aws = ["--endpoint", local_aws.endpoint, "--athena", lake.name, "--database", lake.database]
    said = here("replay", str(tmp_path), "--json", *on_aws)
    assert (said.status, said.out) == (0, "")
    assert "1 events that Athena matched on these days are not in what was read" in said.err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["s3://{bucket}-none/"], 1, "NoSuchBucket"),
        (["s3://{bucket}/no/such/prefix"], 2, "there is no CloudTrail record in"),
        (["s3://{bucket}/AWSLogs", "--athena", "{bucket}", "--database", "nothing"], 1, "there is no table"),
        (["s3://{bucket}/AWSLogs", "--athena", "nothing", "--database", "{database}"], 1, "there is no workgroup"),
    ],
)
def test_what_aws_does_not_have_is_said(
    here: Here, local_aws: Any, lake: Lake, arguments: list[str], status: int, said: str
) -> None:
    given = [each.format(bucket=lake.name, database=lake.database) for each in arguments]
    found = here("replay", *given, "--endpoint", local_aws.endpoint, "--json")
    assert found.status == status
    assert said in found.err


def test_an_object_that_may_not_be_read_is_named_and_the_others_count(here: Here, local_aws: Any, lake: Lake) -> None:
    denied = Refusal(service="s3", matching="2026/10/02/[^ ]*json.gz", code="AccessDenied", message="no", status=403)
    with Gatekeeper(local_aws.endpoint, denied) as gate:
        said = here("replay", f"s3://{lake.name}/AWSLogs", "--endpoint", gate.endpoint, "--json")
    assert said.status == 3
    assert {row["event_id"] for row in rows(said)} == {"stopped"}
    assert "cannot be read: " in said.err
