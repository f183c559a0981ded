"""What X-Ray asks of KMS and of CloudWatch Logs."""

from __future__ import annotations

import json
from typing import Any

from raytrail.localaws._cloudtrail._policy import allows
from raytrail.localaws._hooks import hook
from raytrail.localaws._xray._errors import AccessDenied, XRayError

MANAGED_ALIAS = "alias/aws/xray"
"""The key that AWS keeps for X-Ray: it exists from its first use."""

_SPAN_LOG_GROUP = "aws/spans"


def key_arn(key_id: str, account_id: str, region: str) -> str:
    """The ARN of the KMS key that an ID, an alias or an ARN names, which may be of another account.

    Raises:
        XRayError: There is no such key in the Region, it is asymmetric or of another use, or it is not
            enabled.
    """
    owner = account_id
    if key_id.startswith("arn:"):
        parts = key_id.split(":", 5)
        if len(parts) < 6 or parts[2] != "kms" or parts[3] != region:
            raise XRayError(f"The key {key_id} is not a KMS key of the Region {region}.")
        owner = parts[4]
    with hook("ministack.core.responses:request_scope")(owner, region):
        found = _describe(key_id)
        if found is None and key_id.endswith(MANAGED_ALIAS):
            found = _make_managed_key()
    if found is None:
        raise XRayError(f"The key {key_id} does not exist.")
    if found["KeySpec"] != "SYMMETRIC_DEFAULT":
        raise XRayError(f"The key {key_id} is a {found['KeySpec']} key; X-Ray encrypts with symmetric keys alone.")
    if found["KeyState"] != "Enabled":
        raise XRayError(f"The key {key_id} is not enabled; its state is {found['KeyState']}.")
    arn: str = found["Arn"]
    return arn


def check_span_log_policy(account_id: str, region: str) -> None:
    """Ask whether a resource policy of CloudWatch Logs lets X-Ray write spans.

    The policy is that of
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Enable-TransactionSearch.html.

    Raises:
        AccessDenied: None does.
    """
    with hook("ministack.core.responses:request_scope")(account_id, region):
        policies = list(hook("ministack.services.cloudwatch_logs:_resource_policies").values())
    asked: dict[str, Any] = {
        "service": "xray.amazonaws.com",
        "action": "logs:PutLogEvents",
        "resource": f"arn:aws:logs:{region}:{account_id}:log-group:{_SPAN_LOG_GROUP}:log-stream:default",
        "context": {"aws:SourceArn": f"arn:aws:xray:{region}:{account_id}:*", "aws:SourceAccount": account_id},
    }
    if not any(allows(policy["policyDocument"], **asked) for policy in policies):
        raise AccessDenied(
            f"X-Ray may not write to the log group {_SPAN_LOG_GROUP}: no resource policy of CloudWatch Logs allows "
            "logs:PutLogEvents to xray.amazonaws.com."
        )


def _describe(key_id: str) -> dict[str, Any] | None:
    status, _, body = hook("ministack.services.kms:_describe_key")({"KeyId": key_id})
    found: dict[str, Any] | None = json.loads(body)["KeyMetadata"] if status == 200 else None
    return found


def _make_managed_key() -> dict[str, Any]:
    _, _, body = hook("ministack.services.kms:_create_key")({"Description": "AWS's key for X-Ray"})
    made: dict[str, Any] = json.loads(body)["KeyMetadata"]
    hook("ministack.services.kms:_create_alias")({"AliasName": MANAGED_ALIAS, "TargetKeyId": made["KeyId"]})
    return made
