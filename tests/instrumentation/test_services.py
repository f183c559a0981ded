"""trace_service: the property that turns tracing on, the rights, and what AWS does not offer."""

from __future__ import annotations

import pytest
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_appsync as appsync
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as stepfunctions
from tests.synth import only

from raytrail.errors import InvalidProps
from raytrail.instrumentation import trace_service


def test_a_rest_api_is_traced_by_its_stage(stack, template):
    api = apigateway.RestApi(stack, "Api")
    api.root.add_method("GET", apigateway.MockIntegration())
    trace_service(api)
    trace_service(api.deployment_stage)
    assert only(template(), "AWS::ApiGateway::Stage")["TracingEnabled"] is True


def test_a_rest_api_without_a_stage_of_its_own_is_traced_by_the_one_it_is_given(stack, template):
    api = apigateway.RestApi(stack, "Api", deploy=False)
    api.root.add_method("GET", apigateway.MockIntegration())
    with pytest.raises(InvalidProps, match=r"Test/Api has no stage of its own.*deploy=False.*give its Stage"):
        trace_service(api)
    api.deployment_stage = apigateway.Stage(stack, "Stage", deployment=apigateway.Deployment(stack, "Made", api=api))
    trace_service(api)
    assert only(template(), "AWS::ApiGateway::Stage")["TracingEnabled"] is True


def test_an_appsync_api_is_traced(stack, template):
    definition = appsync.Definition.from_schema(_Schema())
    trace_service(appsync.GraphqlApi(stack, "Api", name="shop", definition=definition))
    assert only(template(), "AWS::AppSync::GraphQLApi")["XrayEnabled"] is True


def test_a_state_machine_is_traced_and_may_send_however_often_it_is_said(stack, template):
    machine = stepfunctions.StateMachine(
        stack, "Machine", definition_body=stepfunctions.DefinitionBody.from_string('{"StartAt":"A","States":{}}')
    )
    trace_service(machine)
    trace_service(machine)
    made = template()
    assert only(made, "AWS::StepFunctions::StateMachine")["TracingConfiguration"] == {"Enabled": True}
    # https://docs.aws.amazon.com/step-functions/latest/dg/xray-iam.html
    documented = {"PutTraceSegments", "PutTelemetryRecords", "GetSamplingRules", "GetSamplingTargets"}
    [statement] = only(made, "AWS::IAM::Policy")["PolicyDocument"]["Statement"]
    assert {action.removeprefix("xray:") for action in statement["Action"]} == documented
    assert statement["Resource"] == "*"


def test_an_http_api_is_refused_because_aws_traces_rest_apis_alone(stack):
    with pytest.raises(InvalidProps, match="AWS offers X-Ray for REST APIs alone"):
        trace_service(apigatewayv2.HttpApi(stack, "Api"))


def test_a_load_balancer_is_refused_and_its_header_and_logs_are_named(stack):
    vpc = ec2.Vpc(stack, "Vpc", max_azs=2, nat_gateways=0)
    with pytest.raises(InvalidProps, match=r"X-Amzn-Trace-Id by itself.*log_access_logs"):
        trace_service(elbv2.ApplicationLoadBalancer(stack, "Alb", vpc=vpc))


def test_what_is_none_of_them_or_made_elsewhere_is_refused(stack):
    with pytest.raises(InvalidProps, match="none of RestApi, Stage, GraphqlApi and StateMachine"):
        trace_service(s3.Bucket(stack, "Bucket"))
    with pytest.raises(InvalidProps, match="or was made elsewhere"):
        trace_service(apigateway.RestApi.from_rest_api_id(stack, "Theirs", "abc"))


def _Schema() -> appsync.ISchema:
    import tempfile
    from pathlib import Path

    file = Path(tempfile.mkdtemp()) / "schema.graphql"
    file.write_text("type Query { hello: String }")
    return appsync.SchemaFile.from_asset(str(file))
