"""The one call that every key may make, and what its answer says besides: AWS's time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from raytrail.cli._aws import session_of
from raytrail.cli._doctor._credentials._setup import Pair
from raytrail.cli._doctor._model import Identity
from raytrail.cli._refusals import ahead_of_aws, seconds_ahead
from raytrail.cli._regions import HOME_REGIONS, partition_of

PATIENCE = Config(connect_timeout=4, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})
"""Somebody is waiting, and a second try is enough to tell a slip from a wall."""

ASKING_ERRORS = (BotoCoreError, ClientError, OSError, ValueError, ResponseParserError, KeyError)
"""What a call raises; OSError where a bundle of certificates is missing, ValueError where a key cannot stand in a
header, with that header in its text; the last two where what answers is not AWS, but a proxy or another server."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of asking STS who one is.

    Attributes:
        identity: Who one is; None where that was refused.
        error: Why it was refused, or not even asked.
        ahead: How many seconds this machine's clock is ahead of AWS's; None where AWS did not say its time.
    """

    identity: Identity | None = None
    error: Exception | None = None
    ahead: float | None = None


def who_am_i(session: boto3.Session, region: str, *, endpoint: str | None = None, signed: bool = True) -> Answer:
    """Ask STS in a Region who one is (``sts:GetCallerIdentity``, which needs no permission).

    Args:
        session: Whose credentials are used.
        region: Where STS is asked.
        endpoint: The URL to ask at; None for AWS's own.
        signed: Whether the call is signed; unsigned it is refused, but with AWS's time.
    """
    config = PATIENCE if signed else PATIENCE.merge(Config(signature_version=UNSIGNED))
    make: Any = session.client
    started = datetime.now(UTC)
    try:
        answer = make("sts", region_name=region, endpoint_url=endpoint, config=config).get_caller_identity()
        arn, account = str(answer["Arn"]), str(answer["Account"])
    except ASKING_ERRORS as error:
        middle = started + (datetime.now(UTC) - started) / 2
        # Botocore lacks a member where what answers is no answer of STS.
        error = ResponseParserError("no answer of STS") if isinstance(error, KeyError) else error
        return Answer(error=error, ahead=ahead_of_aws(error, middle) if isinstance(error, ClientError) else None)
    middle = started + (datetime.now(UTC) - started) / 2
    return Answer(
        identity=Identity(account=account, arn=arn, partition=arn.split(":")[1], region=region),
        ahead=seconds_ahead(answer["ResponseMetadata"]["HTTPHeaders"].get("date", ""), middle),
    )


def at_home(pair: Pair, region: str) -> Answer | None:
    """Ask the same of a Region that every account of the partition has; None where ``region`` is it.

    Keys refused in a partition of its own (China, GovCloud) are asked about in ``aws``, from which most are. No key is
    ever shown to another partition than these two.
    """
    home = HOME_REGIONS.get(partition_of(region), "us-east-1")
    home = "us-east-1" if region == home else home
    if home == region:
        return None
    return who_am_i(session_of(pair.key_id, pair.secret, pair.token), home)


def time_of_aws(region: str, endpoint: str | None = None) -> Answer:
    """Ask for AWS's time alone, without credentials."""
    return who_am_i(session_of("nobody", "nothing"), region, endpoint=endpoint, signed=False)


def status_of_region(session: boto3.Session, region: str, endpoint: str | None) -> str:
    """Whether the account has enabled a Region.

    Returns:
        As ``account:GetRegionOptStatus`` says it (ENABLED, DISABLED, ENABLING, DISABLING, ENABLED_BY_DEFAULT), or,
        where that may not be asked, as far as ``ec2:DescribeRegions`` says it; empty where neither may be asked.
    """
    home = HOME_REGIONS.get(partition_of(region), "us-east-1")
    make: Any = session.client
    try:
        found = make("account", region_name=home, endpoint_url=endpoint, config=PATIENCE).get_region_opt_status(
            RegionName=region
        )
        return str(found["RegionOptStatus"])
    except ASKING_ERRORS:
        pass
    try:
        ec2 = make("ec2", region_name=home, endpoint_url=endpoint, config=PATIENCE)
        regions = ec2.describe_regions(RegionNames=[region], AllRegions=True)["Regions"]
    except ASKING_ERRORS:
        return ""
    statuses = {"opted-in": "ENABLED", "not-opted-in": "DISABLED", "opt-in-not-required": "ENABLED_BY_DEFAULT"}
    return statuses.get(str(regions[0].get("OptInStatus")), "") if regions else ""
