"""Groups: named filter expressions."""

from __future__ import annotations

import base64
import secrets
import threading
import time
from typing import Any

from raytrail.localaws._xray._errors import NotFound, XRayError
from raytrail.localaws._xray._search import parse

MAX_GROUPS = 25
"""Groups of an account beside Default; the quota is not adjustable."""

DEFAULT = "Default"


class Groups:
    """The groups of one account and Region. `Default` exists from the start and cannot be deleted.

    An expression that is not of X-Ray's language is refused. AWS documents ``InvalidRequestException`` for invalid
    parameters and does not say whether a wrong expression is one.
    """

    def __init__(self, account_id: str, region: str) -> None:
        self._prefix = f"arn:aws:xray:{region}:{account_id}:group/"
        self._lock = threading.Lock()
        self._changed: dict[str, float] = {}
        self._groups: dict[str, dict[str, Any]] = {
            DEFAULT: {
                "GroupName": DEFAULT,
                "GroupARN": f"{self._prefix}{DEFAULT}",
                "InsightsConfiguration": {"InsightsEnabled": False, "NotificationsEnabled": False},
            }
        }

    def create(self, asked: dict[str, Any]) -> dict[str, Any]:
        """CreateGroup."""
        name = asked["GroupName"]
        _check(asked)
        with self._lock:
            if name in self._groups:
                raise XRayError(f"Group with name {name} already exists.")
            if len(self._groups) > MAX_GROUPS:
                raise XRayError(f"The maximum number of groups, {MAX_GROUPS}, is reached.")
            unique = base64.b32encode(secrets.token_bytes(32)).decode().rstrip("=")
            group = {"GroupName": name, "GroupARN": f"{self._prefix}{name}/{unique}"}
            if asked.get("FilterExpression"):
                group["FilterExpression"] = asked["FilterExpression"]
            group["InsightsConfiguration"] = _insights(asked.get("InsightsConfiguration", {}))
            self._groups[name] = group
            return {"Group": dict(group)}

    def get(self, asked: dict[str, Any]) -> dict[str, Any]:
        """GetGroup."""
        with self._lock:
            return {"Group": dict(self._find(asked))}

    def list_all(self, asked: dict[str, Any]) -> dict[str, Any]:
        """GetGroups, Default first, in one page."""
        with self._lock:
            return {"Groups": [dict(group) for group in self._groups.values()]}

    def update(self, asked: dict[str, Any]) -> dict[str, Any]:
        """UpdateGroup: what is not named stays; an empty filter expression removes it."""
        _check(asked)
        with self._lock:
            group = self._find(asked)
            if "FilterExpression" in asked:
                if group["GroupName"] == DEFAULT:
                    raise XRayError("The filter expression of the Default group cannot be changed.")
                if group.pop("FilterExpression", "") != asked["FilterExpression"]:
                    self._changed[group["GroupARN"]] = time.time()
                if asked["FilterExpression"]:
                    group["FilterExpression"] = asked["FilterExpression"]
            if "InsightsConfiguration" in asked:
                group["InsightsConfiguration"] = _insights(asked["InsightsConfiguration"])
            return {"Group": dict(group)}

    def delete(self, asked: dict[str, Any]) -> dict[str, Any]:
        """DeleteGroup."""
        with self._lock:
            group = self._find(asked)
            if group["GroupName"] == DEFAULT:
                raise XRayError("The Default group cannot be deleted.")
            del self._groups[group["GroupName"]]
            return {}

    def expressions(self) -> dict[str, str]:
        """The filter expression of each group by name and by ARN; empty for a group of every trace."""
        with self._lock:
            return {
                group[key]: group.get("FilterExpression", "")
                for group in self._groups.values()
                for key in ("GroupName", "GroupARN")
            }

    def changed_since(self, arn: str, start: float) -> bool:
        """Whether the expression of a group became another one at this time or later (seconds since the epoch)."""
        with self._lock:
            return self._changed.get(arn, 0.0) >= start

    def has(self, arn: str) -> bool:
        """Whether the ARN names one of the groups."""
        with self._lock:
            return any(group["GroupARN"] == arn for group in self._groups.values())

    def _find(self, asked: dict[str, Any]) -> dict[str, Any]:
        name, arn = asked.get("GroupName"), asked.get("GroupARN")
        if not name and not arn:
            raise XRayError("Either GroupName or GroupARN is required.")
        for group in self._groups.values():
            if (not name or group["GroupName"] == name) and (not arn or group["GroupARN"] == arn):
                return group
        raise NotFound(f"Group not found: {name or arn}")


def _check(asked: dict[str, Any]) -> None:
    if asked.get("FilterExpression"):
        parse(asked["FilterExpression"])


def _insights(asked: dict[str, Any]) -> dict[str, bool]:
    enabled, notify = bool(asked.get("InsightsEnabled")), bool(asked.get("NotificationsEnabled"))
    if notify and not enabled:
        raise XRayError("NotificationsEnabled cannot be true when InsightsEnabled is false.")
    return {"InsightsEnabled": enabled, "NotificationsEnabled": notify}
