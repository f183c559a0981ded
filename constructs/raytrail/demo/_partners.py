"""Honeycomb and Rollbar in the demo: secrets for them, and settings that name the secrets."""

from __future__ import annotations

from typing import Any

from raytrail.demo._target import Target

HONEYCOMB, ROLLBAR = "api.honeycomb.io", "api.rollbar.com"
"""The hosts that the embedded AWS stands in for."""


def make_secrets(target: Target) -> dict[str, Any]:
    """Put a made-up key for each partner into Secrets Manager, and return the settings that name them."""
    names = {host: f"{target.kit}-demo/{host}" for host in (HONEYCOMB, ROLLBAR)}
    for host, name in names.items():
        target.client("secretsmanager").create_secret(Name=name, SecretString=f"made-up-key-of-{host}")
    return {"sample": {"honeycomb_secret": names[HONEYCOMB], "rollbar_secret": names[ROLLBAR]}}


def remove_secrets(target: Target) -> None:
    """Take the keys away."""
    for host in (HONEYCOMB, ROLLBAR):
        target.client("secretsmanager").delete_secret(
            SecretId=f"{target.kit}-demo/{host}", ForceDeleteWithoutRecovery=True
        )


def received(target: Target, host: str) -> list[dict[str, Any]]:
    """What the embedded AWS received in a partner's place, the oldest first."""
    found: list[dict[str, Any]] = target.emulator("raytrail-partners", f"/?host={host}")
    return found
