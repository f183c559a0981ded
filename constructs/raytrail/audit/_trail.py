"""The trail: every management event of the account, in all Regions, and the data events that were asked for."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import ArnFormat, RemovalPolicy, Stack
from aws_cdk import aws_cloudtrail as cloudtrail
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from raytrail.audit._bucket import CLOUDTRAIL, AuditBucket
from raytrail.audit._model import Retention, check_trail_name
from raytrail.findings import acknowledge, place_of

_Selector = cloudtrail.CfnTrail.AdvancedEventSelectorProperty
_Field = cloudtrail.CfnTrail.AdvancedFieldSelectorProperty


class AuditTrail(Construct):
    """A multi-Region trail with log file validation, to a bucket of its own and to a log group.

    It records no data events unless asked, so it can neither record its own deliveries nor the query results.

    Args:
        name: 3 to 128 letters and digits, with single ``.``, ``_`` or ``-`` between them.
        tables: DynamoDB tables whose item-level calls are recorded too (billed by event). Default: none.
        prefix: Begins each key in the bucket, without slashes at its ends. Default: none.
        retention: When files move to the archive and when they go. Default: 90 days, seven years.
        log_retention: How long the log group keeps events. Default: three months.

    Attributes:
        resource: The trail's L1.
        trail_arn: Its ARN.
        store: The bucket, its key and its access logs.
        log_group: The log group, for metric filters and Logs Insights.

    Raises:
        InvalidProps: The name or the prefix is not allowed.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        tables: Sequence[dynamodb.ITable] = (),
        prefix: str = "",
        retention: Retention | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
    ) -> None:
        super().__init__(scope, id)
        check_trail_name(name)
        stack = Stack.of(self)
        # From the name, not from the resource: the bucket policy names the trail, which needs the policy first.
        self.trail_arn = stack.format_arn(service="cloudtrail", resource="trail", resource_name=name)
        self.store = AuditBucket(self, "Store", trail_arn=self.trail_arn, prefix=prefix, retention=retention)
        self.log_group = logs.LogGroup(self, "LogGroup", retention=log_retention, removal_policy=RemovalPolicy.DESTROY)
        role = self._delivery_role()
        self.resource = cloudtrail.CfnTrail(
            self,
            "Resource",
            trail_name=name,
            is_logging=True,
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_log_file_validation=True,
            s3_bucket_name=self.store.bucket.bucket_name,
            s3_key_prefix=prefix or None,
            kms_key_id=self.store.key.key_arn,
            cloud_watch_logs_log_group_arn=self.log_group.log_group_arn,
            cloud_watch_logs_role_arn=role.role_arn,
            advanced_event_selectors=[
                _Selector(
                    name="Management events",
                    field_selectors=[_Field(field="eventCategory", equal_to=["Management"])],
                ),
                *([_items_of(tables)] if tables else []),
            ],
        )
        assert self.store.bucket.policy is not None
        self.resource.node.add_dependency(self.store.bucket.policy, role)

    def _delivery_role(self) -> iam.Role:
        # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/send-cloudtrail-events-to-cloudwatch-logs.html
        role = iam.Role(self, "DeliveryRole", assumed_by=iam.ServicePrincipal(CLOUDTRAIL))
        stack = Stack.of(self)
        stream = stack.format_arn(
            service="logs",
            resource="log-group",
            resource_name=f"{self.log_group.log_group_name}:log-stream:{stack.account}_CloudTrail_{stack.region}*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        role.add_to_policy(
            iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[stream])
        )
        log_group = self.log_group.node.default_child
        assert isinstance(log_group, logs.CfnLogGroup)
        group = stack.resolve(log_group.logical_id)
        place = place_of(self)
        acknowledge(
            role,
            {
                f"AwsSolutions-IAM5[Resource::arn:{place.partition}:logs:{place.region}:{place.account}:log-group:"
                f"<{group}>:log-stream:{place.account}_CloudTrail_{place.region}*]": (
                    "CloudTrail may append to the name of its stream; AWS documents this pattern"
                )
            },
        )
        return role


def _items_of(tables: Sequence[dynamodb.ITable]) -> _Selector:
    return _Selector(
        name="Items of tables",
        field_selectors=[
            _Field(field="eventCategory", equal_to=["Data"]),
            _Field(field="resources.type", equal_to=["AWS::DynamoDB::Table"]),
            _Field(field="resources.ARN", equal_to=[table.table_arn for table in tables]),
        ],
    )
