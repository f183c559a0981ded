"""Where the demo looks: an endpoint and credentials, and what the stacks of the kit are called there."""

from __future__ import annotations

import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError

from raytrail.errors import EvidenceMissing


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiAnswer:
    """What the sample's API answered."""

    status: int
    trace_id: str
    body: Any


@dataclass(kw_only=True)
class Target:
    """An account to look into: the embedded AWS, or a real one.

    Args:
        session: Credentials and Region.
        endpoint: The URL of the embedded AWS. Default: AWS itself.
        kit: The name of the kit: the start of its stacks' names.
        deadline: When to stop waiting for any evidence, on the monotonic clock. Default: never.
    """

    session: boto3.Session
    endpoint: str | None = None
    kit: str = "raytrail"
    deadline: float | None = None
    local_patience_seconds: float = 20.0
    """How long it may take on the embedded AWS, or where there is no deadline."""
    _clients: dict[str, Any] = field(default_factory=dict)

    @property
    def patience_seconds(self) -> float:
        """How long the next piece of evidence may take to come."""
        return self.local_patience_seconds if self.deadline is None else max(self.deadline - time.monotonic(), 1.0)

    @property
    def local(self) -> bool:
        """Whether this is the embedded AWS."""
        return self.endpoint is not None

    @cached_property
    def _open(self) -> Callable[..., Any]:
        # No proxy reaches the embedded AWS, whose address is this machine's alone.
        handlers = [urllib.request.ProxyHandler({})] if self.local else []
        return urllib.request.build_opener(*handlers).open

    def client(self, service: str) -> Any:
        """A boto3 client, made once."""
        if service not in self._clients:
            self._clients[service] = self.session.client(
                service,  # type: ignore[call-overload] # a name from this package
                endpoint_url=self.endpoint,
                config=Config(retries={"mode": "standard", "max_attempts": 4}),
            )
        return self._clients[service]

    def made_by(self, extension: str) -> str:
        """What stands behind an API here, given what does so on the embedded AWS."""
        return extension if self.local else "AWS"

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The outputs of all stacks of the kit, by key."""
        found: dict[str, str] = {}
        for stack in self.stacks():
            for output in stack.get("Outputs", []):
                found[output["OutputKey"]] = output["OutputValue"]
        return found

    def stacks(self) -> list[dict[str, Any]]:
        """The kit's stacks, as DescribeStacks has them."""
        pages = self.client("cloudformation").get_paginator("describe_stacks").paginate()
        return [
            stack
            for page in pages
            for stack in page["Stacks"]
            if stack["StackName"].startswith(f"{self.kit}-") and stack["StackStatus"] != "DELETE_COMPLETE"
        ]

    def output(self, key: str) -> str:
        """One output.

        Raises:
            EvidenceMissing: No stack of the kit has it.
        """
        try:
            return self.outputs[key]
        except KeyError:
            raise EvidenceMissing(f"no stack named {self.kit}-* has the output {key}; deploy the kit first") from None

    def template(self, stack: str) -> dict[str, Any]:
        """The deployed template of one stack, by the end of its name.

        Raises:
            EvidenceMissing: There is no such stack.
        """
        try:
            body = self.client("cloudformation").get_template(StackName=f"{self.kit}-{stack}")["TemplateBody"]
        except ClientError as error:
            raise EvidenceMissing(f"the stack {self.kit}-{stack} cannot be read: {error}") from error
        template: dict[str, Any] = json.loads(body) if isinstance(body, str) else dict(body)
        return template

    def physical_id(self, stack: str, resource_type: str, logical_prefix: str = "") -> str:
        """The physical id of the first resource of a type in a stack.

        Raises:
            EvidenceMissing: There is none.
        """
        cloudformation = self.client("cloudformation")
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=f"{self.kit}-{stack}")
        for page in pages:
            for resource in page["StackResourceSummaries"]:
                if resource["ResourceType"] == resource_type and resource["LogicalResourceId"].startswith(
                    logical_prefix
                ):
                    return str(resource["PhysicalResourceId"])
        raise EvidenceMissing(f"the stack {self.kit}-{stack} has no {resource_type} named {logical_prefix}*")

    def call_api(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, traced: bool = False
    ) -> ApiAnswer:
        """Send one signed request to the sample's API.

        Args:
            method: The HTTP method.
            path: The path below the stage, with its query.
            body: What to send as JSON. Default: nothing.
            traced: Whether to begin a trace here and have it recorded, whatever the sampling rules say.
        """
        if self.endpoint:
            base = f"{self.endpoint}/restapis/{self.output('ApiId')}/{self.output('ApiStage')}/_user_request_"
        else:
            base = self.output("ApiUrl").rstrip("/")
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Content-Type": "application/json"}
        if traced:
            headers["X-Amzn-Trace-Id"] = f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Sampled=1"
        request = AWSRequest(method=method, url=base + path, data=data, headers=headers)
        credentials = self.session.get_credentials()
        assert credentials is not None
        SigV4Auth(credentials, "execute-api", self.session.region_name).add_auth(request)
        prepared = urllib.request.Request(base + path, data=data, method=method, headers=dict(request.headers))
        try:
            with self._open(prepared, timeout=30) as answer:
                status, answered, raw = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            status, answered, raw = error.code, error.headers, error.read()
        trace = (answered.get("X-Amzn-Trace-Id") or "").split(";")[0].removeprefix("Root=")
        try:
            parsed = json.loads(raw)
        except ValueError:
            parsed = raw.decode("utf-8", "replace")
        return ApiAnswer(status=status, trace_id=trace, body=parsed)

    def emulator(self, signing_name: str, path: str, data: bytes | None = None) -> Any:
        """Ask the embedded AWS itself, and return its JSON: there is no such service in AWS."""
        credential = f"Credential=raytrail/20260101/{self.session.region_name}/{signing_name}/aws4_request"
        request = urllib.request.Request(
            f"{self.endpoint}{path}",
            data=data,
            headers={"Authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"},
        )
        with self._open(request, timeout=300) as answer:
            return json.load(answer)
