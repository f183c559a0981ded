"""The lake over the log archive of another account: a bucket that is theirs, with files of an organization trail."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.detection.alerts_kit import record, wait_for
from tests.examples.used_account import Assembly, Deployment, example
from tests.synth import Json, properties, resources

from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local

MADE = example("lake_over_log_archive")
ARCHIVE, ARCHIVE_ACCOUNT, ORGANIZATION = MADE["ARCHIVE"], "444455556666", MADE["ORGANIZATION"]
MEMBER, REGION = "777788889999", "eu-central-1"
DAY = datetime.now(UTC) - timedelta(days=1)
OWN = {"Sid": "TheirOwn", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket", "Resource": "*"}


class Theirs:
    """What was there: the bucket of the log archive, in its own account, with a member's file and a policy."""

    def __init__(self, aws: LocalAws) -> None:
        self.s3 = aws.client("s3", access_key_id=ARCHIVE_ACCOUNT)
        self.record = record(eventName="DeleteTrail", recipientAccountId=MEMBER, awsRegion=REGION)
        self.s3.create_bucket(Bucket=ARCHIVE)
        self.key = (
            f"AWSLogs/{ORGANIZATION}/{MEMBER}/CloudTrail/{REGION}/{DAY:%Y/%m/%d}/"
            f"{MEMBER}_CloudTrail_{REGION}_{DAY:%Y%m%dT%H%MZ}_{uuid.uuid4().hex[:16]}.json.gz"
        )
        body = gzip.compress(json.dumps({"Records": [self.record]}).encode())
        self.s3.put_object(Bucket=ARCHIVE, Key=self.key, Body=body)
        self.allow(OWN)

    def allow(self, *statements: Json) -> None:
        """What the archive's owner does: write the bucket's policy."""
        policy = {"Version": "2012-10-17", "Statement": list(statements)}
        self.s3.put_bucket_policy(Bucket=ARCHIVE, Policy=json.dumps(policy))

    def describe(self) -> Json:
        """All of it, as AWS's APIs tell it."""
        return {
            "policy": json.loads(self.s3.get_bucket_policy(Bucket=ARCHIVE)["Policy"]),
            "files": [(each["Key"], each["ETag"]) for each in self.s3.list_objects_v2(Bucket=ARCHIVE)["Contents"]],
            "versions": self.s3.get_bucket_versioning(Bucket=ARCHIVE).get("Status"),
            "acl": self.s3.get_bucket_acl(Bucket=ARCHIVE)["Grants"],
        }

    def leave(self) -> None:
        """Take it away, for the other tests of the session."""
        self.s3.delete_object(Bucket=ARCHIVE, Key=self.key)
        self.s3.delete_bucket(Bucket=ARCHIVE)


@pytest.fixture(scope="module")
def lake(local_aws: LocalAws, assembly: Assembly, before: Json) -> Iterator[Deployment]:
    with Deployment(local_aws, assembly, "archive") as made:
        yield made


def test_no_trail_is_made_and_no_policy_of_the_archives_bucket(lake):
    assert not resources(lake.template, "AWS::CloudTrail::Trail")
    # Of the results alone.
    (policy,) = properties(lake.template, "AWS::S3::BucketPolicy")
    assert ARCHIVE not in json.dumps(policy)


def test_the_archives_owner_is_told_to_let_the_role_read_and_nothing_else(lake):
    """https://docs.aws.amazon.com/athena/latest/ug/cross-account-permissions.html, the actions that read."""
    role = {"AWS": lake.outputs["Role"]}
    bucket = f"arn:aws:s3:::{ARCHIVE}"
    listing, reading = json.loads(lake.outputs["BucketStatements"])
    assert (listing["Principal"], listing["Resource"]) == (role, bucket)
    assert listing["Action"] == ["s3:GetBucketLocation", "s3:ListBucket"]
    assert (reading["Principal"], reading["Action"]) == (role, "s3:GetObject")
    assert reading["Resource"] == f"{bucket}/AWSLogs/{ORGANIZATION}/*"
    (key,) = json.loads(lake.outputs["KeyStatements"])
    assert (key["Principal"], key["Action"]) == (role, "kms:Decrypt")


def test_the_role_may_do_on_its_own_side_what_the_owner_allows(lake):
    """Of two accounts both have to allow: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html."""
    name = lake.outputs["Role"].rpartition("/")[2]
    iam = lake.client("iam")
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    said = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]["Statement"]
    on_one = [each for each in said if isinstance(each["Resource"], str)]
    mine = {(action, each["Resource"]) for each in on_one for action in actions(each)}
    theirs = json.loads(lake.outputs["BucketStatements"])
    assert {(action, each["Resource"]) for each in theirs for action in actions(each)} <= mine
    assert ("kms:Decrypt", MADE["ARCHIVE_KEY"]) in mine


def test_a_query_finds_a_members_record_once_the_archives_owner_allows_it(lake, theirs):
    assert ask(lake, theirs.record["eventID"])["Status"]["State"] == "FAILED"
    theirs.allow(OWN, *json.loads(lake.outputs["BucketStatements"]))
    try:
        execution = ask(lake, theirs.record["eventID"])
    finally:
        theirs.allow(OWN)
    assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
    answer = lake.client("athena").get_query_results(QueryExecutionId=execution["QueryExecutionId"])
    _, *rows = answer["ResultSet"]["Rows"]
    assert [[cell["VarCharValue"] for cell in row["Data"]] for row in rows] == [["DeleteTrail", MEMBER]]


def test_the_archive_is_as_it_was_with_the_stack_and_after_it(lake, theirs, before):
    assert theirs.describe() == before
    lake.delete()
    assert theirs.describe() == before


def ask(lake: Deployment, event_id: str) -> Json:
    """How a question about one event of the member ended."""
    athena = lake.client("athena")
    database, _, table = lake.outputs["Table"].partition(".")
    day = f"account = '{MEMBER}' AND region = '{REGION}' AND \"timestamp\" = '{DAY:%Y/%m/%d}'"
    started = athena.start_query_execution(
        QueryString=f"SELECT eventname, recipientaccountid FROM {table} WHERE {day} AND eventid = '{event_id}'",
        WorkGroup=lake.outputs["WorkGroup"],
        QueryExecutionContext={"Database": database},
    )["QueryExecutionId"]

    def ended() -> Json | None:
        execution: Json = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]
        return execution if execution["Status"]["State"] not in ("QUEUED", "RUNNING") else None

    found: Json = wait_for(ended, "the end of the query")
    return found


def actions(statement: Json) -> list[str]:
    found = statement["Action"]
    return [found] if isinstance(found, str) else list(found)
