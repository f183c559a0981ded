"""The bucket of a trail and the key of its files, with the policies that AWS documents."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from raytrail.audit._model import Retention, organization_folder

CLOUDTRAIL = "cloudtrail.amazonaws.com"


def delivery_statements(
    *, bucket_arn: str, trail_arn: str, account: str, prefix: str = "", organization_id: str | None = None
) -> list[iam.PolicyStatement]:
    """Return what a bucket's policy has to say so that a trail can deliver to it.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html

    Args:
        bucket_arn: The bucket.
        trail_arn: The trail; an organization's is that of the management account.
        account: The account that owns the trail.
        prefix: The trail's key prefix, without slashes at its ends. Default: none.
        organization_id: For an organization trail, the id that stands in its keys. Default: none.

    Raises:
        InvalidProps: The prefix is not allowed.
    """
    trail = iam.ServicePrincipal(CLOUDTRAIL)

    def may_write(sid: str, folder: str) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            sid=sid,
            principals=[trail],
            actions=["s3:PutObject"],
            resources=[f"{bucket_arn}/{folder}/*"],
            conditions={"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceArn": trail_arn}},
        )

    statements = [
        iam.PolicyStatement(
            sid="AWSCloudTrailAclCheck",
            principals=[trail],
            actions=["s3:GetBucketAcl"],
            resources=[bucket_arn],
            conditions={"StringEquals": {"aws:SourceArn": trail_arn}},
        ),
        # An organization's trail needs it too, for the day on which it becomes a trail of the account alone.
        may_write("AWSCloudTrailWrite", f"{organization_folder(prefix, None)}/{account}"),
    ]
    if organization_id:
        statements.append(may_write("AWSCloudTrailOrganizationWrite", organization_folder(prefix, organization_id)))
    return statements


class AuditBucket(Construct):
    """An encrypted, versioned bucket that nothing but one trail may write to, and that outlives its stack.

    Args:
        trail_arn: The ARN of the trail, which both policies name.
        prefix: Begins each key, without slashes at its ends. Default: none.
        organization_id: For an organization trail, the id that stands in its keys. Default: none.
        trail_account: The account that owns the trail. Default: the stack's.
        retention: When files move to the archive and when they go. Default: 90 days, seven years.

    Attributes:
        bucket: The bucket.
        key: The KMS key of its files.
        access_logs: The bucket of its access logs.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        trail_arn: str,
        prefix: str = "",
        organization_id: str | None = None,
        trail_account: str | None = None,
        retention: Retention | None = None,
    ) -> None:
        super().__init__(scope, id)
        account = trail_account or Stack.of(self).account
        # Without it CDK lets the log service write by an ACL, which a bucket without ACLs cannot have.
        self.node.set_context("@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy", True)
        retention = retention or Retention()
        self.key = self._make_key(trail_arn, account)
        self.access_logs = s3.Bucket(
            self,
            "AccessLogs",
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[s3.LifecycleRule(id="Expire", expiration=Duration.days(365))],
            removal_policy=RemovalPolicy.RETAIN,
        )
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_PREFERRED,
            server_access_logs_bucket=self.access_logs,
            server_access_logs_prefix="trail/",
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="ArchiveThenExpire",
                    transitions=[
                        *_to_infrequent_access(retention),
                        s3.Transition(
                            storage_class=s3.StorageClass.GLACIER,
                            transition_after=Duration.days(retention.archive_after_days),
                        ),
                    ],
                    expiration=Duration.days(retention.expire_after_days),
                    noncurrent_version_expiration=Duration.days(30),
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                )
            ],
            removal_policy=RemovalPolicy.RETAIN,
        )
        for statement in delivery_statements(
            bucket_arn=self.bucket.bucket_arn,
            trail_arn=trail_arn,
            account=account,
            prefix=prefix,
            organization_id=organization_id,
        ):
            self.bucket.add_to_resource_policy(statement)

    def _make_key(self, trail_arn: str, account: str) -> kms.Key:
        # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
        trails = f"arn:{Stack.of(self).partition}:cloudtrail:*:{account}:trail/*"
        key = kms.Key(
            self,
            "Key",
            description="Encrypts the files of the trail and the results of its queries",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        trail = iam.ServicePrincipal(CLOUDTRAIL)
        of_this_trail = {"StringEquals": {"aws:SourceArn": trail_arn}}
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AllowCloudTrailToEncrypt",
                principals=[trail],
                actions=["kms:GenerateDataKey*"],
                resources=["*"],
                conditions={
                    **of_this_trail,
                    "StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": trails},
                },
            )
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AllowCloudTrailToDescribe",
                principals=[trail],
                actions=["kms:DescribeKey"],
                resources=["*"],
                conditions=of_this_trail,
            )
        )
        # Needed because the bucket uses an S3 Bucket Key.
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AllowCloudTrailToDecrypt",
                principals=[trail],
                actions=["kms:Decrypt"],
                resources=["*"],
                conditions=of_this_trail,
            )
        )
        return key


def _to_infrequent_access(retention: Retention) -> list[s3.Transition]:
    if retention.infrequent_after_days is None:
        return []
    return [
        s3.Transition(
            storage_class=s3.StorageClass.INFREQUENT_ACCESS,
            transition_after=Duration.days(retention.infrequent_after_days),
        )
    ]
