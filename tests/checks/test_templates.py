from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.checks.twins import a, arn, ref

from raytrail.checks import check_template
from raytrail.checks._names import NAMES, could_mean_any, meant
from raytrail.checks._templates import App, Template
from raytrail.checks._values import UNKNOWN, Reference, Text, Unknown, flat


def template(resources=None, *, region="eu-west-1", account="111122223333", name="shop", **parts):
    return Template({"Resources": resources or {}, **parts}, region=region, account=account, name=name)


HERE = template({"Topic": a("SNS::Topic"), "Named": a("SNS::Topic", TopicName="pages")})
TOPIC = HERE.resources["Topic"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("plain", "plain"),
        ([1, True, None], [1, True, None]),
        (ref("Topic"), Reference(TOPIC)),
        (arn("Topic"), Reference(TOPIC, "Arn")),
        ({"Fn::GetAtt": "Topic.TopicName"}, Reference(TOPIC, "TopicName")),
        (ref("Parameter"), UNKNOWN),
        (ref("AWS::Region"), "eu-west-1"),
        (ref("AWS::Partition"), "aws"),
        (ref("AWS::AccountId"), "111122223333"),
        (ref("AWS::StackName"), "shop"),
        ({"Fn::Join": [":", ["a", ref("AWS::Region"), "b"]]}, "a:eu-west-1:b"),
        ({"Fn::Join": ["", ["a-", ref("Parameter")]]}, Text(("a-", UNKNOWN))),
        ({"Fn::Join": ["", [ref("Topic")]]}, Reference(TOPIC)),
        ({"Fn::Sub": "${AWS::Region}/${!literal}/x"}, "eu-west-1/${literal}/x"),
        ({"Fn::Sub": ["${Here}-${Topic.TopicName}", {"Here": "a"}]}, Text(("a-", Reference(TOPIC, "TopicName")))),
        ({"Fn::Select": [0, ["a"]]}, UNKNOWN),
        ({"Fn::ImportValue": "nobodys"}, UNKNOWN),
        ([ref("AWS::NoValue"), "a"], ["a"]),
        ({"Left": ref("AWS::NoValue"), "Right": 1}, {"Right": 1}),
        # What an IAM statement calls so is no intrinsic.
        ({"Condition": {"Bool": {"a": "b"}}}, {"Condition": {"Bool": {"a": "b"}}}),
    ],
)
def test_a_value_comes_to_what_it_is_before_the_deployment(written, expected):
    assert HERE.resolve(written) == expected


def test_region_and_account_that_are_chosen_later_are_not_known():
    anywhere = template(region=None, account=None)
    assert isinstance(anywhere.resolve(ref("AWS::Region")), Unknown)
    assert isinstance(anywhere.resolve(ref("AWS::AccountId")), Unknown)
    assert isinstance(anywhere.resolve(ref("AWS::Partition")), Unknown)


PRODUCER = template(
    {"Topic": a("SNS::Topic")},
    name="producer",
    Outputs={
        "Strong": {"Value": ref("Topic"), "Export": {"Name": {"Fn::Sub": "${AWS::StackName}:Topic"}}},
        "Weak": {"Value": arn("Topic")},
    },
)


def test_what_another_stack_of_the_app_shows_is_known():
    consumer = template(name="consumer")
    App([PRODUCER, consumer])
    topic = PRODUCER.resources["Topic"]
    assert consumer.resolve({"Fn::ImportValue": "producer:Topic"}) == Reference(topic)
    weak = {"StackName": "producer", "Region": "eu-west-1", "OutputName": "Weak"}
    assert consumer.resolve({"Fn::GetStackOutput": weak}) == Reference(topic, "Arn")
    for change in ({"Region": "us-east-1"}, {"StackName": "nobodys"}, {"OutputName": "None"}):
        assert consumer.resolve({"Fn::GetStackOutput": {**weak, **change}}) is UNKNOWN


def test_stacks_of_one_name_in_two_accounts_are_told_apart():
    accounts = ("111122223333", "444455556666")
    parts = {"Outputs": PRODUCER.body["Outputs"]}
    producers = [template({"Topic": a("SNS::Topic")}, name="producer", account=each, **parts) for each in accounts]
    consumers = [template(name="consumer", account=each) for each in accounts]
    strong = {"Fn::ImportValue": "producer:Topic"}
    weak = {"Fn::GetStackOutput": {"StackName": "producer", "OutputName": "Strong"}}
    App([*producers, *consumers])
    for producer, consumer in zip(producers, consumers, strict=True):
        assert consumer.resolve(strong) == consumer.resolve(weak) == Reference(producer.resources["Topic"])
    # Which of them is meant where the account is chosen at the deployment cannot be known.
    anywhere = template(name="consumer", account=None)
    App([*producers, anywhere])
    assert anywhere.resolve(strong) is anywhere.resolve(weak) is UNKNOWN


def test_a_nested_stack_knows_what_it_is_given_and_its_parent_what_it_shows():
    inner = template({"Queue": a("SQS::Queue")}, Outputs={"Queue": {"Value": arn("Queue")}})
    outer = template(
        {"Topic": a("SNS::Topic"), "Inner": a("CloudFormation::Stack", Parameters={"Topic": ref("Topic")})}
    )
    outer.nest("Inner", inner)
    App([outer, inner])
    assert inner.resolve(ref("Topic")) == Reference(outer.resources["Topic"])
    assert inner.resolve(ref("Other")) is UNKNOWN
    assert outer.resolve({"Fn::GetAtt": ["Inner", "Outputs.Queue"]}) == Reference(inner.resources["Queue"], "Arn")
    assert outer.resolve({"Fn::GetAtt": ["Inner", "Outputs.None"]}) is UNKNOWN


def test_outputs_that_name_each_other_end():
    loop = {"Fn::GetStackOutput": {"StackName": "shop", "OutputName": "Loop"}}
    assert template(Outputs={"Loop": {"Value": loop}}).resolve(loop) is UNKNOWN


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (ref("Topic"), "Topic"),
        ("pages", "Named"),
        ("arn:aws:sns:eu-west-1:111122223333:pages", "Named"),
        ({"Fn::Sub": "arn:aws:sns:${AWS::Region}:${Other}:pages"}, "Named"),
        ({"Fn::Join": ["", ["arn:aws:sns:eu-west-1:1:", {"Fn::GetAtt": "Topic.TopicName"}]]}, "Topic"),
        ("arn:aws:sns:us-east-1:111122223333:pages", None),
        ("arn:aws:sns:eu-west-1:444455556666:pages", None),
        ("arn:aws:sns:eu-west-1:111122223333:other", None),
        ({"Fn::Sub": "arn:aws:sns:eu-west-1:111122223333:${Other}"}, None),
        (ref("Parameter"), None),
        (None, None),
        (7, None),
    ],
)
def test_a_resource_is_meant_by_reference_name_or_arn(value, expected):
    found = meant(HERE.app, HERE.resolve(value), "AWS::SNS::Topic")
    assert (found and found.id) == expected


@pytest.mark.parametrize(
    ("type", "value"),
    [
        ("AWS::Lambda::Function", "arn:aws:lambda:eu-west-1:111122223333:function:it:live"),
        ("AWS::Lambda::Function", "111122223333:function:it"),
        ("AWS::Logs::LogGroup", "arn:aws:logs:eu-west-1:111122223333:log-group:it:*"),
        ("AWS::S3::Bucket", "arn:aws:s3:::it"),
        ("AWS::SQS::Queue", "https://sqs.eu-west-1.amazonaws.com/111122223333/it"),
        ("AWS::SQS::Queue", "arn:aws:sqs:eu-west-1:111122223333:it"),
        ("AWS::CloudWatch::Alarm", "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:it"),
    ],
)
def test_each_kind_of_name_is_read_as_aws_writes_it(type, value):
    one = template({"It": {"Type": type, "Properties": {NAMES[type]: "it"}}})
    found = meant(one.app, value, type)
    assert found is not None
    assert found.id == "It"


def test_what_could_be_any_resource_is_told_from_what_is_none():
    assert could_mean_any(HERE.resolve(ref("Parameter")))
    assert could_mean_any(HERE.resolve({"Fn::Sub": "arn:aws:sns:eu-west-1:111122223333:${Other}"}))
    assert not could_mean_any(HERE.resolve({"Fn::Sub": "arn:aws:sns:eu-west-1:${Other}:pages"}))
    assert not could_mean_any(HERE.resolve(ref("Topic")))
    told = template({"Lookup": {"Type": "Custom::Lookup"}, "Kept": a("SSM::Parameter")})
    assert could_mean_any(told.resolve({"Fn::GetAtt": ["Lookup", "TopicArn"]}))
    assert could_mean_any(told.resolve({"Fn::GetAtt": ["Kept", "Value"]}))


def test_a_text_shows_its_holes():
    assert flat(HERE.resolve({"Fn::Sub": "a-${Topic}-${Other}"}), hole="?") == "a-?-?"


NAMED = st.sampled_from(["TrailLogGroup4CBE3AF5", "ChannelTopic8B0E34F7", "AWS::Region", "AWS::NoValue", "Nobody"])
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 400),
    st.text(max_size=5),
    st.sampled_from(["*", "arn:", "arn:aws:sns:eu-west-1:1:a", "alias/aws/sns", [], {}, [[]], [{}], {"Fn::Join": []}]),
    st.builds(lambda id: {"Ref": id}, NAMED),
    st.builds(lambda id: {"Fn::GetAtt": [id, "Arn"]}, NAMED),
    st.builds(lambda id: {"Fn::Sub": f"a-${{{id}}}"}, NAMED),
)
"""What may stand anywhere in a template."""


LOOKED_AT = tuple(
    f"AWS::{service}::"
    for service in ["Athena", "CloudTrail", "CloudWatch", "Events", "KMS", "Lambda", "Logs", "S3", "SNS", "SQS", "XRay"]
)


@pytest.fixture(scope="module")
def one_of_each(root) -> dict[str, object]:
    """A resource of each type that the kit has and the checks look at, as synthesised."""
    goldens = sorted((root / "tests" / "stacks" / "__snapshots__" / "test_templates").glob("*.json"))
    found = {}
    for golden in goldens:
        for id, resource in json.loads(golden.read_text(encoding="utf-8")).get("Resources", {}).items():
            if resource["Type"].startswith(LOOKED_AT):
                found.setdefault(resource["Type"], (id, resource))
    assert {"AWS::CloudTrail::Trail", "AWS::Events::Rule", "AWS::SNS::TopicPolicy"} <= set(found)
    return dict(found.values())


def spoiled(value, choose, odd):
    """A value with something odd in one place of it."""
    if isinstance(value, dict) and value and choose.random() < 0.85:
        key = choose.choice(sorted(value))
        return {**value, key: spoiled(value[key], choose, odd)}
    if isinstance(value, list) and value and choose.random() < 0.85:
        place = choose.randrange(len(value))
        return [*value[:place], spoiled(value[place], choose, odd), *value[place + 1 :]]
    return odd


@settings(max_examples=150, deadline=None)
@given(choose=st.randoms(use_true_random=False), odd=st.lists(ODD, min_size=1, max_size=8), region=st.booleans())
def test_any_template_can_be_checked(one_of_each, choose, odd, region):
    resources = one_of_each
    for each in odd:
        resources = spoiled(resources, choose, each)
    found = check_template({"Resources": resources}, region="eu-west-1" if region else None)
    # What it says is for people and for programs.
    assert json.dumps([each.as_json() for each in found])


@pytest.mark.parametrize("body", [{}, {"Resources": None}, {"Resources": []}, {"Resources": {"A": "odd"}}])
def test_a_template_without_resources_has_nothing_to_find(body):
    assert check_template(body) == ()
