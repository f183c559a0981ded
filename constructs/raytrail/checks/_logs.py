"""Log groups: classes that break what reads them, and how long they keep."""

from __future__ import annotations

from collections.abc import Iterator

from raytrail.checks._deliveries import FUNCTION, TRAIL
from raytrail.checks._model import Check, Floors, Seen
from raytrail.checks._names import meant
from raytrail.checks._templates import App, Resource
from raytrail.checks._trail_facts import buckets_of, key_folder
from raytrail.checks._values import Unknown, Value, dig, flat, listed

LOG_GROUP = "AWS::Logs::LogGroup"
_BARE = ("INFREQUENT_ACCESS", "DELIVERY")
"""Log classes without filters."""
_FILTERS = {"AWS::Logs::MetricFilter": "a metric filter", "AWS::Logs::SubscriptionFilter": "a subscription filter"}
_DETECTOR, _FLOW_LOG = "AWS::Logs::LogAnomalyDetector", "AWS::EC2::FlowLog"


def _class_breaks(app: App, floors: Floors) -> Iterator[Seen]:
    bare = {each: each.get("LogGroupClass") for each in app.of_type(LOG_GROUP) if each.get("LogGroupClass") in _BARE}
    if not bare:
        return
    for group, kind in bare.items():
        if group.get("FieldIndexPolicies"):
            yield Seen(group, f"field indexes in class {kind}", "Properties.FieldIndexPolicies")
    for user, named, what, where in _users(app):
        found = meant(app, named, LOG_GROUP)
        if found is not None and found in bare:
            yield Seen(user, f"{what} {found.label}, of class {bare[found]}", where)


def _users(app: App) -> Iterator[tuple[Resource, Value, str, str]]:
    """Who needs a log group to be of class STANDARD: what it names, what for, and where it says so."""
    for type, what in _FILTERS.items():
        for each in app.of_type(type):
            yield each, each.get("LogGroupName"), f"{what} on", "Properties.LogGroupName"
    for detector in app.of_type(_DETECTOR):
        for named in listed(detector.get("LogGroupArnList")):
            yield detector, named, "anomalies of", "Properties.LogGroupArnList"
    for function in app.of_type(FUNCTION):
        if embedded := _embedded_metrics(function):
            named = function.get("LoggingConfig", "LogGroup")
            if named is None and isinstance(function.get("FunctionName"), str):
                named = f"/aws/lambda/{function.get('FunctionName')}"
            yield function, named, f"{embedded} writes metrics into", "Properties.LoggingConfig.LogGroup"


def _embedded_metrics(function: Resource) -> str:
    """The variable by which a function writes metrics in the embedded metric format; empty: none that is known."""
    variables = function.get("Environment", "Variables")
    if "awsemf" in str(dig(variables, "OTEL_METRICS_EXPORTER")):
        return "OTEL_METRICS_EXPORTER"
    return "POWERTOOLS_METRICS_NAMESPACE" if dig(variables, "POWERTOOLS_METRICS_NAMESPACE") else ""


def _retention(app: App, floors: Floors) -> Iterator[Seen]:
    audit = _audit_groups(app)
    for group in app.of_type(LOG_GROUP):
        days = group.get("RetentionInDays")
        if days is None and group.get("LogGroupClass") in (None, "STANDARD", "INFREQUENT_ACCESS"):
            yield Seen(group, "no RetentionInDays: events are kept, and paid for, forever", "Properties")
        elif group in audit and _whole(days) is not None and (_whole(days) or 0) < floors.audit_log_days:
            yield Seen(
                group,
                f"RetentionInDays is {days}, and {audit[group]} come there; at least {floors.audit_log_days} are asked "
                "for",
                "Properties.RetentionInDays",
            )
    for bucket, trails in buckets_of(app).items():
        for rule in listed(bucket.get("LifecycleConfiguration", "Rules")):
            days = _whole(dig(rule, "ExpirationInDays"))
            folders = [key_folder(trail) for trail in trails]
            if days is not None and days < floors.trail_days and any(_covers(rule, folder) for folder in folders):
                yield Seen(
                    bucket,
                    f"files of {trails[0].label} expire after {days} days; at least {floors.trail_days} are asked for",
                    "Properties.LifecycleConfiguration",
                )
                break


def _audit_groups(app: App) -> dict[Resource, str]:
    """The log groups that events of a trail or flow logs come to, and what comes."""
    found: dict[Resource, str] = {}
    for trail in app.of_type(TRAIL):
        if group := meant(app, trail.get("CloudWatchLogsLogGroupArn"), LOG_GROUP):
            found[group] = "a trail's events"
    for flow in app.of_type(_FLOW_LOG):
        if group := meant(app, flow.get("LogGroupName") or flow.get("LogDestination"), LOG_GROUP):
            found[group] = "flow logs"
    return found


def _covers(rule: Value, folder: str | None) -> bool:
    """Whether a lifecycle rule certainly takes a trail's files."""
    if folder is None or dig(rule, "Status") != "Enabled" or _narrowed(rule):
        return False
    prefixes = [dig(rule, "Prefix"), dig(rule, "Filter", "Prefix"), dig(rule, "Filter", "And", "Prefix")]
    prefix = next((each for each in prefixes if each is not None), "")
    return isinstance(prefix, str) and folder.startswith(prefix)


def _narrowed(rule: Value) -> bool:
    """Whether a rule asks for more than a prefix: tags or sizes."""
    inner = dig(rule, "Filter")
    parts = [rule, inner, dig(inner, "And")]
    if any(isinstance(part, Unknown) for part in parts):
        return True
    asked = [key for part in parts if isinstance(part, dict) for key in part]
    return any(key.startswith(("Tag", "ObjectSize")) for key in asked)


def _whole(value: Value) -> int | None:
    said = flat(value) if isinstance(value, str) else value
    if isinstance(said, str):
        return int(said) if said.isdecimal() else None
    return said if isinstance(said, int) and not isinstance(said, bool) else None


LOG_CLASS_BREAKS_FILTER = Check(
    name="LogClassBreaksFilter",
    level="error",
    title="the class of the log group has no filters",
    why="Log groups of the class INFREQUENT_ACCESS have no metric filters, no subscription filters, no embedded "
    "metrics, no field indexes and no anomaly detection, and those of DELIVERY only hand logs on. The class of a log "
    "group cannot be changed.",
    fix="make the log group anew in class STANDARD, or ask it with Logs Insights",
    trusts="Log groups of other apps, and a class that is a parameter. That a function writes embedded metrics is "
    "taken from `OTEL_METRICS_EXPORTER` and `POWERTOOLS_METRICS_NAMESPACE` alone. Live Tail is nothing that a template "
    "has.",
    source="https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch_Logs_Log_Classes.html",
    look=_class_breaks,
)

RETENTION_OUT_OF_BOUNDS = Check(
    name="RetentionOutOfBounds",
    level="warning",
    title="kept forever, or not long enough",
    why="A log group without retention keeps everything, and is paid for each month. Records of who did what that are "
    "gone after weeks are missing when an intrusion is noticed months later.",
    fix="set RetentionInDays, or the expiration of the bucket; what is enough is for Floors to say",
    trusts="Retention that is a parameter; lifecycle rules that ask for tags or sizes, or for a prefix that is not "
    "known; log groups that Lambda makes by itself, which no template has.",
    source="https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/Working-with-log-groups-and-streams.html",
    nag=("CloudWatchLogGroupRetentionPeriod",),
    look=_retention,
)
