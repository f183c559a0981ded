"""What a user may set: typed, every value with a default, read from ``context.raytrail``.

The settings come from cdk.json and, on top of it key by key, from ``cdk … -c raytrail='{"region": "eu-west-1"}'``.
They import no CDK: `read_context` loads cdk.json the same way for ``python app.py`` and for the CDK CLI, so that
both make the same templates.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from raytrail.errors import InvalidSettings

RetentionDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]
"""Days that a CloudWatch log group can keep events (AWS::Logs::LogGroup, RetentionInDays)."""

Region = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
RegionFolder = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d[a-z]?$")]
"""A Region as the keys of log files name it, where logs of others may be anonymised."""

AccountId = Annotated[str, Field(pattern=r"^\d{12}$")]
BucketName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]

# The Regions that are on in every account, without an opt-in:
# https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
DEFAULT_REGIONS = (
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TracingSettings(_Section):
    """The tracing stack: X-Ray groups and sampling rules."""

    enabled: bool = Field(True, description="Whether the tracing stack is part of the app.")
    slow_seconds: float = Field(1.0, gt=0, le=900, description="Requests that take longer are slow, in seconds.")
    sampling_rate: float = Field(0.05, ge=0, le=1, description="Share of requests recorded beyond the reservoir.")
    reservoir_per_second: int = Field(1, ge=0, le=1000, description="Requests recorded each second before the share.")
    health_check_path: str = Field("/health*", max_length=128, description="URL path of health checks, never recorded.")
    debug_path: str = Field("/debug*", max_length=128, description="URL path of which every request is recorded.")


class ExistingTrail(_Section):
    """A trail that the account already has: its files are read, and no second (paid) copy is made."""

    bucket_name: BucketName = Field(description="The bucket that the trail delivers to.")
    prefix: str = Field("", max_length=200, description="The trail's S3 key prefix, without slashes at its ends.")
    organization_id: Annotated[str, Field(pattern=r"^o-[a-z0-9]{10,32}$")] | None = Field(
        None, description="For an organization trail, the id that stands in its keys."
    )
    log_group_name: str | None = Field(None, max_length=512, description="The trail's CloudWatch log group, if any.")
    kms_key_arn: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:kms:")] | None = Field(
        None, description="The key that encrypts the files, which the Athena results then use too."
    )


class AuditSettings(_Section):
    """The audit stack: the trail, and the lake that reads it."""

    enabled: bool = Field(True, description="Whether the audit stack is part of the app.")
    existing_trail: ExistingTrail | None = Field(None, description="Take this trail instead of making one.")
    log_retention_days: RetentionDays = Field(90, description="Days that the trail's log group keeps events.")
    archive_after_days: int = Field(90, ge=30, le=3650, description="Days until trail files move to Glacier storage.")
    expire_after_days: int = Field(2557, ge=91, le=36500, description="Days until trail files are deleted.")
    results_expire_after_days: int = Field(30, ge=1, le=3650, description="Days until query results are deleted.")
    query_limit_gb: int = Field(10, ge=1, le=10_000, description="Gigabytes that one Athena query may read.")
    accounts: tuple[AccountId, ...] = Field(
        (), strict=False, description="Accounts that the lake's tables show; default: the account itself."
    )
    start_date: date = Field(date(2026, 1, 1), strict=False, description="First day that the lake's tables show.")
    regions: tuple[RegionFolder, ...] = Field(
        DEFAULT_REGIONS, strict=False, min_length=1, description="Regions that the lake's tables show."
    )


class DetectionSettings(_Section):
    """The detection stack: EventBridge rules over API calls, and their alerts."""

    enabled: bool = Field(True, description="Whether the detection stack is part of the app.")
    emails: tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")], ...] = Field(
        (), strict=False, description="Addresses that get each alert; each confirms its subscription once."
    )
    log_retention_days: RetentionDays = Field(365, description="Days that the log group of alerts keeps them.")
    api_calls: tuple[Annotated[str, Field(pattern=r"^[a-z0-9-]+:[A-Z][A-Za-z0-9]+$")], ...] = Field(
        (), strict=False, description='Further API calls to alert on, as "dynamodb:DeleteTable".'
    )


class DashboardsSettings(_Section):
    """The dashboards stack: an operations and a security dashboard, and alarms."""

    enabled: bool = Field(True, description="Whether the dashboards stack is part of the app.")
    slow_percentile_ms: int = Field(3000, ge=1, le=900_000, description="Alarm when p95 latency is above this, in ms.")


class SampleSettings(_Section):
    """The sample stack: a small orders service to look at."""

    enabled: bool = Field(True, description="Whether the sample stack is part of the app.")
    layer_arn: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:layer:[^:]+:\d+$")] | None = (
        Field(None, description="The ADOT layer version to use instead of the Region's one in our table.")
    )
    log_retention_days: RetentionDays = Field(30, description="Days that the function's log group keeps events.")


class Settings(_Section):
    """Everything a user may set; `read_settings` makes it."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,19}$")] = Field(
        "raytrail", description="Begins the name of each named resource; lower case, at most 20 characters."
    )
    region: Region = Field("us-east-1", description="The home Region.")
    account: AccountId | None = Field(None, description="The account id; default: that of the deploying credentials.")
    tracing: TracingSettings = TracingSettings()
    audit: AuditSettings = AuditSettings()
    detection: DetectionSettings = DetectionSettings()
    dashboards: DashboardsSettings = DashboardsSettings()
    sample: SampleSettings = SampleSettings()


def read_context(cdk_json: Path) -> dict[str, Any]:
    """Return the context that an app under ``cdk_json`` has: its feature flags, its settings, and what the CLI adds.

    Raises:
        InvalidSettings: the file is missing or is not JSON.
    """
    try:
        context = json.loads(cdk_json.read_text(encoding="utf-8")).get("context", {})
    except OSError as error:
        raise InvalidSettings(
            f"cannot read {cdk_json.name}: {error.strerror}; run from the folder that holds it"
        ) from error
    except ValueError as error:
        raise InvalidSettings(f"{cdk_json.name} is not JSON: {error}") from error
    # The CDK CLI sets these two for each app that it runs; without it they would be missing.
    return {"aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True, **context}


def read_settings(base: object, override: object = None) -> Settings:
    """Return the settings of ``base`` with ``override`` on top, key by key.

    Args:
        base: ``context.raytrail`` of cdk.json, or None.
        override: The value that the CLI was given with ``-c raytrail=…``: JSON text, a mapping, or None.

    Raises:
        InvalidSettings: An unknown key, a wrong type or a value out of range; the message has a line for each.
    """
    merged = _merge(_mapping(base), _mapping(override))
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        lines = [f"  {_sentence(problem)}" for problem in error.errors(include_url=False)]
        raise InvalidSettings("\n".join(["the settings (context.raytrail) are wrong:", *lines])) from None


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the settings, by which an editor completes and checks cdk.json."""
    return Settings.model_json_schema()


def _mapping(value: object) -> Mapping[str, Any]:
    if value is None:
        return {}
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise InvalidSettings(
                f'-c raytrail={value!r} is not JSON ({error}); write it as -c raytrail=\'{{"region": "eu-west-1"}}\''
            ) from error
    if not isinstance(value, Mapping):
        raise InvalidSettings(f"the settings (context.raytrail) are an object of sections, got {value!r}")
    return value


def _merge(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in override.items():
        known = merged.get(key)
        merged[key] = _merge(known, value) if isinstance(known, Mapping) and isinstance(value, Mapping) else value
    return merged


def _sentence(problem: Any) -> str:
    location = [part for part in problem["loc"] if not (isinstance(part, str) and part.startswith("function-"))]
    path = ".".join(str(part) for part in location)
    if problem["type"] == "extra_forbidden":
        known = _known_names(location[:-1])
        close = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.5)
        hint = f"; did you mean {'.'.join([*map(str, location[:-1]), close[0]])}?" if close else ""
        return f"{path}: unknown key{hint} (known here: {', '.join(known)})"
    if problem["type"] == "missing":
        return f"{path}: needs a value"
    message = problem["msg"][0].lower() + problem["msg"][1:]
    return f"{path}: got {problem['input']!r}; {message}"


def _known_names(location: list[Any]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in location:
        found = _model_of(model.model_fields.get(str(part)))
        if found is None:
            return []
        model = found
    return sorted(model.model_fields)


def _model_of(field: FieldInfo | None) -> type[BaseModel] | None:
    if field is None:
        return None
    for candidate in (field.annotation, *get_args(field.annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None
