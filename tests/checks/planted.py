"""An app of somebody else's with one mistake for each check, each in a construct that is named after the check.

What is around a mistake is as it should be, so that each construct has one finding and no other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from aws_cdk import Acknowledgment, App, Environment, RemovalPolicy, Stack, Validations
from aws_cdk import aws_athena as athena
from aws_cdk import aws_cloudtrail as cloudtrail
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_xray as xray
from constructs import Construct

from raytrail.audit import delivery_statements
from raytrail.checks import Floors
from raytrail.checks.plugin import RaytrailChecks

ACCOUNT, REGION = "111122223333", "eu-west-1"
CLOUDTRAIL = iam.ServicePrincipal("cloudtrail.amazonaws.com")


def make_planted_app(
    outdir: str, *, acknowledged: str | None = None, plants: Sequence[str] | None = None, floors: Floors | None = None
) -> App:
    """The app, with the plugin added.

    Args:
        outdir: Where it is synthesised to.
        acknowledged: The reason with which each finding is acknowledged. Default: none is.
        plants: The names of the mistakes. Default: all.
        floors: Those of the plugin.
    """
    app = App(outdir=outdir, builtin_cloud_formation_validation=False, analytics_reporting=False)
    stack = Stack(app, "Planted", env=Environment(account=ACCOUNT, region=REGION))
    for name in PLANTS if plants is None else plants:
        scope = Construct(stack, name)
        PLANTS[name](scope)
        if acknowledged is not None:
            Validations.of(scope).acknowledge(Acknowledgment(id=f"Raytrail::{name}", reason=acknowledged))
    Validations.of(app).add_plugins(RaytrailChecks(app, floors=floors))
    return app


def _alarm(scope: Construct) -> cloudwatch.Alarm:
    metric = cloudwatch.Metric(namespace="Shop", metric_name=scope.node.id)
    return cloudwatch.Alarm(scope, "Alarm", metric=metric, threshold=1, evaluation_periods=1)


def _alarm_to(scope: Construct, topic: sns.Topic) -> None:
    _alarm(scope).add_alarm_action(actions.SnsAction(topic))


def _heard(topic: sns.Topic) -> sns.Topic:
    topic.add_subscription(subscriptions.EmailSubscription("oncall@example.com"))
    return topic


def _rule(scope: Construct, source: str, call: str, *, dead_letters: bool = True) -> None:
    rule = events.Rule(
        scope,
        "Rule",
        event_pattern=events.EventPattern(
            source=[f"aws.{source}"],
            detail_type=["AWS API Call via CloudTrail"],
            detail={"eventSource": [f"{source}.amazonaws.com"], "eventName": [call]},
        ),
    )
    lost = sqs.Queue(scope, "Lost") if dead_letters else None
    rule.add_target(targets.SqsQueue(sqs.Queue(scope, "Queue"), dead_letter_queue=lost))


def _function(scope: Construct, layer: str, environment: dict[str, str]) -> None:
    function = lambda_.Function(
        scope,
        "Function",
        runtime=lambda_.Runtime.PYTHON_3_13,
        handler="index.handler",
        code=lambda_.Code.from_inline("def handler(event, context): ..."),
        tracing=lambda_.Tracing.ACTIVE,
        environment=environment,
    )
    function.add_layers(lambda_.LayerVersion.from_layer_version_arn(scope, "Layer", layer))


def _bucket(scope: Construct, *, protected: bool = True) -> s3.Bucket:
    return s3.Bucket(
        scope,
        "Bucket",
        encryption=s3.BucketEncryption.KMS,
        versioned=protected,
        removal_policy=RemovalPolicy.RETAIN if protected else RemovalPolicy.DESTROY,
        auto_delete_objects=not protected,
    )


def _trail(scope: Construct, bucket: str, *, validated: bool = True, everywhere: bool = True) -> None:
    cloudtrail.CfnTrail(
        scope,
        "Trail",
        trail_name=scope.node.id,
        s3_bucket_name=bucket,
        is_logging=True,
        is_multi_region_trail=everywhere,
        include_global_service_events=True,
        enable_log_file_validation=validated,
    )


def _let_deliver(bucket: s3.Bucket, name: str) -> None:
    trail = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/{name}"
    for statement in delivery_statements(bucket_arn=bucket.bucket_arn, trail_arn=trail, account=ACCOUNT):
        bucket.add_to_resource_policy(statement)


def alarm_reaches_nobody(scope: Construct) -> None:
    _alarm(scope)


def topic_reaches_nobody(scope: Construct) -> None:
    _alarm_to(scope, sns.Topic(scope, "Topic"))


def delivery_refused(scope: Construct) -> None:
    # The policy that asks for TLS takes the place of the one that lets alarms in.
    _alarm_to(scope, _heard(sns.Topic(scope, "Topic", enforce_ssl=True)))


def key_refuses_delivery(scope: Construct) -> None:
    _alarm_to(scope, _heard(sns.Topic(scope, "Topic", master_key=kms.Key(scope, "Key"))))


def log_class_breaks_filter(scope: Construct) -> None:
    group = logs.LogGroup(
        scope, "Group", retention=logs.RetentionDays.ONE_MONTH, log_group_class=logs.LogGroupClass.INFREQUENT_ACCESS
    )
    pattern = logs.FilterPattern.literal("ERROR")
    group.add_metric_filter("Filter", metric_name="Errors", metric_namespace="Shop", filter_pattern=pattern)


def retention_out_of_bounds(scope: Construct) -> None:
    logs.LogGroup(scope, "Group", retention=logs.RetentionDays.INFINITE)


def trail_guard_off(scope: Construct) -> None:
    _trail(scope, "central-logs", validated=False)


def trail_sees_part(scope: Construct) -> None:
    _trail(scope, "central-logs", everywhere=False)


def trail_bucket_unprotected(scope: Construct) -> None:
    bucket = _bucket(scope, protected=False)
    _let_deliver(bucket, scope.node.id)
    _trail(scope, bucket.bucket_name)


def trail_cannot_deliver(scope: Construct) -> None:
    _trail(scope, _bucket(scope).bucket_name)


def trail_policy_open(scope: Construct) -> None:
    bucket = _bucket(scope)
    bucket.add_to_resource_policy(
        iam.PolicyStatement(principals=[CLOUDTRAIL], actions=["s3:GetBucketAcl"], resources=[bucket.bucket_arn])
    )
    files = bucket.arn_for_objects(f"AWSLogs/{ACCOUNT}/*")
    bucket.add_to_resource_policy(
        iam.PolicyStatement(principals=[CLOUDTRAIL], actions=["s3:PutObject"], resources=[files])
    )
    _trail(scope, bucket.bucket_name)


def rule_never_matches(scope: Construct) -> None:
    _rule(scope, "ec2", "DescribeInstances")


def rule_in_wrong_region(scope: Construct) -> None:
    _rule(scope, "iam", "CreateUser")


def rule_loses_events(scope: Construct) -> None:
    _rule(scope, "ec2", "RunInstances", dead_letters=False)


def trace_filter_invalid(scope: Construct) -> None:
    xray.CfnGroup(scope, "Group", group_name="slow", filter_expression="duration > five")


def sampling_rule_never_decides(scope: Construct) -> None:
    for priority, path in ((10, "*"), (20, "/orders/*")):
        xray.CfnSamplingRule(
            scope,
            f"Rule{priority}",
            sampling_rule=xray.CfnSamplingRule.SamplingRuleProperty(
                rule_name=f"shop-{priority}",
                priority=priority,
                fixed_rate=0.1,
                reservoir_size=1,
                host="*",
                http_method="*",
                service_name="shop",
                service_type="*",
                url_path=path,
                resource_arn="*",
                version=1,
            ),
        )


def tracing_layer_misfit(scope: Construct) -> None:
    layer = "arn:aws:lambda:us-east-1:615299751070:layer:AWSOpenTelemetryDistroPython:29"
    _function(scope, layer, {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/otel-instrument"})


def tracing_layer_idle(scope: Construct) -> None:
    _function(scope, f"arn:aws:lambda:{REGION}:615299751070:layer:AWSOpenTelemetryDistroPython:26", {})


def athena_without_limit(scope: Construct) -> None:
    athena.CfnWorkGroup(scope, "WorkGroup", name="analysts")


def dashboard_too_large(scope: Construct) -> None:
    widgets = [{"type": "text", "properties": {"markdown": "-"}}] * 501
    cloudwatch.CfnDashboard(scope, "Dashboard", dashboard_body=json.dumps({"widgets": widgets}))


def _named(*plants: Callable[[Construct], None]) -> dict[str, Callable[[Construct], None]]:
    return {"".join(part.capitalize() for part in plant.__name__.split("_")): plant for plant in plants}


PLANTS = _named(
    alarm_reaches_nobody,
    topic_reaches_nobody,
    delivery_refused,
    key_refuses_delivery,
    log_class_breaks_filter,
    retention_out_of_bounds,
    trail_guard_off,
    trail_sees_part,
    trail_bucket_unprotected,
    trail_cannot_deliver,
    trail_policy_open,
    rule_never_matches,
    rule_in_wrong_region,
    rule_loses_events,
    trace_filter_invalid,
    sampling_rule_never_decides,
    tracing_layer_misfit,
    tracing_layer_idle,
    athena_without_limit,
    dashboard_too_large,
)
"""By the name of the check that finds the mistake."""
