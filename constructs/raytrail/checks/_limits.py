"""Bills without a limit, and limits that a deployment meets too late."""

from __future__ import annotations

import json
from collections.abc import Iterator

from raytrail.checks._model import Check, Floors, Seen
from raytrail.checks._templates import App
from raytrail.checks._trail_facts import is_false
from raytrail.checks._values import Unknown, dig, flat

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
MAX_WIDGETS = 500


def _no_limit(app: App, floors: Floors) -> Iterator[Seen]:
    for group in app.of_type("AWS::Athena::WorkGroup"):
        said = group.get("WorkGroupConfiguration")
        if isinstance(said, Unknown) or group.get("State") == "DISABLED" or _is_spark(said):
            continue
        if dig(said, "BytesScannedCutoffPerQuery") is None:
            yield Seen(group, "BytesScannedCutoffPerQuery is not set", "Properties.WorkGroupConfiguration")
        elif is_false(dig(said, "EnforceWorkGroupConfiguration")):
            yield Seen(
                group,
                "EnforceWorkGroupConfiguration is false: who asks may set the rest aside",
                "Properties.WorkGroupConfiguration",
            )


def _is_spark(configuration: object) -> bool:
    """Whether a workgroup runs Spark, which scans nothing that is counted."""
    engine = flat(dig(configuration, "EngineVersion", "SelectedEngineVersion")) or ""
    return "spark" in engine.lower()


def _too_large(app: App, floors: Floors) -> Iterator[Seen]:
    for dashboard in app.of_type("AWS::CloudWatch::Dashboard"):
        try:
            body = json.loads(flat(dashboard.get("DashboardBody"), hole="0") or "null")
        except ValueError:
            # What stands for a token may break the JSON: then it is not known.
            continue
        widgets = dig(body, "widgets")
        if isinstance(widgets, list) and len(widgets) > MAX_WIDGETS:
            yield Seen(dashboard, f"{len(widgets)} widgets; {MAX_WIDGETS} are allowed", "Properties.DashboardBody")


ATHENA_WITHOUT_LIMIT = Check(
    name="AthenaWithoutLimit",
    level="warning",
    title="a query may scan without end",
    why="Athena bills what a query scans. One question to a trail of years without a day in it costs what the whole "
    "bucket is worth, once for each try.",
    fix="set BytesScannedCutoffPerQuery and EnforceWorkGroupConfiguration, as AuditLake of raytrail.audit does",
    trusts="A configuration that is a parameter; workgroups that are disabled or run Spark.",
    source="https://docs.aws.amazon.com/athena/latest/ug/workgroups-setting-control-limits-cloudwatch.html",
    look=_no_limit,
)

DASHBOARD_TOO_LARGE = Check(
    name="DashboardTooLarge",
    level="error",
    title="the dashboard has too many widgets",
    why="CloudWatch refuses a dashboard of more than 500 widgets, at the end of a deployment.",
    fix="make several dashboards of it",
    trusts="A body with a part that is not known and that makes it unreadable.",
    source="https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html",
    look=_too_large,
)
