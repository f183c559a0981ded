"""The bucket of a trail and the key of its files, with the policies that AWS documents."""

from __future__ import annotations

from aws_cdk import Annotations, Duration, RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from raytrail.audit._model import Retention
from raytrail.audit._policies import delivery_statements, encryption_statements


class AuditBucket(Construct):
    """An encrypted, versioned bucket that nothing but one trail may write to, and that outlives its stack.

    Its access logs do, too, where they are made here; both keep their policies, and so are read by TLS alone.

    Args:
        trail_arn: The ARN of the trail, which both policies name.
        prefix: Begins each key, without slashes at its ends. Default: none.
        organization_id: For an organization trail, the id that stands in its keys. Default: none.
        trail_account: The account that owns the trail. Default: the stack's.
        retention: When files move to cheaper storage and when they go. Default: they stay where queries read them, and
            go after seven years.
        key: The key of its files. One that is not of this app is left as it is, and synth warns: its policy is to hold
            what `encryption_statements` returns. Default: one is made, rotated each year, and kept.
        access_logs: A bucket for its access logs, which begin with ``trail/``, in the same account and Region; its
            policy is to let S3's log service write there. Default: one is made, and kept.

    Attributes:
        bucket: The bucket.
        retention: When its files move and go.
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
        key: kms.IKey | None = None,
        access_logs: s3.IBucket | None = None,
    ) -> None:
        super().__init__(scope, id)
        account = trail_account or Stack.of(self).account
        # Without it CDK lets the log service write by an ACL, which a bucket without ACLs cannot have.
        self.node.set_context("@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy", True)
        self.retention: Retention = retention or Retention()
        self.key: kms.IKey = key or kms.Key(
            self,
            "Key",
            description="Encrypts the files of the trail and the results of its queries",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        let_encrypt(self, self.key, trail_arn=trail_arn, account=account)
        self.access_logs: s3.IBucket = access_logs or self._make_access_logs()
        self.bucket: s3.Bucket = s3.Bucket(
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
                    id="MoveThenExpire",
                    transitions=_transitions(self.retention),
                    expiration=Duration.days(self.retention.expire_after_days),
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
        keep_policy(self.bucket)

    def _make_access_logs(self) -> s3.Bucket:
        bucket = s3.Bucket(
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
        keep_policy(bucket)
        return bucket


def keep_policy(bucket: s3.Bucket) -> None:
    """Keep the policy of a bucket that is kept: without it, what stays could be read without TLS."""
    if bucket.policy is not None:
        bucket.policy.apply_removal_policy(RemovalPolicy.RETAIN)


def let_encrypt(scope: Construct, key: kms.IKey, *, trail_arn: str, account: str) -> None:
    """Let a trail use a key, or warn with what its owner is to add to its policy."""
    said = encryption_statements(trail_arn=trail_arn, account=account, partition=Stack.of(scope).partition)
    added = [key.add_to_resource_policy(each).statement_added for each in said]
    if not all(added):
        Annotations.of(scope).add_warning_v2(
            "raytrail:key-policy",
            f"key {key.key_arn} is not of this app: its policy is to hold the statements that "
            "raytrail.audit.encryption_statements returns, or CloudTrail cannot deliver",
        )


def _transitions(retention: Retention) -> list[s3.Transition] | None:
    moves = {
        s3.StorageClass.INFREQUENT_ACCESS: retention.infrequent_after_days,
        s3.StorageClass.GLACIER: retention.archive_after_days,
    }
    return [
        s3.Transition(storage_class=storage, transition_after=Duration.days(days))
        for storage, days in moves.items()
        if days is not None
    ] or None
