"""What tests of examples for a used account share: a stack of an example deployed, and what was there before it."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from tests.cloudformation_stack import Resources, Stack
from tests.detection.alerts_kit import wait_for, zipped
from tests.synth import Json, resources, templates_in

from raytrail.localaws import LocalAws

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"


def example(name: str) -> dict[str, Any]:
    """The names that an example defines, without running its end."""
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))


class Theirs(Protocol):
    """What was there before: somebody's resources, made through AWS's APIs."""

    def describe(self) -> Json:
        """All of it, as AWS's APIs tell it."""

    def leave(self) -> None:
        """Take it away, for the other tests of the session."""


class Assembly:
    """A cloud assembly: templates, and the code of functions."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def templates(self) -> dict[str, Json]:
        """Each template by the name of its stack."""
        return templates_in(self._folder)

    def code(self, key: str) -> bytes:
        """The archive that `cdk deploy` would have uploaded under a key."""
        folder = self._folder / f"asset.{key.removesuffix('.zip')}"
        return zipped(folder.rglob("*"), folder)


class RegionalStack(Stack):
    """A stack in a Region of one's choice, whose template may be longer than a request takes."""

    def __init__(self, aws: LocalAws, region: str) -> None:
        super().__init__(aws)
        self._api = aws.client("cloudformation", region=region)
        self._s3, self._endpoint = aws.client("s3"), aws.endpoint

    def create(self, resources: Resources, **sections: Any) -> str:
        """Create the stack from a template in a bucket, which is there for as long as it takes."""
        where: dict[str, str] = {"Bucket": f"template-of-{self.name}", "Key": "template.json"}
        self._s3.create_bucket(Bucket=where["Bucket"])
        self._s3.put_object(**where, Body=json.dumps({"Resources": resources, **sections}))
        url = f"{self._endpoint}/{where['Bucket']}/{where['Key']}"
        self._api.create_stack(StackName=self.name, TemplateURL=url, Capabilities=["CAPABILITY_NAMED_IAM"])
        status = self.settled()
        self._s3.delete_object(**where)
        self._s3.delete_bucket(Bucket=where["Bucket"])
        return status


class Deployment:
    """A stack of an example, deployed with its code. Use it as a context manager: in the end it is taken away.

    Attributes:
        template: The template.
        outputs: What the stack says of itself.
    """

    def __init__(self, aws: LocalAws, assembly: Assembly, name: str, *, region: str = "us-east-1") -> None:
        self._aws, self._assembly, self._region, self._there = aws, assembly, region, False
        self.template = assembly.templates[name]
        self._stack = RegionalStack(aws, region)

    def __enter__(self) -> Deployment:
        self._upload()
        self._there = True
        # Without the question whether somebody ran `cdk bootstrap`.
        status = self._stack.create(self.template["Resources"], Outputs=self.template.get("Outputs", {}))
        assert status == "CREATE_COMPLETE", self._stack.reasons()
        self.outputs = self._stack.outputs()
        return self

    def __exit__(self, *_: object) -> None:
        self.delete()

    def client(self, service: str) -> Any:
        """A client in the Region of the stack."""
        return self._aws.client(service, region=self._region)

    def physical_id(self, type: str, part: str = "") -> str:
        """The id of the one resource of a type whose logical id has ``part`` in it."""
        (found,) = [id for id in resources(self.template, type) if part in id]
        return self._stack.physical_id(found)

    def delete(self) -> None:
        """Take the stack away; a second time nothing is left to do."""
        if self._there:
            self._there = False
            assert self._stack.delete() == "DELETE_COMPLETE", self._stack.reasons()

    def _upload(self) -> None:
        s3 = self.client("s3")
        # Lambda takes code of its own Region alone.
        where = {} if self._region == "us-east-1" else {"LocationConstraint": self._region}
        for function in resources(self.template, "AWS::Lambda::Function").values():
            code = function["Properties"]["Code"]
            if code["S3Bucket"] not in [each["Name"] for each in s3.list_buckets()["Buckets"]]:
                s3.create_bucket(Bucket=code["S3Bucket"], **({"CreateBucketConfiguration": where} if where else {}))
            s3.put_object(Bucket=code["S3Bucket"], Key=code["S3Key"], Body=self._assembly.code(code["S3Key"]))


def message(sqs: Any, queue_url: str, wanted: Callable[[Json], bool]) -> Json:
    """The first message that is wanted, as JSON; those before it are taken out of the queue."""

    def look() -> Json | None:
        for each in sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages", []):
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=each["ReceiptHandle"])
            body: Json = json.loads(each["Body"])
            if wanted(body):
                return body
        return None

    found: Json = wait_for(look, "a message")
    return found


def answer(response: Json) -> Json:
    """What an API answered, without what differs from one answer to the next."""
    return {name: value for name, value in response.items() if name != "ResponseMetadata"}
