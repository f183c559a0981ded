"""The tables of what works where, and of what turns tracing on: whole, and only of what is there."""

from __future__ import annotations

import json
from typing import get_args

import botocore.session
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

import raytrail.instrumentation
from raytrail.instrumentation import SERVICES, SUPPORT, services_table, support_table
from raytrail.instrumentation._model_support import Agent, Compute, Exporter


def test_each_compute_with_each_agent_and_each_place_is_said_once():
    every = {(c, a, e) for c in get_args(Compute) for a in get_args(Agent) for e in get_args(Exporter)}
    assert {(each.compute, each.agent, each.exporter) for each in SUPPORT} == every
    assert len(SUPPORT) == len(every)


def test_each_function_that_is_named_is_public():
    named = {each.by for each in SUPPORT if each.by}
    assert named >= {"instrument_lambda", "instrument_ec2", "instrument_server", "instrument_beanstalk"}
    assert named <= set(raytrail.instrumentation.__all__)


def test_the_daemon_is_never_more_than_legacy_and_sends_to_x_ray_alone():
    daemon = [each for each in SUPPORT if each.agent == "X-Ray daemon"]
    assert {each.status for each in daemon if each.exporter == "X-Ray"} == {"legacy"}
    assert {each.status for each in daemon if each.exporter != "X-Ray"} == {"not offered"}
    assert not [each for each in SUPPORT if each.status == "not offered" and each.by]


def test_the_table_has_a_line_for_each_agent_on_each_compute():
    header, rule, *lines = support_table().splitlines()
    assert header.count("|") == rule.count("|") == 8
    assert len(lines) == len(get_args(Compute)) * len(get_args(Agent))
    own = "works, by hand"
    assert f"| EC2 | CloudWatch agent | works | works | {own} | not offered | `instrument_ec2` |" in lines
    assert f"| ECS on EC2 | CloudWatch agent | works | {own} | {own} | not offered | `instrument_ecs` |" in lines


def test_a_function_is_named_for_what_it_sets_up_alone():
    # The CloudWatch agent's metrics are props of AgentConfig, which a container of ECS does not take; managed
    # Prometheus is a prop of no agent's but the collector's.
    agent = [each for each in SUPPORT if each.agent == "CloudWatch agent" and each.status != "not offered"]
    assert not [each for each in agent if each.by and each.exporter == "managed Prometheus"]
    metrics = {each.compute: each.by for each in agent if each.exporter == "CloudWatch metrics"}
    assert {compute for compute, by in metrics.items() if not by} == {"ECS on Fargate", "ECS on EC2"}
    assert all(each.by for each in agent if each.exporter == "X-Ray")


def test_each_property_that_turns_tracing_on_is_one_of_cloudformations():
    for service in SERVICES:
        if service.property:
            type_name, path = service.property.split(" ")
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", type_name).schema
            assert path.partition(".")[0] in schema["properties"], service.property
    assert len(services_table().splitlines()) == len(SERVICES) + 2


def test_services_without_a_property_have_none_in_cloudformation_either():
    untraced = {"AWS::ApiGatewayV2::Stage", "AWS::ApiGatewayV2::Api", "AWS::ElasticLoadBalancingV2::LoadBalancer"}
    for type_name in untraced:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", type_name).schema
        assert "tracing" not in json.dumps(list(schema["properties"])).lower()
    # Nor in the API behind it.
    stage = botocore.session.get_session().get_service_model("apigatewayv2").shape_for("Stage")
    assert not [name for name in stage.members if "tracing" in name.lower()]
