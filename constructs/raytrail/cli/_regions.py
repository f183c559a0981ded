"""Regions and partitions, as botocore's own list has them."""

from __future__ import annotations

import difflib
import functools
import re

import botocore.session

OPT_IN_REGIONS = frozenset(
    {
        *("af-south-1", "ap-east-1", "ap-east-2", "ap-south-2"),
        *("ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7"),
        *("ca-west-1", "eu-central-2", "eu-south-1", "eu-south-2"),
        *("il-central-1", "me-central-1", "me-south-1", "mx-central-1"),
    }
)
"""Regions that an account must enable, and that refuse session tokens of the global STS endpoint by default
(https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html)."""

HOME_REGIONS = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
"""A Region of each partition that every account of it has."""


@functools.cache
def known_regions() -> dict[str, str]:
    """The partition of each Region that the installed botocore knows; a Region opened later is not among them."""
    session = botocore.session.Session()
    return {
        region: partition
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("sts", partition_name=partition)
        if not region.endswith("-fips")
    }


def partition_of(region: str) -> str:
    """The partition of a Region, by its name where botocore does not know it; ``aws`` for what is no Region."""
    known = known_regions().get(region)
    if known:
        return known
    prefixes = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc", "us-iso-": "aws-iso"}
    return next((partition for prefix, partition in prefixes.items() if region.startswith(prefix)), "aws")


def meant_region(name: str) -> str:
    """The Region that a name that is none was meant to be; empty where that cannot be said."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.strip("\"' ").split("#")[0].strip().lower()).strip("-")
    zone = re.fullmatch(r"(.+-\d)[a-z]", plain)
    for candidate in (plain, zone[1] if zone else ""):
        if candidate in known_regions():
            return candidate
    return next(iter(difflib.get_close_matches(plain, known_regions(), n=1)), "")
