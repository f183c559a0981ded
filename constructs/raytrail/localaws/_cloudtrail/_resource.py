"""The CloudFormation type ``AWS::CloudTrail::Trail``."""

from __future__ import annotations

from typing import Any

from raytrail.localaws._cloudtrail._trails import Trails
from raytrail.localaws._hooks import hook

_MEMBERS = {"TrailName": "Name", "KMSKeyId": "KmsKeyId"}
"""Properties whose name in the API is another."""
_ELSEWHERE = {
    "AdvancedEventSelectors",
    "AggregationConfigurations",
    "EventSelectors",
    "InsightSelectors",
    "IsLogging",
    "Tags",
    "TrailName",
}
"""Properties that are not members of CreateTrail and UpdateTrail."""
_CLEARED: dict[str, Any] = {
    "S3KeyPrefix": "",
    "SnsTopicName": "",
    "KMSKeyId": "",
    "CloudWatchLogsLogGroupArn": "",
    "CloudWatchLogsRoleArn": "",
    "EnableLogFileValidation": False,
    "IsMultiRegionTrail": False,
    "IsOrganizationTrail": False,
    "IncludeGlobalServiceEvents": True,
}
"""What a property that leaves the template goes back to."""

Created = tuple[str, dict[str, Any]]


class TrailResource:
    """Creates, updates and deletes trails for stacks."""

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        self._name = hook("ministack.services.cloudformation.provisioners:_physical_name")
        self._aggregations: dict[str, list[dict[str, Any]]] = {}
        hook("ministack.services.cloudformation.provisioners:_RESOURCE_HANDLERS")["AWS::CloudTrail::Trail"] = {
            "create": self.create,
            "update": self.update,
            "delete": self.delete,
        }

    def create(self, logical_id: str, props: dict[str, Any], stack_name: str) -> Created:
        """Create a trail, its selectors and tags, and start it.

        Raises:
            ValueError: What CloudTrail refuses.
        """
        name = props.get("TrailName") or self._name(stack_name, logical_id, max_len=128)
        tags = {"TagsList": props["Tags"]} if props.get("Tags") else {}
        self._trails.call("CreateTrail", {"Name": name, **_members(props), **tags})
        try:
            self._settle(name, {}, props)
        except ValueError:
            self._trails.call("DeleteTrail", {"Name": name})
            raise
        return name, self._attributes(name)

    def update(self, physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str) -> Created:
        """Update in place; a changed name replaces the trail."""
        if new.get("TrailName") not in (None, physical_id):
            created = self.create(physical_id, new, stack_name)
            self.delete(physical_id, old)
            return created
        left = {name: value for name, value in _CLEARED.items() if name in old and name not in new}
        self._trails.call("UpdateTrail", {"Name": physical_id, **_members({**left, **new})})
        arn = self._attributes(physical_id)["Arn"]
        old_tags, new_tags = old.get("Tags") or [], new.get("Tags") or []
        gone = [tag for tag in old_tags if tag["Key"] not in {kept["Key"] for kept in new_tags}]
        if gone:
            self._trails.call("RemoveTags", {"ResourceId": arn, "TagsList": gone})
        if new_tags:
            self._trails.call("AddTags", {"ResourceId": arn, "TagsList": new_tags})
        self._settle(physical_id, old, new)
        return physical_id, self._attributes(physical_id)

    def delete(self, physical_id: str, props: dict[str, Any]) -> None:
        """Delete a trail; one that is gone already is no error."""
        try:
            self._trails.call("DeleteTrail", {"Name": physical_id})
        except ValueError as error:
            if "TrailNotFoundException" not in str(error):
                raise

    def _settle(self, name: str, old: dict[str, Any], props: dict[str, Any]) -> None:
        advanced, basic = props.get("AdvancedEventSelectors"), props.get("EventSelectors")
        if advanced:
            self._trails.call("PutEventSelectors", {"TrailName": name, "AdvancedEventSelectors": advanced})
        elif basic or old.get("AdvancedEventSelectors") or old.get("EventSelectors"):
            self._trails.call("PutEventSelectors", {"TrailName": name, "EventSelectors": basic or [{}]})
        if props.get("InsightSelectors") or old.get("InsightSelectors"):
            selectors = props.get("InsightSelectors") or []
            self._trails.call("PutInsightSelectors", {"TrailName": name, "InsightSelectors": selectors})
        self._aggregations[name] = props.get("AggregationConfigurations") or []
        logging = str(props.get("IsLogging")).lower() == "true"
        self._trails.call("StartLogging" if logging else "StopLogging", {"Name": name})

    def _attributes(self, name: str) -> dict[str, Any]:
        trail = self._trails.call("GetTrail", {"Name": name})["Trail"]
        return {"Arn": trail["TrailARN"], "SnsTopicArn": trail.get("SnsTopicARN", "")}


def _members(props: dict[str, Any]) -> dict[str, Any]:
    return {_MEMBERS.get(name, name): _typed(value) for name, value in props.items() if name not in _ELSEWHERE}


def _typed(value: Any) -> Any:
    """CloudFormation lets a truth value be text."""
    return value == "true" if value in ("true", "false") else value
