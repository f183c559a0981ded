"""Which account and Region an app expects: its cloud assembly, its settings, the variables that the CDK CLI sets."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from raytrail.cli._doctor._assembly import Assembly
from raytrail.cli._doctor._credentials import Expected
from raytrail.errors import RaytrailError
from raytrail.settings import read_context, read_settings


def read_expected(folder: Path, assembly: Assembly | None, environment: Mapping[str, str]) -> Expected:
    """Read what an app expects.

    Args:
        folder: The app's folder, with cdk.json.
        assembly: What the app would deploy; None where it was not synthesised.
        environment: The environment variables.

    Raises:
        RaytrailError: cdk.json, or the settings in it, are not what they should be.
    """
    cdk_json = folder / "cdk.json"
    accounts: dict[str, str] = {}
    regions: dict[str, str] = {}
    for stack in assembly.stacks if assembly else ():
        if stack.account:
            accounts.setdefault(stack.account, f"the stack {stack.name}")
        if stack.region:
            regions.setdefault(stack.region, f"the stack {stack.name}")
    context = read_context(cdk_json) if cdk_json.is_file() else {}
    if "raytrail" in context:
        settings = read_settings(context["raytrail"])
        if settings.account:
            accounts.setdefault(settings.account, "account in cdk.json")
        regions.setdefault(settings.region, "region in cdk.json")
    if not accounts and (account := environment.get("CDK_DEFAULT_ACCOUNT")):
        accounts[account] = "CDK_DEFAULT_ACCOUNT"
    return Expected(accounts=accounts, regions=regions, profile=_profile(cdk_json))


def _profile(cdk_json: Path) -> str:
    """The profile that the CDK CLI is given by a file, of which the app's own wins."""
    for path in (cdk_json, Path(os.path.expanduser("~/.cdk.json"))):  # noqa: PTH111 - a home that nobody knows is no error
        try:
            content: Any = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise RaytrailError(f"{path} cannot be read as JSON: {type(error).__name__}") from error
        if isinstance(content, dict) and isinstance(content.get("profile"), str):
            return str(content["profile"])
    return ""
