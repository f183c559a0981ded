"""Delivers an event to a target, or says why it could not."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from raytrail.localaws._cloudtrail._late import Late
from raytrail.localaws._cloudtrail._policy import allows
from raytrail.localaws._hooks import hook

SERVICE = "events.amazonaws.com"
_LOG_SERVICES = (SERVICE, "delivery.logs.amazonaws.com")
_LOG_ACTIONS = ("logs:CreateLogStream", "logs:PutLogEvents")

Dispatch = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a delivery failed: an error code of EventBridge's dead-letter queues, and words."""

    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def _absent(arn: object) -> Failure:
    return Failure("NO_RESOURCE", f"The target {arn} does not exist.")


def _forbidden(arn: object) -> Failure:
    return Failure("NO_PERMISSIONS", f"{SERVICE} is not authorized to perform the action on {arn}.")


class Targets:
    """Delivery to each kind of target.

    Args:
        dispatch: Gives an event to the rules of its bus.
    """

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._parse = hook("ministack.core.arn:parse_arn")
        self._malformed = hook("ministack.core.arn:ArnParseError")
        self._account = hook("ministack.core.responses:get_account_id")
        self._region = hook("ministack.core.responses:get_region")
        self._scope = hook("ministack.core.responses:request_scope")
        self._transform = hook("ministack.services.eventbridge:_apply_input_transformer")
        self._original = hook("ministack.services.eventbridge:_invoke_target")
        self._buses = hook("ministack.services.eventbridge:_event_buses")
        self._ensure_default_bus = hook("ministack.services.eventbridge:_ensure_default_bus")
        self._archive = hook("ministack.services.eventbridge:_archive_event")
        self._log_groups = hook("ministack.services.cloudwatch_logs:_log_groups")
        self._log_policies = hook("ministack.services.cloudwatch_logs:_resource_policies")
        self._create_log_stream = Late("ministack.services.cloudwatch_logs:_create_log_stream")
        self._put_log_events = Late("ministack.services.cloudwatch_logs:_put_log_events")
        self._topics = hook("ministack.services.sns:_topics")
        self._publish = Late("ministack.services.sns:publish_internal")
        self._publish_error = hook("ministack.services.sns:SnsPublishError")
        self._queue_by_arn = hook("ministack.services.sqs:_queue_by_arn")
        self._send = Late("ministack.services.eventbridge:_dispatch_to_sqs")
        self._function = hook("ministack.services.lambda_svc:_get_func_record_for_ref")
        self._call = Late("ministack.services.eventbridge:_dispatch_to_lambda")
        self._state_machine = hook("ministack.services.stepfunctions:_resolve_state_machine_arn")

    def deliver(self, target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any) -> Failure | None:
        """Deliver an event; None when the target took it.

        Args:
            target: As PutTargets takes it.
            event: As ministack keeps it.
            rule: The rule that it matched.
            view: ministack's view of the event.
        """
        arn = str(target.get("Arn", ""))
        try:
            spec = self._parse(arn)
        except self._malformed:
            return Failure("INVALID_PARAMETER", f"{arn} is not an ARN.")
        payload = self._payload(target, rule, view)
        if spec.service == "events" and spec.resource.startswith("event-bus/"):
            return self._to_bus(spec, target, event, rule, payload)
        if (spec.account_id, spec.region) != (self._account(), self._region()):
            # Of targets in another Region or account, EventBridge reaches only event buses for sure.
            return Failure("SDK_CLIENT_ERROR", f"The target {arn} is not in the account and Region of the rule.")
        text = payload if payload is not None else json.dumps(view.event_with_detail())
        if spec.service == "logs":
            return self._to_log_group(spec, target, text, payload is not None)
        send = {"sns": self._to_topic, "sqs": self._to_queue, "lambda": self._to_function}.get(spec.service)
        return send(spec, target, rule, text) if send else self._to_other(spec, target, event, rule, view)

    def _payload(self, target: dict[str, Any], rule: dict[str, Any], view: Any) -> str | None:
        """What the target's input settings make of the event; None leaves it whole."""
        if target.get("InputTransformer"):
            return str(self._transform(target["InputTransformer"], rule, view))
        if target.get("Input"):
            return str(target["Input"])
        if target.get("InputPath"):
            value = view.event_with_detail()
            for part in str(target["InputPath"]).removeprefix("$").strip(".").split("."):
                if part and not (isinstance(value, dict) and part in value):
                    return None
                value = value[part] if part else value
            return json.dumps(value)
        return None

    def _to_bus(
        self, spec: Any, target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], payload: str | None
    ) -> Failure | None:
        here = self._account(), self._region()
        there = spec.account_id, spec.region
        places = [*(event.get("_Places") or []), here]
        if there != here and not target.get("RoleArn"):
            return _forbidden(target["Arn"])
        # One hop to another Region is allowed, and one to another account.
        if len({region for _, region in [*places, there]}) > 2:
            return Failure("THIRD_REGION_HOP_DETECTED", "The event has come from another Region already.")
        if len({account for account, _ in [*places, there]}) > 2:
            return Failure("THIRD_ACCOUNT_HOP_DETECTED", "The event has come from another account already.")
        name = spec.resource.partition("/")[2]
        with self._scope(*there):
            self._ensure_default_bus()
            if name not in self._buses:
                return _absent(target["Arn"])
            forwarded = {**event, "EventBusName": name, "_Places": places}
            if payload is not None:
                forwarded["Detail"] = payload
            self._dispatch(forwarded)
            kept = {key: value for key, value in forwarded.items() if not key.startswith("_")}
            self._archive(kept)
        return None

    def _to_log_group(self, spec: Any, target: dict[str, Any], text: str, transformed: bool) -> Failure | None:
        name = spec.resource.partition("log-group:")[2].removesuffix(":*")
        groups = self._log_groups
        if name not in groups:
            return _absent(target["Arn"])
        arn = f"arn:aws:logs:{spec.region}:{spec.account_id}:log-group:{name}:*"
        policies = [policy["policyDocument"] for policy in self._log_policies.values()]
        for service in _LOG_SERVICES:
            for action in _LOG_ACTIONS:
                if not any(_lets_log(policy, service, action, arn) for policy in policies):
                    return _forbidden(target["Arn"])
        timestamp = int(time.time() * 1000)
        if transformed:
            # A transformer for a log group makes an object of timestamp and message.
            try:
                shaped = json.loads(text)
                timestamp, text = _milliseconds(shaped["timestamp"]), _text(shaped["message"])
            except (ValueError, KeyError, TypeError):
                return Failure("INVALID_JSON", "The input for a log group must be an object of timestamp and message.")
        stream = str(uuid.uuid5(uuid.NAMESPACE_URL, str(target["Arn"])))
        if stream not in groups[name]["streams"]:
            self._create_log_stream({"logGroupName": name, "logStreamName": stream})
        events = [{"timestamp": timestamp, "message": text}]
        status, _, content = self._put_log_events({"logGroupName": name, "logStreamName": stream, "logEvents": events})
        return None if status < 300 else Failure("ERROR_FROM_TARGET", content.decode("utf-8", "replace"))

    def _to_topic(self, spec: Any, target: dict[str, Any], rule: dict[str, Any], text: str) -> Failure | None:
        arn = str(spec)
        topic = self._topics.get(arn)
        if topic is None:
            return _absent(arn)
        policy = topic["attributes"].get("Policy") or "{}"
        # Conditions in the policy of a topic are not supported for EventBridge: none is ever met.
        if not target.get("RoleArn") and not allows(policy, service=SERVICE, action="sns:Publish", resource=arn):
            return _forbidden(arn)
        try:
            self._publish(arn, text)
        except self._publish_error as error:
            return Failure("ERROR_FROM_TARGET", f"{error.code}: {error}")
        return None

    def _to_queue(self, spec: Any, target: dict[str, Any], rule: dict[str, Any], text: str) -> Failure | None:
        queue = self._queue_by_arn(str(spec))
        if not queue:
            return _absent(spec)
        if not target.get("RoleArn") and not queue_lets_in(queue, str(spec), rule):
            return _forbidden(spec)
        self._send(spec, text, target.get("SqsParameters") or {})
        return None

    def _to_function(self, spec: Any, target: dict[str, Any], rule: dict[str, Any], text: str) -> Failure | None:
        arn = str(spec)
        record, config, _ = self._function(arn)
        if not record or not config:
            return _absent(arn)
        policy = record.get("policy") or {}
        context = {"aws:SourceArn": str(rule.get("Arn", ""))}
        if policy.get("Statement") and not allows(
            policy, service=SERVICE, action="lambda:InvokeFunction", resource=arn, context=context
        ):
            return _forbidden(arn)
        self._call(arn, text)
        return None

    def _to_other(
        self, spec: Any, target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any
    ) -> Failure | None:
        if spec.service == "states":
            if self._state_machine(str(spec)) is None:
                return _absent(spec)
        elif not (spec.service == "events" and spec.resource.startswith("api-destination/")):
            return Failure("INTERNAL_ERROR", f"Targets of {spec.service} are not emulated.")
        self._original(target, event, rule, view)
        return None


def queue_lets_in(queue: dict[str, Any], arn: str, rule: dict[str, Any]) -> bool:
    """Whether a queue's policy lets EventBridge send; a queue without a policy does."""
    policy = queue.get("attributes", {}).get("Policy")
    context = {"aws:SourceArn": str(rule.get("Arn", "")), "aws:SecureTransport": "true"}
    return not policy or allows(policy, service=SERVICE, action="sqs:SendMessage", resource=arn, context=context)


def _lets_log(policy: str, service: str, action: str, arn: str) -> bool:
    resources = (arn, f"{arn}:log-stream:x", arn.removesuffix(":*") + ":log-stream:x")
    return any(allows(policy, service=service, action=action, resource=resource) for resource in resources)


def _milliseconds(value: Any) -> int:
    if isinstance(value, int | float):
        return int(value)
    if str(value).isdigit():
        return int(value)
    return int(datetime.fromisoformat(str(value)).timestamp() * 1000)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
