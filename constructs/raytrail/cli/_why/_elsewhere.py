"""Where the function is: in the Region that its ARN names, in that asked, or, as so often, in another."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from raytrail.cli._aws import Aws, asking
from raytrail.cli._errors import Unanswered, WrongUse
from raytrail.cli._refusals import code_of
from raytrail.cli._regions import OPT_IN_REGIONS

_ARN = re.compile(r"arn:aws[\w-]*:lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):function:[\w-]+(?::[\w$-]+)?")
_NAME = re.compile(r"[\w-]{1,64}(?::[\w$-]+)?")

IMPATIENCE = Config(connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 1})
"""For a glance at each Region, none of which is waited for."""


def find_function(
    function: str, connect: Callable[[str | None], Aws], region: str | None
) -> tuple[Aws, Mapping[str, Any]]:
    """The AWS that has the function, and the function's configuration there.

    Args:
        function: As it was typed.
        connect: Connects to a Region; None is the default one.
        region: The Region that was asked for, if one was.

    Raises:
        WrongUse: It is neither a name nor an ARN, or its ARN names another Region than the one asked for.
        Unanswered: There is no such function.
        Refused: AWS refused.
    """
    found = _ARN.fullmatch(function)
    if found is None and _NAME.fullmatch(function) is None:
        raise WrongUse(f"--why takes the name or the ARN of a Lambda function, got {function!r}")
    if found and region not in (None, found["region"]):
        raise WrongUse(f"the ARN is of {found['region']}, and --region says {region}; leave --region out")
    aws = connect(found["region"] if found else region)
    try:
        with asking(aws):
            try:
                return aws, aws.client("lambda").get_function_configuration(FunctionName=function)
            except ClientError as error:
                if code_of(error) != "ResourceNotFoundException":
                    raise
                raise _Nowhere from error
    except _Nowhere:
        raise Unanswered(_not_here(aws, function)) from None


class _Nowhere(Exception):
    pass


def _not_here(aws: Aws, function: str) -> str:
    said = f"there is no function {function!r} in {aws}"
    elsewhere = _regions_with(aws, function) if not function.startswith("arn:") else []
    if elsewhere:
        return f"{said}; there is one in {', '.join(elsewhere)}: ask there with --region"
    return f"{said}, or in another Region that is on by default: is it the right account, and the function's full name?"


def _regions_with(aws: Aws, function: str) -> list[str]:
    """Other Regions of the partition, on by default, that have a function of this name."""
    partition = aws.session.get_partition_for_region(aws.region) if _known(aws) else "aws"
    regions = aws.session.get_available_regions("lambda", partition_name=partition)
    others = [region for region in regions if region != aws.region and region not in OPT_IN_REGIONS]
    # A session is not safe for threads; its clients are.
    clients = [aws.client("lambda", region_name=region, config=IMPATIENCE) for region in others]
    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = pool.map(lambda client: _has(client, function), clients)
        return [region for region, has in zip(others, answers, strict=True) if has]


def _known(aws: Aws) -> bool:
    return any(
        aws.region in aws.session.get_available_regions("lambda", partition_name=partition)
        for partition in aws.session.get_available_partitions()
    )


def _has(client: Any, function: str) -> bool:
    try:
        client.get_function_configuration(FunctionName=function)
    except (BotoCoreError, ClientError):
        return False
    return True
