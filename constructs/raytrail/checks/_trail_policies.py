"""Whether CloudTrail may write where a trail delivers, and whether it may do so for that trail alone."""

from __future__ import annotations

from collections.abc import Iterator

from raytrail.checks._deliveries import CLOUDTRAIL, TRAIL
from raytrail.checks._model import Check, Floors, Seen
from raytrail.checks._names import meant
from raytrail.checks._policies import Statement, lets, names_service, policies_of, statement_lets, statements
from raytrail.checks._templates import App, Resource
from raytrail.checks._trail_facts import KEY, buckets_of, is_true, key_folder
from raytrail.checks._trails import is_guarded
from raytrail.checks._values import ACCOUNT, UNKNOWN, Text, Unknown, Value, flat, listed, text_of

_ANY = "\0"
_SOME_ACCOUNT = "111122223333"
"""Stands for an account that is not known, which is no organization."""
_WRITES = ("s3:PutObject", "kms:GenerateDataKey", "sns:Publish")
_POLICIES = ("AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy")


def _cannot_deliver(app: App, floors: Floors) -> Iterator[Seen]:
    for bucket, trails in buckets_of(app).items():
        policies = policies_of(app, bucket)
        if policies is None:
            continue
        documents = [policy.get("PolicyDocument") for policy in policies]
        for trail in trails:
            if missing := _missing(documents, trail):
                yield Seen(trail, f"the policy of {bucket.label} does not let CloudTrail {missing}")
    for trail in app.of_type(TRAIL):
        key = meant(app, trail.get("KMSKeyId"), KEY)
        if key and not lets(key.get("KeyPolicy"), CLOUDTRAIL, "kms:GenerateDataKey"):
            yield Seen(
                trail,
                f"the policy of {key.label} does not let CloudTrail call kms:GenerateDataKey",
                "Properties.KMSKeyId",
            )


def _missing(documents: list[Value], trail: Resource) -> str:
    if not any(lets(document, CLOUDTRAIL, "s3:GetBucketAcl") for document in documents):
        return "call s3:GetBucketAcl on it"
    folder = key_folder(trail)
    written = [
        each
        for document in documents
        for each in ([document] if isinstance(document, Unknown) else statements(document))
        if statement_lets(each, CLOUDTRAIL, "s3:PutObject")
    ]
    if folder is None or any(isinstance(each, Unknown) for each in written):
        return ""
    keys = [key for each in written if not isinstance(each, Unknown) for key in _keys(each)]
    if not any(_reaches(key, folder) for key in keys):
        return f"put objects under {folder}"
    if is_true(trail.get("IsOrganizationTrail")) and not any(_reaches_organization(key, folder) for key in keys):
        return f"put objects of the organization under {folder}o-…"
    return ""


def _keys(statement: Statement) -> Iterator[str]:
    """The keys that a statement is about, with a NUL for what is not known."""
    for resource in listed(statement.get("Resource", UNKNOWN)):
        parts = resource.parts if isinstance(resource, Text) else (resource,)
        said = flat(text_of(_SOME_ACCOUNT if part is ACCOUNT else part for part in parts))
        if said is None or "/" not in said:
            # The bucket as a whole, or what cannot be told.
            yield said if said in ("*", _ANY) else ""
        else:
            yield said.partition("/")[2]


def _reaches(key: str, folder: str) -> bool:
    """Whether a pattern of keys may take keys in a folder."""
    fixed = _fixed(key)
    return fixed.startswith(folder) or (len(fixed) < len(key) and folder.startswith(fixed))


def _reaches_organization(key: str, folder: str) -> bool:
    """Whether a pattern of keys may take those of an organization's members, whose folder begins with its id."""
    after = key.removeprefix(folder) if key.startswith(folder) else "*"
    return _reaches(key, folder) and after.startswith(("o-", "*", "?", _ANY))


def _fixed(key: str) -> str:
    """The start of a pattern up to its first wildcard, or to what is not known."""
    return min((key.partition(stop)[0] for stop in ("*", "?", _ANY)), key=len)


def _open(app: App, floors: Floors) -> Iterator[Seen]:
    for policy in app.of_type(*_POLICIES, KEY):
        document = policy.get("KeyPolicy" if policy.type == KEY else "PolicyDocument")
        loose = [
            action
            for action in _WRITES
            for statement in ([] if isinstance(document, Unknown) else statements(document))
            if statement_lets(statement, CLOUDTRAIL, action)
            and names_service(statement, CLOUDTRAIL)
            and not isinstance(statement, Unknown)
            and not is_guarded(statement.get("Condition"))
        ]
        if loose:
            yield Seen(
                policy, f"{CLOUDTRAIL} may call {' and '.join(dict.fromkeys(loose))} for any trail of any account"
            )


TRAIL_CANNOT_DELIVER = Check(
    name="TrailCannotDeliver",
    level="error",
    title="CloudTrail may not write where the trail delivers",
    why="CloudTrail looks at the policies of the bucket and of the key when a trail is made, and refuses it "
    "(InsufficientS3BucketPolicyException, InsufficientEncryptionPolicyException). An organization's trail is made, "
    "and the files of its members do not arrive.",
    fix="add what delivery_statements of raytrail.audit returns, with the trail's own prefix and organization, and let "
    "CloudTrail use the key",
    trusts="Buckets and keys of other apps; policies that are a parameter; what a statement's conditions ask; denials.",
    source="https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html",
    look=_cannot_deliver,
)

TRAIL_POLICY_OPEN = Check(
    name="TrailPolicyOpen",
    level="warning",
    title="CloudTrail may write here for anybody's trail",
    why="CloudTrail writes for whoever makes a trail. Without a condition, a trail of another account that names this "
    "bucket, key or topic is let in: its records mix with yours, at your expense.",
    fix="add a condition on aws:SourceArn with the ARN of the trail, as delivery_statements of raytrail.audit does",
    trusts="Conditions that are a parameter; any condition on the trail, its account or its organization.",
    source="https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html",
    look=_open,
)
