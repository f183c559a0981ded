"""Whether a trail could deliver: its bucket and bucket policy, topic and log group, as CreateTrail checks them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from raytrail.localaws._cloudtrail._policy import allows
from raytrail.localaws._hooks import hook

SERVICE = "cloudtrail.amazonaws.com"
MAX_PREFIX = 200


class Destinations:
    """Checks what a trail would deliver to."""

    def __init__(self) -> None:
        self._buckets = hook("ministack.services.s3:_buckets")
        self._bucket_policies = hook("ministack.services.s3:_bucket_policies")
        self._topics = hook("ministack.services.sns:_topics")
        self._log_groups = hook("ministack.services.cloudwatch_logs:_log_groups")

    def refuse(
        self, trail: Mapping[str, Any], trail_arn: str, account_id: str, organization_id: str
    ) -> tuple[str, str] | None:
        """AWS's error code and message for destinations that a trail could not use, or None.

        Args:
            trail: The members of CreateTrail.
            trail_arn: The ARN that it has, or will have.
            account_id: Its account.
            organization_id: Of an organization's trail; else empty.
        """
        owners = [account_id, *([organization_id] if organization_id else [])]
        return self._bucket(trail, trail_arn, owners) or self._topic(trail, trail_arn) or self._log_group(trail)

    def _bucket(self, trail: Mapping[str, Any], trail_arn: str, owners: list[str]) -> tuple[str, str] | None:
        name, prefix = str(trail.get("S3BucketName") or ""), str(trail.get("S3KeyPrefix") or "")
        if len(prefix) > MAX_PREFIX:
            return "InvalidS3PrefixException", f"S3 prefix is longer than maximum length: {MAX_PREFIX}"
        if not name:
            return "InvalidS3BucketNameException", "Bucket name cannot be blank!"
        if self._buckets.get(name) is None:
            return "S3BucketDoesNotExistException", f"S3 bucket {name} does not exist!"
        folder = f"{prefix.strip('/')}/AWSLogs" if prefix.strip("/") else "AWSLogs"
        context = {
            "aws:SourceArn": trail_arn,
            "aws:SourceAccount": owners[0],
            "aws:SecureTransport": "true",
            "s3:x-amz-acl": "bucket-owner-full-control",
        }
        wanted = [("s3:GetBucketAcl", f"arn:aws:s3:::{name}")]
        # The key of a file that CloudTrail might write: a policy with a narrower resource does not let it.
        wanted += [("s3:PutObject", f"arn:aws:s3:::{name}/{folder}/{owner}/CloudTrail/x.json.gz") for owner in owners]
        policy = self._bucket_policies.get(name) or "{}"
        if all(allows(policy, service=SERVICE, action=a, resource=r, context=context) for a, r in wanted):
            return None
        return "InsufficientS3BucketPolicyException", f"Incorrect S3 bucket policy is detected for bucket: {name}"

    def _topic(self, trail: Mapping[str, Any], trail_arn: str) -> tuple[str, str] | None:
        name = str(trail.get("SnsTopicName") or "")
        if not name:
            return None
        region, account_id = trail_arn.split(":")[3:5]
        arn = name if name.startswith("arn:") else f"arn:aws:sns:{region}:{account_id}:{name}"
        topic = self._topics.get(arn)
        if topic is None:
            return "InvalidSnsTopicNameException", f"SNS Topic does not exist: {name}"
        context = {"aws:SourceArn": trail_arn, "aws:SourceAccount": account_id}
        policy = topic["attributes"].get("Policy") or "{}"
        if allows(policy, service=SERVICE, action="sns:Publish", resource=arn, context=context):
            return None
        return "InsufficientSnsTopicPolicyException", "SNS Topic does not exist or the topic policy is incorrect!"

    def _log_group(self, trail: Mapping[str, Any]) -> tuple[str, str] | None:
        group, role = trail.get("CloudWatchLogsLogGroupArn"), trail.get("CloudWatchLogsRoleArn")
        if not group and not role:
            return None
        if not group or not role:
            return (
                "InvalidParameterCombinationException",
                "You must specify both a log group ARN and a role ARN to deliver to CloudWatch Logs.",
            )
        name = log_group_name(str(group))
        if name is None:
            return "InvalidCloudWatchLogsLogGroupArnException", f"CloudWatch Logs log group ARN is not valid: {group}"
        if name not in self._log_groups:
            return "InvalidCloudWatchLogsLogGroupArnException", f"CloudWatch Logs log group does not exist: {name}"
        return None


def log_group_name(arn: str) -> str | None:
    """The name in ``arn:aws:logs:REGION:ACCOUNT:log-group:NAME[:*]``, or None when it is no such ARN."""
    parts = arn.split(":", 6)
    if len(parts) != 7 or parts[2] != "logs" or parts[5] != "log-group":
        return None
    return parts[6].removesuffix(":*") or None
