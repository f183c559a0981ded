"""Where the results of queries go, and the workgroup whose limits hold for each."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_athena as athena
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from raytrail.audit._bucket import keep_policy
from raytrail.findings import acknowledge

GIGABYTE = 1000**3


def make_results(
    scope: Construct, id: str, *, key: kms.IKey | None, access_logs: s3.IBucket | None, expire_after_days: int
) -> s3.Bucket:
    """Return a private bucket that keeps results for some days."""
    results = s3.Bucket(
        scope,
        id,
        encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
        encryption_key=key,
        bucket_key_enabled=True if key else None,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        server_access_logs_bucket=access_logs,
        server_access_logs_prefix="results/" if access_logs else None,
        lifecycle_rules=[
            s3.LifecycleRule(
                id="Expire",
                expiration=Duration.days(expire_after_days),
                abort_incomplete_multipart_upload_after=Duration.days(1),
            )
        ],
        removal_policy=RemovalPolicy.RETAIN,
    )
    keep_policy(results)
    if access_logs is None:
        acknowledge(
            results, {"AwsSolutions-S1": "holds copies of query results for some days; no log bucket was given"}
        )
    return results


def make_workgroup(
    scope: Construct, id: str, *, name: str, location: str, key: kms.IKey | None, limit_gb: int
) -> athena.CfnWorkGroup:
    """Return a workgroup in which nobody reads more than the limit, or sends results elsewhere."""
    configuration = athena.CfnWorkGroup
    return athena.CfnWorkGroup(
        scope,
        id,
        name=name,
        description="Questions to the audit lake",
        recursive_delete_option=True,
        work_group_configuration=configuration.WorkGroupConfigurationProperty(
            enforce_work_group_configuration=True,
            publish_cloud_watch_metrics_enabled=True,
            bytes_scanned_cutoff_per_query=limit_gb * GIGABYTE,
            engine_version=configuration.EngineVersionProperty(selected_engine_version="Athena engine version 3"),
            result_configuration=configuration.ResultConfigurationProperty(
                output_location=location,
                encryption_configuration=configuration.EncryptionConfigurationProperty(
                    encryption_option="SSE_KMS" if key else "SSE_S3", kms_key=key.key_arn if key else None
                ),
            ),
        ),
    )
