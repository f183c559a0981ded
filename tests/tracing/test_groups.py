"""Trace groups as resources, with their metric, their alarm and the events of their insights."""

from __future__ import annotations

import pytest
from aws_cdk import Aws, Duration, Fn, Tags
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Annotations, Match
from tests.synth import only, plain, properties, resources, statements

from raytrail.errors import InvalidFilter, InvalidProps
from raytrail.tracing import TraceGroup, parse_filter, response_time, service


@pytest.fixture
def group(stack) -> TraceGroup:
    return TraceGroup(stack, "Group", name="orders", filter_expression="fault", insights=True, notifications=True)


def test_a_group_has_its_expression_and_looks_for_no_insights(stack, template):
    group = TraceGroup(stack, "Group", name="orders-faults", filter_expression="fault = true")
    assert group.group_name == "orders-faults"
    assert group.filter_expression == "fault = true"
    assert only(template(), "AWS::XRay::Group") == {
        "GroupName": "orders-faults",
        "FilterExpression": "fault = true",
        "InsightsConfiguration": {"InsightsEnabled": False, "NotificationsEnabled": False},
    }


def test_an_expression_may_be_built(stack, template):
    built = service("orders").fault & (response_time > 5)
    group = TraceGroup(stack, "Group", name="orders", filter_expression=built)
    assert only(template(), "AWS::XRay::Group")["FilterExpression"] == group.filter_expression == str(built)
    assert parse_filter(group.filter_expression) == built


def test_an_expression_is_given_to_x_ray_as_it_was_written(stack):
    written = 'service("orders")   {fault}'
    assert TraceGroup(stack, "Group", name="orders", filter_expression=written).filter_expression == written


def test_a_wrong_expression_is_refused_with_its_place(stack):
    with pytest.raises(InvalidFilter) as refused:
        TraceGroup(stack, "Group", name="orders", filter_expression="fault AND responsetime >> 5")
    assert str(refused.value).startswith("filter_expression of trace group 'orders': ")
    assert refused.value.column == parse_column("fault AND responsetime >> 5")
    assert refused.value.expected


def parse_column(text: str) -> int:
    with pytest.raises(InvalidFilter) as refused:
        parse_filter(text)
    return refused.value.column


def test_an_expression_with_a_token_passes_unread(stack, template):
    expression = f'annotation[stack] = "{Aws.STACK_NAME}" and this is wrong'
    TraceGroup(stack, "Group", name="orders", filter_expression=expression)
    made = only(template(), "AWS::XRay::Group")["FilterExpression"]
    assert plain(made) == 'annotation[stack] = "<AWS::StackName>" and this is wrong'


def test_an_expression_that_needs_parentheses_comes_with_a_warning(stack):
    mixed = (service("orders") | service("carts")) & (response_time > 5)
    TraceGroup(stack, "Mixed", name="mixed", filter_expression=mixed)
    TraceGroup(stack, "Plain", name="plain", filter_expression="fault")
    said = Match.string_like_regexp("the filter of trace group 'mixed' mixes AND and OR")
    Annotations.from_stack(stack).has_warning("/Test/Mixed", said)
    assert Annotations.from_stack(stack).find_warning("/Test/Plain", Match.any_value()) == []


def test_insights_and_their_notifications_are_switched_on_by_request(group, template):
    assert only(template(), "AWS::XRay::Group")["InsightsConfiguration"] == {
        "InsightsEnabled": True,
        "NotificationsEnabled": True,
    }


def test_notifications_without_insights_are_refused(stack):
    with pytest.raises(InvalidProps, match="notifications of trace group 'orders' need insights=True"):
        TraceGroup(stack, "Group", name="orders", filter_expression="fault", notifications=True)


@pytest.mark.parametrize("expression", ["", "  \n"])
def test_a_group_without_an_expression_is_refused(stack, expression):
    with pytest.raises(InvalidProps, match="filter_expression of trace group 'orders' is empty; a group needs one"):
        TraceGroup(stack, "Group", name="orders", filter_expression=expression)


@pytest.mark.parametrize("name", ["", "a" * 33, "under_score", "Default"])
def test_a_group_whose_name_x_ray_refuses_is_refused(stack, name):
    with pytest.raises(InvalidProps, match="name of trace group"):
        TraceGroup(stack, "Group", name=name, filter_expression="fault")


def test_two_groups_of_an_app_may_not_share_a_name_in_one_account_and_region(stack, group):
    with pytest.raises(InvalidProps) as refused:
        TraceGroup(stack, "Same", name="orders", filter_expression="error")
    assert str(refused.value) == (
        "trace group 'orders' of 111122223333/us-east-1 is made twice: 'Test/Group' has that name; rename one"
    )
    # Names of groups tell upper and lower case apart.
    TraceGroup(stack, "Other", name="Orders", filter_expression="error")


def test_an_account_has_25_groups_and_no_more(stack, template):
    for number in range(25):
        TraceGroup(stack, f"Group{number}", name=f"group-{number}", filter_expression="fault")
    with pytest.raises(InvalidProps, match="'one-more' is one more than the 25 that X-Ray allows in an account and"):
        TraceGroup(stack, "OneMore", name="one-more", filter_expression="fault")
    assert len(properties(template(), "AWS::XRay::Group")) == 25


def test_a_group_is_tagged_as_any_resource_is(group, template):
    Tags.of(group).add("team", "orders")
    assert only(template(), "AWS::XRay::Group")["Tags"] == [{"Key": "team", "Value": "orders"}]


# --- Metric and alarm -------------------------------------------------------------------------------------------------


def test_the_metric_counts_the_groups_traces_by_the_minute(group):
    metric = group.metric_trace_count()
    assert (metric.namespace, metric.metric_name) == ("AWS/X-Ray", "ApproximateTraceCount")
    assert metric.dimensions == {"GroupName": "orders"}
    assert (metric.statistic, metric.period.to_seconds(), metric.label) == ("Sum", 60, None)
    other = group.metric_trace_count(statistic="Maximum", period=Duration.minutes(5), label="Failed orders")
    assert (other.statistic, other.period.to_seconds(), other.label) == ("Maximum", 300, "Failed orders")


def test_an_alarm_is_raised_by_the_first_trace_and_told_to_the_topic(stack, group, template):
    topic = sns.Topic(stack, "Topic")
    assert group.add_alarm(topic=topic).node.path == "Test/Group/Alarm"
    alarm = only(template(), "AWS::CloudWatch::Alarm")
    arn = stack.resolve(topic.topic_arn)
    assert (alarm["AlarmActions"], alarm["OKActions"]) == ([arn], [arn])
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")
    assert (alarm["EvaluationPeriods"], alarm["Period"], alarm["TreatMissingData"]) == (1, 60, "notBreaching")
    assert alarm["Dimensions"] == [{"Name": "GroupName", "Value": "orders"}]


def test_an_alarm_may_wait_for_more(group, template):
    group.add_alarm("Many", at_least=10, period=Duration.minutes(5), evaluation_periods=3, datapoints_to_alarm=2)
    alarm = only(template(), "AWS::CloudWatch::Alarm")
    assert (alarm["Threshold"], alarm["Period"]) == (10, 300)
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (3, 2)
    assert "AlarmActions" not in alarm


def test_an_alarm_on_no_traces_is_refused(group):
    with pytest.raises(InvalidProps, match="at_least of the alarm on trace group 'orders' is 1 or more, got 0"):
        group.add_alarm(at_least=0)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"evaluation_periods": 0}, "evaluation_periods of the alarm on trace group 'orders' is 1 or more, got 0"),
        ({"datapoints_to_alarm": 0}, "datapoints_to_alarm .* is from 1 to its 1 evaluation_periods, got 0"),
        ({"evaluation_periods": 2, "datapoints_to_alarm": 3}, "is from 1 to its 2 evaluation_periods, got 3"),
    ],
)
def test_an_alarm_on_no_periods_or_on_more_than_are_looked_at_is_refused(group, asked, sentence):
    with pytest.raises(InvalidProps, match=sentence):
        group.add_alarm(**asked)


# --- Insights ---------------------------------------------------------------------------------------------------------


def test_insights_of_the_group_and_of_no_other_are_told(stack, group, template):
    topic = sns.Topic(stack, "Topic")
    group.on_insight("Insights", target=targets.SnsTopic(topic))
    rule = only(template(), "AWS::Events::Rule")
    assert rule["EventPattern"] == {
        "source": ["aws.xray"],
        "detail-type": ["AWS X-Ray Insight Update"],
        "detail": {"GroupName": ["orders"]},
    }
    assert [target["Arn"] for target in rule["Targets"]] == [stack.resolve(topic.topic_arn)]
    (statement,) = statements(only(template(), "AWS::SNS::TopicPolicy")["PolicyDocument"])
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html: no conditions.
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert "Condition" not in statement


def test_insights_may_be_told_of_while_they_are_in_one_state(group, template):
    group.on_insight("Found", states=["ACTIVE"])
    assert only(template(), "AWS::Events::Rule")["EventPattern"]["detail"]["State"] == ["ACTIVE"]


def test_a_state_that_no_insight_has_is_refused(group):
    with pytest.raises(InvalidProps) as refused:
        group.on_insight("Found", states=["ACTIVE", "FOO"])
    assert str(refused.value) == ("states of insights 'Found' of trace group 'orders' are ACTIVE and CLOSED, got 'FOO'")


@pytest.mark.parametrize("insights", [False, True])
def test_a_group_without_notifications_has_no_insights_to_tell(stack, insights):
    group = TraceGroup(stack, "Quiet", name="quiet", filter_expression="fault", insights=insights)
    with pytest.raises(InvalidProps, match="'quiet' sends no insights; make it with insights=True, notifications=True"):
        group.on_insight("Insights")


# --- Grants and groups of other apps ----------------------------------------------------------------------------------


def reader(stack) -> iam.Role:
    return iam.Role(stack, "Reader", assumed_by=iam.AccountRootPrincipal())


def test_a_reader_of_a_group_may_look_at_it_alone_and_at_traces(stack, group, template):
    group.grant_read(reader(stack)).assert_success()
    definition, data = statements(only(template(), "AWS::IAM::Policy")["PolicyDocument"])
    assert definition["Action"] == "xray:GetGroup"
    assert definition["Resource"] == stack.resolve(group.group_arn)
    assert data["Resource"] == "*"
    assert {"xray:GetTraceSummaries", "xray:BatchGetTraces", "xray:GetInsightSummaries"} <= set(data["Action"])


@pytest.mark.parametrize("hidden", [False, True])
def test_a_group_is_imported_by_its_arn(stack, template, hidden):
    arn = "arn:aws:xray:us-east-1:111122223333:group/theirs/U2PGIWDV45"
    group = TraceGroup.from_group_arn(stack, "Theirs", Fn.import_value("arn") if hidden else arn)
    group.add_alarm()
    group.on_insight("Insights")
    expected = {"Fn::Select": [1, {"Fn::Split": ["/", {"Fn::ImportValue": "arn"}]}]} if hidden else "theirs"
    assert only(template(), "AWS::CloudWatch::Alarm")["Dimensions"][0]["Value"] == expected
    assert stack.resolve(group.group_name) == expected
    assert resources(template(), "AWS::XRay::Group") == {}


def test_a_group_is_imported_by_its_name(stack, template):
    group = TraceGroup.from_group_name(stack, "Theirs", "theirs")
    group.grant_read(reader(stack))
    definition, _ = statements(only(template(), "AWS::IAM::Policy")["PolicyDocument"])
    assert definition["Resource"] == "arn:aws:xray:us-east-1:111122223333:group/theirs/*"
