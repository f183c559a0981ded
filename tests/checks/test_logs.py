from __future__ import annotations

import pytest
from tests.checks.twins import a, arn, found, ref, seen

from raytrail.checks import Floors

GROUP, FILTER = "Logs::LogGroup", "Logs::MetricFilter"


def bare(type="INFREQUENT_ACCESS", **more):
    return a(GROUP, LogGroupClass=type, RetentionInDays=30, **more)


def broken(resources, **how):
    return found("LogClassBreaksFilter", resources, **how)


def kept(resources, **how):
    return found("RetentionOutOfBounds", resources, **how)


@pytest.mark.parametrize("type", ["Logs::MetricFilter", "Logs::SubscriptionFilter"])
@pytest.mark.parametrize("kind", ["INFREQUENT_ACCESS", "DELIVERY"])
def test_filters_need_a_log_group_of_class_standard(type, kind):
    assert broken({"Group": bare(kind), "Filter": a(type, LogGroupName=ref("Group"))}) == ["Filter"]
    assert broken({"Group": bare("STANDARD"), "Filter": a(type, LogGroupName=ref("Group"))}) == []
    assert broken({"Group": a(GROUP), "Filter": a(type, LogGroupName=ref("Group"))}) == []


def test_a_class_that_is_not_known_breaks_nothing():
    resources = {"Group": bare(ref("Class")), "Filter": a(FILTER, LogGroupName=ref("Group"))}
    assert broken(resources) == []
    assert broken({"Group": bare(), "Filter": a(FILTER, LogGroupName=ref("GroupParameter"))}) == []


@pytest.mark.parametrize("days", ["²", "many", ref("Days")])
def test_days_that_are_no_number_are_not_held_against_anybody(days):
    flow = a("EC2::FlowLog", LogGroupName=ref("Group"))
    assert kept({"Group": a(GROUP, RetentionInDays=days), "Flow": flow}) == []


def test_a_filter_may_name_the_log_group():
    assert broken({"Group": bare(LogGroupName="orders"), "Filter": a(FILTER, LogGroupName="orders")}) == ["Filter"]
    assert broken({"Group": bare(LogGroupName="orders"), "Filter": a(FILTER, LogGroupName="other")}) == []


def test_indexes_and_anomalies_need_it_too():
    assert broken({"Group": bare(FieldIndexPolicies=[{"Fields": ["requestId"]}])}) == ["Group"]
    detector = a("Logs::LogAnomalyDetector", LogGroupArnList=[arn("Group")])
    assert broken({"Group": bare(), "Detector": detector}) == ["Detector"]
    assert broken({"Group": bare("STANDARD"), "Detector": detector}) == []


@pytest.mark.parametrize(
    "variables", [{"OTEL_METRICS_EXPORTER": "otlp,awsemf"}, {"POWERTOOLS_METRICS_NAMESPACE": "Shop"}]
)
def test_a_function_that_embeds_metrics_in_its_log_needs_it_too(variables):
    function = a("Lambda::Function", LoggingConfig={"LogGroup": ref("Group")}, Environment={"Variables": variables})
    assert broken({"Group": bare(), "Function": function}) == ["Function"]
    assert broken({"Group": bare("STANDARD"), "Function": function}) == []
    quiet = a("Lambda::Function", LoggingConfig={"LogGroup": ref("Group")})
    assert broken({"Group": bare(), "Function": quiet}) == []


def test_the_log_group_of_a_function_is_known_by_its_name():
    function = a(
        "Lambda::Function", FunctionName="shop", Environment={"Variables": {"POWERTOOLS_METRICS_NAMESPACE": "Shop"}}
    )
    assert broken({"Group": bare(LogGroupName="/aws/lambda/shop"), "Function": function}) == ["Function"]


def test_a_log_group_without_retention_is_paid_for_forever():
    assert kept({"Group": a(GROUP)}) == ["Group"]
    assert kept({"Group": a(GROUP, RetentionInDays=1)}) == []
    assert kept({"Group": a(GROUP, RetentionInDays=ref("Days"))}) == []
    # That class keeps for two days, whatever is said.
    assert kept({"Group": a(GROUP, LogGroupClass="DELIVERY")}) == []


TRAIL = a("CloudTrail::Trail", CloudWatchLogsLogGroupArn=arn("Group"), S3BucketName=ref("Bucket"))


def test_a_log_group_of_a_trail_keeps_as_long_as_the_floor():
    assert kept({"Group": a(GROUP, RetentionInDays=30), "Trail": TRAIL}) == ["Group"]
    assert kept({"Group": a(GROUP, RetentionInDays=90), "Trail": TRAIL}) == []
    assert kept({"Group": a(GROUP, RetentionInDays=30), "Trail": TRAIL}, floors=Floors(audit_log_days=30)) == []


def test_flow_logs_are_records_of_the_same_kind():
    flow = a("EC2::FlowLog", LogGroupName=ref("Group"))
    assert kept({"Group": a(GROUP, RetentionInDays=7), "Flow": flow}) == ["Group"]
    assert "flow logs come there" in seen("RetentionOutOfBounds", {"Group": a(GROUP, RetentionInDays=7), "Flow": flow})


def expiring(days, **rule):
    rules = [{"Status": "Enabled", "ExpirationInDays": days, **rule}]
    group = a(GROUP, RetentionInDays=365)
    return {"Bucket": a("S3::Bucket", LifecycleConfiguration={"Rules": rules}), "Trail": TRAIL, "Group": group}


def test_files_of_a_trail_stay_as_long_as_the_floor():
    assert kept(expiring(90)) == ["Bucket"]
    assert kept(expiring(365)) == []
    assert kept(expiring(90), floors=Floors(trail_days=90)) == []


@pytest.mark.parametrize(
    "rule",
    [
        {"Status": "Disabled"},
        {"Prefix": "AWSLogs/111122223333/CloudTrail-Insight/"},
        {"Prefix": ref("Folder")},
        {"Filter": {"Prefix": "other/"}},
        {"TagFilters": [{"Key": "kind", "Value": "scratch"}]},
        {"Filter": {"And": {"Prefix": "AWSLogs/", "TagFilters": [{"Key": "kind", "Value": "scratch"}]}}},
        {"ObjectSizeLessThan": "100"},
    ],
)
def test_a_rule_that_may_be_about_other_objects_says_nothing(rule):
    assert kept(expiring(7, **rule)) == []


@pytest.mark.parametrize(
    "rule", [{"Prefix": ""}, {"Prefix": "AWS"}, {"Filter": {"Prefix": "AWSLogs/"}}, {"Filter": {}}]
)
def test_a_rule_that_is_about_the_files_counts(rule):
    assert kept(expiring(7, **rule)) == ["Bucket"]
