"""What each stack of the kit has in common: a Region that is known, and refusals that name the setting."""

from __future__ import annotations

import pytest
from aws_cdk import App
from aws_cdk.assertions import Annotations, Match
from aws_cdk.region_info import RegionInfo

from raytrail.errors import InvalidProps, InvalidSettings
from raytrail.settings import read_settings
from stacks._kit import KitStack, alert_channel, blamed_on

TOPIC = "arn:aws:sns:us-east-1:111122223333:oncall"


def kit_stack(**settings: object) -> KitStack:
    app = App(builtin_cloud_formation_validation=False)
    return KitStack(app, "part", settings=read_settings(settings), description="A part")


@pytest.mark.parametrize(("region", "hint"), [("eu-wets-1", "did you mean eu-west-1? "), ("zz-elsewhere-land-7", "")])
def test_a_region_that_the_cdk_does_not_know_has_a_warning_for_it_may_be_new(region, hint):
    Annotations.from_stack(kit_stack(region=region)).has_warning(
        "*",
        f"region: {region} is none of the {len(RegionInfo.regions)} Regions that this CDK knows; {hint}"
        "If it is a new one, a newer aws-cdk-lib knows it [ack: raytrail:unknown-region]",
    )


def test_a_region_that_the_cdk_knows_has_none():
    Annotations.from_stack(kit_stack(region="eu-west-1")).has_no_warning("*", Match.any_value())


def test_a_topic_of_another_region_is_refused_by_the_setting_that_names_it():
    settings = {"region": "eu-west-1", "detection": {"existing_topic": {"arn": TOPIC}}}
    with pytest.raises(InvalidSettings) as refused:
        alert_channel(kit_stack(**settings), "alerts", settings=read_settings(settings))
    assert str(refused.value) == (
        "detection.existing_topic: topic raytrail-part/Topic is of Region us-east-1, and alarms of eu-west-1 publish "
        "to topics of eu-west-1 alone; give one of that Region"
    )


def test_what_is_blamed_on_a_setting_keeps_its_words_and_its_cause():
    with (
        pytest.raises(InvalidSettings, match=r"^tracing\.debug_path: too wide$") as refused,
        blamed_on("tracing.debug_path"),
    ):
        raise InvalidProps("too wide")
    assert isinstance(refused.value.__cause__, InvalidProps)
