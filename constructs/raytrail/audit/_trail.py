"""The trail: who called which API, delivered to a bucket and to a log group."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Annotations, RemovalPolicy, Stack, Token
from aws_cdk import aws_cloudtrail as cloudtrail
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from raytrail.audit._bucket import AuditBucket, let_encrypt
from raytrail.audit._delivery_role import delivery_role
from raytrail.audit._model import Retention, check_organization_id, check_trail_name
from raytrail.audit._model_events import DataEvents, Events, Insights, ManagementEvents, check_events, check_values
from raytrail.audit._policies import CLOUDTRAIL, delivery_statements
from raytrail.errors import InvalidProps

_Selector = cloudtrail.CfnTrail.AdvancedEventSelectorProperty
_Field = cloudtrail.CfnTrail.AdvancedFieldSelectorProperty
_Insight = cloudtrail.CfnTrail.InsightSelectorProperty


class AuditTrail(Construct):
    """A multi-Region trail with log file validation, to a bucket and to a log group.

    Two guards cannot be turned off: the objects of the trail's own bucket are never recorded (each delivery would make
    the next), nor those of the buckets that `never_record` is told, as that of query results; and management events
    that two selectors share are refused, because they would be billed twice.

    Args:
        name: 3 to 128 letters and digits, with single ``.``, ``_`` or ``-`` between them
            (https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-trail-naming-requirements.html).
        events: What is recorded. Default: all management events.
        insights: What CloudTrail looks at for unusual rates. Default: nothing.
        organization_id: The organization whose accounts are all recorded, as ``o-`` and 10 to 32 letters and digits.
            The stack is to be in the management account, or in that of a delegated administrator. Default: none, the
            trail is the account's.
        management_account: The organization's management account, which an organization's trail belongs to. Default:
            the stack's account.
        prefix: Begins each key in the bucket, without slashes at its ends. Default: none.
        retention: When files move to cheaper storage and when they go. Default: they stay where queries read them, and
            go after seven years.
        bucket: A bucket to deliver to instead of one of the trail's own; its owner's policy is to hold what
            `delivery_statements` returns. Default: one is made.
        key: The key of the files; the policy of one that is not of this app is to hold what `encryption_statements`
            returns. Default: one is made with the bucket that is made; in a bucket that is given, its own encryption.
        access_logs: A bucket for the access logs of the bucket that is made, as of `AuditBucket`. Default: one is made.
        log_group: A log group to deliver to, of the trail's account. Default: one is made.
        log_retention: How long the log group that is made keeps events. Default: three months.
        role: The role by which CloudTrail writes to the log group, which ``cloudtrail.amazonaws.com`` may assume. It
            gets a policy for that, one of another app too unless it is imported with ``mutable=False``. Default: one
            is made.
        topic: Is told of each file that is delivered. The policies of the topic and of its key get what CloudTrail
            needs; those that are not of this app are to say it already, and synth warns. Default: nobody is told.

    Attributes:
        resource: The trail's L1.
        trail_arn: Its ARN.
        events: What is recorded, as it was asked for.
        bucket: The bucket.
        key: The key of the files, or None.
        store: The bucket that was made, with its access logs, or None where one was given.
        log_group: The log group, for metric filters and Logs Insights.
        prefix: The prefix.
        organization_id: The organization, or None.

    Raises:
        InvalidProps: The name, the prefix, the organization or the events are not allowed, or access logs or a
            retention are given for a bucket that is not made here.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        events: Sequence[Events] = (ManagementEvents(),),
        insights: Insights | None = None,
        organization_id: str | None = None,
        management_account: str | None = None,
        prefix: str = "",
        retention: Retention | None = None,
        bucket: s3.IBucket | None = None,
        key: kms.IKey | None = None,
        access_logs: s3.IBucket | None = None,
        log_group: logs.ILogGroup | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
        role: iam.IRole | None = None,
        topic: sns.ITopic | None = None,
    ) -> None:
        super().__init__(scope, id)
        check_trail_name(name)
        check_events(events, insights)
        if organization_id is not None:
            check_organization_id(organization_id)
        if access_logs is not None and bucket is not None:
            raise InvalidProps("access_logs is for the bucket that is made; how yours is logged is its own to say")
        if retention is not None and bucket is not None:
            raise InvalidProps("retention is for the bucket that is made; how long yours keeps files is its own to say")
        self.prefix: str = prefix
        self.organization_id: str | None = organization_id
        self._account = management_account or Stack.of(self).account
        # From the name, not from the resource: the bucket policy names the trail, which needs the policy first.
        self.trail_arn: str = Stack.of(self).format_arn(
            service="cloudtrail", resource="trail", resource_name=name, account=self._account
        )
        self.store: AuditBucket | None = None
        if bucket is None:
            self.store = AuditBucket(
                self,
                "Store",
                trail_arn=self.trail_arn,
                prefix=prefix,
                organization_id=organization_id,
                trail_account=management_account,
                retention=retention,
                key=key,
                access_logs=access_logs,
            )
            bucket, key = self.store.bucket, self.store.key
        elif key is not None:
            let_encrypt(self, key, trail_arn=self.trail_arn, account=self._account)
        self.bucket: s3.IBucket = bucket
        self.key: kms.IKey | None = key
        self.log_group: logs.ILogGroup = log_group or logs.LogGroup(
            self, "LogGroup", retention=log_retention, removal_policy=RemovalPolicy.DESTROY
        )
        role, rights = delivery_role(
            self, "DeliveryRole", log_group=self.log_group, organization_id=organization_id, role=role
        )
        self.events: tuple[Events, ...] = tuple(events)
        self._never = [bucket]
        self.resource: cloudtrail.CfnTrail = cloudtrail.CfnTrail(
            self,
            "Resource",
            trail_name=name,
            is_logging=True,
            is_multi_region_trail=True,
            is_organization_trail=True if organization_id else None,
            include_global_service_events=True,
            enable_log_file_validation=True,
            s3_bucket_name=bucket.bucket_name,
            s3_key_prefix=prefix or None,
            kms_key_id=key.key_arn if key else None,
            cloud_watch_logs_log_group_arn=self.log_group.log_group_arn,
            cloud_watch_logs_role_arn=role.role_arn,
            sns_topic_name=topic.topic_arn if topic else None,
            advanced_event_selectors=self._selectors(),
            insight_selectors=[
                _Insight(insight_type=type, event_categories=list(insights.on)) for type in insights.types
            ]
            if insights
            else None,
        )
        self.resource.node.add_dependency(role, rights)
        if self.store is None:
            self._ask_the_owner(bucket)
        elif self.store.bucket.policy is not None:
            self.resource.node.add_dependency(self.store.bucket.policy)
        if topic is not None:
            self._let_it_publish(topic)

    def never_record(self, *buckets: s3.IBucket) -> None:
        """Leave the objects of these buckets out of the data events, whatever is selected.

        A selector that names its buckets in full gets a value only for those of the trail's own stack whose names
        CloudFormation makes up: somebody may have written such a name down. Of another stack that is not recognized.

        Args:
            buckets: The buckets.

        Raises:
            InvalidProps: Data events of one of them were asked for by name, or there are more than 500 values with
                those that leave the buckets out: one of each bucket in each selector that may reach it.
        """
        self._never += buckets
        self.resource.advanced_event_selectors = [*self._selectors()]

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let somebody read the files, and decrypt them, and return the grant.

        Args:
            grantee: Who is to read.
        """
        return self.bucket.grant_read(grantee)

    def _selectors(self) -> list[cloudtrail.CfnTrail.AdvancedEventSelectorProperty]:
        names = {bucket: known_name(bucket) for bucket in self._never}
        # By its name where synth knows it, so that the trail's stack need not wait for the bucket's.
        arns = [
            Stack.of(self).format_arn(service="s3", region="", account="", resource=name) if name else bucket.bucket_arn
            for bucket, name in names.items()
        ]
        known = [name for name in names.values() if name]
        # Of another stack it would make the stacks wait for each other.
        unnamed = [
            bucket.bucket_arn for bucket, name in names.items() if name is None and Stack.of(bucket) is Stack.of(self)
        ]
        guarded = [
            each.without_buckets(arns, known, unnamed=unnamed) if isinstance(each, DataEvents) else each
            for each in self.events
        ]
        check_values(guarded)
        return [
            _Selector(
                name=each.name,
                field_selectors=[
                    _Field(
                        field=condition.field,
                        equal_to=list(condition.equals) or None,
                        starts_with=list(condition.starts_with) or None,
                        ends_with=list(condition.ends_with) or None,
                        not_equals=list(condition.not_equals) or None,
                        not_starts_with=list(condition.not_starts_with) or None,
                        not_ends_with=list(condition.not_ends_with) or None,
                    )
                    for condition in each.conditions
                ],
            )
            for each in guarded
        ]

    def _ask_the_owner(self, bucket: s3.IBucket) -> None:
        statements = delivery_statements(
            bucket_arn=bucket.bucket_arn,
            trail_arn=self.trail_arn,
            account=self._account,
            prefix=self.prefix,
            organization_id=self.organization_id,
        )
        added = [bucket.add_to_resource_policy(statement) for statement in statements]
        for each in added:
            if each.policy_dependable is not None:
                self.resource.node.add_dependency(each.policy_dependable)
        if not all(each.statement_added for each in added):
            Annotations.of(self).add_warning_v2(
                "raytrail:bucket-policy",
                f"bucket {bucket.bucket_name} is not of this app: its policy is to hold the statements that "
                "raytrail.audit.delivery_statements returns, or CloudTrail cannot deliver",
            )

    def _let_it_publish(self, topic: sns.ITopic) -> None:
        # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-permissions-for-sns-notifications.html
        added = topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AWSCloudTrailSNSPolicy",
                principals=[iam.ServicePrincipal(CLOUDTRAIL)],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceArn": self.trail_arn}},
            )
        )
        if added.policy_dependable is not None:
            self.resource.node.add_dependency(added.policy_dependable)
        let_in = [added.statement_added]
        if topic.master_key is not None:
            # The same page. It has no condition there.
            use = iam.PolicyStatement(
                sid="AllowCloudTrailToTell",
                principals=[iam.ServicePrincipal(CLOUDTRAIL)],
                actions=["kms:GenerateDataKey*", "kms:Decrypt"],
                resources=["*"],
            )
            let_in.append(topic.master_key.add_to_resource_policy(use).statement_added)
        if not all(let_in):
            Annotations.of(self).add_warning_v2(
                "raytrail:trail-topic-policy",
                f"topic {topic.topic_arn} or its key is not of this app: their policies are to let {CLOUDTRAIL} "
                "publish and use the key, or the trail cannot be made",
            )


def known_name(bucket: s3.IBucket) -> str | None:
    """The bucket's name where synth knows it. Of a bucket that is made with one, only the L1 tells it."""
    made = bucket.node.default_child
    name = made.bucket_name if isinstance(made, s3.CfnBucket) else bucket.bucket_name
    return None if Token.is_unresolved(name) else name
