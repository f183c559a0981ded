"""Detections as plain values, and the EventBridge pattern that each becomes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from raytrail.errors import InvalidProps

Level = Literal["informational", "low", "medium", "high", "critical"]
"""Sigma's levels (https://sigmahq.io/docs/basics/rules.html)."""

MAX_PATTERN_CHARACTERS = 2_048
"""Longest event pattern before a raised quota (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html)."""

API_CALL = "AWS API Call via CloudTrail"
# AWS writes it both ways: the first is documented, the second is seen in older events.
SIGN_IN = ("AWS Console Signin via CloudTrail", "AWS Console Sign In via CloudTrail")

# Services whose IAM prefix is not the name that CloudTrail records them by.
_EVENT_SOURCES = {"cloudwatch": "monitoring", "ses": "email"}
_CALL = re.compile(r"(?P<service>[a-z0-9-]+):(?P<name>[A-Z][A-Za-z0-9]+)")
_ID = re.compile(r"[A-Z][A-Za-z0-9]{2,63}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Detection:
    """One thing that an API call can mean, and how to see it in CloudTrail's events.

    Args:
        id: A short noun in PascalCase, which names the construct and never changes.
        title: What it means, in a few words.
        level: How much it matters, in Sigma's words.
        techniques: Ids of ATT&CK techniques, as ``T1562.008``.
        detail: The pattern of the event's ``detail``: the CloudTrail record.
        detail_types: The kinds of event. Default: API calls.
        read_only: Whether it matches calls that only read, which EventBridge sees only on request. Default: no.

    Raises:
        InvalidProps: The id or a technique is malformed, or the pattern is longer than EventBridge takes.
    """

    id: str
    title: str
    level: Level
    techniques: tuple[str, ...]
    detail: Mapping[str, Any] = field(hash=False)
    detail_types: tuple[str, ...] = (API_CALL,)
    read_only: bool = False

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise InvalidProps(f"id of detection {self.id!r} is a noun in PascalCase of 3 to 64 letters and digits")
        for technique in self.techniques:
            if not re.fullmatch(r"T\d{4}(\.\d{3})?", technique):
                raise InvalidProps(
                    f"technique {technique!r} of detection {self.id!r} is not an ATT&CK id, as T1562.008"
                )
        length = len(json.dumps(self.pattern(), separators=(",", ":")))
        if length > MAX_PATTERN_CHARACTERS:
            raise InvalidProps(
                f"the pattern of detection {self.id!r} has {length} characters; EventBridge takes "
                f"{MAX_PATTERN_CHARACTERS}, so split it into two detections"
            )

    def pattern(self) -> dict[str, Any]:
        """Return the EventBridge event pattern."""
        return {
            # Anybody may put an event of any type on the bus, but not from a source that begins with aws.
            "source": [{"prefix": "aws."}],
            "detail-type": list(self.detail_types),
            "detail": dict(self.detail),
        }

    @classmethod
    def of_api_call(
        cls,
        call: str,
        *,
        title: str | None = None,
        level: Level = "medium",
        techniques: tuple[str, ...] = (),
        read_only: bool = False,
    ) -> Self:
        """A detection of one API call, named as in an IAM policy: ``dynamodb:DeleteTable``.

        Raises:
            InvalidProps: The call is not written as ``service:Operation``.
        """
        match = _CALL.fullmatch(call)
        if not match:
            raise InvalidProps(f"API call {call!r} is written as in an IAM policy: 'dynamodb:DeleteTable'")
        service = _EVENT_SOURCES.get(match["service"], match["service"])
        names: list[Any] = [match["name"]]
        if service == "lambda":
            # CloudTrail names most of Lambda's calls with the date of their API: UpdateFunctionCode20150331v2.
            names.append({"prefix": f"{match['name']}20"})
        return cls(
            id="".join(part.title() for part in match["service"].split("-")) + match["name"],
            title=title or f"{call} was called",
            level=level,
            techniques=techniques,
            detail={"eventSource": [f"{service}.amazonaws.com"], "eventName": names},
            read_only=read_only,
        )
