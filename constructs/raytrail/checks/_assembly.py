"""A cloud assembly read as an app: the templates of its stacks, of nested stacks and of stages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from raytrail.checks._acknowledged import Acknowledgment, accept, acknowledgments
from raytrail.checks._catalogue import check_app
from raytrail.checks._model import Finding, Floors
from raytrail.checks._templates import NESTED, App, Template
from raytrail.checks._values import dig, flat
from raytrail.errors import InvalidProps

_STACK, _ASSEMBLY = "aws:cloudformation:stack", "cdk:cloud-assembly"
_LOGICAL_ID = "aws:cdk:logicalId"
_NESTED_RESOURCE = re.compile(r"(?P<stack>.+)\.NestedStack/[^/]+\.NestedStackResource")
_DEEPEST = 8


class InvalidAssembly(InvalidProps):
    """A folder is no cloud assembly, or what is in it cannot be read."""


def check_assembly(folder: Path, *, floors: Floors | None = None) -> tuple[Finding, ...]:
    """Return what the checks find in a cloud assembly, such as ``cdk.out``; it needs no CDK and no Node.

    A finding that was acknowledged on its construct, or above it within a stack, has the reason in ``accepted``. One
    that was acknowledged on the app or on a stage is open here: the assembly does not say so.

    Args:
        folder: Where ``cdk synth`` wrote to. Without a ``manifest.json``, each ``*.template.json`` in it is a stack.
        floors: The least that is enough. Default: that of `Floors`.

    Raises:
        InvalidAssembly: It holds neither, or a file of it is not JSON.
    """
    app, said = read_assembly(folder)
    return accept(check_app(app, floors or Floors()), said)


def read_assembly(folder: Path) -> tuple[App, tuple[Acknowledgment, ...]]:
    """The templates of an assembly, and what was acknowledged in it.

    Raises:
        InvalidAssembly: The folder holds no templates, or a file of it is not JSON.
    """
    found = list(_stacks(folder, 0))
    if not found:
        raise InvalidAssembly(
            f"{folder} holds no manifest.json with a stack and no *.template.json; synthesise with `cdk synth`, or "
            "give another folder"
        )
    templates = [each for template, metadata in found for each in _with_nested(template, _paths(metadata))]
    said = [each for _, metadata in found for each in acknowledgments(metadata)]
    return App(templates), tuple(said)


def _stacks(folder: Path, depth: int) -> Iterator[tuple[Template, Mapping[str, Any]]]:
    """The stacks of an assembly and of those within it, each with its metadata."""
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        if depth == 0:
            for file in sorted(folder.glob("*.template.json")):
                yield Template(_read(file), name=file.name.removesuffix(".template.json"), file=file), {}
        return
    for id, artifact in _members(_read(manifest), "artifacts"):
        type, properties = dig(artifact, "type"), dig(artifact, "properties")
        within, written = dig(properties, "directoryName"), dig(properties, "templateFile")
        if type == _ASSEMBLY and isinstance(within, str) and depth < _DEEPEST:
            yield from _stacks(folder / within, depth + 1)
        elif type == _STACK and isinstance(written, str):
            account, region = _environment(str(dig(artifact, "environment")))
            name, file = dig(properties, "stackName") or id, folder / written
            template = Template(_read(file), name=name, region=region, account=account, file=file)
            yield template, _metadata(folder, artifact)


def _metadata(folder: Path, artifact: Mapping[str, Any]) -> Mapping[str, Any]:
    # The CDK writes it to a file of its own, or into the manifest, by its version.
    beside = artifact.get("additionalMetadataFile")
    return {**dict(_members(artifact, "metadata")), **(_read(folder / beside) if beside else {})}


def _members(value: Mapping[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    """The members of an object in an object; none where it is something else."""
    found = value.get(name)
    yield from found.items() if isinstance(found, dict) else ()


def _paths(metadata: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The construct of each logical id, by the construct of the nested stack that it is in; empty for the stack's own.

    The metadata of a stack has that of the stacks nested in it, which may use the same logical ids.
    """
    paths = {path.strip("/"): entries for path, entries in metadata.items()}
    nested = sorted(filter(None, map(_nested_stack, paths)), key=len, reverse=True)
    found: dict[str, dict[str, str]] = {}
    for path, entries in paths.items():
        owner = next((stack for stack in nested if path.startswith(f"{stack}/")), "")
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and entry.get("type") == _LOGICAL_ID:
                found.setdefault(owner, {})[str(entry.get("data"))] = path
    return found


def _nested_stack(path: str) -> str:
    """The construct of a nested stack, by the path that the CDK gives its resource beside it; or nothing."""
    seen = _NESTED_RESOURCE.fullmatch(path)
    return seen["stack"] if seen else ""


def _environment(said: str) -> tuple[str | None, str | None]:
    """Account and Region of ``aws://111122223333/eu-west-1``."""
    account, _, region = said.removeprefix("aws://").partition("/")
    return account if account.isdigit() else None, None if region in ("", "unknown-region") else region


def _with_nested(
    template: Template, paths: Mapping[str, Mapping[str, str]], stack: str = "", depth: int = 0
) -> Iterator[Template]:
    """A template and those of its nested stacks, which are assets beside it."""
    template.paths = paths.get(stack, {})
    yield template
    nested = [id for id, resource in template.resources.items() if resource.type == NESTED]
    if template.file is None or not nested or depth >= _DEEPEST:
        return
    assets = _assets(template.file.parent)
    for id in nested:
        # Not of the resource's own properties, which wait for the other templates.
        url = flat(template.resolve(dig(template.resources[id].body, "Properties", "TemplateURL"))) or ""
        file = assets.get(url.rpartition("/")[2].removesuffix(".json"))
        if file is not None and file.is_file():
            child = Template(
                _read(file), name=f"{template.name}/{id}", region=template.region, account=template.account, file=file
            )
            template.nest(id, child)
            # The metadata has paths of those alone that the CDK's `NestedStack` made.
            within = _nested_stack(template.resources[id].path) or str(file)
            yield from _with_nested(child, paths, within, depth + 1)


def _assets(folder: Path) -> dict[str, Path]:
    """The templates among the assets of an assembly, by the hash that is their name in the bucket."""
    found = {}
    for manifest in folder.glob("*.assets.json"):
        for name, asset in _members(_read(manifest), "files"):
            source = dig(asset, "source", "path")
            if isinstance(source, str) and source.endswith(".json"):
                found[name] = folder / source
    return found


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidAssembly(f"{file} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise InvalidAssembly(f"{file} is to hold an object, got {type(found).__name__}")
    return found
