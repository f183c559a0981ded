"""What tests of alerts share: rules and records of their own, and a stack of alerts deployed on the embedded AWS."""

from __future__ import annotations

import io
import json
import time
import urllib.request
import uuid
import zipfile
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_cdk import App
from aws_cdk import Stack as CdkStack
from tests.cloudformation_stack import Stack
from tests.synth import ACCOUNT, REGION, Json, resources, template_of

from raytrail.sigma import Call, CompiledRule

if TYPE_CHECKING:
    from raytrail.localaws import LocalAws

USER = {
    "type": "IAMUser",
    "principalId": "AIDAEXAMPLE",
    "arn": f"arn:aws:iam::{ACCOUNT}:user/alex",
    "accountId": ACCOUNT,
    "userName": "alex",
}


def session_of(role: str, session: str, account: str = ACCOUNT) -> Json:
    """Who calls, as a session of a role."""
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLE:{session}",
        "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
        "accountId": account,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": "AROAEXAMPLE",
                "arn": f"arn:aws:iam::{account}:role/{role}",
                "accountId": account,
                "userName": role,
            }
        },
    }


def pattern(source: str, *names: Any) -> Json:
    """An event pattern of calls."""
    return {
        "source": [{"prefix": "aws."}],
        "detail-type": [{"suffix": " via CloudTrail"}],
        "detail": {"eventSource": [source], "eventName": list(names)},
    }


def rule(name: str = "key_made", **changes: Any) -> CompiledRule:
    """A rule about `CreateAccessKey`, with all that a rule can say."""
    given: Json = {
        "name": name,
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, name)),
        "title": "A long-lived key was made",
        "level": "high",
        "description": "Whoever has the key can call as the user until somebody deletes it.",
        "techniques": ("T1098.001",),
        "tactics": ("persistence",),
        "false_positives": ("A pipeline that rotates keys",),
        "next_steps": ("Ask who made it.", "Delete the key if nobody knows."),
        "calls": (Call("iam.amazonaws.com", "CreateAccessKey"),),
        "patterns": (pattern("iam.amazonaws.com", "CreateAccessKey"),),
    }
    return CompiledRule(**{**given, **changes})


def record(**changes: Any) -> Json:
    """A CloudTrail record of `CreateAccessKey`, of now, with an event id of its own."""
    return {
        "eventVersion": "1.11",
        "userIdentity": USER,
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "iam.amazonaws.com",
        "eventName": "CreateAccessKey",
        "awsRegion": REGION,
        "sourceIPAddress": "203.0.113.7",
        "userAgent": "aws-cli/2.31.0",
        "requestParameters": {"userName": "alex"},
        "responseElements": None,
        "requestID": str(uuid.uuid4()),
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        **changes,
    }


def call(service: str, name: str, **changes: Any) -> Json:
    """A CloudTrail record of a call, of which nothing else matters."""
    return record(eventSource=f"{service}.amazonaws.com", eventName=name, requestParameters=None, **changes)


def event(record: Json) -> Json:
    """The event of EventBridge for a record."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "AWS API Call via CloudTrail",
        "source": f"aws.{record['eventSource'].partition('.')[0]}",
        "account": ACCOUNT,
        "time": record["eventTime"],
        "region": REGION,
        "resources": [],
        "detail": record,
    }


def wait_for(find: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    """What ``find`` returns, once it is something."""
    deadline = time.monotonic() + seconds
    while not (found := find()):
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.05)
    return found


class Deployed:
    """A stack of alerts, deployed; records are given to EventBridge as the demo gives those of other accounts."""

    def __init__(self, aws: LocalAws, made: CdkStack) -> None:
        self.aws, self.template = aws, template_of(made)
        app = made.node.root
        assert isinstance(app, App)
        self._upload(Path(app.outdir))
        self._stack = Stack(aws)
        # The tests of a session share one server, and so one name of a log group.
        status = self._stack.create(self.template["Resources"])
        assert status == "CREATE_COMPLETE", self._stack.reasons()

    def delete(self) -> None:
        assert self._stack.delete() == "DELETE_COMPLETE"

    def physical_id(self, type: str, part: str = "") -> str:
        """The id of the one resource of a type whose logical id has ``part`` in it."""
        (found,) = [id for id in resources(self.template, type) if part in id]
        return self._stack.physical_id(found)

    def send(self, *records: Json) -> None:
        """Let EventBridge see records."""
        lines = "\n".join(map(json.dumps, records)).encode()
        credential = f"Credential=raytrail/20260101/{REGION}/raytrail/aws4_request"
        headers = {"Authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"}
        request = urllib.request.Request(f"{self.aws.endpoint}/records?to=events", data=lines, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200

    def lines(self, group: str = "AlertsLogGroup") -> list[Json]:
        """What a log group holds, as far as it is JSON."""
        name = self.physical_id("AWS::Logs::LogGroup", group)
        found = self.aws.client("logs").filter_log_events(logGroupName=name)["events"]
        return [json.loads(each["message"]) for each in found if each["message"].startswith("{")]

    def outcomes(self, *records: Json) -> list[str]:
        """What became of each record's alerts, once the pager has told it of all."""

        def look() -> list[list[str]] | None:
            lines = self.lines("PagerLogGroup")
            found = [[line["outcome"] for line in lines if line.get("event_id") == each["eventID"]] for each in records]
            return found if all(found) else None

        return [" ".join(each) for each in wait_for(look, "an outcome of each record")]

    def pages(self, count: int = 0) -> list[Json]:
        """The pages in the inbox, which are taken out of it: at least so many."""
        queue, sqs = self.physical_id("AWS::SQS::Queue", "Inbox"), self.aws.client("sqs")
        pages: list[Json] = []

        def look() -> bool:
            while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
                for message in messages:
                    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                    body = json.loads(message["Body"])
                    if "detection" in body:
                        pages.append(body)
            return len(pages) >= count

        wait_for(look, f"{count} pages")
        return pages

    def _upload(self, folder: Path) -> None:
        """Put the code of functions where `cdk deploy` would have put it."""
        s3 = self.aws.client("s3")
        for function in resources(self.template, "AWS::Lambda::Function").values():
            code = function["Properties"]["Code"]
            s3.create_bucket(Bucket=code["S3Bucket"])
            asset = folder / f"asset.{code['S3Key'].removesuffix('.zip')}"
            s3.put_object(Bucket=code["S3Bucket"], Key=code["S3Key"], Body=zipped(asset.rglob("*"), asset))


def zipped(files: Iterable[Path], root: Path) -> bytes:
    """Files as a zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in files:
            archive.write(file, file.relative_to(root))
    return buffer.getvalue()


def target_of(rule: Mapping[str, Any], id: str) -> Json:
    """A target of a rule by its id."""
    (found,) = [each for each in rule["Targets"] if each["Id"] == id]
    return dict(found)
