"""Sets X-Ray's encryption of one account and Region, as a custom resource of CloudFormation.

X-Ray has one such setting, without a name, a tag or an owner. The rules that keep two stacks from fighting over it:

- Create takes a setting that is free (``NONE``), or any at all with ``Adopt``. It refuses the rest.
- Update changes what this resource has set itself, or anything with ``Adopt``.
- Delete puts back what Create found, if the setting is still the one of this resource; else it leaves it alone. An
  earlier key that cannot be used any more leaves the default encryption. One that can, and is refused all the same
  (the function lacks rights on it), leaves the key of this resource: traces are not to lose their key unseen.

CloudFormation deletes what it failed to create, and updates back what it failed to update. So a Create that fails
before it changed anything answers with an id of which Delete knows that there is nothing to undo, and an Update that
finds somebody else's setting during a rollback leaves it alone and succeeds, lest the stack be stuck.

Lambda may deliver a request again: after a crash, after an answer that did not get through, or for no reason at all.
A Create that comes again finds the key that it has set itself, which looks like somebody else's. The setting cannot
say whose it is, so before Create changes it, the function writes into a tag of its own for which request it does so,
and what it found. By that note it knows the request again and answers as the first time, and Delete knows what to put
back when CloudFormation, without an answer, has made an id of its own.

It runs alone in its function: Python's own library and boto3, nothing of the package that it lies in.
"""

from __future__ import annotations

import http.client
import json
import logging
import time
import urllib.request
from typing import Any

import boto3

UNTOUCHED = "xray-encryption/refused"
"""The id of a resource that has changed nothing."""
REPLACED = "/replaced/"
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 10
"""Between two looks at a change that is under way, each twice as long as the one before."""
ANSWER_PAUSES = (1, 2, 4, 8)
"""Seconds between two tries to answer."""
TRY_SECONDS = 5
ANSWER_SECONDS = sum(ANSWER_PAUSES) + (len(ANSWER_PAUSES) + 1) * TRY_SECONDS + 5
"""Kept back of the function's time, to answer in."""
REFUSALS = ("InvalidRequestException", "AccessDeniedException")
"""What X-Ray may say of a key: the first is in its API reference; of a lack of rights the reference says nothing."""
NOTE = "raytrail:found"
"""The function's tag for what Create found: the request's id, a blank, and the key, or ``NONE``."""

_log = logging.getLogger("xray-encryption")
_log.setLevel(logging.INFO)


class Refused(Exception):
    """The setting is somebody else's, and nothing was done to it."""


def handler(event: dict[str, Any], context: Any) -> None:
    """Do what CloudFormation asks, and tell it how that went, whatever happens."""
    answer = {
        "Status": "SUCCESS",
        "Reason": "",
        "PhysicalResourceId": event.get("PhysicalResourceId", UNTOUCHED),
        **{key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")},
    }
    try:
        respond_to(event, context, answer)
    except Refused as refused:
        answer |= {"Status": "FAILED", "Reason": str(refused)}
    except Exception as error:  # CloudFormation would wait for an answer that never comes
        _log.exception("failed")
        answer |= {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error}; see log stream {stream(context)}"}
    _log.info("%s: %s %s", event["RequestType"], answer["Status"], answer["Reason"])
    send(json.dumps(answer).encode(), event["ResponseURL"])


def send(body: bytes, url: str) -> None:
    """Answer. What fails for good is raised, so that Lambda delivers the request once more."""
    # CloudFormation's own URL, signed for it; a type of content would break the signature.
    headers = {"Content-Type": ""}
    request = urllib.request.Request(url, data=body, method="PUT", headers=headers)  # noqa: S310 - its own, as said
    for pause in (*ANSWER_PAUSES, None):
        try:
            with urllib.request.urlopen(request, timeout=TRY_SECONDS):  # noqa: S310 - as above
                return
        except (OSError, http.client.HTTPException) as error:
            if pause is None:
                raise
            _log.warning("the answer did not get through: %r", error)
            time.sleep(pause)


def respond_to(event: dict[str, Any], context: Any, answer: dict[str, str]) -> None:
    """Carry out one request. The physical id in ``answer`` is right at any time, also when something is raised."""
    if answer["PhysicalResourceId"] == UNTOUCHED and event["RequestType"] != "Create":
        return
    xray = boto3.client("xray")
    current = settled(xray, context)
    match event["RequestType"]:
        case "Create":
            create(event, context, answer, xray, current)
        case "Update":
            update(event, context, xray, current)
        case "Delete":
            delete(event, context, xray, current)


def create(event: dict[str, Any], context: Any, answer: dict[str, str], xray: Any, current: str | None) -> None:
    """Take the setting, unless somebody else has it."""
    key, adopt = asked(event)
    request, found = noted(context)
    again = request == event["RequestId"]
    if not again:
        found = current
    if current is not None and not adopt and not (again and current == key):
        raise Refused(theirs(current))
    if current != key and not again:
        note = f"{event['RequestId']} {current or 'NONE'}"
        boto3.client("lambda").tag_resource(Resource=context.invoked_function_arn, Tags={NOTE: note})
    # From here on there is something to undo, whatever happens.
    answer["PhysicalResourceId"] = own_id(event) + (f"{REPLACED}{found}" if found not in (None, key) else "")
    change(xray, context, current, key)


def update(event: dict[str, Any], context: Any, xray: Any, current: str | None) -> None:
    """Change what this resource has set."""
    key, adopt = asked(event)
    if current not in (key, event["OldResourceProperties"]["KeyArn"]) and not adopt:
        if rolling_back(event["StackId"]):
            _log.info("left alone during the rollback: X-Ray encrypts with %s", current)
            return
        raise Refused(theirs(current))
    change(xray, context, current, key)


def delete(event: dict[str, Any], context: Any, xray: Any, current: str | None) -> None:
    """Put back what Create found."""
    physical_id: str = event["PhysicalResourceId"]
    ours = current == asked(event)[0]
    if physical_id.startswith(own_id(event)):
        earlier: str | None = physical_id.partition(REPLACED)[2] or None
    else:
        # CloudFormation's own id: Create's answer never came. Without a note it had changed nothing.
        request, earlier = noted(context)
        ours = ours and request is not None
    if ours:
        restore(xray, context, earlier)
    else:
        _log.info("left alone: X-Ray encrypts with %s, which this resource did not set", current)


def asked(event: dict[str, Any]) -> tuple[str, bool]:
    """The key that is asked for, and whether it may take the place of any other."""
    properties = event["ResourceProperties"]
    return properties["KeyArn"], properties["Adopt"] == "true"


def noted(context: Any) -> tuple[str | None, str | None]:
    """The request that last made this function change the setting for a Create, and the key that was there before."""
    tags = boto3.client("lambda").list_tags(Resource=context.invoked_function_arn)["Tags"]
    request, _, found = tags.get(NOTE, "").partition(" ")
    return request or None, found if found not in ("", "NONE") else None


def change(xray: Any, context: Any, current: str | None, key: str) -> None:
    """Make the key the one that is in force."""
    if current == key:
        return
    xray.put_encryption_config(Type="KMS", KeyId=key)
    if (now := settled(xray, context)) != key:
        raise RuntimeError(f"X-Ray was asked to encrypt with {key} and encrypts with {now}")


def theirs(current: str | None) -> str:
    """Why a request is refused, and what to do."""
    return (
        f"X-Ray of this account and Region encrypts with {current or 'its default key'} already, which this "
        "resource did not set; change that by hand, or take it over with adopt=True"
    )


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


def restore(xray: Any, context: Any, earlier: str | None) -> None:
    """Put back what was replaced; of a key that X-Ray refuses, the default encryption only if nobody can use it."""
    if earlier is None:
        xray.put_encryption_config(Type="NONE")
    else:
        try:
            xray.put_encryption_config(Type="KMS", KeyId=earlier)
        except xray.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in REFUSALS:
                raise
            if usable(earlier):
                _log.exception("left alone, and not given back: X-Ray refused %s; see the rights on that key", earlier)
                return
            _log.exception("%s cannot be used any more; going back to the default encryption", earlier)
            xray.put_encryption_config(Type="NONE")
    settled(xray, context)


def usable(key: str) -> bool:
    """Whether a key is there and switched on, or may be: who lacks the right to look at it is not told."""
    kms = boto3.client("kms")
    try:
        return bool(kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled")
    except kms.exceptions.NotFoundException:
        return False
    except kms.exceptions.ClientError:
        _log.exception("whether %s can be used is not known", key)
        return True


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
