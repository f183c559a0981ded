"""Each resource handler of the emulator, behind the checks that CloudFormation makes around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from raytrail.localaws._cloudformation._ledger import Ledger
from raytrail.localaws._cloudformation._refusals import refusal
from raytrail.localaws._cloudformation._schemas import ResourceSchema, resource_schema
from raytrail.localaws._cloudformation._validation import violations
from raytrail.localaws._hooks import hook

Json = Any
Properties = Mapping[str, Json]
Provisioned = tuple[str, dict[str, Json]]

_AUTO_NAMED = {"AWS::Logs::LogGroup": ("LogGroupName", "{stack}-"), "AWS::SSM::Parameter": ("Name", "CFN-")}
"""Types for which the emulator makes up other names than CloudFormation: the property, and how its name begins."""


class CheckedResource:
    """One resource type: properties coerced and validated before, attributes completed after, all of it recorded.

    Args:
        type_name: The CloudFormation type.
        handler: The emulator's functions for it.
        ledger: Where each resource is recorded.
    """

    def __init__(self, type_name: str, handler: Mapping[str, Any], ledger: Ledger) -> None:
        self._type = type_name
        self._handler = handler
        self._ledger = ledger
        self._region: Callable[[], str] = hook("ministack.core.responses:get_region")
        self._physical_name: Callable[..., str] = hook("ministack.services.cloudformation.provisioners:_physical_name")

    def as_handler(self) -> dict[str, Any]:
        """The functions under the names that the emulator calls."""
        handler = {**self._handler, "create": self.create}
        if "update" in self._handler:
            handler |= {"update": self.update, "update_with_logical_id": True}
        if "delete" in self._handler:
            handler |= {"delete": self.delete, "delete_with_logical_id": True}
        return handler

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Provisioned:
        """Create a resource whose properties hold against its schema."""
        schema = resource_schema(self._type, self._region())
        try:
            checked = self._named(self._checked(schema, logical_id, props), stack_name, logical_id)
            physical_id, attributes = self._handler["create"](logical_id, checked, stack_name)
        except Exception as error:
            self._record(stack_name, logical_id, "", "CREATE_FAILED")
            raise refusal(self._type, error) from error
        self._record(stack_name, logical_id, physical_id, "CREATE_COMPLETE")
        return physical_id, self._attributes(schema, physical_id, checked, attributes)

    def update(
        self,
        physical_id: str,
        old_props: Properties,
        new_props: Properties,
        stack_name: str,
        logical_id: str | None = None,
    ) -> Provisioned:
        """Update a resource; properties that break the schema leave it as it was."""
        schema = resource_schema(self._type, self._region())
        name = logical_id or physical_id
        try:
            old = self._coerced(schema, old_props)
            new = self._checked(schema, name, new_props)
            if auto := _AUTO_NAMED.get(self._type):
                old.setdefault(auto[0], physical_id)
                new.setdefault(auto[0], physical_id)
            more = (logical_id,) if self._handler.get("update_with_logical_id") else ()
            new_id, attributes = self._handler["update"](physical_id, old, new, stack_name, *more)
        except Exception as error:
            self._record(stack_name, name, physical_id, "UPDATE_FAILED")
            raise refusal(self._type, error) from error
        self._record(stack_name, name, new_id, "UPDATE_COMPLETE")
        return new_id, self._attributes(schema, new_id, new, attributes)

    def delete(self, physical_id: str, props: Properties, logical_id: str | None = None) -> None:
        """Delete a resource."""
        coerced = self._coerced(resource_schema(self._type, self._region()), props)
        more = (logical_id,) if self._handler.get("delete_with_logical_id") else ()
        try:
            self._handler["delete"](physical_id, coerced, *more)
        except Exception as error:
            self._ledger.removed(type=self._type, physical_id=physical_id, status="DELETE_FAILED")
            raise refusal(self._type, error) from error
        self._ledger.removed(type=self._type, physical_id=physical_id, status="DELETE_COMPLETE")

    def _record(self, stack: str, logical_id: str, physical_id: str, status: str) -> None:
        self._ledger.record(stack=stack, logical_id=logical_id, type=self._type, physical_id=physical_id, status=status)

    def _named(self, props: dict[str, Json], stack_name: str, logical_id: str) -> dict[str, Json]:
        auto = _AUTO_NAMED.get(self._type)
        if auto is None or props.get(auto[0]):
            return props
        name, prefix = auto
        made = self._physical_name(stack_name, logical_id, max_len=512)
        return props | {name: prefix.format(stack=stack_name) + made.removeprefix(f"{stack_name}-")}

    @staticmethod
    def _coerced(schema: ResourceSchema | None, props: Properties) -> dict[str, Json]:
        return schema.coerce(props) if schema else dict(props)

    def _checked(self, schema: ResourceSchema | None, logical_id: str, props: Properties) -> dict[str, Json]:
        coerced = self._coerced(schema, props)
        if schema and (found := violations(schema, _without_system_tags(coerced))):
            raise ValueError(
                f"Properties validation failed for resource {logical_id} with message: [{', '.join(found)}]"
            )
        return coerced

    def _attributes(
        self, schema: ResourceSchema | None, physical_id: str, props: Properties, given: Mapping[str, Json]
    ) -> dict[str, Json]:
        """What Fn::GetAtt answers: nothing that the schema lacks, for on AWS such a template fails."""
        if schema is None or self._type.startswith("AWS::CloudFormation::"):
            return dict(given)
        known = schema.attributes
        attributes = {name: value for name, value in given.items() if name in known}
        missing = [name for name in schema.primary_identifier if name in schema.read_only and name not in attributes]
        if len(missing) == 1:
            attributes[missing[0]] = physical_id
        for name in known & props.keys():
            attributes.setdefault(name, props[name])
        # CloudFormation's values are text where a template reads them; coercion reads "true" back where it is given.
        return {k: ("true" if v else "false") if isinstance(v, bool) else v for k, v in attributes.items()}


def _without_system_tags(props: Properties) -> dict[str, Json]:
    """Properties without the ``aws:`` tags, which CloudFormation adds after it has validated."""
    return {name: _own_tags(value) if name.endswith("Tags") else value for name, value in props.items()}


def _own_tags(tags: Json) -> Json:
    if isinstance(tags, Mapping):
        return {key: value for key, value in tags.items() if not _system(key)}
    if isinstance(tags, list):
        return [tag for tag in tags if not (isinstance(tag, Mapping) and _system(tag.get("Key")))]
    return tags


def _system(key: Json) -> bool:
    return isinstance(key, str) and key.startswith("aws:cloudformation:")
