"""What tests of the doctor's look at an account share: an app's cloud assembly, an account, and answers at the wire."""

from __future__ import annotations

import functools
import io
import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.validate import ParamValidator

from raytrail.cli._aws import Aws
from raytrail.cli._doctor._account import Examined, examine
from raytrail.cli._doctor._assembly import Assembly, read_assembly
from raytrail.cli._doctor._model import Finding, Identity
from raytrail.localaws import LocalAws

REGION = "us-east-1"
QUALIFIER = "hnb659fds"
Resources = Mapping[str, Mapping[str, Any]]

_numbers = itertools.count(500_000_000_001)


def of(type: str, retained: bool = False, **properties: Any) -> dict[str, Any]:
    """A resource of a template."""
    kept = {"DeletionPolicy": "Retain"} if retained else {}
    return {"Type": type, "Properties": properties, **kept}


def write_app(
    folder: Path, stacks: Mapping[str, Resources], *, region: str = REGION, bootstrap: bool = False
) -> Assembly:
    """Write a cloud assembly as the CDK does, with a file for each stack, and read it.

    Without a bootstrap it is as the CDK's LegacyStackSynthesizer writes it: whoever deploys does so with their own
    permissions, and nothing needs to be there before.
    """
    folder.mkdir(parents=True, exist_ok=True)
    artifacts: dict[str, Any] = {}
    for name, resources in stacks.items():
        (folder / f"{name}.template.json").write_text(json.dumps({"Resources": resources}))
        artifacts[name] = {
            "type": "aws:cloudformation:stack",
            "environment": f"aws://unknown-account/{region}",
            "properties": {"templateFile": f"{name}.template.json"},
        }
        if bootstrap:
            artifacts |= _on_the_bootstrap(folder, name, region, artifacts[name])
    (folder / "manifest.json").write_text(json.dumps({"version": "55.0.0", "artifacts": artifacts}))
    return read_assembly(folder)


def _on_the_bootstrap(folder: Path, name: str, region: str, stack: dict[str, Any]) -> dict[str, Any]:
    """The stack's list of assets, as DefaultStackSynthesizer writes it; the stack itself is told its roles."""
    where, role = (
        f"${{AWS::AccountId}}-{region}",
        f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/cdk-{QUALIFIER}",
    )
    needed = {
        "requiresBootstrapStackVersion": 6,
        "bootstrapStackVersionSsmParameter": f"/cdk-bootstrap/{QUALIFIER}/version",
    }
    stack["properties"] |= {
        "assumeRoleArn": f"{role}-deploy-role-{where}",
        "cloudFormationExecutionRoleArn": f"{role}-cfn-exec-role-{where}",
        "additionalDependencies": [f"{name}.assets"],
        **needed,
    }
    place = {
        "bucketName": f"cdk-{QUALIFIER}-assets-{where}",
        "objectKey": f"{name}.json",
        "assumeRoleArn": f"{role}-file-publishing-role-{where}",
    }
    files = {name: {"source": {"path": f"{name}.template.json"}, "destinations": {"here": place}}}
    (folder / f"{name}.assets.json").write_text(json.dumps({"version": "55.0.0", "files": files}))
    return {f"{name}.assets": {"type": "cdk:asset-manifest", "properties": {"file": f"{name}.assets.json", **needed}}}


class _Clients(Aws):
    """An account whose clients are made once: making one costs more than most calls here."""

    def client(self, service: str, **options: Any) -> Any:
        made = self.session.__dict__.setdefault("made", {})
        if (service, self.region) not in made:
            made[service, self.region] = super().client(service, **options)
        return made[service, self.region]


@dataclass
class Account:
    """An account of its own on the embedded AWS, and the doctor's look at it.

    Attributes:
        aws: The embedded AWS.
        number: The account's id.
        region: Where the doctor looks.
        arn: Whose credentials the doctor is told that they are. Default: the account's root.
        answers: What is answered at the wire in place of the embedded AWS, by service and operation.
        refuses: The code that a service refuses an operation with, or nothing.
        calls: The calls that the doctor made, by service and operation.
        bodies: What it sent, by operation.
    """

    aws: LocalAws
    number: str = field(default_factory=lambda: str(next(_numbers)))
    region: str = REGION
    arn: str = ""
    answers: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    refuses: Callable[[str, str], str] = lambda service, operation: ""
    calls: set[tuple[str, str]] = field(default_factory=set)
    bodies: dict[str, list[str]] = field(default_factory=dict)
    _model: Any = None
    _operation: tuple[str, str] = ("", "")

    def client(self, service: str, region: str | None = None) -> Any:
        """A client of the account's administrator."""
        return _Clients(session=self._administrator, region=region or self.region, endpoint=self.aws.endpoint).client(
            service
        )

    @functools.cached_property
    def _administrator(self) -> Any:
        return self.aws.session(region=self.region, access_key_id=self.number)

    @functools.cached_property
    def _doctor(self) -> Any:
        session = self.aws.session(region=self.region, access_key_id=self.number)
        session.events.register("before-send", self._send)
        session.events.register("before-call", self._note)
        session.events.register("after-call", self._check)
        return session

    def answer(self, service: str, operation: str, body: str | Mapping[str, Any], status: int = 200) -> None:
        """Answer an operation at the wire: JSON, or the XML that is given."""
        self.answers[service, operation] = (status, body if isinstance(body, str) else json.dumps(body))

    def examined(self, assembly: Assembly | None) -> Examined:
        """What the doctor says."""
        who = Identity(
            account=self.number,
            arn=self.arn or f"arn:aws:iam::{self.number}:root",
            partition="aws",
            region=self.region,
        )
        return examine(_Clients(session=self._doctor, region=self.region, endpoint=self.aws.endpoint), who, assembly)

    def findings(self, assembly: Assembly | None) -> list[str]:
        """The names of what the doctor finds."""
        return [finding.name for finding in self.examined(assembly).findings]

    def finding(self, name: str, assembly: Assembly | None) -> Finding:
        """The one finding of a name."""
        found = self.examined(assembly).findings
        (one,) = [finding for finding in found if finding.name == name]
        return one

    def _note(self, model: Any, params: Mapping[str, Any], **_: Any) -> None:
        self._model, self._operation = model, (model.service_model.service_name, model.name)
        self.calls.add(self._operation)
        self.bodies.setdefault(model.name, []).append(str(params["body"]))

    def _send(self, request: Any, **_: Any) -> AWSResponse | None:
        code = self.refuses(*self._operation)
        status, body = (403, _refused(self._model, code)) if code else self.answers.get(self._operation, (0, ""))
        if not status:
            return None
        kind = "text/xml" if body.startswith("<") else "application/json"
        return AWSResponse(request.url, status, {"content-type": kind}, _Raw(body))  # type: ignore[arg-type]  # what urllib3 gives, as far as it is read

    def _check(self, parsed: Any, model: Any, http_response: Any, **_: Any) -> None:
        """What was answered in place of the embedded AWS is what botocore's model of the operation says."""
        if self._operation in self.answers and http_response.status_code < 300:
            answered = {key: value for key, value in parsed.items() if key != "ResponseMetadata"}
            report = ParamValidator().validate(answered, model.output_shape)
            assert not report.has_errors(), f"{model.name}: {report.generate_report()}"


class _Raw(io.BytesIO):
    """A body as urllib3 streams it."""

    def __init__(self, body: str) -> None:
        super().__init__(body.encode())

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _refused(model: Any, code: str) -> str:
    """An error as a service of the operation's protocol writes it."""
    if model.http["method"] == "HEAD":
        return ""
    protocol = model.service_model.metadata["protocol"]
    error = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
    if protocol == "ec2":
        return f"<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>"
    if protocol in ("query", "rest-xml"):
        return f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"
    return json.dumps({"__type": code, "message": "no"})


def bootstrapped(account: Account, version: int = 30, qualifier: str = QUALIFIER, region: str = REGION) -> None:
    """Make what the doctor looks for of a bootstrap, as the CDK's template makes it."""
    account.client("ssm", region).put_parameter(
        Name=f"/cdk-bootstrap/{qualifier}/version", Value=str(version), Type="String", Overwrite=True
    )
    bucket = f"cdk-{qualifier}-assets-{account.number}-{region}"
    place = {} if region == REGION else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    account.client("s3", region).create_bucket(Bucket=bucket, **place)
    iam = account.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account.number}:root"}, "Action": "sts:AssumeRole"}
    for kind in ("deploy", "file-publishing", "cfn-exec"):
        name = f"cdk-{qualifier}-{kind}-role-{account.number}-{region}"
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
    allow(account, "role", name)


def allow(account: Account, kind: str, name: str, *actions: str, **statement: Any) -> None:
    """Give a role or a user an inline policy; by default one that allows everything."""
    document = {"Statement": [{"Effect": "Allow", "Action": list(actions) or "*", "Resource": "*", **statement}]}
    put = getattr(account.client("iam"), f"put_{kind}_policy")
    put(**{f"{kind.capitalize()}Name": name}, PolicyName="own", PolicyDocument=json.dumps(document))


ALL = {
    "ServiceName": "*",
    "ServiceType": "*",
    "Host": "*",
    "HTTPMethod": "*",
    "URLPath": "*",
    "ResourceARN": "*",
    "FixedRate": 0.1,
    "ReservoirSize": 1,
    "Version": 1,
}
"""A sampling rule of every request."""


def rule(name: str, priority: int, **more: Any) -> dict[str, Any]:
    """A sampling rule of every request, but for what is given."""
    return {**ALL, "RuleName": name, "Priority": priority, **more}


def make_trail(account: Account, name: str, *, on: bool = True, **settings: Any) -> str:
    """Make a trail with a bucket of its own, whose name is returned."""
    cloudtrail, bucket = account.client("cloudtrail"), f"{name}-files-{account.number}"
    account.client("s3", REGION).create_bucket(Bucket=bucket)
    arn = f"arn:aws:cloudtrail:{account.region}:{account.number}:trail/{name}"
    writes = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": ["s3:GetBucketAcl", "s3:PutObject"],
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"StringEquals": {"aws:SourceArn": arn}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [writes]})
    account.client("s3", REGION).put_bucket_policy(Bucket=bucket, Policy=document)
    cloudtrail.create_trail(Name=name, S3BucketName=bucket, **settings)
    if on:
        cloudtrail.start_logging(Name=name)
    return bucket


def make_stack(account: Account, name: str, resources: Resources) -> str:
    """Make a stack, and return the status that it settles in."""
    cloudformation = account.client("cloudformation")
    body = json.dumps({"Resources": resources})
    cloudformation.create_stack(StackName=name, TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"])
    until = time.monotonic() + 20
    while time.monotonic() < until:
        status: str = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        if not status.endswith("_IN_PROGRESS"):
            return status
        time.sleep(0.05)
    raise AssertionError(f"{name} did not settle")


def resources_of(stack: str, id: str, type: str, physical: str) -> str:
    """What DescribeStackResources answers."""
    return (
        "<DescribeStackResourcesResponse><DescribeStackResourcesResult><StackResources><member>"
        f"<StackName>{stack}</StackName><LogicalResourceId>{id}</LogicalResourceId><ResourceType>{type}</ResourceType>"
        f"<PhysicalResourceId>{physical}</PhysicalResourceId><Timestamp>2026-11-23T06:00:00Z</Timestamp>"
        "<ResourceStatus>CREATE_COMPLETE</ResourceStatus>"
        "</member></StackResources></DescribeStackResourcesResult></DescribeStackResourcesResponse>"
    )
