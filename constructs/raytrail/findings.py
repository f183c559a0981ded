"""How a construct says which finding of a rule pack it accepts, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from aws_cdk import Acknowledgment, Stack, Token, Validations
from constructs import IConstruct


class Place(NamedTuple):
    """Partition, Region and account of a stack, as the id of a finding writes them."""

    partition: str
    """As ``aws``."""
    region: str
    """As ``eu-west-1``."""
    account: str
    """12 digits."""


def acknowledge(scope: IConstruct, findings: Mapping[str, str]) -> None:
    """Accept findings on ``scope`` and below.

    On an app or a stage, annotations (the warnings that constructs add themselves) are only accepted with the feature
    flag ``@aws-cdk/core:annotationsInValidationReport``: without it no file of the cloud assembly holds what was
    acknowledged there, and ``raytrail findings`` counts them as open. On a stack or below they are accepted either way.

    Args:
        scope: The smallest construct that the findings are about.
        findings: The id of each finding, as ``AwsSolutions-IAM5[Resource::*]``, and the reason to accept it.
    """
    Validations.of(scope).acknowledge(*(Acknowledgment(id=id, reason=reason) for id, reason in findings.items()))


def place_of(scope: IConstruct) -> Place:
    """Return where the scope's stack is: what is not known before the deployment stands as ``<AWS::AccountId>``.

    Args:
        scope: A construct in the stack.
    """
    stack = Stack.of(scope)
    values = {"Partition": stack.partition, "Region": stack.region, "AccountId": stack.account}
    return Place(*(f"<AWS::{name}>" if Token.is_unresolved(value) else value for name, value in values.items()))
