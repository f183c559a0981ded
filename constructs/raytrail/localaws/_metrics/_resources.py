"""CloudFormation: AWS::CloudWatch::CompositeAlarm, and whole alarms and dashboards."""

from __future__ import annotations

from typing import Any

from raytrail.localaws._hooks import hook, wrap
from raytrail.localaws._metrics._alarm_api import MetricAlarms
from raytrail.localaws._metrics._wire import ApiError, Operation, Values, Wire

_PROVISIONERS = "ministack.services.cloudformation.provisioners"


def install(wire: Wire, alarms: MetricAlarms) -> None:
    """Add the resource type, and let alarms keep every property of their template."""
    composites = _CompositeAlarms(wire)
    hook(f"{_PROVISIONERS}:_RESOURCE_HANDLERS")["AWS::CloudWatch::CompositeAlarm"] = {
        "create": composites.create,
        "update": composites.update,
        "update_with_logical_id": True,
        "delete": composites.delete,
    }
    set_tags = hook("ministack.services.cloudwatch:cloudformation_set_metric_alarm_tags")

    def put(name: str, properties: Values) -> tuple[str, Values]:
        # CloudFormation's own tags are not for callers of the API, which refuses them.
        arn = alarms.from_template(name, {key: value for key, value in properties.items() if key != "Tags"})
        set_tags(name, properties.get("Tags") or [])
        return name, {"Arn": arn}

    wrap(f"{_PROVISIONERS}:_cw_metric_alarm_put", lambda _original: put)


class _CompositeAlarms:
    """Handlers over ministack's PutCompositeAlarm."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._put: Operation = wire.original("PutCompositeAlarm", "_put_composite_alarm")
        self._remove: Operation = wire.original("DeleteAlarms", "_delete_alarms")
        self._alarms = hook("ministack.services.cloudwatch:_composite_alarms")
        self._set_tags = hook("ministack.services.cloudwatch:cloudformation_set_metric_alarm_tags")
        self._physical_name = hook(f"{_PROVISIONERS}:_physical_name")
        self._replacement = hook(f"{_PROVISIONERS}:_rename_replacement")

    def create(self, logical_id: str, properties: Values, stack_name: str) -> tuple[str, Values]:
        name = properties.get("AlarmName") or self._physical_name(stack_name, logical_id, max_len=255)
        return self._write(name, properties)

    def update(
        self, physical_id: str, old: Values, new: Values, stack_name: str, logical_id: str | None = None
    ) -> tuple[str, Values]:
        name = new.get("AlarmName") or self._physical_name(stack_name, logical_id or physical_id, max_len=255)
        known = physical_id if physical_id in self._alarms else None
        replaced: tuple[str, Values] | None = self._replacement(
            physical_id, old, new, stack_name, logical_id, name, known, self.create, self.delete
        )
        return replaced or self._write(name, new)

    def delete(self, physical_id: str, properties: Values) -> None:
        try:
            self._remove({"AlarmNames": [physical_id]})
        except ApiError as error:
            raise ValueError(error.message) from error

    def _write(self, name: str, properties: Values) -> tuple[str, Values]:
        shape = self._wire.request_shape("PutCompositeAlarm")
        request: dict[str, Any] = self._wire.coerce(shape, {**properties, "AlarmName": name})
        for member in ("ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod"):
            if member in request:
                raise ValueError(f"the embedded AWS does not emulate {member} of a composite alarm")
        request.pop("Tags", None)
        try:
            self._put(request)
        except ApiError as error:
            raise ValueError(f"{error.message} (Service: CloudWatch, Status Code: {error.status})") from error
        self._set_tags(name, properties.get("Tags") or [])
        return name, {"Arn": self._alarms[name]["AlarmArn"]}
