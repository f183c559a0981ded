"""Events that could not be delivered, in the dead-letter queue of their target."""

from __future__ import annotations

import json
from typing import Any

from raytrail.localaws._cloudtrail._late import Late
from raytrail.localaws._events._targets import Failure, queue_lets_in
from raytrail.localaws._hooks import hook


class DeadLetters:
    """Sends what could not be delivered.

    Errors here are of the kinds that EventBridge does not retry (no permission, no such resource), so no retry
    condition was exhausted and the number of retries is 0.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    """

    def __init__(self) -> None:
        self._parse = hook("ministack.core.arn:parse_arn")
        self._malformed = hook("ministack.core.arn:ArnParseError")
        self._region = hook("ministack.core.responses:get_region")
        self._queue_by_arn = hook("ministack.services.sqs:_queue_by_arn")
        self._digest = hook("ministack.services.sqs:_md5_msg_attrs")
        self._send = Late("ministack.services.eventbridge:_dispatch_to_sqs")

    def send(
        self, queue_arn: str, target: dict[str, Any], rule: dict[str, Any], event: dict[str, Any], failure: Failure
    ) -> bool:
        """Put an event into a queue with the attributes that EventBridge gives it; whether the queue took it.

        Args:
            queue_arn: A standard queue in the Region of the rule.
            target: As PutTargets takes it.
            rule: The rule that the event matched.
            event: The event as the target would have got it, before any transformation.
            failure: Why it did not.
        """
        try:
            spec = self._parse(queue_arn)
        except self._malformed:
            return False
        queue = self._queue_by_arn(queue_arn)
        if not queue or spec.region != self._region() or queue.get("is_fifo"):
            return False
        if not queue_lets_in(queue, queue_arn, rule):
            return False
        told = {
            "RULE_ARN": str(rule.get("Arn", "")),
            "TARGET_ARN": str(target.get("Arn", "")),
            "ERROR_CODE": failure.code,
            "ERROR_MESSAGE": failure.message,
            "RETRY_ATTEMPTS": "0",
        }
        attributes = {name: {"DataType": "String", "StringValue": value} for name, value in told.items() if value}
        body = json.dumps(event)
        self._send(spec, body)
        for message in reversed(queue["messages"]):
            if message["body"] == body and not message["message_attributes"]:
                message["message_attributes"] = attributes
                message["md5_attrs"] = self._digest(attributes)
                break
        return True
