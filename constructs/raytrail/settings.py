"""What a user may set: typed, every value with a default, read from ``context.raytrail``.

The settings come from cdk.json and, on top of it key by key, from ``cdk … -c raytrail='{"region": "eu-west-1"}'``.
They import no CDK: `read_context` loads cdk.json the same way for ``python app.py`` and for the CDK CLI, so that
both make the same templates.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from raytrail._setting_alerts import SuppressionSettings
from raytrail._setting_events import DataEventsSettings, InsightsSettings, NetworkActivitySettings, Section
from raytrail._setting_problems import sentences
from raytrail._setting_types import (
    DISTINCT,
    AccountId,
    ApiCall,
    BucketName,
    CisControlNumber,
    Email,
    KeyArn,
    KeyPrefix,
    LayerArn,
    Name,
    OrganizationId,
    Region,
    RegionFolder,
    RetentionDays,
    SecretName,
    TopicArn,
)
from raytrail.errors import InvalidSettings

__all__ = [
    "DEFAULT_REGIONS",
    "AuditSettings",
    "DashboardsSettings",
    "DataEventsSettings",
    "DetectionSettings",
    "ExistingTopic",
    "ExistingTrail",
    "InsightsSettings",
    "NetworkActivitySettings",
    "RetentionDays",
    "SampleSettings",
    "Settings",
    "SuppressionSettings",
    "TracingSettings",
    "json_schema",
    "read_context",
    "read_settings",
]

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
"""The Regions that are on in every account, without an opt-in."""


class TracingSettings(Section):
    """The tracing stack: X-Ray groups and sampling rules."""

    enabled: bool = Field(
        True,
        description="Whether anything is traced; without it the sample works on, and X-Ray costs nothing.",
    )
    slow_seconds: float = Field(1.0, gt=0, le=900, description="Requests that take longer are slow, in seconds.")
    sampling_rate: float = Field(0.05, ge=0, le=1, description="Share of requests recorded beyond the reservoir.")
    reservoir_per_second: int = Field(1, ge=0, le=1000, description="Requests recorded each second before the share.")
    health_check_path: str = Field(
        "*/health*", min_length=1, max_length=128, description="URL path of health checks, never recorded."
    )
    debug_path: str = Field(
        "*/debug*", min_length=1, max_length=128, description="URL path of which every request is recorded."
    )
    encryption_key_arn: KeyArn | None = Field(
        None, description="Key that X-Ray encrypts the Region's traces with. Default: left as it is."
    )
    transaction_search_percent: int | None = Field(
        None,
        ge=0,
        le=100,
        description="Turn on Transaction Search for the Region and index this share of spans. Default: left as it is.",
    )


class ExistingTrail(Section):
    """A trail that the account already has: its files are read, and no second (paid) copy is made."""

    bucket_name: BucketName = Field(description="The bucket that the trail delivers to.")
    prefix: KeyPrefix = Field("", max_length=200, description="The trail's S3 key prefix, without slashes at its ends.")
    organization_id: OrganizationId | None = Field(
        None, description="For an organization trail, the id that stands in its keys."
    )
    log_group_name: str | None = Field(
        None, min_length=1, max_length=512, description="The trail's CloudWatch log group, if any."
    )
    kms_key_arn: KeyArn | None = Field(
        None,
        description=(
            "A key for the Athena results, on which whoever asks needs kms:GenerateDataKey and kms:Decrypt (the "
            "trail's own key seldom lets readers encrypt). Default: keys that S3 manages."
        ),
    )
    files_key_arn: KeyArn | None = Field(
        None,
        description=(
            "The key that the trail's files are encrypted with, so that who may ask the lake may decrypt them. "
            "Default: keys that S3 manages."
        ),
    )


class AuditSettings(Section):
    """The audit stack: the trail, and the lake that reads it."""

    enabled: bool = Field(True, description="Whether the audit stack is part of the app.")
    existing_trail: ExistingTrail | None = Field(None, description="Take this trail instead of making one.")
    organization_id: OrganizationId | None = Field(
        None, description="Make an organization trail, with this id in its keys. Default: a trail of the account."
    )
    management_account: AccountId | None = Field(
        None,
        description=(
            "The organization's management account, where the stack is a delegated administrator's. Default: the "
            "account itself."
        ),
    )
    prefix: KeyPrefix = Field(
        "", max_length=200, description="S3 key prefix of the trail that is made, without slashes at its ends."
    )
    data_events: tuple[DataEventsSettings, ...] = Field(
        (), description="Data events that the trail records, beside those of the sample's table."
    )
    network_activity: tuple[NetworkActivitySettings, ...] = Field(
        (), description="Calls through VPC endpoints that the trail records."
    )
    insights: InsightsSettings | None = Field(
        None, description="Let CloudTrail look for unusual rates, and alert on them; {} takes the defaults below."
    )
    log_retention_days: RetentionDays = Field(90, description="Days that the trail's log group keeps events.")
    infrequent_after_days: int | None = Field(
        None, ge=30, le=3650, description="Days until trail files move to Infrequent Access. Default: never."
    )
    archive_after_days: int | None = Field(
        None,
        ge=30,
        le=3650,
        description=(
            "Days until trail files move to Glacier Flexible Retrieval, where queries pass them over until they are "
            "restored. Default: never."
        ),
    )
    expire_after_days: int = Field(
        2557, ge=91, le=36500, validate_default=True, description="Days until trail files are deleted."
    )
    results_expire_after_days: int = Field(30, ge=1, le=3650, description="Days until query results are deleted.")
    query_limit_gb: int = Field(10, ge=1, le=10_000, description="Gigabytes that one Athena query may read.")
    accounts: Annotated[tuple[AccountId, ...], DISTINCT] = Field(
        (), description="Accounts that the lake's tables show; default: the account itself."
    )
    start_date: date = Field(date(2026, 1, 1), description="First day that the lake's tables show.")
    regions: Annotated[tuple[RegionFolder, ...], DISTINCT] = Field(
        DEFAULT_REGIONS, min_length=1, description="Regions that the lake's tables show."
    )

    @field_validator("organization_id", "management_account", "prefix", "data_events", "network_activity", "insights")
    @classmethod
    def _an_existing_trail_stays_as_it_is(cls, value: Any, info: ValidationInfo) -> Any:
        if value and info.data.get("existing_trail") is not None:
            raise PydanticCustomError(
                "of_another_trail", "should be left out beside existing_trail, whose owner says what it is"
            )
        return value

    @field_validator("management_account")
    @classmethod
    def _only_an_organization_has_one(cls, account: str | None, info: ValidationInfo) -> str | None:
        if account is not None and "organization_id" in info.data and info.data["organization_id"] is None:
            raise PydanticCustomError("no_organization", "should come with organization_id")
        return account

    @field_validator("archive_after_days")
    @classmethod
    def _infrequent_access_is_paid_for_thirty_days(cls, days: int | None, info: ValidationInfo) -> int | None:
        infrequent = info.data.get("infrequent_after_days")
        if infrequent is not None and days is not None and days < infrequent + 30:
            raise PydanticCustomError(
                "archived_too_soon",
                "should be 30 or more above infrequent_after_days, which is {infrequent}",
                {"infrequent": infrequent},
            )
        return days

    @field_validator("expire_after_days")
    @classmethod
    def _something_stays_where_it_moves(cls, days: int, info: ValidationInfo) -> int:
        for name in ("infrequent_after_days", "archive_after_days"):
            moved = info.data.get(name)
            if moved is not None and days <= moved:
                raise PydanticCustomError(
                    "never_moved", "should be above {name}, which is {moved}", {"name": name, "moved": moved}
                )
        return days


class ExistingTopic(Section):
    """A topic that the account already has, with those who listen to it: alerts and alarms go there."""

    arn: TopicArn = Field(description="The topic's ARN: a standard one, of the home Region.")
    key_arn: KeyArn | None = Field(
        None, description="The key that the topic is encrypted with, which is to be one of your own. Default: none."
    )


class DetectionSettings(Section):
    """The detection stack: EventBridge rules over API calls, and their alerts."""

    enabled: bool = Field(True, description="Whether the detection stack is part of the app.")
    emails: Annotated[tuple[Email, ...], DISTINCT] = Field(
        (), description="Addresses that get each alert; each confirms its subscription once."
    )
    existing_topic: ExistingTopic | None = Field(
        None, description="Publish alerts and alarms to this topic instead of making one with an inbox."
    )
    log_policy: bool = Field(
        True,
        description=(
            "Whether CloudWatch Logs gets a resource policy that lets EventBridge write; without it one of the ten "
            "that a Region may have is to do so already."
        ),
    )
    log_retention_days: RetentionDays = Field(365, description="Days that the log group of alerts keeps them.")
    api_calls: Annotated[tuple[ApiCall, ...], DISTINCT] = Field(
        (), description='Further API calls to alert on, as "secretsmanager:DeleteSecret".'
    )
    sigma_dirs: Annotated[tuple[str, ...], DISTINCT] = Field(
        (), description="Folders of further Sigma rules, seen from where cdk.json is; needs pySigma (extra sigma)."
    )
    group_alerts: bool = Field(
        True, description="Whether the alerts of one actor, detection and hour are one page; without it each is one."
    )
    leave_out: Annotated[tuple[str, ...], DISTINCT] = Field(
        (), description="Detections of the kit that EventBridge does not tell of, by name; the lake is asked for them."
    )
    most_rules: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Rules that the event bus takes, where AWS raised that. Default: the Region's quota."
    )
    suppressions: tuple[SuppressionSettings, ...] = Field((), description="What nobody is told of, each until a day.")
    forward_reads: bool = Field(
        False, description="Whether calls to global services that only read are brought to a home Region elsewhere."
    )
    schedule_minutes: Annotated[int, Field(ge=5, le=1440)] | None = Field(
        60, description="Minutes between questions to the lake about what EventBridge cannot see; null: never."
    )
    cis_alarms: bool = Field(
        False, description="Whether the CIS Benchmark's monitoring controls have alarms, on the trail's log group."
    )
    cis_controls: Annotated[tuple[CisControlNumber, ...], DISTINCT] = Field(
        (), description='Which of them, as "4.3". Default: 4.1 to 4.15.'
    )
    cis_counts_services: bool = Field(
        False,
        description="Whether 4.1 counts refused calls that AWS services make for themselves, as Security Hub asks.",
    )


class DashboardsSettings(Section):
    """The dashboards stack: an operations and a security dashboard, and alarms."""

    enabled: bool = Field(True, description="Whether the dashboards stack is part of the app.")
    slow_percentile_ms: int = Field(3000, ge=1, le=900_000, description="Alarm when p95 latency is above this, in ms.")


class SampleSettings(Section):
    """The sample stack: a small orders service to look at."""

    enabled: bool = Field(True, description="Whether the sample stack is part of the app.")
    layer_arn: LayerArn | None = Field(
        None, description="The ADOT layer version to use instead of the Region's one in our table."
    )
    powertools_layer_arn: LayerArn | None = Field(
        None, description="The Powertools layer version to use instead of the one that we know."
    )
    log_retention_days: RetentionDays = Field(30, description="Days that the function's log group keeps events.")
    honeycomb_secret: SecretName | None = Field(
        None, description="Secret that holds a Honeycomb API key: traces go there too."
    )
    honeycomb_region: Literal["us", "eu"] = Field("us", description="Which of Honeycomb's two instances has the key.")
    rollbar_secret: SecretName | None = Field(
        None, description="Secret that holds a Rollbar access token: unhandled errors go there; needs `make layers`."
    )


class Settings(Section):
    """Everything a user may set; `read_settings` makes it."""

    name: Name = Field("raytrail", min_length=3, max_length=20, description="Begins the name of each named resource.")
    region: Region = Field("us-east-1", description="The home Region.")
    account: AccountId | None = Field(None, description="The account id; default: that of the deploying credentials.")
    tracing: TracingSettings = TracingSettings()
    """The tracing stack."""
    audit: AuditSettings = AuditSettings()
    """The audit stack."""
    detection: DetectionSettings = DetectionSettings()
    """The detection stack."""
    dashboards: DashboardsSettings = DashboardsSettings()
    """The dashboards stack."""
    sample: SampleSettings = SampleSettings()
    """The sample stack."""


def read_context(cdk_json: Path) -> dict[str, Any]:
    """Return the context that an app under ``cdk_json`` has: its feature flags, its settings, and what the CLI adds.

    Args:
        cdk_json: The file, ``cdk.json``.

    Raises:
        InvalidSettings: the file is missing or is not JSON.
    """
    try:
        document = json.loads(cdk_json.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidSettings(
            f"cannot read {cdk_json.name}: {error.strerror}; run from the folder that holds it"
        ) from error
    except ValueError as error:
        raise InvalidSettings(f"{cdk_json.name} is not JSON: {error}") from error
    context = document.get("context", {}) if isinstance(document, dict) else None
    if not isinstance(context, dict):
        raise InvalidSettings(f'{cdk_json.name} is to be an object, with an object as its "context"')
    # The CDK CLI sets these two for each app that it runs; without it they would be missing.
    return {"aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True, **context}


def read_settings(base: object, override: object = None) -> Settings:
    """Return the settings of ``base`` with ``override`` on top, key by key.

    Args:
        base: ``context.raytrail`` of cdk.json, or None.
        override: The value that the CLI was given with ``-c raytrail=…``: JSON text, a mapping, or None. Default:
            nothing.

    Raises:
        InvalidSettings: An unknown key, a wrong type or a value out of range; the message has a line for each.
    """
    merged = _merge(_mapping(base), _mapping(override))
    try:
        # As JSON, where a list is a tuple and a text a date, however strict the types are.
        return Settings.model_validate_json(json.dumps(merged, default=str))
    except ValidationError as error:
        lines = [f"  {each}" for each in sentences(error, Settings)]
        raise InvalidSettings("\n".join(["the settings (context.raytrail) are wrong:", *lines])) from None


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of cdk.json, as far as the settings go: an editor completes and checks them by it."""
    schema = Settings.model_json_schema(ref_template="#/$defs/{model}")
    sections = schema.pop("$defs")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "cdk.json of raytrail",
        "type": "object",
        "properties": {"context": {"type": "object", "properties": {"raytrail": {"$ref": "#/$defs/Settings"}}}},
        "$defs": {**sections, "Settings": schema},
    }


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
