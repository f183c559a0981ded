"""Sets X-Ray's encryption of one account and Region, as a custom resource of CloudFormation.

X-Ray has one such setting, without a name, a tag or an owner. The rules that keep two stacks from fighting over it:

- Create takes a setting that is free (``NONE``), or any at all with ``Adopt``. It refuses the rest.
- Update changes what this resource has set itself, or anything with ``Adopt``.
- Delete puts back what Create found, if the setting is still the one of this resource; else it leaves it alone.

CloudFormation deletes what it failed to create, and updates back what it failed to update. So a refused Create
answers with an id of which Delete knows that there is nothing to undo, and an Update that finds somebody else's
setting during a rollback leaves it alone and succeeds, lest the stack be stuck.

It runs alone in its function: Python's own library and boto3, nothing of the package that it lies in.
"""

from __future__ import annotations

import json
import logging
import time
import urllib.request
from typing import Any

import boto3

REFUSED = "xray-encryption/refused"
REPLACED = "/replaced/"
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 10
"""Between two looks at a change that is under way, each twice as long as the one before."""
ANSWER_SECONDS = 20
"""Kept back of the function's time, to answer in."""

_log = logging.getLogger("xray-encryption")
_log.setLevel(logging.INFO)


class Refused(Exception):
    """The setting is somebody else's, and nothing was done to it."""


def handler(event: dict[str, Any], context: Any) -> None:
    """Do what CloudFormation asks, and tell it how that went, whatever happens."""
    answer = {
        "Status": "SUCCESS",
        "Reason": "",
        "PhysicalResourceId": event.get("PhysicalResourceId") or own_id(event),
        **{key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")},
    }
    try:
        answer["PhysicalResourceId"] = respond_to(event, context)
    except Refused as refused:
        answer |= {"Status": "FAILED", "Reason": str(refused)}
        if event["RequestType"] == "Create":
            answer["PhysicalResourceId"] = REFUSED
    except Exception as error:  # CloudFormation would wait for an answer that never comes
        _log.exception("failed")
        answer |= {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error}; see log stream {stream(context)}"}
    _log.info("%s: %s %s", event["RequestType"], answer["Status"], answer["Reason"])
    body = json.dumps(answer).encode()
    # CloudFormation's own URL, signed for it; a type of content would break the signature.
    request = urllib.request.Request(event["ResponseURL"], data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310
    with urllib.request.urlopen(request, timeout=ANSWER_SECONDS / 2):  # noqa: S310
        pass


def respond_to(event: dict[str, Any], context: Any) -> str:
    """Carry out one request and return the physical id."""
    xray = boto3.client("xray")
    asked = event["ResourceProperties"]
    key, adopt = asked["KeyArn"], asked["Adopt"] == "true"
    physical_id: str = event.get("PhysicalResourceId") or own_id(event)
    if physical_id == REFUSED:
        return REFUSED
    current = settled(xray, context)
    if event["RequestType"] == "Delete":
        if current == key:
            restore(xray, context, physical_id)
        else:
            _log.info("left alone: X-Ray encrypts with %s, which this resource did not set", current)
        return physical_id
    ours = {None} if event["RequestType"] == "Create" else {key, event["OldResourceProperties"]["KeyArn"]}
    if current not in ours and not adopt:
        if event["RequestType"] == "Update" and rolling_back(event["StackId"]):
            _log.info("left alone during the rollback: X-Ray encrypts with %s", current)
            return physical_id
        raise Refused(
            f"X-Ray of this account and Region encrypts with {current or 'its default key'} already, which this "
            "resource did not set; change that by hand, or take it over with adopt=True"
        )
    if current != key:
        xray.put_encryption_config(Type="KMS", KeyId=key)
        if (now := settled(xray, context)) != key:
            raise RuntimeError(f"X-Ray was asked to encrypt with {key} and encrypts with {now}")
    if event["RequestType"] == "Create" and current not in (None, key):
        return f"{physical_id}{REPLACED}{current}"
    return physical_id


def settled(xray: Any, context: Any) -> str | None:
    """Wait until no change is under way, and return the ARN of the key; None is X-Ray's default encryption."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        config = xray.get_encryption_config()["EncryptionConfig"]
        if config.get("Status") != "UPDATING":
            return config["KeyId"] if config["Type"] == "KMS" else None
        if context.get_remaining_time_in_millis() < (ANSWER_SECONDS + pause) * 1000:
            raise TimeoutError("X-Ray is still changing its encryption; look again with GetEncryptionConfig")
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def restore(xray: Any, context: Any, physical_id: str) -> None:
    """Put back what Create found: the key that it replaced, if X-Ray still takes it, or the default encryption."""
    _, _, earlier = physical_id.partition(REPLACED)
    if earlier:
        try:
            xray.put_encryption_config(Type="KMS", KeyId=earlier)
        except xray.exceptions.InvalidRequestException:
            _log.exception("the earlier key cannot be used any more; going back to the default encryption")
        else:
            settled(xray, context)
            return
    xray.put_encryption_config(Type="NONE")
    settled(xray, context)


def rolling_back(stack_id: str) -> bool:
    """Whether the stack is being put back to what it was."""
    (stack,) = boto3.client("cloudformation").describe_stacks(StackName=stack_id)["Stacks"]
    return "ROLLBACK" in stack["StackStatus"]


def own_id(event: dict[str, Any]) -> str:
    """The same for each resource of an account and Region: changing the key replaces nothing."""
    _, _, _, region, account, _ = event["StackId"].split(":", 5)
    return f"xray-encryption/{account}/{region}"


def stream(context: Any) -> str:
    """Where the trace of an error is."""
    return f"{context.log_group_name}/{context.log_stream_name}"
