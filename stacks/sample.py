"""A small orders service to look at: API Gateway, a Python function, a DynamoDB table."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Annotations, CfnOutput, Duration, RemovalPolicy
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from raytrail.dashboards import ServiceMetrics
from raytrail.errors import InvalidSettings
from raytrail.findings import acknowledge
from raytrail.instrumentation import Exporter, Honeycomb, Rollbar, XRay, instrument_lambda
from raytrail.logs import SavedLogQueries
from raytrail.settings import Settings
from stacks._kit import KitStack, log_retention

CODE = Path(__file__).resolve().parent.parent / "lambda" / "orders"
ROLLBAR = CODE.parents[1] / "build" / "layers" / "rollbar"
"""Where `make layers` puts Rollbar's package."""


def powertools_layer(region: str) -> str:
    """Return the ARN of the layer that holds Powertools for AWS Lambda 3.23.0, for Python 3.13 on x86_64.

    Its number is the same in each Region of the partition ``aws``
    (https://docs.aws.amazon.com/powertools/python/3.23.0/#lambda-layer); other partitions have accounts of their own.

    Raises:
        InvalidSettings: The Region is in another partition.
    """
    if region.startswith(("cn-", "us-gov-", "us-iso", "eu-isoe-", "eusc-")):
        raise InvalidSettings(
            f"sample.powertools_layer_arn: we know no Powertools layer for Region {region!r}; set the ARN of one, or "
            "switch the sample off"
        )
    return f"arn:aws:lambda:{region}:017000801446:layer:AWSLambdaPowertoolsPythonV3-python313-x86_64:27"


def _namespace(settings: Settings) -> str:
    return f"{settings.name}/Orders"


def service_name(settings: Settings) -> str:
    """Return the name of the sample service in its traces."""
    return f"{settings.name}-orders"


class SampleStack(KitStack):
    """The orders service, traced from end to end.

    Without tracing it works on: no layer of OpenTelemetry, no X-Ray, nothing to pay for either.

    Attributes:
        table: Where orders are kept.
        function: The function.
        log_group: The function's log group.
        access_logs: The API's log group.
        api: The REST API.
        metrics: What is measured of all three.
        orders: What the service counts itself.
    """

    def __init__(self, scope: Construct, *, settings: Settings) -> None:
        super().__init__(scope, "sample", settings=settings, description="An orders service, traced from end to end")
        self.table = self._make_table()
        self.log_group = logs.LogGroup(
            self,
            "FunctionLogs",
            retention=log_retention(settings.sample.log_retention_days),
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.function = self._make_function(settings)
        self.api = self._make_api(settings)
        SavedLogQueries(self, "Queries", folder=service_name(settings), log_groups=[self.log_group])
        self.metrics = ServiceMetrics(
            api_name=self.api.rest_api_name,
            function_name=self.function.function_name,
            table_name=self.table.table_name,
        )
        self.orders = tuple(
            cloudwatch.Metric(
                namespace=_namespace(settings),
                metric_name=name,
                dimensions_map={"service": service_name(settings)},
                statistic="Sum",
                period=Duration.minutes(1),
                label=label,
            )
            for name, label in (("OrdersCreated", "Orders"), ("OrderValue", "Order value"))
        )
        CfnOutput(self, "ApiUrl", value=self.api.url)
        CfnOutput(self, "ApiId", value=self.api.rest_api_id)
        CfnOutput(self, "ApiStage", value=self.api.deployment_stage.stage_name)
        CfnOutput(self, "FunctionName", value=self.function.function_name)
        CfnOutput(self, "FunctionLogGroup", value=self.log_group.log_group_name)
        CfnOutput(self, "TableName", value=self.table.table_name)

    def _make_table(self) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            "Orders",
            partition_key=dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _make_function(self, settings: Settings) -> lambda_.Function:
        role = iam.Role(self, "FunctionRole", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.log_group.grant_write(role)
        function = lambda_.Function(
            self,
            "Function",
            description="Creates, gets and lists orders",
            code=lambda_.Code.from_asset(str(CODE), exclude=["__pycache__"]),
            handler="app.handler",
            runtime=lambda_.Runtime.PYTHON_3_13,
            memory_size=512,
            timeout=Duration.seconds(15),
            environment={
                "TABLE_NAME": self.table.table_name,
                "POWERTOOLS_SERVICE_NAME": service_name(settings),
                "POWERTOOLS_METRICS_NAMESPACE": _namespace(settings),
            },
            log_group=self.log_group,
            role=role,
            layers=[
                lambda_.LayerVersion.from_layer_version_arn(
                    self, "PowertoolsLayer", settings.sample.powertools_layer_arn or powertools_layer(settings.region)
                )
            ],
        )
        if settings.sample.rollbar_secret and not settings.tracing.enabled:
            Annotations.of(function).add_warning_v2(
                "raytrail:rollbar-off",
                "sample.rollbar_secret: errors are not reported to Rollbar while tracing.enabled is false, because "
                "Rollbar's package needs what the ADOT layer brings",
            )
        exporters, errors = self._partners(function, settings) if settings.tracing.enabled else ([], None)
        instrument_lambda(
            function,
            service_name=service_name(settings),
            exporters=exporters,
            errors=errors,
            # The catalogue is in SQL, which the layer does not look at unless asked.
            instrumentations=["sqlite3"],
            layer_arn=settings.sample.layer_arn,
            enabled=settings.tracing.enabled,
        )
        self.table.grant(function, "dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:Scan")
        acknowledge(
            function, {"AwsSolutions-L1": "the newest runtime that AWS documents for the ADOT layer is Python 3.13"}
        )
        return function

    def _partners(self, function: lambda_.Function, settings: Settings) -> tuple[list[Exporter], Rollbar | None]:
        """Who is told: X-Ray, and those for whom the settings name a secret."""
        exporters: list[Exporter] = [XRay()]
        if settings.sample.honeycomb_secret:
            exporters.append(
                Honeycomb(
                    api_key_secret=settings.sample.honeycomb_secret,
                    region=settings.sample.honeycomb_region,
                    signals=["traces"],
                )
            )
        if not settings.sample.rollbar_secret:
            return exporters, None
        if not ROLLBAR.is_dir():
            raise InvalidSettings(
                "sample.rollbar_secret: no layer of AWS holds Rollbar's package; run `make layers`, which puts it into "
                f"{ROLLBAR.relative_to(CODE.parents[1])}"
            )
        function.add_layers(
            lambda_.LayerVersion(
                self,
                "RollbarLayer",
                description="Rollbar's package",
                code=lambda_.Code.from_asset(str(ROLLBAR), exclude=["__pycache__", "bin"]),
                compatible_runtimes=[function.runtime],
            )
        )
        return exporters, Rollbar(access_token_secret=settings.sample.rollbar_secret, environment=settings.name)

    def _make_api(self, settings: Settings) -> apigateway.RestApi:
        self.access_logs = logs.LogGroup(
            self,
            "AccessLogs",
            retention=log_retention(settings.sample.log_retention_days),
            removal_policy=RemovalPolicy.DESTROY,
        )
        api = apigateway.RestApi(
            self,
            "Api",
            rest_api_name=service_name(settings),
            description="Orders",
            # Access logs need the account's one CloudWatch role for API Gateway, which may serve other APIs too.
            cloud_watch_role=True,
            cloud_watch_role_removal_policy=RemovalPolicy.RETAIN,
            deploy_options=apigateway.StageOptions(
                stage_name="v1",
                tracing_enabled=settings.tracing.enabled,
                metrics_enabled=True,
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                access_log_destination=apigateway.LogGroupLogDestination(self.access_logs),
                access_log_format=apigateway.AccessLogFormat.custom(
                    '{"requestId":"$context.requestId","xrayTraceId":"$context.xrayTraceId",'
                    '"ip":"$context.identity.sourceIp","caller":"$context.identity.userArn",'
                    '"method":"$context.httpMethod","path":"$context.path","status":"$context.status",'
                    '"latency":"$context.responseLatency"}'
                ),
                throttling_burst_limit=50,
                throttling_rate_limit=25,
            ),
            default_method_options=apigateway.MethodOptions(authorization_type=apigateway.AuthorizationType.IAM),
            endpoint_types=[apigateway.EndpointType.REGIONAL],
        )
        integration = apigateway.LambdaIntegration(self.function)
        validator = api.add_request_validator("Validator", validate_request_parameters=True, validate_request_body=True)
        orders = api.root.add_resource("orders")
        orders.add_method("GET", integration, request_validator=validator)
        orders.add_method("POST", integration, request_validator=validator)
        orders.add_resource("{id}").add_method("GET", integration, request_validator=validator)
        acknowledge(
            api,
            {
                "AwsSolutions-APIG3": "a sample that only IAM principals of the account can call needs no firewall",
                "AwsSolutions-COG4": "callers are IAM principals of the account, not users of a pool",
                "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
                "AmazonAPIGatewayPushToCloudWatchLogs]": "the policy that AWS documents for API Gateway's account role",
            },
        )
        return api
