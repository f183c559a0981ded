"""What tests of functions share: making functions and layers, calling them, and reading what they logged and traced."""

from __future__ import annotations

import io
import json
import textwrap
import time
import urllib.error
import urllib.request
import uuid
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from raytrail.localaws import LocalAws
from raytrail.localaws._xray._documents import first_problem

ADOT_LAYER = "arn:aws:lambda:us-east-1:615299751070:layer:AWSOpenTelemetryDistroPython:29"
POWERTOOLS_LAYER = "arn:aws:lambda:us-east-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python313-x86_64:40"
WRAPPER = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/otel-instrument"}

STAGE, SERVICE, FUNCTION = "AWS::ApiGateway::Stage", "AWS::Lambda", "AWS::Lambda::Function"

Document = dict[str, Any]


def sampled_header(*, sampled: bool = True) -> str:
    """A client's tracing header with a trace ID of its own."""
    return f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled={int(sampled)}"


def root_of(header: str) -> str:
    """The trace ID in a tracing header."""
    return header.split(";", maxsplit=1)[0].removeprefix("Root=")


def by_origin(found: list[Document], origin: str | None) -> Document:
    """The first segment of this origin."""
    return next(segment for segment in found if segment.get("origin") == origin)


def in_zip(files: Mapping[str, str | bytes]) -> bytes:
    """Files by name as a zip archive; text is dedented."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, textwrap.dedent(content) if isinstance(content, str) else content)
    return buffer.getvalue()


def folder_files(folder: Path) -> dict[str, bytes]:
    """The files below a folder by their relative names, without bytecode."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def package_files(names: Iterable[str], under: str = "python") -> dict[str, bytes]:
    """The files of installed distributions, as a layer has them."""
    return {
        f"{under}/{file}": Path(str(file.locate())).read_bytes()
        for name in names
        for file in distribution(name).files or ()
        if ".." not in file.parts and file.suffix != ".pyc"
    }


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an HTTP client gets."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def trace_id(self) -> str:
        return root_of(self.headers["X-Amzn-Trace-Id"])


class Api:
    """A REST API whose every path and method reaches one function."""

    def __init__(self, aws: LocalAws, name: str, function_arn: str, *, traced: bool) -> None:
        gateway = aws.client("apigateway")
        self.id = gateway.create_rest_api(name=name)["id"]
        root = gateway.get_resources(restApiId=self.id)["items"][0]["id"]
        resource = gateway.create_resource(restApiId=self.id, parentId=root, pathPart="{proxy+}")["id"]
        method = {"restApiId": self.id, "resourceId": resource, "httpMethod": "ANY"}
        gateway.put_method(**method, authorizationType="NONE")
        uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function_arn}/invocations"
        gateway.put_integration(**method, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
        deployment = gateway.create_deployment(restApiId=self.id)["id"]
        gateway.create_stage(restApiId=self.id, stageName="v1", deploymentId=deployment, tracingEnabled=traced)
        self._url = f"{aws.endpoint}/restapis/{self.id}/v1/_user_request_"

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        data = json.dumps(body).encode() if body is not None else None
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self._url + path, method=method, data=data, headers=sent)
        try:
            with urllib.request.urlopen(request) as response:
                return Answer(status=response.status, headers=dict(response.headers), body=json.load(response))
        except urllib.error.HTTPError as error:
            return Answer(status=error.code, headers=dict(error.headers), body=json.load(error))


class Functions:
    """Functions of one test module, deleted at its end."""

    def __init__(self, aws: LocalAws) -> None:
        self._aws = aws
        self._lambda = aws.client("lambda")
        self._names: list[str] = []
        iam, name = aws.client("iam"), f"functions-{uuid.uuid4().hex[:8]}"
        self._role: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
        iam.attach_role_policy(RoleName=name, PolicyArn=basic)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in self._names:
            self._lambda.delete_function(FunctionName=name)

    def deploy(
        self,
        files: Mapping[str, str | bytes],
        *,
        handler: str = "app.handler",
        active: bool = True,
        variables: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> str:
        """Make a function and return its ARN."""
        name = f"fn-{uuid.uuid4().hex[:8]}"
        self._names.append(name)
        arn: str = self._lambda.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler=handler,
            Code={"ZipFile": in_zip(files)},
            TracingConfig={"Mode": "Active" if active else "PassThrough"},
            Environment={"Variables": dict(variables or {})},
            **{"Timeout": 10, "Role": self._role, **settings},
        )["FunctionArn"]
        return arn

    def layer(self, files: Mapping[str, str | bytes]) -> str:
        """Publish a layer version of the account's own and return its ARN."""
        made = self._lambda.publish_layer_version(
            LayerName=f"layer-{uuid.uuid4().hex[:8]}", Content={"ZipFile": in_zip(files)}
        )
        arn: str = made["LayerVersionArn"]
        return arn

    def invoke(self, arn: str, payload: object = None, *, header: str | None = None) -> dict[str, Any]:
        """Call a function, and return the answer with its payload read."""
        client = self._aws.client("lambda")
        if header:
            client.meta.events.register(
                "before-sign.lambda.Invoke", lambda request, **_: request.headers.add_header("X-Amzn-Trace-Id", header)
            )
        answer = client.invoke(FunctionName=arn, Payload=json.dumps(payload))
        return {**answer, "Payload": json.load(answer["Payload"])}

    def log(self, arn: str) -> list[str]:
        """What a function has logged in its own group."""
        group = f"/aws/lambda/{arn.rpartition(':')[2]}"
        pages = self._aws.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"] for page in pages for event in page["events"]]


def segments_reader(aws: LocalAws) -> Callable[..., list[Document]]:
    """Reads the segments of a trace, once so many of them are there (spans come by datagram), each a good document."""
    xray = aws.client("xray")

    def fetch(trace_id: str, *, origins: tuple[str, ...] = (), names: tuple[str, ...] = ()) -> list[Document]:
        found: list[Document] = []
        for _ in range(100):
            traces = xray.batch_get_traces(TraceIds=[trace_id])["Traces"]
            found = [json.loads(segment["Document"]) for trace in traces for segment in trace["Segments"]]
            seen = {segment.get("origin") for segment in found} | {segment["name"] for segment in found}
            if seen >= {*origins, *names}:
                break
            time.sleep(0.05)
        assert [problem for segment in found if (problem := first_problem(segment))] == []
        return found

    return fetch


class Partners:
    """The emulator's own account of what functions sent to partners outside AWS."""

    def __init__(self, aws: LocalAws) -> None:
        self._aws = aws

    def url(self, host: str) -> str:
        """Where the stand-in of a host listens."""
        return f"{self._aws.endpoint}/_partners/{host}"

    def ask(self, path: str, body: object = None) -> Any:
        """The JSON that the route answers with."""
        credential = "Credential=raytrail/20260101/us-east-1/raytrail-partners/aws4_request"
        request = urllib.request.Request(
            f"{self._aws.endpoint}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def received(self, host: str, part: str, key: str, value: object) -> list[Document]:
        """What a host received of this part (``spans``), with this value of a member, once there is any."""
        for _ in range(100):
            entries = self.ask(f"/?host={host}")
            found = [each for entry in entries for each in entry.get(part, ()) if each[key] == value]
            if found:
                return found
            time.sleep(0.05)
        return []

    def fault(self, host: str, kind: str | None, seconds: float = 0) -> Any:
        """Break a partner, or mend it."""
        return self.ask("/faults", {"host": host, "fault": kind, "seconds": seconds})
