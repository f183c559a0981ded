"""Secrets that a function reads when it needs them: by which name, and by which right."""

from __future__ import annotations

import re
from collections.abc import Iterable

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_lambda as lambda_

from raytrail.instrumentation._model_secrets import SecretField
from raytrail.instrumentation._rights import allow


def secret_id(key: SecretField) -> str:
    """Return the name or ARN by which the function asks Secrets Manager."""
    if isinstance(key.secret, str):
        return key.secret
    return key.secret.secret_full_arn or key.secret.secret_name


def grant_read(function: lambda_.Function, keys: Iterable[SecretField]) -> None:
    """Let a function read the secrets of some keys, and nothing else."""
    keys = list(keys)
    if secrets := sorted({resource for key in keys for resource in _resources(function, key)}):
        allow(function, ["secretsmanager:GetSecretValue"], secrets)
    if kms_keys := sorted({arn for key in keys if (arn := _encryption_key(key))}):
        service = f"secretsmanager.{Stack.of(function).region}.amazonaws.com"
        allow(function, ["kms:Decrypt"], kms_keys, {"StringEquals": {"kms:ViaService": service}})


def _resources(function: lambda_.Function, key: SecretField) -> list[str]:
    """The ARN of a secret; where the six characters at its end are not known, any six stand there."""
    secret = key.secret
    if not isinstance(secret, str):
        return [secret.secret_full_arn or f"{secret.secret_arn}-??????"]
    if secret.startswith("arn:"):
        # Six characters after a hyphen are the end of a whole ARN, or of a name as honeycomb-apikey: nothing tells.
        whole = [secret] if re.search(r"-[A-Za-z0-9]{6}$", secret) else []
        return [*whole, f"{secret}-??????"]
    return [
        Stack.of(function).format_arn(
            service="secretsmanager",
            resource="secret",
            resource_name=f"{secret}-??????",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
    ]


def _encryption_key(key: SecretField) -> str | None:
    if key.encryption_key_arn or isinstance(key.secret, str):
        return key.encryption_key_arn
    own = key.secret.encryption_key
    return str(own.key_arn) if own is not None else None
