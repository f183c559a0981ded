"""Which actions creating a resource takes, as CloudFormation's own schema of its type says.

cfn-lint carries these schemas (extra ``local``); without it CloudFormation is asked for each (DescribeType).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from raytrail.cli._aws import Aws
from raytrail.cli._doctor._account._cfn_lint import carried_schema, is_action
from raytrail.cli._doctor._account._look import Look
from raytrail.cli._doctor._account._seen import Needs
from raytrail.cli._doctor._assembly_values import below, items

_ACTION = re.compile(r"([a-z0-9-]+):([A-Za-z]+)")
_READS = ("describe", "get", "list")
_OWN_PREFIX = {"elasticloadbalancingv2": "elasticloadbalancing", "cognito": "cognito-idp"}
"""Where actions begin otherwise than the types do."""
NOT_AWS = ("Custom::", "AWS::CloudFormation::", "AWS::CDK::")
"""Types that are a function's business, or CloudFormation's own."""


def needs_of(look: Look, aws: Aws, types: Iterable[str]) -> Mapping[str, Needs]:
    """What each type needs; types whose schema is not known, or names no action, are left out."""
    wanted = [each for each in types if not each.startswith(NOT_AWS)]
    found: dict[str, Needs] = {}
    unknown: list[str] = []
    for type in wanted:
        schema = carried_schema(type, aws.region)
        if schema is None:
            schema = _asked(look, aws, type)
        actions = frozenset(_actions(schema))
        if actions:
            found[type] = Needs(changing=frozenset(_changing(type, actions)), all=actions)
        else:
            unknown.append(type)
    if unknown:
        look.miss("the actions that some types need", f"CloudFormation's schemas name none for {', '.join(unknown)}")
    return found


def _actions(schema: Mapping[str, Any] | None) -> Iterator[str]:
    """The actions of a schema that IAM has, as IAM writes them: the service in small letters."""
    for said in items(below(schema, "handlers", "create", "permissions")):
        action = _ACTION.fullmatch(f"{said.partition(':')[0].lower()}:{said.partition(':')[2]}")
        if action and is_action(action[1], action[2]):
            yield action[0]


def _changing(type: str, actions: Iterable[str]) -> Iterator[str]:
    service = type.split("::")[1].lower()
    prefix = _OWN_PREFIX.get(service, service)
    for action in actions:
        before, _, verb = action.partition(":")
        if before == prefix and not verb.lower().startswith(_READS):
            yield action


def _asked(look: Look, aws: Aws, type: str) -> Mapping[str, Any] | None:
    def ask() -> Mapping[str, Any]:
        schema: Mapping[str, Any] = json.loads(
            aws.client("cloudformation").describe_type(Type="RESOURCE", TypeName=type)["Schema"]
        )
        return schema

    return look.at("the actions that the resources need", ("cloudformation:DescribeType",), ask)
