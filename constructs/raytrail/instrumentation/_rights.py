"""Rights that a function's role gets, or is said to lack where the CDK does not change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Annotations, Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_


def allow(
    function: lambda_.Function,
    actions: Sequence[str],
    resources: Sequence[str],
    conditions: Mapping[str, Any] | None = None,
) -> None:
    """Let a function do something, or warn with what its role needs if the role is not the CDK's to change."""
    statement = iam.PolicyStatement(actions=[*actions], resources=[*resources], conditions=conditions)
    function.add_to_role_policy(statement)
    role = function.role
    # An immutable role says of each statement that it was added. What tells is the policy, which it then lacks.
    if role is not None and not any(isinstance(each, iam.Policy) for each in role.node.find_all()):
        named = [resource for resource in resources if not Token.is_unresolved(resource)]
        where = f" on {', '.join(named)}" if named else ""
        Annotations.of(function).add_warning_v2(
            "raytrail:Role",
            f"the role of {function.node.path} is one that the CDK does not change, so that it gets no rights here; "
            f"allow it {', '.join(actions)}{where} yourself",
        )
