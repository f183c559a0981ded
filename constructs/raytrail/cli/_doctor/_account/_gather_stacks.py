"""The app's stacks that are deployed already, what they made, and the bootstrap that they stand on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from raytrail.cli._aws import Aws
from raytrail.cli._doctor._account._look import Look
from raytrail.cli._doctor._account._plan import Plan
from raytrail.cli._doctor._account._seen import BootstrapSeen, Made, StackSeen
from raytrail.cli._doctor._assembly import BootstrapNeeded
from raytrail.cli._refusals import code_of

TOOLKIT = "CDKToolkit"
"""The stack that `cdk bootstrap` makes, unless it is told another name."""
NOT_LISTED = ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS")
"""States in which there is no stack, or nothing in it yet."""
_QUALIFIER = re.compile(r"/cdk-bootstrap/([^/]+)/version")


def stacks_of(look: Look, aws: Aws, plan: Plan) -> Mapping[str, StackSeen] | None:
    """The stacks that are deployed under the names of the app's; None where that could not be looked at."""
    return look.at(
        "which stacks, names and quotas are this app's own already",
        ("cloudformation:DescribeStacks", "cloudformation:ListStackResources"),
        lambda: dict(_deployed(aws.client("cloudformation"), plan)),
    )


def _deployed(cloudformation: Any, plan: Plan) -> Iterator[tuple[str, StackSeen]]:
    for stack in plan.stacks:
        found = describe(cloudformation, stack.name)
        if found is None or found["StackStatus"] in NOT_LISTED:
            continue
        made = tuple(_made(cloudformation, found["StackId"]))
        ids = {id for id, resource in stack.resources if resource.get("Type") != "AWS::CDK::Metadata"}
        yield (
            stack.name,
            StackSeen(
                name=stack.name,
                status=found["StackStatus"],
                reason=found.get("StackStatusReason", ""),
                made=made,
                ours=not made or any(each.id in ids for each in made),
            ),
        )


def describe(cloudformation: Any, name: str) -> Mapping[str, Any] | None:
    """A stack as DescribeStacks answers; None where there is none."""
    try:
        found: Mapping[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if code_of(error) == "ValidationError" and "does not exist" in str(error):
            return None
        raise
    return found


def _made(cloudformation: Any, stack: str) -> Iterator[Made]:
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for each in page["StackResourceSummaries"]:
            if each["ResourceStatus"] == "DELETE_COMPLETE":
                continue
            physical = each.get("PhysicalResourceId", "")
            yield Made(id=each["LogicalResourceId"], type=each["ResourceType"], physical=physical)
            if each["ResourceType"] == "AWS::CloudFormation::Stack" and physical:
                yield from _made(cloudformation, physical)


def owner_of(look: Look, aws: Aws, physical: str) -> str | None:
    """The stack that a thing is part of; empty where none is, None where that could not be looked at."""

    def ask() -> str:
        try:
            found = aws.client("cloudformation").describe_stack_resources(PhysicalResourceId=physical)
        except ClientError as error:
            if code_of(error) == "ValidationError":
                return ""
            raise
        return next((str(each["StackName"]) for each in found["StackResources"]), "")

    return look.at("whose the things are that have the app's names", ("cloudformation:DescribeStackResources",), ask)


def bootstrap_of(look: Look, aws: Aws, plan: Plan, needed: BootstrapNeeded) -> BootstrapSeen | None:
    """What there is of a bootstrap; None where that could not be looked at."""
    ssm = aws.client("ssm")

    def version() -> int | None:
        try:
            said = ssm.get_parameter(Name=needed.parameter)["Parameter"]["Value"]
        except ClientError as error:
            if code_of(error) == "ParameterNotFound":
                return None
            raise
        return int(said) if said.isdecimal() else 0

    def others() -> tuple[str, ...]:
        pages = ssm.get_paginator("get_parameters_by_path").paginate(Path="/cdk-bootstrap", Recursive=True)
        names = (_QUALIFIER.fullmatch(each["Name"]) for page in pages for each in page["Parameters"])
        return tuple(sorted(name[1] for name in names if name and name[1] != needed.qualifier))

    def toolkit() -> str:
        found = describe(aws.client("cloudformation"), TOOLKIT)
        return "" if found is None else str(found["StackStatus"])

    # None is an answer here, so the version comes in a tuple.
    found = look.at("the bootstrap's version", ("ssm:GetParameter",), lambda: (version(),))
    if found is None:
        return None
    missing = found[0] is None
    seen = look.at("other bootstraps", ("ssm:GetParametersByPath",), others) if missing else ()
    return BootstrapSeen(
        version=found[0],
        others=seen,
        stack=look.at(f"the stack {TOOLKIT}", ("cloudformation:DescribeStacks",), toolkit),
        buckets=dict(_buckets(look, aws, [each for each in plan.buckets if needed.qualifier in each])),
    )


def _buckets(look: Look, aws: Aws, names: list[str]) -> Iterator[tuple[str, bool | str]]:
    for name in names:
        there = look.at("the bootstrap's bucket", ("s3:ListBucket",), partial(bucket, aws, name))
        if there is not None:
            yield name, there


def bucket(aws: Aws, name: str) -> bool | str:
    """Whether the account has a bucket; "taken" where S3 refuses to say, as for another account's."""
    try:
        aws.client("s3").head_bucket(Bucket=name)
    except ClientError as error:
        # HEAD has no body, so the code is the status.
        if code_of(error) in ("404", "NoSuchBucket"):
            return False
        if code_of(error) in ("403", "AccessDenied", "301", "PermanentRedirect"):
            return "taken"
        raise
    return True
