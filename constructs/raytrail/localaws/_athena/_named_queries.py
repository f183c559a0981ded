"""Named queries: the API's checks, and the CloudFormation type AWS::Athena::NamedQuery.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-athena-namedquery.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from raytrail.localaws._athena._workgroups import PRIMARY
from raytrail.localaws._hooks import hook, wrap
from raytrail.localaws._world import Response

TYPE = "AWS::Athena::NamedQuery"
_PROPERTIES = ("Name", "Database", "QueryString", "Description", "WorkGroup")
_LIMITS = {"Name": (1, 128), "Database": (1, 255), "QueryString": (1, 262_144), "Description": (0, 1024)}
Handler = Callable[[dict[str, Any]], Response]


def extend_named_queries() -> None:
    """Check what CreateNamedQuery is given, and add the resource type."""
    wrap("ministack.services.athena:_create_named_query", _checked)
    hook("ministack.services.cloudformation.provisioners:_RESOURCE_HANDLERS")[TYPE] = {
        "create": _create,
        "delete": _delete,
    }
    # Every property of a named query is fixed: a change makes a new one and deletes the old.
    hook("ministack.services.cloudformation.provisioners:_REPLACING_PROPERTIES")[TYPE] = _PROPERTIES


def _checked(original: Handler) -> Handler:
    workgroups = hook("ministack.services.athena:_workgroups")
    ensure_primary = hook("ministack.services.athena:_ensure_default_workgroup")
    refuse = hook("ministack.core.responses:error_response_json")

    def create(data: dict[str, Any]) -> Response:
        ensure_primary()
        workgroup = data.get("WorkGroup") or PRIMARY
        for name, (shortest, longest) in _LIMITS.items():
            if not shortest <= len(data.get(name) or "") <= longest:
                refused: Response = refuse(
                    "InvalidRequestException", f"{name} takes {shortest} to {longest} characters", 400
                )
                return refused
        if workgroup not in workgroups:
            refused = refuse("InvalidRequestException", f"WorkGroup {workgroup} is not found.", 400)
            return refused
        return original({**data, "WorkGroup": workgroup})

    return create


def _create(logical_id: str, props: dict[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
    given = {name: props[name] for name in _PROPERTIES if props.get(name) is not None}
    # The name may be left out: CloudFormation makes one.
    given.setdefault("Name", f"{stack_name}-{logical_id}"[:128])
    status, _, body = hook("ministack.services.athena:_create_named_query")(given)
    answer = json.loads(body)
    if status >= 400:
        raise ValueError(answer.get("message"))
    return answer["NamedQueryId"], {"NamedQueryId": answer["NamedQueryId"]}


def _delete(physical_id: str, props: dict[str, Any]) -> None:
    hook("ministack.services.athena:_delete_named_query")({"NamedQueryId": physical_id})
