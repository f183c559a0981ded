"""Custom resources: a handler that dies before it answers fails its resource at once, and each is recorded."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from raytrail.localaws._cloudformation._ledger import Ledger
from raytrail.localaws._hooks import hook, wrap

_RESPONSE_URL = re.compile(r"/_ministack/cfn-response/([0-9a-f-]+)$")
_PROVISIONERS = "ministack.services.cloudformation.provisioners"


def install(ledger: Ledger) -> None:
    """Wrap the invocation of handlers, and the three steps of a ``Custom::`` resource's life."""
    # Asked for now, so that a missing name ends the start and not a deployment.
    pending = hook("ministack.services.cloudformation.custom_resource:_pending")
    deliver = hook("ministack.services.cloudformation.custom_resource:deliver_response")
    wrap(
        "ministack.services.lambda_svc:_execute_function_with_config_scope",
        lambda original: _answer_for_the_dead(original, pending, deliver),
    )
    wrap(f"{_PROVISIONERS}:_custom_resource_create", lambda original: _recorded_create(original, ledger))
    wrap(f"{_PROVISIONERS}:_custom_resource_delete", lambda original: _recorded_delete(original, ledger))


def _answer_for_the_dead(
    execute: Callable[..., Mapping[str, Any]],
    pending: Mapping[str, Mapping[str, Any]],
    deliver: Callable[[str, Mapping[str, Any]], bool],
) -> Callable[..., Mapping[str, Any]]:
    """Answer FAILED for a handler that ended with an error and said nothing.

    AWS retries such a handler twice and then waits for up to an hour. The outcome is the same, an hour earlier.
    """

    def run(function: Mapping[str, Any], event: Any) -> Mapping[str, Any]:
        found = _RESPONSE_URL.search(str(event.get("ResponseURL", ""))) if isinstance(event, Mapping) else None
        if found is None:
            return execute(function, event)
        token = found[1]
        try:
            result = execute(function, event)
        except Exception as error:
            _fail(token, event, f"{type(error).__name__}: {error}")
            raise
        if result.get("error"):
            _fail(token, event, _words(result.get("body")))
        return result

    def _fail(token: str, event: Mapping[str, Any], reason: str) -> None:
        waiting = pending.get(token)
        if waiting is None or waiting["event"].is_set():
            return
        deliver(
            token,
            {
                "Status": "FAILED",
                "Reason": f"The handler of the custom resource ended before it answered. {reason}",
                "PhysicalResourceId": event.get("PhysicalResourceId") or event.get("RequestId"),
                "LogicalResourceId": event.get("LogicalResourceId"),
            },
        )

    return run


def _words(body: Any) -> str:
    if isinstance(body, Mapping):
        return ": ".join(str(body[name]) for name in ("errorType", "errorMessage") if body.get(name))
    return str(body or "")


def _recorded_create(create: Callable[..., tuple[str, Any]], ledger: Ledger) -> Callable[..., tuple[str, Any]]:
    def run(
        logical_id: str,
        props: Mapping[str, Any],
        stack_name: str,
        resource_type: str = "AWS::CloudFormation::CustomResource",
    ) -> tuple[str, Any]:
        known = {"stack": stack_name, "logical_id": logical_id, "type": resource_type}
        try:
            physical_id, data = create(logical_id, props, stack_name, resource_type)
        except Exception:
            ledger.record(**known, physical_id="", status="CREATE_FAILED")
            raise
        ledger.record(**known, physical_id=physical_id, status="CREATE_COMPLETE")
        return physical_id, data

    return run


def _recorded_delete(delete: Callable[..., None], ledger: Ledger) -> Callable[..., None]:
    def run(
        physical_id: str,
        props: Mapping[str, Any],
        stack_name: str | None = None,
        logical_id: str | None = None,
        resource_type: str = "AWS::CloudFormation::CustomResource",
    ) -> None:
        try:
            delete(physical_id, props, stack_name=stack_name, logical_id=logical_id, resource_type=resource_type)
        except Exception:
            ledger.removed(type=resource_type, physical_id=physical_id, status="DELETE_FAILED")
            raise
        ledger.removed(type=resource_type, physical_id=physical_id, status="DELETE_COMPLETE")

    return run
