"""Dashboards that add to one that the app has."""

from __future__ import annotations

import json

import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from tests.synth import only

from raytrail.dashboards import OperationsDashboard, SecurityDashboard, ServiceMetrics
from raytrail.errors import InvalidProps

METRICS = ServiceMetrics(api_name="checkout", function_name="handler", table_name="carts")


def test_both_add_to_a_dashboard_of_the_app_and_make_none(stack, template):
    theirs = cloudwatch.Dashboard(stack, "Theirs", dashboard_name="team")
    theirs.add_widgets(cloudwatch.TextWidget(markdown="who is on call"))
    group = logs.LogGroup.from_log_group_name(stack, "Group", "/teams/pager")
    operations = OperationsDashboard(stack, "Operations", dashboard=theirs, metrics=METRICS, log_group=group)
    security = SecurityDashboard(stack, "Security", dashboard=theirs, pager_log=group)
    assert operations.dashboard is theirs
    assert security.dashboard is theirs
    made = only(template(), "AWS::CloudWatch::Dashboard")
    body = json.dumps(made["DashboardBody"])
    for shown in ("who is on call", "Faults, percent", "Alerts by detection"):
        assert shown in body


@pytest.mark.parametrize("both", [True, False])
def test_a_name_is_for_a_dashboard_of_its_own(stack, both):
    theirs = cloudwatch.Dashboard(stack, "Theirs")
    given = {"name": "security", "dashboard": theirs} if both else {}
    with pytest.raises(InvalidProps, match=f"takes name, .* got {'both' if both else 'neither'}"):
        SecurityDashboard(stack, "Security", **given)
