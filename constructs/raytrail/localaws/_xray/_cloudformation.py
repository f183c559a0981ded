"""The resource types ``AWS::XRay::*``, on the same state as the API.

Identifiers and attributes are those of CloudFormation's schemas: ``primaryIdentifier`` is what Ref answers.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

from raytrail.localaws._hooks import hook
from raytrail.localaws._xray._errors import NotFound
from raytrail.localaws._xray._service import XRay

Props = dict[str, Any]
Made = tuple[str, dict[str, Any]]

_NUMBERS = {"Priority": int, "ReservoirSize": int, "Version": int, "FixedRate": float}
"""Templates may hold numbers as text."""

_LEGACY_FIELDS = ("RuleName", "RuleARN", "Version")


def install(xray: XRay) -> None:
    """Add the four types to CloudFormation."""
    types = _Types(xray)
    hook("ministack.services.cloudformation.provisioners:_RESOURCE_HANDLERS").update(
        {
            "AWS::XRay::Group": {
                "create": types.create_group,
                "update": types.update_group,
                "delete": lambda arn, props: types.delete("DeleteGroup", GroupARN=arn),
            },
            "AWS::XRay::SamplingRule": {
                "create": types.create_rule,
                "update": types.update_rule,
                "delete": lambda arn, props: types.delete("DeleteSamplingRule", RuleARN=arn),
            },
            "AWS::XRay::ResourcePolicy": {
                "create": types.put_policy,
                "update": lambda name, old, new, stack_name: types.put_policy("", new, stack_name),
                "delete": lambda name, props: types.delete("DeleteResourcePolicy", PolicyName=name),
            },
            "AWS::XRay::TransactionSearchConfig": {
                "create": types.set_transaction_search,
                "update": lambda id, old, new, stack_name: types.set_transaction_search("", new, stack_name),
                "delete": lambda id, props: types.delete("UpdateTraceSegmentDestination", Destination="XRay"),
            },
        }
    )


class _Types:
    """What CloudFormation's handlers do, by X-Ray's own operations in the account and Region of the stack."""

    def __init__(self, xray: XRay) -> None:
        self._xray = xray
        self._account = hook("ministack.core.responses:get_account_id")
        self._region = hook("ministack.core.responses:get_region")

    def create_group(self, logical_id: str, props: Props, stack_name: str) -> Made:
        fields = {key: props.get(key) for key in ("GroupName", "FilterExpression", "InsightsConfiguration", "Tags")}
        arn = self._run("CreateGroup", **fields)["Group"]["GroupARN"]
        return arn, {"GroupARN": arn}

    def update_group(self, arn: str, old: Props, new: Props, stack_name: str) -> Made:
        if old["GroupName"] != new["GroupName"]:
            # A group cannot be renamed: the new one is made first, as CloudFormation replaces.
            made = self.create_group("", new, stack_name)
            self.delete("DeleteGroup", GroupARN=arn)
            return made
        insights = new.get("InsightsConfiguration", {})
        expression = new.get("FilterExpression", "")
        self._run("UpdateGroup", GroupARN=arn, FilterExpression=expression, InsightsConfiguration=insights)
        self._retag(arn, old, new)
        return arn, {"GroupARN": arn}

    def create_rule(self, logical_id: str, props: Props, stack_name: str) -> Made:
        rule = {"Version": 1, **_typed(props["SamplingRule"])}
        name = _rule_name(props) or f"{stack_name}-{logical_id}"[:32]
        made = self._run("CreateSamplingRule", SamplingRule={**rule, "RuleName": name}, Tags=props.get("Tags"))
        arn = made["SamplingRuleRecord"]["SamplingRule"]["RuleARN"]
        return arn, {"RuleARN": arn}

    def update_rule(self, arn: str, old: Props, new: Props, stack_name: str) -> Made:
        if _rule_name(old) != _rule_name(new):
            made = self.create_rule(arn.rsplit("/", 1)[-1], new, stack_name)
            self.delete("DeleteSamplingRule", RuleARN=arn)
            return made
        change = {key: value for key, value in _typed(new["SamplingRule"]).items() if key not in _LEGACY_FIELDS}
        self._run("UpdateSamplingRule", SamplingRuleUpdate={**change, "RuleARN": arn})
        self._retag(arn, old, new)
        return arn, {"RuleARN": arn}

    def put_policy(self, logical_id: str, props: Props, stack_name: str) -> Made:
        document = props["PolicyDocument"]
        text = document if isinstance(document, str) else json.dumps(document)
        self._run("PutResourcePolicy", PolicyName=props["PolicyName"], PolicyDocument=text)
        return props["PolicyName"], {}

    def set_transaction_search(self, logical_id: str, props: Props, stack_name: str) -> Made:
        self._run("UpdateTraceSegmentDestination", Destination="CloudWatchLogs")
        share = {"DesiredSamplingPercentage": float(props.get("IndexingPercentage", 1))}
        self._run("UpdateIndexingRule", Name="Default", Rule={"Probabilistic": share})
        account = self._account()
        return account, {"AccountId": account}

    def delete(self, operation: str, **asked: Any) -> None:
        # What was deleted by hand in between is gone, which is what a stack wants.
        with contextlib.suppress(NotFound):
            self._run(operation, **asked)

    def _retag(self, arn: str, old: Props, new: Props) -> None:
        self._run("UntagResource", ResourceARN=arn, TagKeys=[tag["Key"] for tag in old.get("Tags", ())])
        self._run("TagResource", ResourceARN=arn, Tags=new.get("Tags", []))

    def _run(self, operation: str, **asked: Any) -> dict[str, Any]:
        given = {key: value for key, value in asked.items() if value is not None}
        return self._xray.at(self._account(), self._region()).run(operation, given)


def _rule_name(props: Props) -> str | None:
    name: str | None = props.get("RuleName") or props["SamplingRule"].get("RuleName")
    return name


def _typed(rule: Props) -> Props:
    return {key: _NUMBERS[key](value) if key in _NUMBERS else value for key, value in rule.items()}
