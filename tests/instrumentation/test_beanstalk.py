"""instrument_beanstalk: option settings that are added and never changed, rights, and the file that says the same."""

from __future__ import annotations

import json

import pytest
import yaml
from aws_cdk import aws_elasticbeanstalk as elasticbeanstalk
from aws_cdk import aws_iam as iam
from tests.synth import only, plain, properties, resources, template_of

from raytrail.errors import InvalidProps
from raytrail.instrumentation import AgentConfig, AgentTraces, beanstalk_config_file, instrument_beanstalk

PLATFORM = "64bit Amazon Linux 2023 v4.7.0 running Python 3.13"
Option = elasticbeanstalk.CfnEnvironment.OptionSettingProperty


def environment(stack, platform=PLATFORM, settings=None):
    return elasticbeanstalk.CfnEnvironment(
        stack, "Shop", application_name="shop", solution_stack_name=platform, option_settings=settings
    )


def role(stack):
    return iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))


def options(template):
    given = only(template, "AWS::ElasticBeanstalk::Environment")["OptionSettings"]
    made = {(each["Namespace"], each["OptionName"]): each["Value"] for each in given}
    assert len(made) == len(given)
    return made


def test_the_daemon_is_turned_on_by_the_documented_option(stack, template):
    instrument_beanstalk(environment(stack), service_name="shop")
    # https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environment-configuration-debugging.html
    assert options(template())["aws:elasticbeanstalk:xray", "XRayEnabled"] == "true"
    assert options(template())["aws:elasticbeanstalk:application:environment", "AWS_XRAY_TRACING_NAME"] == "shop"
    assert not properties(template(), "AWS::SSM::Association")


def test_what_the_user_has_stays_and_saying_it_twice_changes_nothing(stack, template):
    theirs = [
        Option(namespace="aws:ec2:vpc", option_name="VPCId", value="vpc-1"),
        {"namespace": "aws:elasticbeanstalk:xray", "optionName": "XRayEnabled", "value": "true"},
    ]
    shop = environment(stack, settings=theirs)
    its_role = role(stack)
    instrument_beanstalk(shop, service_name="shop", role=its_role)
    before = template()
    assert options(before)["aws:ec2:vpc", "VPCId"] == "vpc-1"
    instrument_beanstalk(shop, service_name="shop", role=its_role)
    assert template_of(stack) == before


def test_the_role_of_the_instance_profile_may_do_what_beanstalks_own_policy_lets_it_do_with_x_ray(stack, template):
    instrument_beanstalk(environment(stack), service_name="shop", role=role(stack))
    # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSElasticBeanstalkWebTier.html (XRayAccess)
    documented = {"PutTraceSegments", "PutTelemetryRecords", "GetSamplingRules", "GetSamplingTargets"}
    [statement] = only(template(), "AWS::IAM::Policy")["PolicyDocument"]["Statement"]
    assert {each.removeprefix("xray:") for each in statement["Action"]} == {
        *documented,
        "GetSamplingStatisticSummaries",
    }


def test_an_option_that_says_otherwise_is_refused(stack):
    off = [Option(namespace="aws:elasticbeanstalk:xray", option_name="XRayEnabled", value="false")]
    with pytest.raises(InvalidProps, match=r"XRayEnabled .* is 'false' already, and 'true'"):
        instrument_beanstalk(environment(stack, settings=off), service_name="shop")


def test_the_cloudwatch_agent_is_put_on_every_instance_and_the_daemon_leaves_it_the_port(stack, template):
    shop = environment(stack)
    made = instrument_beanstalk(shop, service_name="shop", role=role(stack), agent="cloudwatch", language="python")
    found = options(template())
    assert found["aws:elasticbeanstalk:xray", "XRayEnabled"] == "false"
    variables = "aws:elasticbeanstalk:application:environment"
    assert found[variables, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] == "http://localhost:4318/v1/traces"
    [target] = plain(only(template(), "AWS::SSM::Association"))["Targets"]
    assert target == {"Key": "tag:elasticbeanstalk:environment-name", "Values": ["<Shop>"]}
    again = instrument_beanstalk(
        shop, service_name="shop", role=iam.Role.from_role_name(stack, "R", "r"), agent="cloudwatch", language="python"
    )
    assert again.association.logical_id == made.association.logical_id


@pytest.mark.parametrize(
    ("platform", "more", "reason"),
    [
        ("64bit Amazon Linux 2023 v4.0.0 running ECS", {}, "runs containers by ECS, and AWS ships no X-Ray daemon"),
        (
            "64bit Amazon Linux 2023 v4.7.0 running Docker",
            {},
            "runs the program in a container, to which 127.0.0.1 is itself.*docker-compose.yml",
        ),
        ("64bit Amazon Linux 2018.03 v2.17.0 running Docker 20.10.25-ce", {}, "runs the program in a container"),
        ("64bit Debian jessie v2.16.0 running Go 1.4 (Preconfigured - Docker)", {}, "runs the program in a container"),
        (PLATFORM, {"agent": "cloudwatch"}, "give the instance profile's role"),
        (PLATFORM, {"agent": "collector"}, "daemon or cloudwatch, got 'collector'"),
        (PLATFORM, {"config": AgentConfig()}, "daemon has no use for config"),
        (PLATFORM, {"language": "python"}, "has no use for language"),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason(stack, platform, more, reason):
    with pytest.raises(InvalidProps, match=reason):
        instrument_beanstalk(environment(stack, platform), service_name="shop", **more)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ECS running on 64bit Amazon Linux 2023/4.0.0", "runs containers by ECS"),
        ("Multi-container Docker running on 64bit Amazon Linux/2.26.0", "runs containers by ECS"),
        ("Docker running on 64bit Amazon Linux 2023/4.7.0", "runs the program in a container"),
    ],
)
def test_a_platform_is_known_by_its_arn_too(stack, name, reason):
    arn = f"arn:aws:elasticbeanstalk:us-east-1::platform/{name}"
    shop = elasticbeanstalk.CfnEnvironment(stack, "Shop", application_name="shop", platform_arn=arn)
    with pytest.raises(InvalidProps, match=reason):
        instrument_beanstalk(shop, service_name="shop")


PROFILE = ("aws:autoscaling:launchconfiguration", "IamInstanceProfile")


@pytest.mark.parametrize("asked", [{}, {"agent": "cloudwatch"}], ids=["daemon", "cloudwatch"])
def test_the_role_becomes_that_of_the_instances_where_nothing_names_a_profile(stack, template, asked):
    shop, its_role = environment(stack), role(stack)
    for _ in range(2):
        instrument_beanstalk(shop, service_name="shop", role=its_role, **asked)
    made = template()
    [(id, profile)] = resources(made, "AWS::IAM::InstanceProfile").items()
    assert profile["Properties"]["Roles"] == [{"Ref": stack.get_logical_id(its_role.node.default_child)}]
    assert options(made)[PROFILE] == {"Ref": id}


def test_a_profile_that_is_there_stays(stack, template):
    namespace, name = PROFILE
    theirs = [Option(namespace=namespace, option_name=name, value="theirs")]
    instrument_beanstalk(environment(stack, settings=theirs), service_name="shop", role=role(stack))
    assert options(template())[PROFILE] == "theirs"
    assert not properties(template(), "AWS::IAM::InstanceProfile")


@pytest.mark.parametrize("saved", [False, True])
def test_without_a_role_or_beside_a_saved_configuration_no_profile_is_made(stack, template, saved):
    shop = environment(stack)
    shop.template_name = "theirs" if saved else None
    instrument_beanstalk(shop, service_name="shop", role=role(stack) if saved else None)
    assert PROFILE not in options(template())
    assert not properties(template(), "AWS::IAM::InstanceProfile")


@pytest.mark.parametrize(
    ("name", "value", "asked", "words"),
    [
        ("OTEL_SDK_DISABLED", "true", {}, "OpenTelemetry records nothing"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc", {}, "by http/protobuf alone; leave the variable out$"),
        (
            "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
            "grpc",
            {"config": AgentConfig(traces=AgentTraces(application_signals=True))},
            "by http/protobuf alone",
        ),
    ],
)
def test_a_variable_with_which_nothing_would_reach_the_agent_is_refused(stack, template, name, value, asked, words):
    theirs = [Option(namespace="aws:elasticbeanstalk:application:environment", option_name=name, value=value)]
    shop = environment(stack, settings=theirs)
    with pytest.raises(InvalidProps, match=f"^the environment of Test/Shop has {name}={value}.*{words}"):
        instrument_beanstalk(shop, service_name="shop", role=role(stack), agent="cloudwatch", **asked)
    # Nothing was changed before it was refused.
    assert len(options(template())) == 1
    assert not properties(template(), "AWS::SSM::Association")


def test_a_variable_of_opentelemetry_is_nothing_to_the_daemon(stack):
    name = "OTEL_SDK_DISABLED"
    theirs = [Option(namespace="aws:elasticbeanstalk:application:environment", option_name=name, value="true")]
    instrument_beanstalk(environment(stack, settings=theirs), service_name="shop")


@pytest.mark.parametrize("agent", ["daemon", "cloudwatch"])
def test_the_file_says_what_the_option_settings_say(stack, agent):
    made = instrument_beanstalk(environment(stack), service_name='a: "shop"', role=role(stack), agent=agent)
    read = yaml.safe_load(made.config_file)
    flat = {(space, name): value for space, each in read["option_settings"].items() for name, value in each.items()}
    assert flat == made.settings


def test_the_file_installs_the_agent_as_aws_documents():
    read = yaml.safe_load(beanstalk_config_file(service_name="shop", agent="cloudwatch"))
    # https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/customize-containers-cw.html
    path = "/opt/aws/amazon-cloudwatch-agent/bin/config.json"
    assert read["files"][path]["mode"] == "000600"
    assert (read["files"][path]["owner"], read["files"][path]["group"]) == ("root", "root")
    assert json.loads(read["files"][path]["content"]) == AgentConfig().value
    assert read["container_commands"]["start_cloudwatch_agent"]["command"] == (
        "/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl -a append-config -m ec2 -s "
        "-c file:/opt/aws/amazon-cloudwatch-agent/bin/config.json"
    )
    assert read["packages"] == {"yum": {"amazon-cloudwatch-agent": []}}
    assert "packages" not in yaml.safe_load(beanstalk_config_file(service_name="shop"))
