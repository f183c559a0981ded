"""DynamoDB tables: encryption, point-in-time recovery, time to live, class, policy and deletion protection."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from raytrail.localaws._cloudformation._completions._completed import Handler, Json, Properties, accepted, completed
from raytrail.localaws._hooks import hook

_SERVICE = "ministack.services.dynamodb"


def install(handlers: dict[str, Handler]) -> None:
    """Complete both kinds of table."""
    tables = _Tables()
    handlers["AWS::DynamoDB::Table"] = tables.guarded(completed(handlers["AWS::DynamoDB::Table"], tables.apply))
    of_replica = handlers["AWS::DynamoDB::GlobalTable"]
    handlers["AWS::DynamoDB::GlobalTable"] = tables.guarded(
        tables.with_table_id(
            completed(
                of_replica,
                lambda name, new, old: tables.apply(name, tables.local(new), tables.local(old)),
            )
        )
    )


class _Tables:
    def __init__(self) -> None:
        self._tables = hook(f"{_SERVICE}:_tables")
        self._tags = hook(f"{_SERVICE}:_tags")
        self._recovery = hook(f"{_SERVICE}:_pitr_settings")
        self._time_to_live = hook(f"{_SERVICE}:_ttl_settings")
        self._update_table = hook(f"{_SERVICE}:_update_table")
        self._update_recovery = hook(f"{_SERVICE}:_update_continuous_backups")
        self._update_time_to_live = hook(f"{_SERVICE}:_update_ttl")
        self._update_insights = hook(f"{_SERVICE}:_update_contributor_insights")
        self._put_policy = hook(f"{_SERVICE}:_put_resource_policy")
        self._delete_policy = hook(f"{_SERVICE}:_delete_resource_policy")
        self._region = hook("ministack.core.responses:get_region")

    def apply(self, name: str, new: Properties, old: Properties) -> None:
        """Apply what the emulator's handler leaves out; a dropped property goes back to its default."""
        table = self._tables[name]
        if new.get("BillingMode") == "PAY_PER_REQUEST":
            table["ProvisionedThroughput"] = {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0}
        changes: dict[str, Json] = {}
        if "SSESpecification" in new or "SSESpecification" in old:
            given = new.get("SSESpecification", {})
            # The property's SSEEnabled is the API's Enabled.
            changes["SSESpecification"] = {
                "Enabled": given.get("SSEEnabled", False),
                **{key: given[key] for key in ("SSEType", "KMSMasterKeyId") if key in given},
            }
        for key in ("TableClass", "OnDemandThroughput"):
            if key in new:
                changes[key] = new[key]
        if changes:
            self._accept(self._update_table({"TableName": name, **changes}))
        self._apply_recovery(name, new, old)
        self._apply_time_to_live(name, new, old)
        if "ContributorInsightsSpecification" in new:
            action = "ENABLE" if new["ContributorInsightsSpecification"].get("Enabled") else "DISABLE"
            self._accept(self._update_insights({"TableName": name, "ContributorInsightsAction": action}))
        self._apply_policy(table["TableArn"], new, old)

    def local(self, properties: Properties) -> Properties:
        """A global table's properties as those of a table: its own, and its replica's in this Region."""
        region = self._region()
        replica: Mapping[str, Json] = next((r for r in properties.get("Replicas", ()) if r.get("Region") == region), {})
        merged = {**properties, **{key: value for key, value in replica.items() if key != "SSESpecification"}}
        if key_id := replica.get("SSESpecification", {}).get("KMSMasterKeyId"):
            merged["SSESpecification"] = {**properties.get("SSESpecification", {}), "KMSMasterKeyId": key_id}
        return merged

    def with_table_id(self, handler: Handler) -> Handler:
        """A global table answers Fn::GetAtt TableId, and takes tags and protection from its replica."""

        def create(logical_id: str, props: Properties, stack_name: str) -> tuple[str, Json]:
            name, attributes = handler["create"](logical_id, props, stack_name)
            self._adopt(name, self.local(props))
            return name, {**attributes, "TableId": self._tables[name]["TableId"]}

        def update(
            physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str | None = None
        ) -> tuple[str, Json]:
            name, attributes = handler["update"](physical_id, old, new, stack_name, logical_id)
            self._adopt(name, self.local(new))
            return name, {**attributes, "TableId": self._tables[name]["TableId"]}

        return {**handler, "create": create, "update": update}

    def guarded(self, handler: Handler) -> Handler:
        """A table under deletion protection is not deleted, and a deleted one takes its settings along."""

        def delete(physical_id: str, props: Properties) -> None:
            if self._tables.get(physical_id, {}).get("DeletionProtectionEnabled"):
                raise ValueError(
                    "Resource cannot be deleted as it is currently protected against deletion. Disable deletion "
                    "protection first. (Service: DynamoDb, Status Code: 400)"
                )
            handler["delete"](physical_id, props)
            self._recovery.pop(physical_id, None)
            self._time_to_live.pop(physical_id, None)

        return {**handler, "delete": delete}

    def _adopt(self, name: str, local: Properties) -> None:
        table = self._tables[name]
        table["DeletionProtectionEnabled"] = bool(local.get("DeletionProtectionEnabled"))
        if local.get("Tags"):
            self._tags[table["TableArn"]] = [dict(tag) for tag in local["Tags"]]

    def _apply_recovery(self, name: str, new: Properties, old: Properties) -> None:
        if "PointInTimeRecoverySpecification" in new or "PointInTimeRecoverySpecification" in old:
            wanted = new.get("PointInTimeRecoverySpecification", {"PointInTimeRecoveryEnabled": False})
            self._accept(self._update_recovery({"TableName": name, "PointInTimeRecoverySpecification": wanted}))

    def _apply_time_to_live(self, name: str, new: Properties, old: Properties) -> None:
        wanted = new.get("TimeToLiveSpecification")
        before = old.get("TimeToLiveSpecification")
        if wanted is None and before is not None:
            wanted = {**before, "Enabled": False}
        if wanted is not None:
            self._accept(self._update_time_to_live({"TableName": name, "TimeToLiveSpecification": wanted}))

    def _apply_policy(self, arn: str, new: Properties, old: Properties) -> None:
        if "ResourcePolicy" in new:
            document = json.dumps(new["ResourcePolicy"]["PolicyDocument"])
            self._accept(self._put_policy({"ResourceArn": arn, "Policy": document}))
        elif "ResourcePolicy" in old:
            self._accept(self._delete_policy({"ResourceArn": arn}))

    @staticmethod
    def _accept(answer: Any) -> None:
        accepted(answer, "DynamoDb")
