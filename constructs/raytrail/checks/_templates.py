"""The templates of an app, read as one: each property resolved across stacks as far as it can be.

``Ref``, ``Fn::GetAtt``, ``Fn::Join``, ``Fn::Sub``, ``Fn::ImportValue`` and ``Fn::GetStackOutput`` are resolved, and
what a stack hands to a nested one. A parameter that nobody in the app sets, ``Fn::If`` and everything else is
`UNKNOWN`, and so is what is not written beside an ``Fn::Transform``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from raytrail.checks._values import (
    ABSENT,
    ACCOUNT,
    UNKNOWN,
    Partial,
    Reference,
    Unknown,
    Value,
    dig,
    references,
    text_of,
)

NESTED = "AWS::CloudFormation::Stack"
_TRANSFORM = "Fn::Transform"
_VARIABLE = re.compile(r"\$\{([^}]+)\}")
_DEEPEST = 60
"""Deeper than any template: an output that names itself ends here."""


class Resource:
    """One resource of a template.

    Attributes:
        template: Where it stands.
        id: Its logical id.
        type: Such as ``AWS::SNS::Topic``.
        body: It, as written.
    """

    def __init__(self, template: Template, id: str, body: Mapping[str, Any]) -> None:
        self.template, self.id, self.body = template, id, body
        self.type = str(body.get("Type", ""))

    def __repr__(self) -> str:
        return f"<{self.type} {self.label}>"

    @cached_property
    def properties(self) -> Mapping[str, Value]:
        """Its properties, resolved."""
        found = self.template.resolve(self.body.get("Properties"))
        known = found if isinstance(found, dict) else {}
        return Partial(known) if isinstance(found, Unknown) or _TRANSFORM in self.body else known

    def get(self, *path: str) -> Value:
        """The property at a path of keys; None where there is none."""
        return dig(self.properties, *path)

    @property
    def path(self) -> str:
        """Its construct, as ``Stack/Alarm/Resource``; empty where the template does not say."""
        found = dig(self.body, "Metadata", "aws:cdk:path")
        return found if isinstance(found, str) else self.template.paths.get(self.id, "")

    @property
    def label(self) -> str:
        """What a person calls it: its construct without ``Resource``, or its stack and logical id."""
        return re.sub("/Resource$", "", self.path) or f"{self.template.name}/{self.id}"


class Template:
    """One template.

    Attributes:
        name: Of the stack.
        body: The template, parsed.
        region: The stack's Region, or None where it is chosen at the deployment.
        account: The stack's account, or None.
        file: Where it stands, or None.
        resources: Each resource by its logical id.
        app: What it is part of.
    """

    def __init__(
        self,
        body: Mapping[str, Any],
        *,
        name: str = "template",
        region: str | None = None,
        account: str | None = None,
        file: Path | None = None,
    ) -> None:
        self.body, self.name, self.region, self.account, self.file = body, name, region, account, file
        written = body.get("Resources")
        self.resources = {
            id: Resource(self, id, each)
            for id, each in (written if isinstance(written, dict) else {}).items()
            if isinstance(each, dict)
        }
        self.paths: Mapping[str, str] = {}
        """The construct of each resource by its logical id, where the assembly tells and not the template."""
        self.children: dict[str, Template] = {}
        """Nested stacks, by the logical id that they have here."""
        self.parent: Resource | None = None
        """The resource that a nested stack is."""
        self.app = App([self])

    @property
    def outermost(self) -> Template:
        """The template of the stack that this one is nested in, or itself."""
        return self if self.parent is None else self.parent.template.outermost

    def nest(self, id: str, child: Template) -> None:
        """Say that a resource of this template is a nested stack."""
        self.children[id] = child
        child.parent = self.resources[id]

    def output(self, name: str, depth: int = 0) -> Value:
        """The value of an output; `UNKNOWN` where there is none."""
        found = dig(self.body, "Outputs", name, "Value")
        return UNKNOWN if found is None else self.resolve(found, depth)

    def resolve(self, value: Any, depth: int = 0) -> Value:
        """What a value of this template comes to."""
        if depth > _DEEPEST:
            return UNKNOWN
        if isinstance(value, list):
            return [each for each in (self.resolve(one, depth + 1) for one in value) if each is not ABSENT]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name == "Ref" or (isinstance(name, str) and name.startswith("Fn::")):
                return self._intrinsic(name, argument, depth + 1)
        found = {key: self.resolve(each, depth + 1) for key, each in value.items() if key != _TRANSFORM}
        known = {key: each for key, each in found.items() if each is not ABSENT}
        return Partial(known) if _TRANSFORM in value else known

    def _intrinsic(self, name: str, argument: Any, depth: int) -> Value:
        found: Value = UNKNOWN
        match name, argument:
            case "Ref", str():
                found = self._ref(argument, depth)
            case "Fn::GetAtt", str() | [str(), str()]:
                id, _, attribute = (argument if isinstance(argument, str) else ".".join(argument)).partition(".")
                found = self._attribute(id, attribute, depth)
            case "Fn::Join", [str(between), list(parts)]:
                found = self._join(between, self.resolve(parts, depth))
            case "Fn::Sub", str() | [str(), dict()]:
                found = self._substitute(argument, depth)
            case "Fn::ImportValue", _:
                found = self.app.exported(self.resolve(argument, depth), self, depth)
            case "Fn::GetStackOutput", dict():
                found = self.app.output(self.resolve(argument, depth), self, depth)
        return found

    def _ref(self, name: str, depth: int) -> Value:
        if name == "AWS::NoValue":
            return ABSENT
        if name in self.resources:
            return Reference(self.resources[name])
        if self.parent is not None and (given := dig(self.parent.body, "Properties", "Parameters", name)) is not None:
            return self.parent.template.resolve(given, depth)
        known = {
            "AWS::Region": self.region,
            "AWS::AccountId": self.account or ACCOUNT,
            "AWS::StackName": self.name if self.parent is None else None,
            "AWS::Partition": _partition(self.region),
        }
        return known.get(name) or UNKNOWN

    def _attribute(self, id: str, attribute: str, depth: int) -> Value:
        if id in self.children and attribute.startswith("Outputs."):
            return self.children[id].output(attribute.removeprefix("Outputs."), depth)
        return Reference(self.resources[id], attribute) if id in self.resources else UNKNOWN

    def _join(self, between: str, parts: Value) -> Value:
        if not isinstance(parts, list):
            return UNKNOWN
        pieces = [piece for part in parts for piece in (between, part)]
        return text_of(pieces[1:])

    def _substitute(self, argument: Any, depth: int) -> Value:
        text, variables = (argument, {}) if isinstance(argument, str) else argument
        parts: list[Value] = []
        for place, piece in enumerate(_VARIABLE.split(text)):
            if place % 2 == 0:
                parts.append(piece)
            elif piece.startswith("!"):
                parts.append(f"${{{piece[1:]}}}")
            elif piece in variables:
                parts.append(self.resolve(variables[piece], depth))
            elif "." in piece:
                parts.append(self._intrinsic("Fn::GetAtt", piece, depth))
            else:
                parts.append(self._ref(piece, depth))
        return text_of(parts)


class App:
    """Templates that are deployed together.

    Attributes:
        templates: The templates.
    """

    def __init__(self, templates: Iterable[Template]) -> None:
        self.templates = tuple(templates)
        for template in self.templates:
            template.app = self

    @cached_property
    def _by_type(self) -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for template in self.templates:
            for resource in template.resources.values():
                found.setdefault(resource.type, []).append(resource)
        return found

    def of_type(self, *types: str) -> list[Resource]:
        """The resources of some types, of all templates."""
        return [resource for type in types for resource in self._by_type.get(type, ())]

    @cached_property
    def _referrers(self) -> dict[Resource, dict[Resource, None]]:
        found: dict[Resource, dict[Resource, None]] = {}
        for resources in self._by_type.values():
            for resource in resources:
                for reference in references(resource.properties):
                    if reference.resource is not resource:
                        found.setdefault(reference.resource, {})[resource] = None
        return found

    def referrers(self, resource: Resource) -> list[Resource]:
        """The resources whose properties name a resource, across stacks."""
        return list(self._referrers.get(resource, ()))

    @cached_property
    def _exports(self) -> dict[str, list[tuple[Template, str]]]:
        """Each export by its name: templates and outputs, as each account and Region has names of its own."""
        found: dict[str, list[tuple[Template, str]]] = {}
        for template in self.templates:
            outputs = template.body.get("Outputs")
            for output in outputs if isinstance(outputs, dict) else ():
                name = template.resolve(dig(outputs, output, "Export", "Name"))
                if isinstance(name, str):
                    found.setdefault(name, []).append((template, output))
        return found

    @cached_property
    def _exported(self) -> frozenset[Resource]:
        within = {name for template in self.templates for name in _imports(template)}
        shown = (each for name, found in self._exports.items() if name not in within for each in found)
        values = (template.output(output) for template, output in shown)
        return frozenset(reference.resource for value in values for reference in references(value))

    def leaves_the_app(self, resource: Resource) -> bool:
        """Whether an output with an export name shows a resource to other apps, of which nothing is known.

        One that a stack of the app imports is taken to be there for that.
        """
        return resource in self._exported

    def exported(self, name: Value, consumer: Template, depth: int = 0) -> Value:
        """What ``Fn::ImportValue`` of a name comes to."""
        found = self._exports.get(name, []) if isinstance(name, str) else []
        near = [each for each in found if each[0].region == consumer.region and each[0].account == consumer.account]
        if len(near or found) != 1:
            return UNKNOWN
        [(template, output)] = near or found
        return template.output(output, depth)

    def output(self, asked: Value, consumer: Template, depth: int = 0) -> Value:
        """What ``Fn::GetStackOutput`` comes to."""
        stack, output = dig(asked, "StackName"), dig(asked, "OutputName")
        region = dig(asked, "Region") or consumer.region
        found = [
            template
            for template in self.templates
            if template.name == stack and template.region in (region, None) and not template.parent
        ]
        near = [template for template in found if template.account == consumer.account] or found
        return near[0].output(output, depth) if len(near) == 1 and isinstance(output, str) else UNKNOWN


def _imports(template: Template) -> Iterator[str]:
    """The names of the exports that a template imports."""
    waiting: list[Any] = [template.body]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if isinstance(name := template.resolve(value.get("Fn::ImportValue")), str):
                yield name
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _partition(region: str | None) -> str | None:
    if region is None:
        return None
    others = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
    if region.startswith(("us-iso", "eu-iso", "eusc-")):
        return None
    return next((partition for start, partition in others.items() if region.startswith(start)), "aws")
