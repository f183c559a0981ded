"""How each row of evidence is found: through boto3 alone."""

from __future__ import annotations

from raytrail.demo._scene import Collector
from raytrail.demo.rows.alerts import alarm, alert, grouped_alerts, sigma_rules
from raytrail.demo.rows.lake import query, trail
from raytrail.demo.rows.logs import alert_log, logs
from raytrail.demo.rows.metrics import dashboard, trail_metric
from raytrail.demo.rows.partners import honeycomb, rollbar
from raytrail.demo.rows.traces import failed_order, trace, trace_groups

HARMLESS: dict[str, Collector] = {
    "trace": trace,
    "failed order": failed_order,
    "logs": logs,
    "trace groups": trace_groups,
    "dashboard": dashboard,
    "trail": trail,
    "query: Calls of the application's functions": query(
        "Calls of the application's functions", mentions=lambda scene: scene.target.output("FunctionName")
    ),
    "alarm": alarm,
}
"""What may be looked for in any account: it needs nothing but traffic."""

INTRUSIVE: dict[str, Collector] = {
    "query: New principals, keys and administrators": query(
        "New principals, keys and administrators", mentions=lambda _: "raytrail-demo-backdoor"
    ),
    "query: Tampering with trails and detection": query(
        "Tampering with trails and detection", mentions=lambda _: "StopLogging"
    ),
    "metric filter": trail_metric,
    "alert: AccessKeyCreated": alert("access_key_created", call="CreateAccessKey"),
    "alert: AdminPolicyAttached": alert("admin_policy_attached", call="AttachUserPolicy"),
    "alert: SecurityGroupOpened": alert("security_group_opened", call="AuthorizeSecurityGroupIngress"),
    "alert: TrailTampering": alert("trail_tampering", call="StopLogging"),
    "grouped alerts": grouped_alerts,
    "alert log": alert_log,
}
"""What needs the intruder, and so an account that nobody needs."""

PARTNERS: dict[str, Collector] = {"honeycomb": honeycomb, "rollbar": rollbar}
"""What needs keys of partners outside AWS."""

SIGMA: dict[str, Collector] = {"your Sigma rules": sigma_rules}
"""What needs rules of the user's own, from the folders of ``detection.sigma_dirs``."""
