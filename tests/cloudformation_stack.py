"""What the tests of CloudFormation share: a stack driven through the public API, and pieces of templates."""

from __future__ import annotations

import json
import time
import urllib.request
import uuid
from typing import TYPE_CHECKING, Any

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions

if TYPE_CHECKING:
    from raytrail.localaws import LocalAws

Resources = dict[str, dict[str, Any]]

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
KEY_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
    ],
}


def function(code: str = "def handler(event, context):\n    return {}\n", **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Code": {"ZipFile": code},
            "Handler": "index.handler",
            "Runtime": "python3.12",
            "Role": "arn:aws:iam::111122223333:role/somebody",
            **properties,
        },
    }


class Stack:
    """One stack, driven and read through CloudFormation's public API."""

    def __init__(self, aws: LocalAws) -> None:
        self._api = aws.client("cloudformation")
        self.name = f"stack-{uuid.uuid4().hex[:8]}"

    def create(self, resources: Resources, **sections: Any) -> str:
        body = json.dumps({"Resources": resources, **sections})
        self._api.create_stack(StackName=self.name, TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"])
        return self.settled()

    def update(self, resources: Resources, **sections: Any) -> str:
        body = json.dumps({"Resources": resources, **sections})
        self._api.update_stack(StackName=self.name, TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"])
        return self.settled()

    def delete(self) -> str:
        self._id = self._describe()["StackId"]
        self._api.delete_stack(StackName=self.name)
        return self.settled()

    def outputs(self) -> dict[str, str]:
        return {o["OutputKey"]: o["OutputValue"] for o in self._describe().get("Outputs", [])}

    def physical_id(self, logical_id: str) -> str:
        found = self._api.describe_stack_resource(StackName=self.name, LogicalResourceId=logical_id)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def events(self) -> list[dict[str, Any]]:
        """Oldest first."""
        name = getattr(self, "_id", self.name)
        return list(reversed(self._api.describe_stack_events(StackName=name)["StackEvents"]))

    def reasons(self) -> str:
        return "\n".join(event.get("ResourceStatusReason", "") for event in self.events())

    def settled(self) -> str:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                status = str(self._describe()["StackStatus"])
            except botocore.exceptions.ClientError:
                return "DELETE_COMPLETE"
            if not status.endswith("_IN_PROGRESS"):
                return status
            time.sleep(0.05)
        raise AssertionError(f"stack {self.name} did not settle")

    def _describe(self) -> dict[str, Any]:
        found: dict[str, Any] = self._api.describe_stacks(StackName=self.name)["Stacks"][0]
        return found


def report(aws: LocalAws) -> list[dict[str, str]]:
    request = botocore.awsrequest.AWSRequest(method="GET", url=f"{aws.endpoint}/")
    credentials = botocore.credentials.Credentials(aws.config.account_id, "local")
    botocore.auth.SigV4Auth(credentials, "raytrail-resources", aws.config.region).add_auth(request)
    sent = urllib.request.Request(request.url, headers=dict(request.headers.items()))
    with urllib.request.urlopen(sent, timeout=10) as answer:
        entries: list[dict[str, str]] = json.load(answer)
    return entries
