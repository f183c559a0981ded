"""Trails: the guards that they are to have, and whether their files arrive."""

from __future__ import annotations

from collections.abc import Iterator

from raytrail.checks._deliveries import TRAIL, names_of
from raytrail.checks._logs import LOG_GROUP
from raytrail.checks._model import Check, Floors, Seen
from raytrail.checks._names import could_mean_any, meant
from raytrail.checks._templates import App, Resource
from raytrail.checks._trail_facts import BUCKET, buckets_of, is_false, is_true, recorded_management
from raytrail.checks._values import Unknown, Value, dig, listed

_METRIC_FILTER = "AWS::Logs::MetricFilter"
_EMPTIER = "Custom::S3AutoDeleteObjects"
_OF_TRAILS = ("$.eventName", "$.eventSource", "$.userIdentity")
"""In the pattern of a metric filter over CloudTrail's records, and hardly in another."""
_KEPT = ("Retain", "RetainExceptOnCreate")


def _guards(app: App, floors: Floors) -> Iterator[Seen]:
    for trail in app.of_type(TRAIL):
        off = []
        if is_false(trail.get("IsLogging")):
            off.append("IsLogging is false: it records nothing")
        validated = trail.get("EnableLogFileValidation")
        if validated is None or is_false(validated):
            off.append("EnableLogFileValidation is off: nobody can tell whether a file was changed")
        if floors.own_key and trail.get("KMSKeyId") is None and _bucket_has_no_key(app, trail):
            off.append("KMSKeyId is not set, and the bucket has no key either")
        if off:
            yield Seen(trail, "; ".join(off))


def _bucket_has_no_key(app: App, trail: Resource) -> bool:
    """Whether the bucket is of the app and certainly encrypts with no key of KMS."""
    bucket = meant(app, trail.get("S3BucketName"), BUCKET)
    if bucket is None:
        return False
    rules = bucket.get("BucketEncryption", "ServerSideEncryptionConfiguration")
    kinds = [dig(each, "ServerSideEncryptionByDefault", "SSEAlgorithm") for each in listed(rules)]
    return all(kind in (None, "AES256") for kind in kinds)


def _sees_part(app: App, floors: Floors) -> Iterator[Seen]:
    trails = app.of_type(TRAIL)
    complete = [trail for trail in trails if recorded_management(trail) == {"read", "write"}]
    for trail in trails:
        missing = []
        many = trail.get("IsMultiRegionTrail")
        if many is None or is_false(many):
            missing.append("IsMultiRegionTrail is off: calls in other Regions are not in it")
        if is_false(trail.get("IncludeGlobalServiceEvents")):
            missing.append("IncludeGlobalServiceEvents is false: calls of IAM and STS are not in it")
        management = recorded_management(trail)
        if management is not None and management != {"read", "write"} and not complete:
            missing.append(_lacking(management))
        if waiting := _waiting_filters(app, trail):
            missing.append(f"it delivers to no log group, and {names_of(waiting)} waits for its events")
        if missing:
            yield Seen(trail, "; ".join(missing))


def _lacking(management: set[str]) -> str:
    if not management:
        return "its selectors leave out management events"
    return f"its selectors leave out management events that {'write' if management == {'read'} else 'read'}"


def _waiting_filters(app: App, trail: Resource) -> list[Resource]:
    """Metric filters of the trail's Region over CloudTrail's records, while no trail of the app delivers to a group."""
    if any(other.get("CloudWatchLogsLogGroupArn") is not None for other in app.of_type(TRAIL)):
        return []
    return [
        each
        for each in app.of_type(_METRIC_FILTER)
        if each.template.region == trail.template.region
        and any(field in str(each.get("FilterPattern")) for field in _OF_TRAILS)
        and meant(app, each.get("LogGroupName"), LOG_GROUP)
    ]


def _unprotected(app: App, floors: Floors) -> Iterator[Seen]:
    emptied = [each.get("BucketName") for each in app.of_type(_EMPTIER)]
    for bucket, trails in buckets_of(app).items():
        problems = []
        policy = bucket.body.get("DeletionPolicy", "Delete")
        # Under the transform of language extensions it may be a parameter.
        if isinstance(policy, str) and policy not in _KEPT:
            problems.append("DeletionPolicy is not Retain: it goes with its stack")
        if any(meant(app, named, BUCKET) is bucket for named in emptied if not could_mean_any(named)):
            problems.append("its objects are deleted with its stack")
        if floors.versioned and not _keeps_versions(bucket):
            problems.append("neither versions nor object lock: what is overwritten or deleted is gone")
        if problems:
            yield Seen(bucket, f"{trails[0].label} delivers to it; {'; '.join(problems)}")


def _keeps_versions(bucket: Resource) -> bool:
    status, lock = bucket.get("VersioningConfiguration", "Status"), bucket.get("ObjectLockEnabled")
    return isinstance(status, Unknown) or status == "Enabled" or isinstance(lock, Unknown) or is_true(lock)


def is_guarded(condition: Value) -> bool:
    """Whether a condition says for whom a service acts, or may say so."""
    if condition is None:
        return False
    if not isinstance(condition, dict):
        return True
    keys = {key.lower() for operands in condition.values() for key in (operands if isinstance(operands, dict) else ())}
    return bool(keys & _GUARDS) or any(isinstance(operands, Unknown) for operands in condition.values())


_GUARDS = {
    "aws:sourcearn",
    "aws:sourceaccount",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "kms:encryptioncontext:aws:cloudtrail:arn",
}

TRAIL_GUARD_OFF = Check(
    name="TrailGuardOff",
    level="error",
    title="a guard of the trail is off",
    why="A trail is evidence only if it records, if a changed file can be told (log file validation), and if who may "
    "read the bucket may not yet read the files (a key of your own).",
    fix="set IsLogging and EnableLogFileValidation to true and KMSKeyId to a key that lets CloudTrail in, as "
    "AuditTrail of raytrail.audit does; Floors(own_key=False) asks for no key",
    trusts="What is a parameter; the encryption of a bucket of another app.",
    source="https://docs.aws.amazon.com/awscloudtrail/latest/userguide/best-practices-security.html",
    nag=("CloudTrailLogFileValidationEnabled", "CloudTrailEncryptionEnabled"),
    look=_guards,
)

TRAIL_SEES_PART = Check(
    name="TrailSeesPart",
    level="warning",
    title="the trail misses part of what is done",
    why="Who gets in goes where nobody looks: to a Region without a trail, or to calls that the selectors leave out. "
    "Rules and metric filters over such a trail stay silent.",
    fix="make it a multi-Region trail with global service events and all management events, and let it deliver to a "
    "log group where metric filters wait",
    trusts="Selectors that are a parameter. Leaving out single services, as KMS, is no finding; neither is a trail of "
    "data events beside one of the app that has all management events. Trails of other apps cannot be seen: hence a "
    "warning.",
    source="https://docs.aws.amazon.com/awscloudtrail/latest/userguide/best-practices-security.html",
    nag=("CloudTrailCloudWatchLogsEnabled",),
    look=_sees_part,
)

TRAIL_BUCKET_UNPROTECTED = Check(
    name="TrailBucketUnprotected",
    level="error",
    title="the trail's files go with a stack, a mistake or an intruder",
    why="The records of what was done are to outlive the stack that made the trail, and whoever has got hold of the "
    "account. A bucket without versions keeps nothing of a file that is overwritten or deleted.",
    fix="set DeletionPolicy and UpdateReplacePolicy to Retain, turn auto_delete_objects off, and turn versions or "
    "object lock on, as AuditBucket of raytrail.audit does; Floors(versioned=False) asks for no versions",
    trusts="Buckets of other apps; what is a parameter.",
    source="https://docs.aws.amazon.com/awscloudtrail/latest/userguide/best-practices-security.html",
    nag=("S3BucketVersioningEnabled", "S3BucketDefaultLockEnabled"),
    look=_unprotected,
)
