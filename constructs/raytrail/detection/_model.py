"""Rules of one API call, which need no Sigma: plain values."""

from __future__ import annotations

import re
import uuid

from raytrail.errors import InvalidProps
from raytrail.sigma import ALERTING, Call, CompiledRule, Level

MAX_PATTERN_CHARACTERS = 2_048
"""Longest event pattern before a raised quota (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html)."""

API_CALL = "AWS API Call via CloudTrail"
# AWS writes it both ways: the first is documented, the second is seen in older events.
SIGN_IN = ("AWS Console Signin via CloudTrail", "AWS Console Sign In via CloudTrail")

# Services whose IAM prefix is not the name that CloudTrail records them by.
_EVENT_SOURCES = {"cloudwatch": "monitoring"}
# Permissions whose calls CloudTrail records by another name, or that are no calls
# (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html and its neighbours name them,
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html what is recorded of buckets).
_PERMISSIONS = {
    "lambda:InvokeFunction": "lambda:Invoke",
    "s3:ListAllMyBuckets": "s3:ListBuckets",
    "s3:ListBucket": "s3:ListObjects",
    "s3:GetEncryptionConfiguration": "s3:GetBucketEncryption",
    "s3:PutEncryptionConfiguration": "s3:PutBucketEncryption",
    "s3:GetLifecycleConfiguration": "s3:GetBucketLifecycle",
    "s3:PutLifecycleConfiguration": "s3:PutBucketLifecycle",
    "s3:GetReplicationConfiguration": "s3:GetBucketReplication",
    "s3:PutReplicationConfiguration": "s3:PutBucketReplication",
    "s3:GetBucketCORS": "s3:GetBucketCors",
    "s3:PutBucketCORS": "s3:PutBucketCors",
    "iam:PassRole": "",
    "sts:SetSourceIdentity": "",
    "sts:TagSession": "",
}
# Operations that CloudTrail records by another name, as real records have it.
_OPERATIONS = {f"s3:{verb}PublicAccessBlock": f"s3:{verb}BucketPublicAccessBlock" for verb in ("Get", "Put", "Delete")}
_CALL = re.compile(r"(?P<service>[a-z0-9-]+):(?P<name>[A-Z][A-Za-z0-9]+)")
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_TECHNIQUE = re.compile(r"T\d{4}(\.\d{3})?")
_NAMESPACE = uuid.UUID("7d0c6f0e-52f7-4f0b-9a0e-3c1f3d6f5a11")
"""Of the ids of these rules: the same call has the same id anywhere."""


def rule_of_api_call(
    call: str, *, title: str | None = None, level: Level = "medium", techniques: tuple[str, ...] = ()
) -> CompiledRule:
    """Return a rule of one API call.

    Args:
        call: The service's prefix in IAM, and the call's name as CloudTrail records it, mostly that of the operation,
            as ``dynamodb:DeleteTable``. Whether a service has such a call is not known here; permissions and
            operations that are known to be recorded by another name are refused.
        title: What it means. Default: that it was called.
        level: How much it matters: medium, high or critical, since others tell nobody. Default: medium.
        techniques: Ids of ATT&CK techniques, as ``T1562.008``. Default: none.

    Raises:
        InvalidProps: The call is not written as ``service:Operation``, is a permission and no call, or is recorded by
            another name; a technique is malformed; or the level is one that tells nobody.
    """
    match = _CALL.fullmatch(call)
    if not match:
        raise InvalidProps(
            f"API call {call!r} is written as service and operation: 'dynamodb:DeleteTable', without wildcards"
        )
    if call in _PERMISSIONS:
        recorded = _PERMISSIONS[call]
        why = f"CloudTrail records {recorded!r}: give that" if recorded else "no call of that name is recorded"
        raise InvalidProps(f"{call!r} is a permission of IAM; {why}")
    if call in _OPERATIONS:
        raise InvalidProps(f"CloudTrail records {call!r} as {_OPERATIONS[call]!r}: give that")
    for technique in techniques:
        if not _TECHNIQUE.fullmatch(technique):
            raise InvalidProps(f"technique {technique!r} of {call!r} is not an ATT&CK id, as T1562.008")
    if level not in ALERTING:
        raise InvalidProps(f"level {level!r} of {call!r} tells nobody; it is one of {', '.join(ALERTING)}")
    source = f"{_EVENT_SOURCES.get(match['service'], match['service'])}.amazonaws.com"
    name = match["name"]
    # CloudTrail names most of Lambda's calls with the date of their API: UpdateFunctionCode20150331v2.
    dated = source == "lambda.amazonaws.com"
    spelled = [name, {"prefix": f"{name}20"}] if dated else [name]
    named = f"(eventname = '{name}' OR eventname LIKE '{name}20%')" if dated else f"eventname = '{name}'"
    return CompiledRule(
        name=f"{match['service'].replace('-', '_')}_{_WORDS.sub('_', name).lower()}",
        id=str(uuid.uuid5(_NAMESPACE, call)),
        title=title or f"{call} was called",
        level=level,
        description=f"Somebody called {call}.",
        techniques=techniques,
        tactics=(),
        calls=(Call(source, name), Call(source, f"{name}20*")) if dated else (Call(source, name),),
        patterns=(
            {
                # Anybody may put an event of any type on the bus, but not from a source that begins with aws.
                "source": [{"prefix": "aws."}],
                "detail-type": [{"suffix": " via CloudTrail"}],
                "detail": {"eventSource": [source], "eventName": spelled},
            },
        ),
        predicate=f"eventsource = '{source}' AND {named}",
    )
