"""What tests of templates share: the app's templates for some settings, and a stack to try a construct in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app import make_app
from aws_cdk import App, Environment, Stack
from aws_cdk.assertions import Template

ACCOUNT, REGION = "111122223333", "us-east-1"

Json = dict[str, Any]


class Synth:
    """Synthesises the app; the same settings are synthesised once."""

    def __init__(self, context: Mapping[str, Any], folder: Path) -> None:
        self._context, self._folder = context, folder
        self._done: dict[str, Path] = {}

    def __call__(self, **settings: Any) -> dict[str, Json]:
        """Return each template by the name of its stack.

        Args:
            settings: What stands in ``context.raytrail``, in place of what cdk.json says.
        """
        return templates_in(self.assembly(**settings))

    def assembly(self, **settings: Any) -> Path:
        """Return the folder of the cloud assembly, made without the checks."""
        key = json.dumps(settings, sort_keys=True)
        if key not in self._done:
            outdir = self._folder / str(len(self._done))
            make_app({**self._context, "raytrail": settings}, outdir=str(outdir), checks=False).synth()
            self._done[key] = outdir
        return self._done[key]


def templates_in(folder: Path) -> dict[str, Json]:
    """Return the templates of a cloud assembly by the name of their stack."""
    files = sorted(folder.glob("*.template.json"))
    return {file.name.removesuffix(".template.json"): json.loads(file.read_text(encoding="utf-8")) for file in files}


def bare_stack(context: Mapping[str, Any], *, account: str | None = ACCOUNT, region: str | None = REGION) -> Stack:
    """Return a stack in an app of its own, under the feature flags of cdk.json."""
    flags = {key: value for key, value in context.items() if key != "raytrail"}
    app = App(context=flags, builtin_cloud_formation_validation=False)
    return Stack(app, "Test", env=Environment(account=account, region=region))


def template_of(stack: Stack) -> Json:
    """Return the template of a stack."""
    template: Json = Template.from_stack(stack).to_json()
    return template


def resources(template: Mapping[str, Any], type: str) -> dict[str, Json]:
    """Return the resources of one type by their logical id."""
    return {id: each for id, each in template.get("Resources", {}).items() if each["Type"] == type}


def properties(template: Mapping[str, Any], type: str) -> list[Json]:
    """Return the properties of the resources of one type."""
    return [each.get("Properties", {}) for each in resources(template, type).values()]


def only(template: Mapping[str, Any], type: str) -> Json:
    """Return the properties of the one resource of a type."""
    (found,) = properties(template, type)
    return found


def statements(policy: Mapping[str, Any]) -> list[Json]:
    """Return the statements of a policy without their ids, for what they say."""
    return [{key: value for key, value in each.items() if key != "Sid"} for each in policy["Statement"]]


def walk(value: Any) -> Iterator[Any]:
    """Yield a JSON value and everything in it."""
    yield value
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in below:
        yield from walk(each)


def plain(value: Any) -> Any:
    """Return a JSON value with its references as text: ``Ref`` as ``<Id>``, ``Fn::GetAtt`` as ``<Id.Attribute>``."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Ref": id}:
            return f"<{id}>"
        case {"Fn::GetAtt": [id, attribute]}:
            return f"<{id}.{attribute}>"
        case {"Fn::Join": [between, parts]}:
            return between.join(plain(part) for part in parts)
    return {key: plain(each) for key, each in value.items()}
