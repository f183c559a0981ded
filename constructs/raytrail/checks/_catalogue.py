"""All checks, and what they find in an app."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from raytrail.checks._alarms import ALARM_REACHES_NOBODY, TOPIC_REACHES_NOBODY
from raytrail.checks._event_rules import RULE_IN_WRONG_REGION, RULE_LOSES_EVENTS, RULE_NEVER_MATCHES
from raytrail.checks._functions import TRACING_LAYER_IDLE, TRACING_LAYER_MISFIT
from raytrail.checks._limits import ATHENA_WITHOUT_LIMIT, DASHBOARD_TOO_LARGE
from raytrail.checks._logs import LOG_CLASS_BREAKS_FILTER, RETENTION_OUT_OF_BOUNDS
from raytrail.checks._model import Check, Finding, Floors, Seen
from raytrail.checks._refusals import DELIVERY_REFUSED, KEY_REFUSES_DELIVERY
from raytrail.checks._templates import App, Template
from raytrail.checks._trail_policies import TRAIL_CANNOT_DELIVER, TRAIL_POLICY_OPEN
from raytrail.checks._trails import TRAIL_BUCKET_UNPROTECTED, TRAIL_GUARD_OFF, TRAIL_SEES_PART
from raytrail.checks._xray import SAMPLING_RULE_NEVER_DECIDES, TRACE_FILTER_INVALID

CHECKS: tuple[Check, ...] = (
    ALARM_REACHES_NOBODY,
    TOPIC_REACHES_NOBODY,
    DELIVERY_REFUSED,
    KEY_REFUSES_DELIVERY,
    LOG_CLASS_BREAKS_FILTER,
    RETENTION_OUT_OF_BOUNDS,
    TRAIL_GUARD_OFF,
    TRAIL_SEES_PART,
    TRAIL_BUCKET_UNPROTECTED,
    TRAIL_CANNOT_DELIVER,
    TRAIL_POLICY_OPEN,
    RULE_NEVER_MATCHES,
    RULE_IN_WRONG_REGION,
    RULE_LOSES_EVENTS,
    TRACE_FILTER_INVALID,
    SAMPLING_RULE_NEVER_DECIDES,
    TRACING_LAYER_MISFIT,
    TRACING_LAYER_IDLE,
    ATHENA_WITHOUT_LIMIT,
    DASHBOARD_TOO_LARGE,
)
"""Every check of templates, in the order of the documentation."""


def check_template(
    template: Mapping[str, Any],
    *,
    name: str = "template",
    region: str | None = None,
    account: str | None = None,
    floors: Floors | None = None,
) -> tuple[Finding, ...]:
    """Return what the checks find in one template, taken for the whole app.

    Args:
        template: A CloudFormation template, parsed.
        name: Of the stack. Default: ``template``.
        region: The stack's Region, as ``eu-west-1``. Default: not known, and nothing is said about Regions.
        account: The stack's account id, of twelve digits. Default: not known.
        floors: The least that is enough. Default: that of `Floors`.
    """
    return check_app(App([Template(template, name=name, region=region, account=account)]), floors or Floors())


def check_app(app: App, floors: Floors, checks: Iterable[Check] = CHECKS) -> tuple[Finding, ...]:
    """What checks find in an app: errors first, otherwise in the order of the checks and of the templates."""
    found = [_finding(check, seen) for check in checks for seen in check.look(app, floors)]
    return tuple(sorted(found, key=lambda finding: finding.level != "error"))


def _finding(check: Check, seen: Seen) -> Finding:
    resource = seen.resource
    return Finding(
        id=check.id,
        level=check.level,
        title=check.title,
        seen=seen.what,
        why=check.why,
        fix=check.fix,
        page=check.page,
        stack=resource.template.name,
        logical_id=resource.id,
        type=resource.type,
        construct=resource.path,
        template=str(resource.template.file or ""),
        where=seen.where,
    )
