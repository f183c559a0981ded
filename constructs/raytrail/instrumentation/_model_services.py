"""What turns tracing on for services that a request passes, what they record, and what AWS does not offer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class TracedService:
    """How one service takes part in traces.

    Attributes:
        name: The service.
        property: The property of CloudFormation that turns it on; empty where there is none.
        records: What X-Ray, or a log, shows of it.
        needs: Who must be allowed what.
        page: Where AWS says so.
    """

    name: str
    property: str
    records: str
    needs: str
    page: str


_DOCS = "https://docs.aws.amazon.com"

SERVICES: tuple[TracedService, ...] = (
    TracedService(
        name="API Gateway, REST API",
        property="AWS::ApiGateway::Stage TracingEnabled",
        records="a segment for each sampled request, a subsegment for its integration; it decides about sampling",
        needs="nothing: a service-linked role",
        page=f"{_DOCS}/apigateway/latest/developerguide/apigateway-xray.html",
    ),
    TracedService(
        name="API Gateway, HTTP API",
        property="",
        records="no segment: AWS offers X-Ray for REST APIs alone; the traces begin behind it",
        needs="nothing",
        page=f"{_DOCS}/apigateway/latest/developerguide/http-api-vs-rest.html",
    ),
    TracedService(
        name="Application Load Balancer",
        property="",
        records="no segment: it adds or completes the header X-Amzn-Trace-Id (Root, Self), and its access logs hold it",
        needs="nothing; for access logs a bucket that it may write to",
        page=f"{_DOCS}/elasticloadbalancing/latest/application/load-balancer-request-tracing.html",
    ),
    TracedService(
        name="AppSync, GraphQL API",
        property="AWS::AppSync::GraphQLApi XrayEnabled",
        records="a segment for each sampled request, subsegments for its resolvers and data sources",
        needs="nothing: a service-linked role",
        page=f"{_DOCS}/appsync/latest/devguide/x-ray-tracing.html",
    ),
    TracedService(
        name="Step Functions",
        property="AWS::StepFunctions::StateMachine TracingConfiguration.Enabled",
        records="a segment for each sampled execution, subsegments for its states and the services that they call",
        needs="the state machine's role: xray:PutTraceSegments, PutTelemetryRecords, GetSamplingRules, "
        "GetSamplingTargets",
        page=f"{_DOCS}/step-functions/latest/dg/xray-iam.html",
    ),
)
"""Services in the path of a request. `trace_service` turns on those that have a property."""


def services_table() -> str:
    """Return `SERVICES` as a table of Markdown."""
    lines = ["| service | turned on by | what is recorded | needs |", "|---|---|---|---|"]
    lines += [
        f"| [{each.name}]({each.page}) | {f'`{each.property}`' if each.property else 'not offered by AWS'} "
        f"| {each.records} | {each.needs} |"
        for each in SERVICES
    ]
    return "\n".join(lines) + "\n"
