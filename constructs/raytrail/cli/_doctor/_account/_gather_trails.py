"""The trails that record calls of a Region, whoever made them, and the organization."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from raytrail.cli._aws import Aws
from raytrail.cli._doctor._account._look import Look
from raytrail.cli._doctor._account._plan import writes_are_logged
from raytrail.cli._doctor._account._seen import TrailSeen
from raytrail.cli._refusals import code_of


def trails_of(look: Look, aws: Aws) -> tuple[TrailSeen, ...] | None:
    """Every trail that records the Region: its own, and the shadows of those of all Regions or the organization."""
    cloudtrail = aws.client("cloudtrail")
    listed = look.at("the trails", ("cloudtrail:DescribeTrails",), lambda: cloudtrail.describe_trails()["trailList"])
    return None if listed is None else tuple(_trail(look, cloudtrail, each) for each in listed)


def trails_elsewhere(look: Look, aws: Aws, here: Iterable[TrailSeen]) -> tuple[TrailSeen, ...]:
    """The account's trails that record other Regions alone, which no shadow tells of.

    Args:
        look: The look at the app's Region.
        aws: The account in that Region.
        here: The trails that record it.
    """
    listed = look.at("the trails of other Regions", ("cloudtrail:ListTrails",), lambda: _list_trails(aws))
    known = {trail.arn for trail in here}
    regions: dict[str, list[str]] = {}
    for trail in listed or ():
        if trail["TrailARN"] not in known:
            regions.setdefault(trail["HomeRegion"], []).append(trail["TrailARN"])
    return tuple(trail for region, arns in regions.items() for trail in _trails_in(look, aws, region, arns))


def _list_trails(aws: Aws) -> list[Mapping[str, Any]]:
    pages = aws.client("cloudtrail").get_paginator("list_trails").paginate()
    return [trail for page in pages for trail in page.get("Trails", ())]


def _trails_in(look: Look, aws: Aws, region: str, arns: list[str]) -> tuple[TrailSeen, ...]:
    """Some trails, asked about in their home Region: GetTrailStatus tells of a single Region."""
    cloudtrail = replace(aws, region=region).client("cloudtrail")

    def ask() -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = cloudtrail.describe_trails(trailNameList=arns)["trailList"]
        return found

    try:
        described = look.at(f"the trails of {region}", ("cloudtrail:DescribeTrails",), ask)
        return tuple(_trail(look, cloudtrail, each) for each in described or ())
    except ClientError as error:
        # The account may have switched that Region off since; this one goes on.
        look.miss(f"the trails of {region}", f"{region} does not take the credentials: {code_of(error)}")
        return ()


def _trail(look: Look, cloudtrail: Any, trail: Mapping[str, Any]) -> TrailSeen:
    name, arn = trail["Name"], trail["TrailARN"]
    status: Mapping[str, Any] | None = look.at(
        f"whether the trail {name} is on", ("cloudtrail:GetTrailStatus",), lambda: cloudtrail.get_trail_status(Name=arn)
    )
    selectors: Mapping[str, Any] | None = look.at(
        f"what the trail {name} records",
        ("cloudtrail:GetEventSelectors",),
        lambda: cloudtrail.get_event_selectors(TrailName=arn),
    )
    return TrailSeen(
        name=name,
        arn=arn,
        home=trail.get("HomeRegion", ""),
        bucket=trail.get("S3BucketName", ""),
        prefix=(trail.get("S3KeyPrefix") or "").strip("/"),
        all_regions=bool(trail.get("IsMultiRegionTrail")),
        organization=bool(trail.get("IsOrganizationTrail")),
        kms_key=trail.get("KmsKeyId") or "",
        log_group=_log_group(trail.get("CloudWatchLogsLogGroupArn") or ""),
        logging=None if status is None else bool(status.get("IsLogging")),
        failing=(status or {}).get("LatestDeliveryError") or "",
        writes=None if selectors is None else writes_are_logged(selectors),
    )


def _log_group(arn: str) -> str:
    """``arn:aws:logs:us-east-1:111122223333:log-group:NAME:*``."""
    parts = arn.split(":", 6)
    return parts[6].removesuffix(":*") if len(parts) == 7 else ""


def organization_of(look: Look, aws: Aws) -> str | None:
    """The id that stands in the keys of an organization trail; empty where the account is in none."""

    def ask() -> str:
        try:
            return str(aws.client("organizations").describe_organization()["Organization"]["Id"])
        except ClientError as error:
            if code_of(error) == "AWSOrganizationsNotInUseException":
                return ""
            raise

    return look.at("the organization's id", ("organizations:DescribeOrganization",), ask)
