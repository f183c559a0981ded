"""The trails that exist, and the parts of CloudTrail's control plane that ministack leaves out."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from raytrail.localaws._cloudtrail._destinations import Destinations
from raytrail.localaws._cloudtrail._selectors import DEFAULT, refuse
from raytrail.localaws._hooks import hook
from raytrail.localaws._world import Response

Body = Mapping[str, Any]

MAX_TRAILS = 5
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9]|[._-](?=[A-Za-z0-9])){2,127}")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_LATEST = {
    "s3": "Delivery",
    "logs": "CloudWatchLogsDelivery",
    "sns": "Notification",
    "digest": "DigestDelivery",
}
"""How GetTrailStatus calls what went to a destination."""
_KEPT = ("CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn")


@dataclass(frozen=True, kw_only=True, slots=True)
class Trail:
    """A trail as it stood at one moment."""

    arn: str
    account_id: str
    home_region: str
    multi_region: bool
    global_events: bool
    logging: bool
    validates: bool
    """Whether digests are written of its files."""
    bucket: str
    prefix: str
    organization_id: str
    kms_key_id: str
    topic_arn: str
    log_group_arn: str
    selectors: tuple[Mapping[str, Any], ...]


@dataclass(slots=True)
class DeliveryStatus:
    """What GetTrailStatus tells about deliveries. Times are seconds since the epoch."""

    attempted: dict[str, float] = field(default_factory=dict)
    """The newest attempt by destination: ``s3``, ``logs``, ``sns``, ``digest``."""
    delivered: dict[str, float] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def note(self, destination: str, error: str | None) -> None:
        """Take note of an attempt: the code of its error, or None when it succeeded."""
        moment = now()
        self.attempted[destination] = moment
        if error:
            self.errors[destination] = error
        else:
            self.delivered[destination] = moment
            self.errors.pop(destination, None)


class Trails:
    """Reads ministack's trails, and answers the calls that it does not, or not fully, answer."""

    def __init__(self) -> None:
        self._stored = hook("ministack.services.cloudtrail:_trails")
        self._selectors = hook("ministack.services.cloudtrail:_event_selectors")
        self._organizations = hook("ministack.services.organizations:_orgs")
        self._account = hook("ministack.core.responses:get_account_id")
        self._region = hook("ministack.core.responses:get_region")
        self._destinations = Destinations()
        self._statuses: dict[str, DeliveryStatus] = {}
        self._insights: dict[str, list[dict[str, Any]]] = {}
        self._dispatch: dict[str, Callable[[dict[str, Any]], Response]] = hook(
            "ministack.services.cloudtrail:_DISPATCH"
        )
        self._original = dict(self._dispatch)
        self._dispatch |= {
            "CreateTrail": self.create,
            "UpdateTrail": self.update,
            "GetTrailStatus": self._get_status,
            "PutEventSelectors": self.put_event_selectors,
            "PutInsightSelectors": self.put_insight_selectors,
            "GetInsightSelectors": self._get_insight_selectors,
        }

    def current(self) -> tuple[Trail, ...]:
        """Every trail of every account and Region as it stands now."""
        return tuple(
            self._read(account, region, name, raw) for (account, region, name), raw in self._stored.all_items()
        )

    def status(self, arn: str) -> DeliveryStatus:
        """The deliveries of a trail, to be written to."""
        return self._statuses.setdefault(arn, DeliveryStatus())

    def call(self, action: str, body: dict[str, Any]) -> dict[str, Any]:
        """Call one of CloudTrail's operations in the current account and Region.

        Raises:
            ValueError: CloudTrail's error, its code and message.
        """
        status, _, content = self._dispatch[action](body)
        answer: dict[str, Any] = json.loads(content)
        if status >= 400:
            raise ValueError(
                f"{answer.get('__type')}: {answer.get('message')} (Service: CloudTrail, Status Code: {status})"
            )
        return answer

    def create(self, body: dict[str, Any]) -> Response:
        """CreateTrail, refused where AWS refuses it."""
        name = str(body.get("Name", ""))
        refusal = _refuse_name(name) or self._refuse(body, name)
        if refusal:
            return refusal
        if len([1 for trail in self.current() if self._counts_here(trail)]) >= MAX_TRAILS:
            return failed(
                "MaximumNumberOfTrailsExceededException",
                f"User: {self._account()} already has {MAX_TRAILS} trails in {self._region()}.",
            )
        tags = body.get("TagsList") or []
        status, headers, content = self._original["CreateTrail"](body)
        if status >= 400:
            return status, headers, content
        answer = json.loads(content)
        answer |= self._complete(name, body)
        if tags:
            self._original["AddTags"]({"ResourceId": answer["TrailARN"], "TagsList": tags})
        return 200, headers, json.dumps(answer).encode()

    def update(self, body: dict[str, Any]) -> Response:
        """UpdateTrail, refused where AWS refuses it."""
        name = str(body.get("Name", "")).rpartition("/")[2]
        stored = self._stored.get(name)
        if stored is not None:
            names = {"EnableLogFileValidation": "LogFileValidationEnabled"}
            merged = {**stored, **{names.get(key, key): value for key, value in body.items()}}
            refusal = self._refuse(merged, name)
            if refusal:
                return refusal
        status, headers, content = self._original["UpdateTrail"](body)
        if status >= 400 or stored is None:
            return status, headers, content
        answer = {**json.loads(content), **self._complete(name, body)}
        return 200, headers, json.dumps({k: v for k, v in answer.items() if v != ""}).encode()

    def put_event_selectors(self, body: dict[str, Any]) -> Response:
        """PutEventSelectors, refused where AWS refuses it."""
        refusal = refuse(body.get("EventSelectors") or [], body.get("AdvancedEventSelectors") or [])
        return (
            failed("InvalidEventSelectorsException", refusal) if refusal else self._original["PutEventSelectors"](body)
        )

    def put_insight_selectors(self, body: dict[str, Any]) -> Response:
        """PutInsightSelectors: kept, and told again; no Insights are found here."""
        status, headers, content = self._original["GetTrail"]({"Name": body.get("TrailName", "")})
        if status >= 400:
            return status, headers, content
        trail = json.loads(content)["Trail"]
        selectors = body.get("InsightSelectors") or []
        for selector in selectors:
            if selector.get("InsightType") not in ("ApiCallRateInsight", "ApiErrorRateInsight"):
                return failed("InvalidInsightSelectorsException", "The InsightType is not valid.")
        self._insights[trail["TrailARN"]] = list(selectors)
        stored = self._stored.get(trail["Name"])
        if stored is not None:
            stored["HasInsightSelectors"] = bool(selectors)
        return ok({"TrailARN": trail["TrailARN"], "InsightSelectors": selectors})

    def insights(self, arn: str) -> set[str]:
        """The types of Insights that a trail looks for."""
        return {str(selector["InsightType"]) for selector in self._insights.get(arn, ())}

    def _get_insight_selectors(self, body: dict[str, Any]) -> Response:
        status, headers, content = self._original["GetTrail"]({"Name": body.get("TrailName", "")})
        if status >= 400:
            return status, headers, content
        arn = json.loads(content)["Trail"]["TrailARN"]
        if not self._insights.get(arn):
            return failed(
                "InsightNotEnabledException",
                f"Trail {arn} does not have Insights enabled. Edit the trail settings to enable Insights, and then "
                "try the operation again.",
            )
        return ok({"TrailARN": arn, "InsightSelectors": self._insights[arn]})

    def _get_status(self, body: dict[str, Any]) -> Response:
        status, headers, content = self._original["GetTrailStatus"](body)
        if status >= 400:
            return status, headers, content
        _, _, found = self._original["GetTrail"](body)
        seen = self.status(json.loads(found)["Trail"]["TrailARN"])
        answer = json.loads(content)
        for destination, word in _LATEST.items():
            if destination in seen.delivered:
                answer[f"Latest{word}Time"] = int(seen.delivered[destination])
            if destination in seen.errors:
                answer[f"Latest{word}Error"] = seen.errors[destination]
        for destination, word in (("s3", "Delivery"), ("sns", "Notification")):
            if destination in seen.attempted:
                answer[f"Latest{word}AttemptTime"] = utc(seen.attempted[destination])
            if destination in seen.delivered:
                answer[f"Latest{word}AttemptSucceeded"] = utc(seen.delivered[destination])
        return 200, headers, json.dumps(answer).encode()

    def _refuse(self, body: Body, name: str) -> Response | None:
        if body.get("IsMultiRegionTrail") and body.get("IncludeGlobalServiceEvents") is False:
            return failed(
                "InvalidParameterCombinationException",
                "Multi-Region trail must include global service events.",
            )
        arn = f"arn:aws:cloudtrail:{self._region()}:{self._account()}:trail/{name}"
        organization = self._organization(self._account(), body)
        found = self._destinations.refuse(body, arn, self._account(), organization)
        return failed(*found) if found else None

    def _complete(self, name: str, body: Body) -> dict[str, Any]:
        """Keep what ministack drops of a request, and give it for the answer."""
        stored = self._stored.get(name)
        if stored is None:
            return {}
        kept = {key: body[key] for key in _KEPT if body.get(key)}
        topic = body.get("SnsTopicName")
        if topic:
            arn = topic if topic.startswith("arn:") else f"arn:aws:sns:{self._region()}:{self._account()}:{topic}"
            kept |= {"SnsTopicName": topic, "SnsTopicARN": arn}
        stored.update(kept)
        return kept

    def _counts_here(self, trail: Trail) -> bool:
        here = trail.home_region == self._region() or trail.multi_region
        return trail.account_id == self._account() and here

    def _organization(self, account_id: str, raw: Body) -> str:
        if not raw.get("IsOrganizationTrail"):
            return ""
        found = self._organizations.get_scoped(account_id, None, "self") or {}
        return str(found.get("Id", ""))

    def _read(self, account_id: str, region: str, name: str, raw: Body) -> Trail:
        selectors = self._selectors.get_scoped(account_id, region, name, DEFAULT)
        return Trail(
            arn=str(raw["TrailARN"]),
            account_id=account_id,
            home_region=region,
            multi_region=bool(raw.get("IsMultiRegionTrail")),
            global_events=bool(raw.get("IncludeGlobalServiceEvents", True)),
            logging=bool(raw.get("IsLogging")),
            validates=bool(raw.get("LogFileValidationEnabled")),
            bucket=str(raw.get("S3BucketName", "")),
            prefix=str(raw.get("S3KeyPrefix") or ""),
            organization_id=self._organization(account_id, raw),
            kms_key_id=str(raw.get("KmsKeyId") or ""),
            topic_arn=str(raw.get("SnsTopicARN") or ""),
            log_group_arn=str(raw.get("CloudWatchLogsLogGroupArn") or ""),
            selectors=tuple(selectors),
        )


def now() -> float:
    """Seconds since the epoch."""
    return time.time()


def _refuse_name(name: str) -> Response | None:
    if _NAME.fullmatch(name) and not _ADDRESS.fullmatch(name):
        return None
    return failed(
        "InvalidTrailNameException",
        "Trail name must have 3 to 128 letters, digits, periods, underscores or dashes, start and end with a letter "
        "or digit, have no two separators in a row, and not look like an IP address.",
    )


def utc(seconds: float) -> str:
    """A time as CloudTrail writes it, such as 2026-01-31T23:59:59Z."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ok(body: dict[str, Any]) -> Response:
    """An answer of CloudTrail's API."""
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body).encode()


def failed(code: str, message: str) -> Response:
    """An error of CloudTrail's API."""
    content = json.dumps({"__type": code, "message": message}).encode()
    return 400, {"Content-Type": "application/x-amz-json-1.1"}, content
