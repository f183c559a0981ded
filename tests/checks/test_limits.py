from __future__ import annotations

import json

from tests.checks.twins import a, arn, found, ref

from raytrail.checks._limits import MAX_WIDGETS


def group(**configuration):
    return {"Group": a("Athena::WorkGroup", Name="analysts", WorkGroupConfiguration=configuration)}


def unlimited(resources, **how):
    return found("AthenaWithoutLimit", resources, **how)


def test_a_workgroup_limits_what_a_query_scans():
    assert unlimited({"Group": a("Athena::WorkGroup", Name="analysts")}) == ["Group"]
    assert unlimited(group(PublishCloudWatchMetricsEnabled=True)) == ["Group"]
    assert unlimited(group(BytesScannedCutoffPerQuery=10_000_000)) == []
    assert unlimited(group(BytesScannedCutoffPerQuery=ref("Limit"))) == []


def test_the_limit_is_enforced():
    assert unlimited(group(BytesScannedCutoffPerQuery=10_000_000, EnforceWorkGroupConfiguration=False)) == ["Group"]
    assert unlimited(group(BytesScannedCutoffPerQuery=10_000_000, EnforceWorkGroupConfiguration=True)) == []


def test_workgroups_that_scan_nothing_need_none():
    assert unlimited(group(EngineVersion={"SelectedEngineVersion": "PySpark engine version 3"})) == []
    assert unlimited({"Group": a("Athena::WorkGroup", State="DISABLED")}) == []
    assert unlimited({"Group": a("Athena::WorkGroup", WorkGroupConfiguration=ref("All"))}) == []


def board(widgets):
    return {"Board": a("CloudWatch::Dashboard", DashboardBody=json.dumps({"widgets": [{"type": "text"}] * widgets}))}


def large(resources, **how):
    return found("DashboardTooLarge", resources, **how)


def test_a_dashboard_has_five_hundred_widgets_at_most():
    assert large(board(MAX_WIDGETS)) == []
    assert large(board(MAX_WIDGETS + 1)) == ["Board"]


def test_the_body_of_a_dashboard_may_name_resources():
    [many] = board(MAX_WIDGETS + 1).values()
    head, tail = many["Properties"]["DashboardBody"].split('"text"', 1)
    joined = {"Fn::Join": ["", [head, '"', arn("Alarm"), '"', tail]]}
    resources = {"Board": a("CloudWatch::Dashboard", DashboardBody=joined), "Alarm": a("CloudWatch::Alarm")}
    assert large(resources) == ["Board"]


def test_a_body_that_cannot_be_read_is_not_known():
    assert large({"Board": a("CloudWatch::Dashboard", DashboardBody=ref("Body"))}) == []
    assert large({"Board": a("CloudWatch::Dashboard", DashboardBody="{")}) == []
