"""What the function's role may do, and the secrets that its exporters read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from raytrail.cli._aws import Aws
from raytrail.cli._refusals import DENIED, code_of
from raytrail.cli._why._policies import allows
from raytrail.cli._why._seen import NotLookedAt, RoleSeen, SecretSeen

SEND = "xray:PutTraceSegments"
READ_SECRET = "secretsmanager:GetSecretValue"  # noqa: S105 - the name of an action
READ_POLICIES = (
    "iam:ListRolePolicies, iam:GetRolePolicy, iam:ListAttachedRolePolicies, iam:GetPolicy and iam:GetPolicyVersion"
)


def role_of(aws: Aws, config: Mapping[str, Any], missed: list[NotLookedAt]) -> RoleSeen:
    """Whether the role may send traces: as IAM's simulator says, or else as its policies read."""
    arn = config["Role"]
    iam = aws.client("iam")
    try:
        answer = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=[SEND])
        decision = answer["EvaluationResults"][0]["EvalDecision"]
        return RoleSeen(arn=arn, may_put_segments=decision == "allowed", how=f"IAM's simulator: {decision}")
    except ClientError as error:
        if code_of(error) == "NoSuchEntity":
            return RoleSeen(arn=arn, exists=False)
        if code_of(error) not in DENIED:
            raise
    try:
        documents = list(_policies(iam, arn.rpartition("/")[2]))
    except ClientError as error:
        if code_of(error) not in DENIED:
            raise
        reason = f"needs iam:SimulatePrincipalPolicy, or {READ_POLICIES}"
        missed.append(NotLookedAt(what="the role's permissions", reason=reason))
        return RoleSeen(arn=arn)
    return RoleSeen(arn=arn, may_put_segments=allows(documents, SEND), how="read from its policies")


def secrets_of(
    aws: Aws,
    config: Mapping[str, Any],
    variables: Mapping[str, str],
    look: Callable[[str, str, Callable[[], SecretSeen]], SecretSeen | None],
) -> Iterator[SecretSeen]:
    """The secrets that raytrail's exporters are told to read, each once."""
    for id, used_by in dict(_secret_ids(variables)).items():
        seen = look(
            f"the secret {id}",
            "secretsmanager:DescribeSecret",
            lambda id=id, used_by=used_by: _secret(aws, config, id, used_by),  # type: ignore[misc]  # mypy cannot infer a default's type
        )
        if seen is not None:
            yield seen


def _secret(aws: Aws, config: Mapping[str, Any], id: str, used_by: str) -> SecretSeen:
    try:
        found = aws.client("secretsmanager").describe_secret(SecretId=id)
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        return SecretSeen(id=id, used_by=used_by, state="missing")
    if found.get("DeletedDate"):
        return SecretSeen(id=id, used_by=used_by, state="deleted")
    return SecretSeen(id=id, used_by=used_by, state="found", may_read=_may_read(aws, config["Role"], found["ARN"]))


def _may_read(aws: Aws, role: str, secret: str) -> bool | None:
    try:
        answer = aws.client("iam").simulate_principal_policy(
            PolicySourceArn=role, ActionNames=[READ_SECRET], ResourceArns=[secret]
        )
    except ClientError:
        # What the role may do is told where traces are concerned.
        return None
    return bool(answer["EvaluationResults"][0]["EvalDecision"] == "allowed")


def _secret_ids(variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each secret in the settings of raytrail's exporters, with who reads it."""
    for exporter in _json(variables.get("RAYTRAIL_OTLP_EXPORTERS"), list):
        if isinstance(exporter, Mapping):
            for secret in (exporter.get("secrets") or {}).values():
                yield secret["id"], str(exporter.get("name") or exporter.get("endpoint"))
    rollbar = _json(variables.get("RAYTRAIL_ROLLBAR"), dict)
    if isinstance(token := rollbar.get("token"), Mapping) and token.get("id"):
        yield token["id"], "rollbar"


def _json(text: str | None, kind: type[Any]) -> Any:
    """The value of a variable in JSON; an empty one where it is not set, or is broken."""
    try:
        value = json.loads(text or "")
    except ValueError:
        return kind()
    return value if isinstance(value, kind) else kind()


def _policies(iam: Any, role: str) -> Iterator[Mapping[str, Any]]:
    for page in iam.get_paginator("list_role_policies").paginate(RoleName=role):
        for name in page["PolicyNames"]:
            yield iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=role):
        for attached in page["AttachedPolicies"]:
            version = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]["DefaultVersionId"]
            answer = iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId=version)
            yield answer["PolicyVersion"]["Document"]
