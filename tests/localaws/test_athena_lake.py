"""The lake's own template on the embedded AWS: each folder's table, the view; and files not as they should be."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.athena_lake import TABLE, Lake
from tests.cloudformation_stack import Stack
from tests.localaws.athena_kit import TODAY, Engine, packed, prefix

from raytrail.localaws._athena._errors import QueryFailed
from raytrail.localaws._athena._source import Objects
from raytrail.queries import DIGESTS, EVENTS, INSIGHTS, NETWORK_ACTIVITY, LakeTable

if TYPE_CHECKING:
    from raytrail.localaws import LocalAws

ACCOUNT, MEMBER, REGION = "111122223333", "444455556666", "us-east-1"
ORGANIZATION = "o-a1b2c3d4e5"


def event(**fields: Any) -> dict[str, Any]:
    return {
        "eventVersion": "1.11",
        "eventID": str(uuid.uuid4()),
        "eventTime": f"{TODAY}T10:00:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "awsRegion": REGION,
        "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/ana", "accountId": ACCOUNT},
        **fields,
    }


# As printed in https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-insights-fields-trails.html
INSIGHT = {
    "eventVersion": "1.07",
    "eventTime": f"{TODAY}T10:00:00Z",
    "awsRegion": REGION,
    "eventID": "i-1",
    "eventType": "AwsCloudTrailInsight",
    "recipientAccountId": ACCOUNT,
    "sharedEventID": "s-1",
    "insightDetails": {
        "state": "Start",
        "eventSource": "autoscaling.amazonaws.com",
        "eventName": "CompleteLifecycleAction",
        "insightType": "ApiCallRateInsight",
        "insightContext": {"statistics": {"baseline": {"average": 0.0000882145}, "insight": {"average": 0.6}}},
    },
    "eventCategory": "Insight",
}
# As described in
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
DIGEST = {
    "awsAccountId": ACCOUNT,
    "digestStartTime": f"{TODAY}T09:00:00Z",
    "digestEndTime": f"{TODAY}T10:00:00Z",
    "digestS3Bucket": "b",
    "digestS3Object": "k",
    "digestPublicKeyFingerprint": "31e8b5433410dfb61a9dc45cc65b22ff",
    "digestSignatureAlgorithm": "SHA256withRSA",
    "newestEventTime": f"{TODAY}T09:59:00Z",
    "oldestEventTime": f"{TODAY}T09:01:00Z",
    "previousDigestS3Bucket": None,
    "logFiles": [
        {"s3Bucket": "b", "s3Object": "one.json.gz", "hashValue": "9bb6", "hashAlgorithm": "SHA-256"},
        {"s3Bucket": "b", "s3Object": "two.json.gz", "hashValue": "f9f6", "hashAlgorithm": "SHA-256"},
    ],
}


def key(table: LakeTable, *, account: str = ACCOUNT, region: str = REGION, day: date = TODAY) -> str:
    name = f"{account}_{table.folder}_{region}_{day:%Y%m%d}T0005Z_{uuid.uuid4().hex[:16]}.json.gz"
    return f"audit/AWSLogs/{ORGANIZATION}/{account}/{table.folder}/{region}/{day:%Y/%m/%d}/{name}"


class Deployed:
    """The kit's lake over a bucket with a file in each folder, deployed from its own template."""

    def __init__(self, aws: LocalAws, template: dict[str, Any], bucket: str) -> None:
        self.stack = Stack(aws)
        assert self.stack.create(template["Resources"]) == "CREATE_COMPLETE", self.stack.events()
        self.s3, self.bucket = aws.client("s3"), bucket
        # The tests of Athena know how to ask: give them this lake's names.
        self.lake = Lake.__new__(Lake)
        self.lake.name, self.lake.database, self.lake.athena = "my-lake", "my_lake", aws.client("athena")

    def put(self, table: LakeTable, document: Any, **place: Any) -> int:
        body = gzip.compress(json.dumps(document, separators=(",", ":")).encode())
        self.s3.put_object(Bucket=self.bucket, Key=key(table, **place), Body=body)
        return len(body)


@pytest.fixture(scope="module")
def deployed(local_aws: LocalAws, context: dict[str, Any]) -> Iterator[Deployed]:
    from aws_cdk import aws_s3 as s3
    from tests.synth import bare_stack, template_of

    from raytrail.audit import AuditLake

    name = f"trail-{uuid.uuid4().hex[:8]}"
    local_aws.client("s3").create_bucket(Bucket=name)
    stack = bare_stack(context)
    AuditLake(
        stack,
        "Lake",
        name="my-lake",
        bucket=s3.Bucket.from_bucket_name(stack, "Files", name),
        prefix="audit",
        organization_id=ORGANIZATION,
        accounts=[ACCOUNT, MEMBER],
        regions=[REGION, "eu-west-1"],
        start_date=TODAY - timedelta(days=9),
        # A template that is sent with the call, and not as a file in S3, has room for few.
        queries=[],
    )
    made = Deployed(local_aws, template_of(stack), name)
    yield made
    made.stack.delete()


@pytest.mark.local
class TestEachFolder:
    def test_a_table_reads_its_folder_and_none_that_begins_alike(self, deployed: Deployed) -> None:
        sizes = {
            EVENTS: deployed.put(EVENTS, {"Records": [event(eventID="e")]}),
            NETWORK_ACTIVITY: deployed.put(NETWORK_ACTIVITY, {"Records": [event(eventID="n", vpcEndpointId="vpce-1")]}),
            INSIGHTS: deployed.put(INSIGHTS, {"Records": [INSIGHT]}),
            DIGESTS: deployed.put(DIGESTS, DIGEST),
        }
        for table, size in sizes.items():
            answer = deployed.lake.ask(f'SELECT account, region, "timestamp" FROM {table.name}')
            assert (answer.reason, answer.scanned) == ("", size), table.name
            assert answer.rows == [[ACCOUNT, REGION, f"{TODAY:%Y/%m/%d}"]]
        rows = deployed.lake.rows
        assert rows("SELECT eventid, vpcendpointid FROM cloudtrail_network_activity") == [["n", "vpce-1"]]
        assert rows(
            "SELECT eventid, json_extract_scalar(insightdetails, '$.state'), "
            "json_extract_scalar(insightdetails, '$.insightContext.statistics.insight.average') "
            "FROM cloudtrail_insights"
        ) == [["i-1", "Start", "0.6"]]
        assert rows(
            "SELECT d.digestendtime, d.previousdigests3bucket, f.s3object, f.hashvalue FROM cloudtrail_digests d "
            "CROSS JOIN UNNEST(d.logfiles) AS t (f) ORDER BY 3"
        ) == [
            [f"{TODAY}T10:00:00Z", None, "one.json.gz", "9bb6"],
            [f"{TODAY}T10:00:00Z", None, "two.json.gz", "f9f6"],
        ]

    def test_the_deployed_view_reads_the_partitions_that_a_query_of_it_names(self, deployed: Deployed) -> None:
        twice = event(eventID="twice")
        size = deployed.put(EVENTS, {"Records": [twice, twice]}, account=MEMBER, region="eu-west-1")
        deployed.put(EVENTS, {"Records": [event()]}, account=MEMBER, day=TODAY - timedelta(days=1))
        answer = deployed.lake.ask(
            'SELECT e.event_id, e.actor FROM events e WHERE e.account = ? AND region = ? AND "timestamp" = ?',
            ExecutionParameters=[f"'{MEMBER}'", "'eu-west-1'", f"'{TODAY:%Y/%m/%d}'"],
        )
        assert (answer.reason, answer.scanned) == ("", size)
        assert answer.rows == [["twice", f"arn:aws:iam::{ACCOUNT}:user/ana"]]


BAD = {
    "not gzip": (b"plain text", "HIVE_CANNOT_OPEN_SPLIT"),
    "truncated gzip": (packed(*[event() for _ in range(50)])[:-20], "HIVE_CURSOR_ERROR"),
    "not JSON": (gzip.compress(b"<html>"), "HIVE_CURSOR_ERROR"),
    "no records": (gzip.compress(b'{"digestEndTime": "x"}'), "HIVE_BAD_DATA"),
    "nested too deep": (gzip.compress(b'{"Records": ' + b"[" * 100_000), "HIVE_CURSOR_ERROR"),
}
GOOD = packed(event(eventID="good"))
ASKED = f"SELECT eventid, eventversion FROM {TABLE} ORDER BY eventid"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path)


class TestFilesThatAreNotAsTheyShouldBe:
    @pytest.mark.parametrize(("body", "code"), BAD.values(), ids=BAD)
    def test_a_bad_file_ends_the_query_unless_it_is_to_be_left_out(
        self, engine: Engine, body: bytes, code: str
    ) -> None:
        bad, good = f"{prefix()}bad.json.gz", f"{prefix()}good.json.gz"
        engine.store.bodies |= {bad: body, good: GOOD}
        with pytest.raises(QueryFailed, match=code):
            engine.ask(ASKED)
        objects = Objects(store=engine.store, tolerant=True)
        assert engine.ask(ASKED, objects=objects) == [["good", "1.11"]]
        (skipped,) = objects.skipped
        assert (skipped.uri, skipped.place) == (f"s3://b/{bad}", 0)
        assert skipped.reason.startswith(code)
        assert objects.scanned_bytes == len(body) + len(GOOD)

    def test_one_bad_record_costs_no_other_of_its_file(self, engine: Engine) -> None:
        body = packed(event(eventID="a"), "text", event(userIdentity="root"), event(eventID="z"))
        engine.store.bodies[f"{prefix()}mixed.json.gz"] = body
        objects = Objects(store=engine.store, tolerant=True)
        assert [row[0] for row in engine.ask(ASKED, objects=objects)] == ["a", "z"]
        assert [(each.place, each.reason.split(":")[0]) for each in objects.skipped] == [
            (2, "HIVE_CURSOR_ERROR"),
            (3, "HIVE_BAD_DATA"),
        ]

    def test_a_day_in_which_nothing_happened_is_no_rows(self, engine: Engine) -> None:
        assert engine.ask(ASKED) == []
        engine.store.bodies[f"{prefix()}quiet.json.gz"] = packed()
        assert engine.ask(ASKED) == []

    def test_a_record_of_an_unknown_version_is_read_as_far_as_it_is_known(self, engine: Engine) -> None:
        record = event(eventID="new", eventVersion="2.0", quantumDetails={"spin": ["up"]})
        engine.store.bodies[f"{prefix()}new.json.gz"] = packed(record)
        assert engine.ask(ASKED) == [["new", "2.0"]]

    def test_a_region_outside_the_projection_is_not_read_and_costs_nothing(self, engine: Engine) -> None:
        far = prefix(region="ap-south-1")
        engine.store.bodies |= {f"{prefix()}good.json.gz": GOOD, f"{far}far.json.gz": packed(event(eventID="far"))}
        objects = Objects(store=engine.store)
        assert engine.ask(ASKED, objects=objects) == [["good", "1.11"]]
        assert objects.scanned_bytes == len(GOOD)

    def test_more_than_is_loaded_at_once_is_all_there(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("raytrail.localaws._athena._load._CHUNK_CHARACTERS", 100)
        many = packed(*[event(eventID=f"{n:03}", requestParameters={"n": "x" * n}) for n in range(200)])
        engine.store.bodies[f"{prefix()}many.json.gz"] = many
        rows = engine.ask(f"SELECT eventid, length(requestparameters) FROM {TABLE} ORDER BY 1")
        assert rows == [[f"{n:03}", str(len('{"n":""}') + n)] for n in range(200)]
