"""What is known of the trails of an app: their buckets, where their files are, and what they record."""

from __future__ import annotations

from collections.abc import Iterable

from raytrail.checks._deliveries import TRAIL
from raytrail.checks._names import meant
from raytrail.checks._templates import App, Resource
from raytrail.checks._values import Unknown, Value, dig, listed

BUCKET, KEY = "AWS::S3::Bucket", "AWS::KMS::Key"


def buckets_of(app: App) -> dict[Resource, list[Resource]]:
    """The buckets of the app that trails of the app deliver to, with those trails."""
    found: dict[Resource, list[Resource]] = {}
    for trail in app.of_type(TRAIL):
        if bucket := meant(app, trail.get("S3BucketName"), BUCKET):
            found.setdefault(bucket, []).append(trail)
    return found


def key_folder(trail: Resource) -> str | None:
    """How the keys of a trail's files begin, as ``prefix/AWSLogs/``; None: not known."""
    prefix = trail.get("S3KeyPrefix")
    if prefix is None or prefix == "":
        return "AWSLogs/"
    return f"{prefix.rstrip('/')}/AWSLogs/" if isinstance(prefix, str) else None


def is_true(value: Value) -> bool:
    """Whether a property is certainly true."""
    return value in (True, "true")


def is_false(value: Value) -> bool:
    """Whether a property is certainly false."""
    return value in (False, "false")


def recorded_management(trail: Resource) -> set[str] | None:
    """Which management events a trail records, of ``read`` and ``write``; None: not known."""
    advanced, basic = trail.get("AdvancedEventSelectors"), trail.get("EventSelectors")
    if isinstance(advanced, Unknown) or isinstance(basic, Unknown):
        return None
    if listed(advanced):
        return _union(_by_advanced(each) for each in listed(advanced))
    if listed(basic):
        return _union(_by_basic(each) for each in listed(basic))
    return {"read", "write"}


def _union(found: Iterable[set[str] | None]) -> set[str] | None:
    together: set[str] = set()
    for each in found:
        if each is None:
            return None
        together |= each
    return together


def _by_advanced(selector: Value) -> set[str] | None:
    both = {"read", "write"}
    fields = dig(selector, "FieldSelectors")
    if not isinstance(fields, list):
        return None
    if any(not isinstance(dig(field, "Field"), str) for field in fields):
        return None
    asked = {field["Field"]: field.get("Equals") for field in fields}
    category = asked.get("eventCategory")
    if not isinstance(category, list) or not all(isinstance(each, str) for each in category):
        return None
    if "Management" not in category:
        return set()
    if "readOnly" not in asked:
        return both
    return {{"true": "read", "false": "write"}.get(str(each).lower(), "read") for each in listed(asked["readOnly"])}


def _by_basic(selector: Value) -> set[str] | None:
    included, kind = dig(selector, "IncludeManagementEvents"), dig(selector, "ReadWriteType")
    if isinstance(included, Unknown) or isinstance(kind, Unknown):
        return None
    if is_false(included):
        return set()
    return {"ReadOnly": {"read"}, "WriteOnly": {"write"}}.get(str(kind), {"read", "write"})
