"""How cdk-nag writes an ARN in the id of a finding, and what is accepted by such an id."""

from __future__ import annotations

import json
import re

from aws_cdk import Stack
from aws_cdk import aws_logs as logs
from constructs import IConstruct

from raytrail.findings import acknowledge, place_of


def shown_arn(scope: IConstruct, arn: str) -> str:
    """Return an ARN as the id of a finding writes it, references as in ``<LogicalId.Arn>/*``.

    Args:
        scope: A construct in the stack that the finding is about.
        arn: The ARN, which may be a token.
    """
    return _flat(Stack.of(scope).resolve(arn), place_of(scope).partition)


def accept_streams(scope: IConstruct, log_group: logs.ILogGroup) -> None:
    """Accept that a function may write all streams of a log group that was given: its ARN ends with a star.

    Args:
        scope: The smallest construct that holds the rights.
        log_group: The log group. Of one that the app makes, nothing is found and nothing accepted.
    """
    if isinstance(log_group.node.default_child, logs.CfnLogGroup):
        return
    arn = shown_arn(scope, log_group.log_group_arn)
    acknowledge(scope, {f"AwsSolutions-IAM5[Resource::{arn}]": "Lambda makes the streams of its log group as it runs"})


def _flat(value: object, partition: str) -> str:
    said: str
    match value:
        case str():
            said = value
        case {"Fn::Join": [separator, parts]}:
            said = str(separator).join(_flat(part, partition) for part in parts)
        case {"Fn::GetAtt": [logical_id, attribute]}:
            said = f"<{logical_id}.{attribute}>"
        case {"Ref": "AWS::Partition"}:
            said = partition
        case {"Ref": logical_id}:
            said = f"<{logical_id}>"
        case {"Fn::ImportValue": name}:
            said = _flat(name, partition)
        case {"Fn::Sub": str(text)}:
            said = re.sub(r"\$\{([^}]+)\}", r"<\1>", text)
        case _:
            # What it cannot flatten, cdk-nag writes as JSON.
            said = json.dumps(value, separators=(",", ":"))
    return said
