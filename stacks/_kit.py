"""What each stack of the kit has in common."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import contextmanager

from aws_cdk import Annotations, Environment, Stack
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk.region_info import RegionInfo
from constructs import Construct

from raytrail.alerting import AlertChannel
from raytrail.errors import InvalidProps, InvalidSettings
from raytrail.settings import RetentionDays, Settings


class KitStack(Stack):
    """A stack in the home Region (or the one given), named and tagged after the kit.

    A Region that the CDK does not know has a warning, with the nearest that it knows, and no error: it may be newer
    than this CDK.

    Args:
        concern: What the stack is for: the end of its name.
        settings: The settings of the app.
        region: Its Region. Default: the home Region.
    """

    def __init__(
        self, scope: Construct, concern: str, *, settings: Settings, description: str, region: str | None = None
    ) -> None:
        super().__init__(
            scope,
            f"{settings.name}-{concern}",
            env=Environment(account=settings.account, region=region or settings.region),
            description=description,
            tags={"kit": settings.name, "concern": concern},
        )
        self._warn_of_an_unknown_region(region or settings.region)

    def _warn_of_an_unknown_region(self, region: str) -> None:
        # Of a Region that it does not know the CDK has no fact; to list all that it knows costs a synth 0.1 s.
        if RegionInfo.get(region).domain_suffix:
            return
        known = [each.name for each in RegionInfo.regions]
        close = difflib.get_close_matches(region, known, n=1)
        Annotations.of(self).add_warning_v2(
            "raytrail:unknown-region",
            f"region: {region} is none of the {len(known)} Regions that this CDK knows; "
            + (f"did you mean {close[0]}? " if close else "")
            + "If it is a new one, a newer aws-cdk-lib knows it",
        )


@contextmanager
def blamed_on(setting: str) -> Iterator[None]:
    """Say of what a construct refuses which setting is to be changed.

    Each setting has been checked by itself; this is for values that are wrong only together.

    Args:
        setting: Its path, as ``tracing.debug_path``.

    Raises:
        InvalidSettings: The construct refused.
    """
    try:
        yield
    except InvalidProps as error:
        raise InvalidSettings(f"{setting}: {error}") from error


def alert_channel(stack: KitStack, what: str, *, settings: Settings) -> AlertChannel:
    """Return who is told: over the topic that the account has, or over one that is made, with an inbox.

    Args:
        stack: Where it is made.
        what: What is told, as "alerts": the end of the name that mails have.
        settings: The settings of the app.

    Raises:
        InvalidSettings: The topic that the account has is of another Region.
    """
    existing, detection = settings.detection.existing_topic, settings.detection
    name = f"{settings.name} {what}"
    if existing is None:
        return AlertChannel(stack, "Channel", display_name=name, emails=detection.emails)
    topic = sns.Topic.from_topic_attributes(stack, "Topic", topic_arn=existing.arn, key_arn=existing.key_arn)
    with blamed_on("detection.existing_topic"):
        return AlertChannel(stack, "Channel", display_name=name, emails=detection.emails, topic=topic)


_RETENTION: dict[int, logs.RetentionDays] = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    120: logs.RetentionDays.FOUR_MONTHS,
    150: logs.RetentionDays.FIVE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    400: logs.RetentionDays.THIRTEEN_MONTHS,
    545: logs.RetentionDays.EIGHTEEN_MONTHS,
    731: logs.RetentionDays.TWO_YEARS,
    1096: logs.RetentionDays.THREE_YEARS,
    1827: logs.RetentionDays.FIVE_YEARS,
    2192: logs.RetentionDays.SIX_YEARS,
    2557: logs.RetentionDays.SEVEN_YEARS,
    2922: logs.RetentionDays.EIGHT_YEARS,
    3288: logs.RetentionDays.NINE_YEARS,
    3653: logs.RetentionDays.TEN_YEARS,
}


def log_retention(days: RetentionDays) -> logs.RetentionDays:
    """Return the CDK's word for so many days."""
    return _RETENTION[days]
