"""Settings of X-Ray in one account and Region: encryption, resource policies, Transaction Search."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from raytrail.localaws._xray._errors import (
    InvalidPolicyRevisionId,
    MalformedPolicyDocument,
    PolicyCountLimitExceeded,
    PolicySizeLimitExceeded,
    ResourceNotFound,
    XRayError,
)
from raytrail.localaws._xray._neighbours import check_span_log_policy, key_arn

MAX_POLICIES = 5
MAX_POLICY_BYTES = 5 * 1024

SETTLES_SECONDS = 1.0
"""How long a new encryption key or destination takes to be in force. AWS: minutes."""


class Settings:
    """They are kept and given back; nothing is encrypted, and no policy of X-Ray's own is enforced."""

    def __init__(self, account_id: str, region: str) -> None:
        self._where = (account_id, region)
        self._lock = threading.Lock()
        self._encryption: dict[str, Any] = {"Type": "NONE"}
        self._encryption_settled = 0.0
        self._policies: dict[str, dict[str, Any]] = {}
        self._destination = "XRay"
        self._destination_settled = 0.0
        self._indexing = {"percentage": 1.0, "modified": time.time()}

    @property
    def spans_go_to_logs(self) -> bool:
        """Whether Transaction Search is on, without which X-Ray's OTLP endpoint refuses spans."""
        return self._destination == "CloudWatchLogs"

    def put_encryption(self, asked: dict[str, Any]) -> dict[str, Any]:
        """PutEncryptionConfig: the key is named by its ARN from then on."""
        if asked["Type"] == "KMS" and not asked.get("KeyId"):
            raise XRayError("KeyId is required when Type is KMS.")
        if asked["Type"] == "NONE" and asked.get("KeyId"):
            raise XRayError("KeyId cannot be given when Type is NONE.")
        key = {"KeyId": key_arn(asked["KeyId"], *self._where)} if asked.get("KeyId") else {}
        with self._lock:
            self._encryption = {"Type": asked["Type"], **key}
            self._encryption_settled = time.monotonic() + SETTLES_SECONDS
        return self.get_encryption({})

    def get_encryption(self, asked: dict[str, Any]) -> dict[str, Any]:
        """GetEncryptionConfig."""
        with self._lock:
            status = "ACTIVE" if time.monotonic() >= self._encryption_settled else "UPDATING"
            return {"EncryptionConfig": {**self._encryption, "Status": status}}

    def put_policy(self, asked: dict[str, Any]) -> dict[str, Any]:
        """PutResourcePolicy."""
        name, document = asked["PolicyName"], asked["PolicyDocument"]
        if len(document.encode()) > MAX_POLICY_BYTES:
            raise PolicySizeLimitExceeded(f"A resource policy can be up to {MAX_POLICY_BYTES} bytes.")
        try:
            json.loads(document)
        except ValueError as error:
            raise MalformedPolicyDocument("The policy document is not valid JSON.") from error
        with self._lock:
            earlier = self._policies.get(name)
            self._check_revision(asked.get("PolicyRevisionId"), earlier)
            if earlier is None and len(self._policies) >= MAX_POLICIES:
                raise PolicyCountLimitExceeded(f"An account can have up to {MAX_POLICIES} resource policies.")
            revision = str(int(earlier["PolicyRevisionId"]) + 1) if earlier else "1"
            self._policies[name] = {
                "PolicyName": name,
                "PolicyDocument": document,
                "PolicyRevisionId": revision,
                "LastUpdatedTime": time.time(),
            }
            return {"ResourcePolicy": dict(self._policies[name])}

    def list_policies(self, asked: dict[str, Any]) -> dict[str, Any]:
        """ListResourcePolicies, in one page."""
        with self._lock:
            return {"ResourcePolicies": [dict(policy) for policy in self._policies.values()]}

    def delete_policy(self, asked: dict[str, Any]) -> dict[str, Any]:
        """DeleteResourcePolicy; one that is not there is no error."""
        with self._lock:
            earlier = self._policies.get(asked["PolicyName"])
            self._check_revision(asked.get("PolicyRevisionId"), earlier)
            self._policies.pop(asked["PolicyName"], None)
            return {}

    def update_destination(self, asked: dict[str, Any]) -> dict[str, Any]:
        """UpdateTraceSegmentDestination: CloudWatchLogs turns Transaction Search on, if X-Ray may write there."""
        if "Destination" not in asked:
            raise XRayError("Destination is required.")
        if asked["Destination"] == "CloudWatchLogs":
            check_span_log_policy(*self._where)
        with self._lock:
            if asked["Destination"] != self._destination:
                self._destination = asked["Destination"]
                self._destination_settled = time.monotonic() + SETTLES_SECONDS
        return self.get_destination({})

    def get_destination(self, asked: dict[str, Any]) -> dict[str, Any]:
        """GetTraceSegmentDestination."""
        with self._lock:
            status = "ACTIVE" if time.monotonic() >= self._destination_settled else "PENDING"
            return {"Destination": self._destination, "Status": status}

    def update_indexing(self, asked: dict[str, Any]) -> dict[str, Any]:
        """UpdateIndexingRule."""
        if asked["Name"] != "Default":
            raise ResourceNotFound(f"Indexing rule not found: {asked['Name']}")
        percentage = float(asked["Rule"].get("Probabilistic", {}).get("DesiredSamplingPercentage", -1))
        if not 0 <= percentage <= 100:
            raise XRayError("DesiredSamplingPercentage must be from 0 to 100.")
        with self._lock:
            self._indexing = {"percentage": percentage, "modified": time.time()}
            return {"IndexingRule": self._indexing_rule()}

    def get_indexing(self, asked: dict[str, Any]) -> dict[str, Any]:
        """GetIndexingRules: the one rule that there is."""
        with self._lock:
            return {"IndexingRules": [self._indexing_rule()]}

    def _indexing_rule(self) -> dict[str, Any]:
        percentage = self._indexing["percentage"]
        shares = {"DesiredSamplingPercentage": percentage, "ActualSamplingPercentage": percentage}
        return {"Name": "Default", "ModifiedAt": self._indexing["modified"], "Rule": {"Probabilistic": shares}}

    @staticmethod
    def _check_revision(asked: str | None, earlier: dict[str, Any] | None) -> None:
        # Revision 0 stands for a policy that does not exist yet.
        if asked is not None and asked != (earlier["PolicyRevisionId"] if earlier else "0"):
            raise InvalidPolicyRevisionId(f"The policy is not at revision {asked}.")
