"""Workgroups: which settings a query runs under, and what it takes to delete one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from raytrail.errors import RaytrailError
from raytrail.localaws._athena._catalog import S3Store
from raytrail.localaws._hooks import hook, wrap
from raytrail.localaws._world import Response

PRIMARY = "primary"
_NO_LOCATION = (
    "No output location provided. An output location is required either through the Workgroup result configuration "
    "setting or as an API input."
)
Handler = Callable[[dict[str, Any]], Response]


class Refused(RaytrailError):
    """The request is refused as an InvalidRequestException."""


class Workgroups:
    """The workgroups of the caller's account and Region."""

    def __init__(self) -> None:
        self._store = hook("ministack.services.athena:_workgroups")
        self._objects = S3Store()

    def settings(self, data: dict[str, Any]) -> tuple[str, dict[str, Any], int | None]:
        """Return the workgroup's name, the result configuration and the limit of bytes for a StartQueryExecution.

        A workgroup that enforces its configuration wins over what the caller asks for.

        Raises:
            Refused: The workgroup is missing or disabled, or there is nowhere to write the result.
        """
        name = data.get("WorkGroup") or PRIMARY
        workgroup = self._store.get(name)
        if workgroup is None:
            raise Refused(f"WorkGroup {name} is not found.")
        if workgroup.get("State") == "DISABLED":
            raise Refused(f"WorkGroup {name} is disabled.")
        configuration = workgroup.get("Configuration") or {}
        own = configuration.get("ResultConfiguration") or {}
        asked = data.get("ResultConfiguration") or {}
        # AWS creates a workgroup as enforcing unless told otherwise; the primary one does not enforce.
        enforced = configuration.get("EnforceWorkGroupConfiguration", name != PRIMARY and bool(own))
        result = own if _true(enforced) else {**own, **asked}
        if not result.get("OutputLocation"):
            raise Refused(_NO_LOCATION)
        bucket = urlsplit(result["OutputLocation"]).netloc
        if not self._objects.exists(bucket):
            raise Refused(f"Unable to verify/create output bucket {bucket}")
        cutoff = configuration.get("BytesScannedCutoffPerQuery")
        return name, result, None if cutoff is None else int(cutoff)


def extend_workgroups() -> None:
    """Make ministack's DeleteWorkGroup and UpdateWorkGroup do what they leave out."""
    wrap("ministack.services.athena:_delete_workgroup", _deleting)
    wrap("ministack.services.athena:_update_workgroup", _updating)
    handlers = hook("ministack.services.cloudformation.provisioners:_RESOURCE_HANDLERS")
    delete = hook("ministack.services.athena:_delete_workgroup")

    def delete_resource(physical_id: str, props: dict[str, Any]) -> None:
        if physical_id not in hook("ministack.services.athena:_workgroups"):
            return
        recursive = _true(props.get("RecursiveDeleteOption", False))
        status, _, body = delete({"WorkGroup": physical_id, "RecursiveDeleteOption": recursive})
        if status >= 400:
            raise ValueError(json.loads(body).get("message"))

    handlers["AWS::Athena::WorkGroup"]["delete"] = delete_resource


def _deleting(original: Handler) -> Handler:
    workgroups = hook("ministack.services.athena:_workgroups")
    refuse = hook("ministack.core.responses:error_response_json")
    contents = [
        (hook("ministack.services.athena:_named_queries"), "WorkGroup"),
        (hook("ministack.services.athena:_executions"), "WorkGroup"),
        (hook("ministack.services.athena:_prepared_statements"), "WorkGroupName"),
    ]

    def delete(data: dict[str, Any]) -> Response:
        name = data.get("WorkGroup")
        if name not in workgroups:
            refused: Response = refuse("InvalidRequestException", f"WorkGroup {name} is not found.", 400)
            return refused
        inside = [(store, key) for store, field in contents for key, item in store.items() if item.get(field) == name]
        if name != PRIMARY and inside and not _true(data.get("RecursiveDeleteOption", False)):
            refused = refuse("InvalidRequestException", f"WorkGroup {name} is not empty", 400)
            return refused
        answer = original(data)
        if answer[0] < 300:
            for store, key in inside:
                store.pop(key, None)
        return answer

    return delete


def _updating(original: Handler) -> Handler:
    workgroups = hook("ministack.services.athena:_workgroups")

    def update(data: dict[str, Any]) -> Response:
        answer = original(data)
        updates = data.get("ConfigurationUpdates") or {}
        if answer[0] < 300 and updates.get("RemoveBytesScannedCutoffPerQuery"):
            (workgroups[data["WorkGroup"]].get("Configuration") or {}).pop("BytesScannedCutoffPerQuery", None)
        return answer

    return update


def _true(value: object) -> bool:
    """A boolean, which a template may carry as text."""
    return str(value).lower() == "true"
