"""What an app would deploy, as its cloud assembly says: the folder that synth writes.

The format is the CDK's own (https://docs.aws.amazon.com/cdk/v2/guide/deploy.html), so any CDK app's assembly can be
read, whatever it is written in. Nothing is asked of AWS here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raytrail.cli._doctor._assembly_values import below
from raytrail.errors import RaytrailError

UNKNOWN = ("unknown-account", "unknown-region")
"""How an assembly writes what is left to the credentials."""
_ENVIRONMENT = re.compile(r"aws://([^/]+)/([^/]+)")
_PARAMETER = re.compile(r"/cdk-bootstrap/([^/]+)/version")
_SETTINGS = ("cdk.json", "cdk.context.json")


class UnreadableAssembly(RaytrailError):
    """The folder is no cloud assembly, or cannot be read."""


@dataclass(frozen=True, kw_only=True)
class BootstrapNeeded:
    """What a stack needs of the bootstrap.

    Attributes:
        qualifier: As hnb659fds, the CDK's own.
        parameter: The name of the SSM parameter that says the version.
        version: The lowest version that will do.
    """

    qualifier: str
    parameter: str
    version: int


@dataclass(frozen=True, kw_only=True)
class TemplatePlanned:
    """A template: a stack's own, or one nested in it.

    Attributes:
        file: The name of its file.
        body: The template.
        bytes: How long it is.
    """

    file: str
    body: Mapping[str, Any] = field(repr=False)
    bytes: int

    @property
    def resources(self) -> Mapping[str, Mapping[str, Any]]:
        """Its resources by their logical ids; without loops (``Fn::ForEach``), which CloudFormation rolls out."""
        found = self.body.get("Resources")
        written = found.items() if isinstance(found, Mapping) else ()
        return {id: each for id, each in written if isinstance(each, Mapping)}


@dataclass(frozen=True, kw_only=True)
class StackPlanned:
    """A stack of the assembly.

    Attributes:
        name: Its name in CloudFormation.
        account: The account that it is for; empty where that is left to the credentials.
        region: The Region that it is for; empty where that is left to the credentials.
        templates: Its own template first, then those nested in it.
        path: How the CDK CLI calls it, as ``Stage/Stack``; empty for its name.
        bootstrap: What it needs of the bootstrap; None where it needs none.
        roles: ARNs of the roles that whoever deploys it assumes, with ``${AWS::AccountId}`` and the like in them.
        execution_role: The ARN of the role that CloudFormation acts with; empty where it acts as whoever deploys.
        buckets: Names of the buckets that its assets go to, with ``${AWS::AccountId}`` and the like in them.
    """

    name: str
    account: str
    region: str
    templates: tuple[TemplatePlanned, ...]
    path: str = ""
    bootstrap: BootstrapNeeded | None = None
    roles: tuple[str, ...] = ()
    execution_role: str = ""
    buckets: tuple[str, ...] = ()

    @property
    def resources(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Each resource with its logical id, those of nested stacks too."""
        for template in self.templates:
            yield from template.resources.items()


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """A cloud assembly.

    Attributes:
        folder: Where it was read.
        stacks: Its stacks, in the order in which the assembly lists them.
        cdk: How the CDK CLI is called there.
        settings: Whether its app takes raytrail's settings (``context.raytrail`` of its cdk.json).
        stale: Why it may not be what the app would make now, in words; empty where nothing speaks for that.
    """

    folder: Path
    stacks: tuple[StackPlanned, ...]
    cdk: str = "cdk"
    settings: bool = False
    stale: str = ""


def read_assembly(folder: Path) -> Assembly:
    """Read the cloud assembly in ``folder``, as ``cdk.out`` beside cdk.json; of any CDK app, stages and all.

    Raises:
        UnreadableAssembly: There is none, or it is damaged; the message says which command makes one.
    """
    app = folder.resolve().parent
    cdk = "tools/cdk" if (app / "tools" / "cdk").is_file() else "cdk"
    if not app.is_dir():
        raise UnreadableAssembly(f"there is no folder {folder.parent}; it is to be that of the app's cdk.json")
    if not (folder / "manifest.json").is_file():
        raise UnreadableAssembly(f"{folder} holds no cloud assembly (no manifest.json): make one with `{cdk} synth`")
    try:
        stacks = tuple(_stacks(folder))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableAssembly(
            f"the cloud assembly in {folder} cannot be read ({type(error).__name__}: {error}): make it anew with "
            f"`{cdk} synth`"
        ) from error
    return Assembly(folder=folder, stacks=stacks, cdk=cdk, settings=_takes_settings(app), stale=_stale(folder, app))


def _stacks(folder: Path) -> Iterator[StackPlanned]:
    artifacts = _read(folder / "manifest.json").get("artifacts") or {}
    for id, artifact in artifacts.items():
        properties = artifact.get("properties") or {}
        if artifact["type"] == "aws:cloudformation:stack":
            yield _stack(folder, id, artifact, properties, artifacts)
        elif artifact["type"] == "cdk:cloud-assembly":
            yield from _stacks(folder / properties["directoryName"])


def _stack(
    folder: Path, id: str, artifact: Mapping[str, Any], properties: Mapping[str, Any], artifacts: Mapping[str, Any]
) -> StackPlanned:
    environment = _ENVIRONMENT.fullmatch(artifact.get("environment") or "")
    account, region = environment.groups() if environment else UNKNOWN
    lists = [artifacts[each]["properties"] for each in _dependencies(artifact, artifacts)]
    assets = [asset for each in lists for asset in _assets(folder / each["file"])]
    places = [place for asset in assets for place in (asset.get("destinations") or {}).values()]
    assumed = (properties.get("assumeRoleArn"), *(place.get("assumeRoleArn") for place in places))
    return StackPlanned(
        name=properties.get("stackName") or id,
        account="" if account in UNKNOWN else account,
        region="" if region in UNKNOWN else region,
        templates=tuple(_templates(folder, properties["templateFile"], _files(assets))),
        path=artifact.get("displayName") or "",
        bootstrap=_bootstrap([properties, *lists]),
        roles=tuple(dict.fromkeys(role for role in assumed if role)),
        execution_role=properties.get("cloudFormationExecutionRoleArn") or "",
        buckets=tuple(dict.fromkeys(place["bucketName"] for place in places if place.get("bucketName"))),
    )


def _dependencies(artifact: Mapping[str, Any], artifacts: Mapping[str, Any]) -> Iterator[str]:
    """The stack's own lists of assets."""
    named = (artifact.get("properties") or {}).get("additionalDependencies") or artifact.get("dependencies") or ()
    for id in named:
        if artifacts.get(id, {}).get("type") == "cdk:asset-manifest":
            yield id


def _assets(manifest: Path) -> Iterator[Mapping[str, Any]]:
    document = _read(manifest)
    for kind in ("files", "dockerImages"):
        yield from (document.get(kind) or {}).values()


def _files(assets: list[Mapping[str, Any]]) -> Mapping[str, str]:
    """The file of each asset by its name in the bucket, by which the URL of a nested template ends."""
    return {
        place["objectKey"]: str(below(asset, "source", "path"))
        for asset in assets
        for place in (asset.get("destinations") or {}).values()
        if place.get("objectKey")
    }


def _bootstrap(said: list[Mapping[str, Any]]) -> BootstrapNeeded | None:
    """The highest version that the stack and its assets ask for."""
    needs = [each for each in said if each.get("requiresBootstrapStackVersion")]
    if not needs:
        return None
    named = (each.get("bootstrapStackVersionSsmParameter") for each in needs)
    parameter = next((name for name in named if name), "/cdk-bootstrap/hnb659fds/version")
    qualifier = _PARAMETER.fullmatch(parameter)
    return BootstrapNeeded(
        qualifier=qualifier[1] if qualifier else "",
        parameter=parameter,
        version=max(int(each["requiresBootstrapStackVersion"]) for each in needs),
    )


def _templates(folder: Path, file: str, files: Mapping[str, str]) -> Iterator[TemplatePlanned]:
    path = folder / file
    template = TemplatePlanned(file=file, body=_read(path), bytes=path.stat().st_size)
    yield template
    for resource in template.resources.values():
        if resource.get("Type") == "AWS::CloudFormation::Stack":
            url = str(below(resource, "Properties", "TemplateURL"))
            # A template that is no asset, as one of somebody's bucket, is not at hand.
            for nested in {file for name, file in files.items() if name in url}:
                yield from _templates(folder, nested, files)


def _read(path: Path) -> dict[str, Any]:
    document = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict):
        raise TypeError(f"{path.name} is no object")
    return document


def _takes_settings(app: Path) -> bool:
    try:
        return below(_read(app / "cdk.json"), "context", "raytrail") is not None
    except (OSError, ValueError, TypeError):
        return False


def _stale(folder: Path, app: Path) -> str:
    """Code may have changed too; settings are what one changes between two looks."""
    made = (folder / "manifest.json").stat().st_mtime
    newer = [name for name in _SETTINGS if (app / name).is_file() and (app / name).stat().st_mtime > made]
    return f"{' and '.join(newer)} changed after {folder.name} was made" if newer else ""
