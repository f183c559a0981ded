"""Tracing for services that a request passes: what `SERVICES` says turns it on."""

from __future__ import annotations

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_appsync as appsync
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import IConstruct

from raytrail.errors import InvalidProps
from raytrail.findings import acknowledge

# https://docs.aws.amazon.com/step-functions/latest/dg/xray-iam.html
STATE_MACHINE_ACTIONS = (
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
)
"""What the role of a traced state machine needs."""

_HTTP_APIS = (apigatewayv2.HttpApi, apigatewayv2.HttpStage, apigatewayv2.CfnApi, apigatewayv2.CfnStage)
_WRITE = "X-Ray's actions on traces know no resource; AWS documents * for them"


def trace_service(service: IConstruct) -> None:
    """Turn tracing on for a service of the app: a stage or an API of API Gateway, AppSync, or a state machine.

    Called again it changes nothing. What each records is in `SERVICES`.

    Args:
        service: A ``RestApi`` (its deployment stage), ``Stage``, ``GraphqlApi`` or ``StateMachine``, or the L1 of one.
            The L1 of a state machine has a role of its own, which needs `STATE_MACHINE_ACTIONS`.

    Raises:
        InvalidProps: AWS offers no tracing for it (HTTP and WebSocket APIs, load balancers), it was made elsewhere,
            it is an API without a stage of its own (``deploy=False``), or it is none of these.
    """
    if isinstance(service, apigateway.RestApi | apigateway.SpecRestApi):
        service = _stage_of(service)
    if isinstance(service, stepfunctions.StateMachine):
        service.add_to_role_policy(iam.PolicyStatement(actions=[*STATE_MACHINE_ACTIONS], resources=["*"]))
        acknowledge(service.role, {"AwsSolutions-IAM5[Resource::*]": _WRITE})
    match service.node.default_child or service:
        case apigateway.CfnStage() as stage:
            stage.tracing_enabled = True
        case appsync.CfnGraphQLApi() as api:
            api.xray_enabled = True
        case stepfunctions.CfnStateMachine() as machine:
            machine.tracing_configuration = stepfunctions.CfnStateMachine.TracingConfigurationProperty(enabled=True)
        case other:
            raise InvalidProps(_refusal(service, other))


def _stage_of(api: apigateway.RestApi | apigateway.SpecRestApi) -> apigateway.Stage:
    try:
        return api.deployment_stage
    except RuntimeError as error:
        # The property is not optional, so that jsii cannot hand out that there is none.
        raise InvalidProps(
            f"{api.node.path} has no stage of its own, for it is made with deploy=False, and a REST API is traced by "
            "its stage; give its Stage"
        ) from error


def _refusal(service: IConstruct, resource: IConstruct) -> str:
    path = service.node.path
    if isinstance(service, _HTTP_APIS) or isinstance(resource, _HTTP_APIS):
        return (
            f"{path} is an HTTP or WebSocket API, and AWS offers X-Ray for REST APIs alone; use a RestApi, or trace "
            "what is behind it"
        )
    if isinstance(resource, elbv2.CfnLoadBalancer):
        return (
            f"{path} is a load balancer, which sends nothing to X-Ray: it adds the header X-Amzn-Trace-Id by itself, "
            "and its access logs hold it; turn those on with log_access_logs(bucket)"
        )
    return (
        f"{path} is none of RestApi, Stage, GraphqlApi and StateMachine, or was made elsewhere; got "
        f"{type(service).__name__}"
    )
