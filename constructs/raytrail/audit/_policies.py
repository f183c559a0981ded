"""What policies have to say so that a trail can deliver and its files can be read, as AWS documents it.

The constructs write these where they may. Where a bucket, a key or a role is somebody else's, they are values to paste.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Aws
from aws_cdk import aws_iam as iam

from raytrail.audit import _analysts as analysts
from raytrail.audit._model import organization_folder
from raytrail.errors import InvalidProps

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


def encryption_statements(*, trail_arn: str, account: str, partition: str = Aws.PARTITION) -> list[iam.PolicyStatement]:
    """Return what a key's policy has to say so that a trail can encrypt its files with it.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html

    Args:
        trail_arn: The trail; an organization's is that of the management account.
        account: The account that owns the trail.
        partition: The partition of that account. Default: that of the stack that uses the statements.
    """
    trail = iam.ServicePrincipal(CLOUDTRAIL)
    of_this_trail = {"StringEquals": {"aws:SourceArn": trail_arn}}
    trails = f"arn:{partition}:cloudtrail:*:{account}:trail/*"
    return [
        iam.PolicyStatement(
            sid="AllowCloudTrailToEncrypt",
            principals=[trail],
            actions=["kms:GenerateDataKey*"],
            resources=["*"],
            conditions={**of_this_trail, "StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": trails}},
        ),
        iam.PolicyStatement(
            sid="AllowCloudTrailToDescribe",
            principals=[trail],
            actions=["kms:DescribeKey"],
            resources=["*"],
            conditions=of_this_trail,
        ),
        # Needed where the bucket uses an S3 Bucket Key.
        iam.PolicyStatement(
            sid="AllowCloudTrailToDecrypt",
            principals=[trail],
            actions=["kms:Decrypt"],
            resources=["*"],
            conditions=of_this_trail,
        ),
    ]


def reading_statements(
    *, bucket_arn: str, readers: Sequence[str], prefix: str = "", organization_id: str | None = None
) -> list[iam.PolicyStatement]:
    """Return what a bucket's policy has to say so that roles of other accounts can ask a lake over its files.

    S3 allows another account only what both sides allow: the role's own policy, which `AuditLake.grant_query` writes,
    and this. Of the actions on AWS's page it has those that read
    (https://docs.aws.amazon.com/athena/latest/ug/cross-account-permissions.html). A policy can name only roles that
    are there: deploy the lake first.

    Args:
        bucket_arn: The bucket.
        readers: ARNs of the roles, at least one.
        prefix: The trail's key prefix, without slashes at its ends. Default: none.
        organization_id: For an organization trail, the id that stands in its keys. Default: none.

    Raises:
        InvalidProps: No reader is named, or the prefix is not allowed.
    """
    principals = _roles(readers)
    files = f"{bucket_arn}/{organization_folder(prefix, organization_id)}/*"
    return [
        iam.PolicyStatement(
            sid="AllowLakeToList", principals=principals, actions=[*analysts.FILES_ACTIONS], resources=[bucket_arn]
        ),
        iam.PolicyStatement(
            sid="AllowLakeToRead", principals=principals, actions=[*analysts.FILE_ACTIONS], resources=[files]
        ),
    ]


def decryption_statements(*, readers: Sequence[str]) -> list[iam.PolicyStatement]:
    """Return what the policy of the files' key has to say so that roles of other accounts can ask a lake over them.

    AWS's page for this lists what writes too; reading takes kms:Decrypt alone
    (https://docs.aws.amazon.com/athena/latest/ug/encryption.html).

    Args:
        readers: ARNs of the roles, at least one.

    Raises:
        InvalidProps: No reader is named.
    """
    return [
        iam.PolicyStatement(
            sid="AllowLakeToDecrypt",
            principals=_roles(readers),
            actions=[*analysts.READ_KEY_ACTIONS],
            resources=["*"],
        )
    ]


def _roles(arns: Sequence[str]) -> list[iam.IPrincipal]:
    if not arns:
        raise InvalidProps("readers are ARNs of roles, at least one; got none, which would let nobody read")
    return [iam.ArnPrincipal(arn) for arn in arns]
