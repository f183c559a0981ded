"""The resource policies of the kit, held against the statements that AWS documents.

The embedded AWS evaluates no policy, so a wrong one would work there: that it says what AWS's pages ask for is all
that can be shown without an account.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from raytrail.demo._evidence import Evidence
from raytrail.demo._target import Target
from raytrail.errors import EvidenceMissing

CLOUDTRAIL, EVENTS = {"Service": "cloudtrail.amazonaws.com"}, {"Service": "events.amazonaws.com"}
_GUIDE = "https://docs.aws.amazon.com"


@dataclass(frozen=True, kw_only=True, slots=True)
class Documented:
    """One statement that AWS's page asks for."""

    on: str
    page: str
    statement: dict[str, Any]


def documented(*, account: str, region: str, bucket: str, trail: str, topic: str, undelivered: str) -> list[Documented]:
    """Return the statements that AWS documents for such a trail, topic and dead-letter queue."""
    trail_arn = f"arn:aws:cloudtrail:{region}:{account}:trail/{trail}"
    of_the_trail = {"StringEquals": {"aws:SourceArn": trail_arn}}
    bucket_page = f"{_GUIDE}/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html"
    key_page = f"{_GUIDE}/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html"
    events_page = f"{_GUIDE}/eventbridge/latest/userguide/eb-use-resource-based.html"

    def allow(on: str, page: str, **rest: Any) -> Documented:
        return Documented(on=on, page=page, statement={"Effect": "Allow", **rest})

    return [
        allow(
            "bucket",
            bucket_page,
            Principal=CLOUDTRAIL,
            Action="s3:GetBucketAcl",
            Resource=f"arn:aws:s3:::{bucket}",
            Condition=of_the_trail,
        ),
        allow(
            "bucket",
            bucket_page,
            Principal=CLOUDTRAIL,
            Action="s3:PutObject",
            Resource=f"arn:aws:s3:::{bucket}/AWSLogs/{account}/*",
            Condition={"StringEquals": {"aws:SourceArn": trail_arn, "s3:x-amz-acl": "bucket-owner-full-control"}},
        ),
        allow(
            "key",
            key_page,
            Principal=CLOUDTRAIL,
            Action="kms:GenerateDataKey*",
            Resource="*",
            Condition={
                "StringEquals": {"aws:SourceArn": trail_arn},
                "StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": f"arn:aws:cloudtrail:*:{account}:trail/*"},
            },
        ),
        allow("key", key_page, Principal=CLOUDTRAIL, Action="kms:DescribeKey", Resource="*", Condition=of_the_trail),
        allow("key", key_page, Principal=CLOUDTRAIL, Action="kms:Decrypt", Resource="*", Condition=of_the_trail),
        allow("topic", events_page, Principal=EVENTS, Action="sns:Publish", Resource=topic),
        allow(
            "dead-letter queue",
            f"{_GUIDE}/eventbridge/latest/userguide/eb-rule-dlq.html",
            Principal=EVENTS,
            Action="sqs:SendMessage",
            Resource=undelivered,
            Condition={"ArnLike": {"aws:SourceArn": f"arn:aws:events:{region}:{account}:rule/*"}},
        ),
    ]


def unmet(wanted: list[Documented], policies: dict[str, dict[str, Any]]) -> list[Documented]:
    """Return the documented statements that the policies, by what they are on, do not have."""
    return [
        each
        for each in wanted
        if _plain(each.statement) not in [_plain(statement) for statement in policies[each.on]["Statement"]]
    ]


def read_policies(target: Target) -> Evidence:
    """Read the policies back and hold them against the documented statements.

    Raises:
        EvidenceMissing: A documented statement is not there; the message names it and its page.
    """
    account = target.client("sts").get_caller_identity()["Account"]
    bucket, topic = target.output("TrailBucketName"), target.output("AlertTopicArn")
    sqs, queue = target.client("sqs"), target.output("UndeliveredUrl")
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy", "QueueArn"])["Attributes"]
    key = target.physical_id("audit", "AWS::KMS::Key", "TrailStoreKey")
    policies = {
        "bucket": json.loads(target.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]),
        "key": json.loads(target.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"]),
        "topic": json.loads(target.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]),
        "dead-letter queue": json.loads(attributes["Policy"]),
    }
    wanted = documented(
        account=account,
        region=target.session.region_name,
        bucket=bucket,
        trail=target.output("TrailName"),
        topic=topic,
        undelivered=attributes["QueueArn"],
    )
    missing = unmet(wanted, policies)
    if missing:
        raise EvidenceMissing(f"the policy of the {missing[0].on} lacks the statement that {missing[0].page} asks for")
    enforced = "not enforced here" if target.local else "enforced by AWS"
    return Evidence(
        row="policies",
        seen=f"{len(wanted)} statements as AWS documents them, on {len(policies)} resources; {enforced}",
        proof=bucket,
        read_with="s3:GetBucketPolicy, kms:GetKeyPolicy, sns:GetTopicAttributes, sqs:GetQueueAttributes",
        made_by=target.made_by("ministack, which holds no caller against them"),
        lines=tuple(f"{each.on}: {each.statement['Action']} ({each.page.rpartition('/')[2]})" for each in wanted),
    )


def _plain(statement: dict[str, Any]) -> str:
    """A statement so that two that mean the same are the same text: no Sid, one-item lists as their item."""

    def flat(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: flat(each) for key, each in sorted(value.items()) if key != "Sid"}
        if isinstance(value, list):
            return flat(value[0]) if len(value) == 1 else sorted(map(str, value))
        return value

    return json.dumps(flat(statement), sort_keys=True)
