"""Sampling rules: which requests are recorded, and how many."""

from __future__ import annotations

import math
import re
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from raytrail.localaws._xray._errors import NotFound, RuleLimitExceeded, XRayError

MAX_RULES = 25
"""Rules of an account and Region beside Default; the quota is adjustable at AWS."""

DEFAULT = "Default"
INTERVAL_SECONDS = 10
"""How often a client reports, and how long its share of a reservoir is good."""

_random = secrets.SystemRandom()


@dataclass(frozen=True, kw_only=True, slots=True)
class SampledRequest:
    """What is known of a request when the decision is made."""

    service_name: str
    service_type: str
    host: str
    method: str
    path: str
    resource_arn: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Request headers, names in lower case."""


class Allowance:
    """So many requests a second, then a share of the others.

    Args:
        reservoir: Requests recorded each second before the rate applies.
        rate: The share of further requests, from 0 to 1.
    """

    def __init__(self, reservoir: int, rate: float) -> None:
        self._reservoir = reservoir
        self._rate = rate
        self._second = -1
        self._used = 0

    def take(self, now: float | None = None) -> bool:
        """Decide for one request."""
        second = int(time.time() if now is None else now)
        if second != self._second:
            self._second, self._used = second, 0
        if self._used < self._reservoir:
            self._used += 1
            return True
        return _random.random() < self._rate


class SamplingRules:
    """The sampling rules of one account and Region. `Default` exists from the start: one a second and 5 %."""

    def __init__(self, account_id: str, region: str) -> None:
        self._prefix = f"arn:aws:xray:{region}:{account_id}:sampling-rule/"
        self._lock = threading.Lock()
        self._records: dict[str, dict[str, Any]] = {}
        self._allowances: dict[str, Allowance] = {}
        self._clients: dict[str, dict[str, float]] = {}
        self._statistics: dict[tuple[str, int], dict[str, Any]] = {}
        anything = dict.fromkeys(("ResourceARN", "ServiceName", "ServiceType", "Host", "HTTPMethod", "URLPath"), "*")
        numbers = {"Priority": 10_000, "FixedRate": 0.05, "ReservoirSize": 1, "Version": 1}
        self._store({"RuleName": DEFAULT, **anything, **numbers, "Attributes": {}}, created=0.0)

    def create(self, asked: dict[str, Any]) -> dict[str, Any]:
        """CreateSamplingRule."""
        rule = dict(asked["SamplingRule"])
        name = rule.get("RuleName")
        if not name:
            raise XRayError("RuleName is required.")
        if rule["Version"] != 1:
            raise XRayError(f"Version must be 1, got {rule['Version']}.")
        with self._lock:
            if name in self._records:
                raise XRayError(f"A sampling rule with the name {name} already exists.")
            if len(self._records) > MAX_RULES:
                raise RuleLimitExceeded(f"The maximum number of sampling rules, {MAX_RULES}, is reached.")
            return {"SamplingRuleRecord": self._store({"Attributes": {}, **rule}, created=time.time())}

    def list_all(self, asked: dict[str, Any]) -> dict[str, Any]:
        """GetSamplingRules, in the order in which they are tried, in one page."""
        with self._lock:
            return {"SamplingRuleRecords": self._in_order()}

    def update(self, asked: dict[str, Any]) -> dict[str, Any]:
        """UpdateSamplingRule; of Default only the rate and the reservoir can change."""
        change = dict(asked["SamplingRuleUpdate"])
        with self._lock:
            record = self._find(change)
            rule = record["SamplingRule"]
            given = change.keys() - {"RuleName", "RuleARN"}
            if rule["RuleName"] == DEFAULT and given - {"FixedRate", "ReservoirSize"}:
                raise XRayError("Only FixedRate and ReservoirSize of the Default rule can be updated.")
            changed = {**rule, **{key: change[key] for key in given}}
            return {"SamplingRuleRecord": self._store(changed, created=record["CreatedAt"])}

    def delete(self, asked: dict[str, Any]) -> dict[str, Any]:
        """DeleteSamplingRule."""
        with self._lock:
            record = self._find(asked)
            name = record["SamplingRule"]["RuleName"]
            if name == DEFAULT:
                raise XRayError("The Default sampling rule cannot be deleted.")
            del self._records[name]
            return {"SamplingRuleRecord": record}

    def targets(self, asked: dict[str, Any]) -> dict[str, Any]:
        """GetSamplingTargets: each client gets its share of the reservoir for the next ten seconds."""
        now = time.time()
        documents, unprocessed = [], []
        with self._lock:
            for statistics in asked["SamplingStatisticsDocuments"]:
                name = statistics["RuleName"]
                if name not in self._records:
                    problem = {"RuleName": name, "ErrorCode": "400", "Message": f"Unknown rule: {name}"}
                    unprocessed.append(problem)
                    continue
                self._count(name, now, statistics["RequestCount"], statistics["SampledCount"])
                clients = self._clients.setdefault(name, {})
                clients[statistics["ClientID"]] = now
                active = sum(now - seen <= INTERVAL_SECONDS for seen in clients.values())
                rule = self._records[name]["SamplingRule"]
                documents.append(
                    {
                        "RuleName": name,
                        "FixedRate": rule["FixedRate"],
                        "ReservoirQuota": math.ceil(rule["ReservoirSize"] / active),
                        "ReservoirQuotaTTL": now + INTERVAL_SECONDS,
                        "Interval": INTERVAL_SECONDS,
                    }
                )
            modified = max(record["ModifiedAt"] for record in self._records.values())
        return {
            "SamplingTargetDocuments": documents,
            "LastRuleModification": modified,
            "UnprocessedStatistics": unprocessed,
        }

    def statistics(self, asked: dict[str, Any]) -> dict[str, Any]:
        """GetSamplingStatisticSummaries, of ten seconds each, in one page."""
        with self._lock:
            return {"SamplingStatisticSummaries": [dict(summary) for summary in self._statistics.values()]}

    def decide(self, request: SampledRequest) -> tuple[str, bool]:
        """The rule that a request falls under, and whether it is recorded."""
        now = time.time()
        with self._lock:
            name = next(
                record["SamplingRule"]["RuleName"]
                for record in self._in_order()
                if matches(record["SamplingRule"], request)
            )
            sampled = self._allowances[name].take(now)
            self._count(name, now, 1, int(sampled))
        return name, sampled

    def has(self, arn: str) -> bool:
        """Whether the ARN names one of the rules."""
        with self._lock:
            return any(record["SamplingRule"]["RuleARN"] == arn for record in self._records.values())

    def _store(self, rule: dict[str, Any], *, created: float) -> dict[str, Any]:
        name = rule["RuleName"]
        rule = {**rule, "RuleARN": f"{self._prefix}{name}"}
        self._records[name] = {"SamplingRule": rule, "CreatedAt": created, "ModifiedAt": time.time()}
        self._allowances[name] = Allowance(rule["ReservoirSize"], rule["FixedRate"])
        return self._records[name]

    def _find(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        name, arn = asked.get("RuleName"), asked.get("RuleARN")
        if bool(name) == bool(arn):
            raise XRayError("Specify a rule by name or by ARN, but not both.")
        for record in self._records.values():
            if name == record["SamplingRule"]["RuleName"] or arn == record["SamplingRule"]["RuleARN"]:
                return record
        raise NotFound(f"Sampling rule does not exist: {name or arn}")

    def _in_order(self) -> list[dict[str, Any]]:
        # Rules of one priority are tried by name, as the SDKs do.
        rules = [(record["SamplingRule"]["Priority"], name, record) for name, record in self._records.items()]
        return [record for *_, record in sorted(rules, key=lambda item: item[:2])]

    def _count(self, name: str, now: float, requests: int, sampled: int) -> None:
        window = int(now) // INTERVAL_SECONDS * INTERVAL_SECONDS
        empty = {"RuleName": name, "Timestamp": window, "RequestCount": 0, "BorrowCount": 0, "SampledCount": 0}
        summary = self._statistics.setdefault((name, window), empty)
        summary["RequestCount"] += requests
        summary["SampledCount"] += sampled


def matches(rule: Mapping[str, Any], request: SampledRequest) -> bool:
    """Whether a request falls under a rule: each field by its wildcards, each attribute by a request header.

    Case is of no account, as to the X-Ray SDKs; AWS does not say what API Gateway does.
    """
    pairs = [
        (rule["ServiceName"], request.service_name),
        (rule["ServiceType"], request.service_type),
        (rule["Host"], request.host),
        (rule["HTTPMethod"], request.method),
        (rule["URLPath"], request.path),
        (rule["ResourceARN"], request.resource_arn),
        *((pattern, request.attributes.get(name.lower(), "")) for name, pattern in rule.get("Attributes", {}).items()),
    ]
    return all(_like(pattern, text) for pattern, text in pairs)


def _like(pattern: str, text: str) -> bool:
    parts = (".*" if mark == "*" else "." if mark == "?" else re.escape(mark) for mark in pattern)
    return re.fullmatch("".join(parts), text, re.IGNORECASE | re.DOTALL) is not None
