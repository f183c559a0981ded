from __future__ import annotations

import pytest
from tests.checks.twins import a, arn, found, ref, seen

ALARM, COMPOSITE = "CloudWatch::Alarm", "CloudWatch::CompositeAlarm"
TOPIC, SUBSCRIPTION = "SNS::Topic", "SNS::Subscription"
ELSEWHERE = "arn:aws:sns:eu-west-1:444455556666:pages"


def alarms(resources, **how):
    return found("AlarmReachesNobody", resources, **how)


def topics(resources, **how):
    return found("TopicReachesNobody", resources, **how)


@pytest.mark.parametrize("type", [ALARM, COMPOSITE, "CloudWatch::LogAlarm"])
def test_an_alarm_without_an_action_reaches_nobody(type):
    assert alarms({"Alarm": a(type)}) == ["Alarm"]
    assert alarms({"Alarm": a(type, AlarmActions=[])}) == ["Alarm"]
    assert alarms({"Alarm": a(type, AlarmActions=[ELSEWHERE])}) == []


def test_an_alarm_that_tells_only_that_all_is_well_reaches_nobody():
    told = seen("AlarmReachesNobody", {"Alarm": a(ALARM, OKActions=[ELSEWHERE])})
    assert told == "AlarmActions is empty, only OKActions is set"


def test_an_alarm_whose_actions_are_off_reaches_nobody():
    assert alarms({"Alarm": a(ALARM, AlarmActions=[ELSEWHERE], ActionsEnabled=False)}) == ["Alarm"]
    assert alarms({"Alarm": a(ALARM, AlarmActions=[ELSEWHERE], ActionsEnabled=True)}) == []
    assert alarms({"Alarm": a(ALARM, AlarmActions=[ELSEWHERE], ActionsEnabled=ref("Loud"))}) == []


INCLUDED = {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://shop/alarm.json"}}}


def test_an_alarm_whose_properties_are_included_is_taken_to_have_actions():
    alarm = a(ALARM)
    assert alarms({"Alarm": {**alarm, "Properties": INCLUDED}}) == []
    assert alarms({"Alarm": {**alarm, "Properties": {"MetricName": "Errors", **INCLUDED}}}) == []
    assert alarms({"Alarm": {**alarm, **INCLUDED}}) == []
    # What is written beside it is known.
    assert alarms({"Alarm": {**alarm, "Properties": {"AlarmActions": [], "ActionsEnabled": True, **INCLUDED}}})


def test_an_action_that_cannot_be_known_is_one():
    switched = {"Fn::If": ["Loud", [ELSEWHERE], ref("AWS::NoValue")]}
    assert alarms({"Alarm": a(ALARM, AlarmActions=switched)}) == []
    assert alarms({"Alarm": a(ALARM, AlarmActions=[ref("TopicParameter")])}) == []
    assert alarms({"Alarm": a(ALARM, AlarmActions=[ref("AWS::NoValue")])}) == ["Alarm"]


def test_a_child_of_a_composite_alarm_leaves_the_telling_to_it():
    rule = {"Fn::Join": ["", ['ALARM("', arn("Child"), '")']]}
    child = {"Child": a(ALARM)}
    assert alarms({**child, "Both": a(COMPOSITE, AlarmRule=rule, AlarmActions=[ELSEWHERE])}) == []
    assert alarms({**child, "Both": a(COMPOSITE, AlarmRule=rule)}) == ["Both"]
    named = {"Child": a(ALARM, AlarmName="child")}
    assert alarms({**named, "Both": a(COMPOSITE, AlarmRule='ALARM("child")', AlarmActions=[ELSEWHERE])}) == []
    assert alarms({**named, "Both": a(COMPOSITE, AlarmRule='ALARM("another")', AlarmActions=[ELSEWHERE])}) == ["Child"]


def test_an_alarm_that_stops_a_deployment_is_used_and_one_on_a_dashboard_is_not():
    deployment = a("ECS::Service", DeploymentConfiguration={"Alarms": {"AlarmNames": [ref("Alarm")]}})
    assert alarms({"Alarm": a(ALARM), "Service": deployment}) == []
    by_name = a("ECS::Service", DeploymentConfiguration={"Alarms": {"AlarmNames": ["slow"]}})
    assert alarms({"Alarm": a(ALARM, AlarmName="slow"), "Service": by_name}) == []
    dashboard = a("CloudWatch::Dashboard", DashboardBody={"Fn::Sub": '{"widgets": ["${Alarm.Arn}"]}'})
    assert alarms({"Alarm": a(ALARM), "Board": dashboard}) == ["Alarm"]
    muted = a("CloudWatch::AlarmMuteRule", MuteTargets={"AlarmNames": [ref("Alarm")]})
    assert alarms({"Alarm": a(ALARM), "Nights": muted}) == ["Alarm"]


def test_a_name_that_is_part_of_another_name_uses_no_alarm():
    quiet = {"Alarm": a(ALARM, AlarmName="slow")}
    assert alarms({**quiet, "Worse": a(ALARM, AlarmName="slow-at-all", AlarmActions=[ELSEWHERE])}) == ["Alarm"]
    assert alarms({**quiet, "Metric": a(ALARM, MetricName="slow", AlarmActions=[ELSEWHERE])}) == ["Alarm"]
    rule = {**quiet, "Both": a(COMPOSITE, AlarmRule='ALARM("slow-at-all")', AlarmActions=[ELSEWHERE])}
    assert alarms(rule) == ["Alarm"]
    joined = {"Alarm": a(ALARM, AlarmName={"Fn::Sub": "${AWS::Region}-slow"})}
    rule = {"Fn::Join": ["", ["ALARM(", ref("AWS::Region"), "-slow) OR ", ref("Other")]]}
    assert alarms({**joined, "Both": a(COMPOSITE, AlarmRule=rule, AlarmActions=[ELSEWHERE])}) == []
    by_arn = a("ECS::Service", ServiceName="arn:aws:cloudwatch:eu-west-1:111122223333:alarm:slow")
    assert alarms({**quiet, "Service": by_arn}) == []


def test_a_rule_on_the_events_of_alarms_hears_each():
    pattern = {"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"]}
    target = [{"Id": "Chat", "Arn": ELSEWHERE}]
    assert alarms({"Alarm": a(ALARM), "Rule": a("Events::Rule", EventPattern=pattern, Targets=target)}) == []
    assert alarms({"Alarm": a(ALARM), "Rule": a("Events::Rule", EventPattern=pattern)}) == ["Alarm"]
    disabled = a("Events::Rule", EventPattern=pattern, Targets=target, State="DISABLED")
    assert alarms({"Alarm": a(ALARM), "Rule": disabled}) == ["Alarm"]


@pytest.mark.parametrize(
    ("pattern", "heard"),
    [
        ({"detail-type": ["CloudWatch Alarm State Change"]}, True),
        ({"source": [{"prefix": "aws."}]}, True),
        ({"source": [{"anything-but": "aws.ec2"}]}, True),
        ({"account": ["111122223333"]}, True),
        ({"$or": [{"source": ["aws.cloudwatch"]}, {"source": ["aws.ec2"]}]}, True),
        ({"source": [ref("Parameter")]}, True),
        (ref("Parameter"), True),
        ('{"source": ["aws.cloudwatch"]}', True),
        ({"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm Configuration Change"]}, False),
        ({"source": ["shop"], "detail": {"from": ["aws.cloudwatch"]}}, False),
        ({"detail": {"shop": ["open"]}}, False),
        ({"source": []}, False),
        ("no JSON", False),
    ],
)
def test_a_rule_hears_alarms_by_whatever_takes_their_events(pattern, heard):
    rule = a("Events::Rule", EventPattern=pattern, Targets=[{"Id": "Chat", "Arn": ELSEWHERE}])
    assert alarms({"Alarm": a(ALARM), "Rule": rule}) == ([] if heard else ["Alarm"])


def test_what_forwards_all_of_another_bus_or_keeps_a_schedule_hears_no_alarm():
    target = [{"Id": "Chat", "Arn": ELSEWHERE}]
    everything = {"account": ["111122223333"]}
    of_shop = a("Events::Rule", EventBusName="shop", EventPattern=everything, Targets=target)
    assert alarms({"Alarm": a(ALARM), "Rule": of_shop}) == ["Alarm"]
    hourly = a("Events::Rule", ScheduleExpression="rate(1 hour)", Targets=target)
    assert alarms({"Alarm": a(ALARM), "Rule": hourly}) == ["Alarm"]


def test_an_alarm_that_is_exported_may_be_used_elsewhere():
    shown = {"Value": ref("Alarm")}
    assert alarms({"Alarm": a(ALARM)}, Outputs={"Name": {**shown, "Export": {"Name": "slow"}}}) == []
    assert alarms({"Alarm": a(ALARM)}, Outputs={"Name": shown}) == ["Alarm"]


SENDER = {"Alarm": a(ALARM, AlarmActions=[ref("Topic")]), "Topic": a(TOPIC)}


def test_a_topic_that_nobody_subscribed_to_reaches_nobody():
    assert topics(SENDER) == ["Topic"]
    assert topics({**SENDER, "Mail": a(SUBSCRIPTION, TopicArn=ref("Topic"), Protocol="email")}) == []
    assert (
        topics({**SENDER, "Topic": a(TOPIC, Subscription=[{"Protocol": "email", "Endpoint": "a@example.com"}])}) == []
    )
    assert topics({**SENDER, "Mail": a(SUBSCRIPTION, TopicArn=ref("Other")), "Other": a(TOPIC)}) == ["Topic"]


def test_that_a_queue_would_take_its_messages_subscribes_nobody():
    document = {"Statement": [{"Effect": "Allow", "Condition": {"ArnEquals": {"aws:SourceArn": ref("Topic")}}}]}
    may = a("SQS::QueuePolicy", Queues=["inbox"], PolicyDocument=document)
    assert topics({**SENDER, "May": may}) == ["Topic"]


def test_a_topic_that_nothing_alerts_through_is_nobodys_business():
    assert topics({"Topic": a(TOPIC)}) == []


def test_a_topic_is_known_by_its_name_in_an_arn():
    topic = {"Topic": a(TOPIC, TopicName="pages")}
    alarm = {"Alarm": a(ALARM, AlarmActions=["arn:aws:sns:eu-west-1:111122223333:pages"])}
    assert topics({**topic, **alarm}) == ["Topic"]
    elsewhere = {"Alarm": a(ALARM, AlarmActions=["arn:aws:sns:us-east-1:111122223333:pages"])}
    assert topics({**topic, **elsewhere}) == []
    of_others = {"Alarm": a(ALARM, AlarmActions=["arn:aws:sns:eu-west-1:444455556666:pages"])}
    assert topics({**topic, **of_others}) == []
    subscription = a(SUBSCRIPTION, TopicArn={"Fn::Sub": "arn:${AWS::Partition}:sns:${AWS::Region}:111122223333:pages"})
    assert topics({**topic, **alarm, "Mail": subscription}) == []


def test_somebody_who_may_listen_is_taken_to_listen():
    unknown = a(SUBSCRIPTION, TopicArn=ref("TopicParameter"))
    assert topics({**SENDER, "Mail": unknown}) == []
    told = a(SUBSCRIPTION, TopicArn={"Fn::GetAtt": ["Lookup", "TopicArn"]})
    assert topics({**SENDER, "Mail": told, "Lookup": {"Type": "Custom::Lookup"}}) == []
    chat = a("Chatbot::SlackChannelConfiguration", SnsTopicArns=[ref("Topic")])
    assert topics({**SENDER, "Chat": chat}) == []
    subscribe = {"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": ["sns:Subscribe"]}
    opened = a("SNS::TopicPolicy", Topics=[ref("Topic")], PolicyDocument={"Statement": [subscribe]})
    assert topics({**SENDER, "Policy": opened}) == []
    rest = {"Principal": {"AWS": "444455556666"}, "Action": ["sns:Subscribe"], **INCLUDED}
    included = a("SNS::TopicPolicy", Topics=[ref("Topic")], PolicyDocument={"Statement": [rest]})
    assert topics({**SENDER, "Policy": included}) == []
    assert topics(SENDER, Outputs={"Arn": {"Value": ref("Topic"), "Export": {"Name": "pages"}}}) == []


def test_the_first_sender_is_named_and_the_others_counted():
    more = {f"Alarm{number}": a(ALARM, AlarmActions=[ref("Topic")]) for number in (1, 2)}
    assert seen("TopicReachesNobody", {**SENDER, **more}).startswith("template/Alarm and 2 others sends to it")
