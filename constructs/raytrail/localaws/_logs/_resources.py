"""CloudFormation: AWS::Logs::QueryDefinition, and whole metric filters and log groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from raytrail.localaws._hooks import hook, wrap
from raytrail.localaws._logs._api import Data, LogsError
from raytrail.localaws._logs._insights_api import QueryDefinitions

_PROVISIONERS = "ministack.services.cloudformation.provisioners"
_PROPERTIES = {
    "Name": "name",
    "QueryString": "queryString",
    "LogGroupNames": "logGroupNames",
    "QueryLanguage": "queryLanguage",
}
_FILTER_PROPERTIES = {
    "ApplyOnTransformedLogs": "applyOnTransformedLogs",
    "FieldSelectionCriteria": "fieldSelectionCriteria",
    "EmitSystemFieldDimensions": "emitSystemFieldDimensions",
}


def install(definitions: QueryDefinitions) -> None:
    """Add the resource type, and let the others keep and refuse what AWS does."""

    def put(properties: Data, id: str | None) -> tuple[str, Data]:
        request = {ours: properties[theirs] for theirs, ours in _PROPERTIES.items() if theirs in properties}
        if "Parameters" in properties:
            request["parameters"] = [
                {name[0].lower() + name[1:]: value for name, value in parameter.items()}
                for parameter in properties["Parameters"]
            ]
        try:
            made = definitions.put(request | ({"queryDefinitionId": id} if id else {}))
        except LogsError as error:
            raise ValueError(f"{error.message} (Service: CloudWatchLogs, Status Code: 400)") from error
        return made["queryDefinitionId"], {"QueryDefinitionId": made["queryDefinitionId"]}

    def delete(physical_id: str, _properties: Data) -> None:
        try:
            definitions.delete({"queryDefinitionId": physical_id})
        except LogsError as error:
            if error.code != "ResourceNotFoundException":
                raise

    hook(f"{_PROVISIONERS}:_RESOURCE_HANDLERS")["AWS::Logs::QueryDefinition"] = {
        "create": lambda _logical_id, properties, _stack: put(properties, None),
        "update": lambda physical_id, _old, new, _stack: put(new, physical_id),
        "delete": delete,
    }
    wrap(f"{_PROVISIONERS}:_cwlogs_metric_filter_payload", _whole_filter)
    handlers = hook(f"{_PROVISIONERS}:_RESOURCE_HANDLERS")["AWS::Logs::LogGroup"]
    handlers["create"] = _new_group(handlers["create"])


def _whole_filter(original: Callable[..., Data]) -> Callable[..., Data]:
    def payload(group: str, name: str, properties: Data) -> Data:
        request = original(group, name, properties)
        kept = {ours: properties[theirs] for theirs, ours in _FILTER_PROPERTIES.items() if theirs in properties}
        return request | kept

    return payload


def _new_group(original: Callable[..., Any]) -> Callable[..., Any]:
    groups = hook("ministack.services.cloudwatch_logs:_log_groups")

    def create(logical_id: str, properties: Data, stack_name: str) -> Any:
        name = properties.get("LogGroupName")
        if name in groups:
            # Ministack would put an empty group in its place.
            raise ValueError(
                f"Resource of type 'AWS::Logs::LogGroup' with identifier '{{\"/properties/LogGroupName\":\"{name}\"}}' "
                "already exists."
            )
        return original(logical_id, properties, stack_name)

    return create
