"""Scheduled detections on the embedded AWS: from the files of a trail to the page in the inbox."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import aws_s3 as s3
from tests.detection.alerts_kit import Deployed, record, rule, session_of, wait_for
from tests.synth import ACCOUNT, REGION, Json, bare_stack, resources

from raytrail.alerting import AlertChannel
from raytrail.audit import AuditLake
from raytrail.detection import ApiCallAlerts, Suppression
from raytrail.detection._scheduled import ScheduledDetections
from raytrail.sigma import Call, Correlation

if TYPE_CHECKING:
    from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local

# The hour that a run at 12:30 asks about; of yesterday, whose partition the lake has.
DAY = (datetime.now(UTC) - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
HOUR, RUN = DAY + timedelta(hours=11), DAY + timedelta(hours=12, minutes=30)

PART = rule("key_part", patterns=(), predicate="eventname = 'CreateAccessKey'", own=False)
MANY = rule(
    "many_keys",
    title="One user made many keys",
    patterns=(),
    correlation=Correlation(
        type="event_count", rules=("key_part",), group_by=("userIdentity.arn",), timespan_seconds=600, count=3
    ),
)
ANY = (Call("*", "*"),)
ODD = rule("odd_agent", title="An odd tool", patterns=(), predicate="useragent LIKE '%odd%'", calls=ANY)
WRONG = rule("wrong", patterns=(), predicate="no_such_column = 'x'", calls=ANY)


class Scheduled(Deployed):
    """A lake with scheduled detections, deployed."""

    def __init__(self, aws: LocalAws, context: Json, name: str, **given: Any) -> None:
        self.bucket = f"{name}-{uuid.uuid4().hex[:8]}"
        aws.client("s3").create_bucket(Bucket=self.bucket)
        stack = bare_stack(context)
        channel = AlertChannel(stack, "Channel", display_name="alerts")
        self.suppressed = session_of("nightly", "run")
        until = (datetime.now(UTC) + timedelta(days=9)).date()
        alerts = ApiCallAlerts(
            stack,
            "Alerts",
            channel=channel,
            rules=[],
            suppressions=[Suppression(actor=f"arn:aws:iam::{ACCOUNT}:role/nightly", until=until, reason="rotates")],
            log_group_name=f"/aws/events/{name}",
        )
        lake = AuditLake(
            stack,
            "Lake",
            name=name,
            bucket=s3.Bucket.from_bucket_name(stack, "Files", self.bucket),
            regions=[REGION],
            start_date=(DAY - timedelta(days=2)).date(),
            queries=[],
        )
        ScheduledDetections(
            stack, "Scheduled", lake=lake, pager=alerts.pager, channel=channel, regions=[REGION], among=[PART], **given
        )
        super().__init__(aws, stack)

    def deliver(self, records: Sequence[Json]) -> None:
        """Write records where CloudTrail would."""
        key = f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{DAY:%Y/%m/%d}/{uuid.uuid4().hex}.json.gz"
        body = gzip.compress(json.dumps({"Records": records}).encode())
        self.aws.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)

    def run(self, moment: datetime) -> Json:
        """Invoke the function as the schedule does, whose time the embedded AWS does not fill in."""
        (schedule,) = resources(self.template, "AWS::Scheduler::Schedule").values()
        payload = schedule["Properties"]["Target"]["Input"]
        time = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
        answer = self.aws.client("lambda").invoke(
            FunctionName=self.physical_id("AWS::Lambda::Function", "Scheduled"),
            Payload=payload.replace("<aws.scheduler.scheduled-time>", time).encode(),
        )
        told: Json = json.loads(answer["Payload"].read())
        return {**told, "failed": "FunctionError" in answer}


@pytest.fixture(scope="module")
def deployed(local_aws: LocalAws, context: Json) -> Iterator[Scheduled]:
    made = Scheduled(local_aws, context, "scheduled-test", rules=[MANY, ODD])
    yield made
    made.delete()


def user(name: str) -> Json:
    return {
        "type": "IAMUser",
        "arn": f"arn:aws:iam::{ACCOUNT}:user/{name}",
        "accountId": ACCOUNT,
        "userName": name,
        "principalId": f"AIDA{name.upper()}",
    }


def at(offset: timedelta, **changes: Any) -> Json:
    return record(eventTime=f"{HOUR + offset:%Y-%m-%dT%H:%M:%SZ}", **changes)


def test_a_run_pages_what_its_window_holds_and_no_other_does(deployed: Scheduled) -> None:
    minute = timedelta(minutes=1)
    # Three keys of one user, of which the first was before the window; two of another; one odd tool.
    keys = [at(place * minute, userIdentity=user("ana")) for place in (-2, 1, 7)]
    few = [at(place * minute, userIdentity=user("bob")) for place in (10, 11)]
    odd = at(
        59 * minute,
        userIdentity=session_of("deploy", "x"),
        userAgent="odd/1",
        eventName="GetUser",
        errorCode="AccessDenied",
    )
    late = at(60 * minute, userAgent="odd/1", eventName="GetUser", userIdentity=user("eve"))
    suppressed = at(30 * minute, userIdentity=deployed.suppressed, userAgent="odd/1", eventName="GetUser")
    deployed.deliver([*keys, *few, odd, late])
    deployed.deliver([keys[2], odd, suppressed])
    answer = deployed.run(RUN)
    assert answer == {
        "start": HOUR.isoformat(),
        "end": (HOUR + timedelta(hours=1)).isoformat(),
        "alerts": 3,
        "failed": False,
    }
    assert deployed.outcomes(keys[2], odd, suppressed) == ["paged", "paged", "suppressed"]
    pages = {page["detection"]: page for page in deployed.pages(2)}
    assert pages.keys() == {"many_keys", "odd_agent"}
    assert pages["many_keys"]["event_id"] == keys[2]["eventID"]
    assert pages["many_keys"]["title"] == MANY.title
    assert pages["many_keys"]["actor"] == user("ana")["arn"]
    assert pages["many_keys"]["techniques"] == [{"id": "T1098.001", "name": "Additional Cloud Credentials"}]
    found = pages["odd_agent"]
    assert found["principal"] == f"arn:aws:iam::{ACCOUNT}:role/deploy"
    assert (found["call"], found["service"], found["error"]) == ("GetUser", "iam.amazonaws.com", "AccessDenied")
    assert (found["account"], found["region"], found["time"]) == (ACCOUNT, REGION, odd["eventTime"])

    # The run before and the run after ask about other windows; a repeated run pages nobody again.
    assert deployed.run(RUN - timedelta(hours=1))["alerts"] == 0
    assert deployed.run(RUN + timedelta(hours=1))["alerts"] == 1
    assert deployed.run(RUN)["alerts"] == 3
    wait_for(lambda: deployed.outcomes(keys[2]) == ["paged repeated"], "the outcome of the repetition")
    assert [page["event_id"] for page in deployed.pages(1)] == [late["eventID"]]


def test_a_statement_that_fails_is_said_and_the_others_alert(local_aws: LocalAws, context: Json) -> None:
    made = Scheduled(local_aws, context, "scheduled-wrong", rules=[WRONG, MANY])
    try:
        keys = [at(timedelta(minutes=place), userIdentity=user("ana")) for place in (1, 2, 3)]
        made.deliver(keys)
        answer = made.run(RUN)
        assert answer["failed"]
        assert "1 of 2 statements failed" in answer["errorMessage"]
        assert "no_such_column" in answer["errorMessage"]
        assert made.outcomes(keys[2]) == ["paged"]
    finally:
        made.delete()
