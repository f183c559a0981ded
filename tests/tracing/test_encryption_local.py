"""`TraceEncryption` deployed on the embedded AWS: its function runs, and X-Ray's setting is read through its API."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import botocore.exceptions
import pytest
from aws_cdk import aws_kms as kms
from tests.cloudformation_stack import Resources, Stack
from tests.synth import bare_stack, template_of

from raytrail.tracing import TraceEncryption

if TYPE_CHECKING:
    from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local

BROKEN: Resources = {"Broken": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 5000}}}


@pytest.fixture
def x_ray(local_aws: LocalAws) -> Iterator[XRay]:
    x_ray = XRay(local_aws)
    x_ray.set(None)
    yield x_ray
    x_ray.set(None)


class XRay:
    """The setting as X-Ray's API shows it, and as somebody else changes it."""

    def __init__(self, aws: LocalAws) -> None:
        self._api, self._kms = aws.client("xray"), aws.client("kms")

    def key(self) -> str | None:
        deadline = time.monotonic() + 60
        while (config := self._api.get_encryption_config()["EncryptionConfig"])["Status"] != "ACTIVE":
            assert time.monotonic() < deadline, "X-Ray did not settle"
            time.sleep(0.05)
        found: str | None = config.get("KeyId")
        assert (config["Type"] == "KMS") == (found is not None)
        return found

    def set(self, key: str | None) -> None:
        if self.key() == key:
            # A change takes X-Ray a second, even one to what is there.
            return
        self._api.put_encryption_config(**({"Type": "KMS", "KeyId": key} if key else {"Type": "NONE"}))
        assert self.key() == key

    def new_key(self) -> str:
        return str(self._kms.create_key()["KeyMetadata"]["Arn"])


@pytest.fixture
def deployed(local_aws: LocalAws) -> Iterator[Stack]:
    stack = Stack(local_aws)
    yield stack
    with contextlib.suppress(botocore.exceptions.ClientError):
        stack.delete()


@pytest.fixture
def resources(context: dict[str, Any]) -> Any:
    """The resources of a stack with nothing but the construct, for the key that is given."""

    def make(key: str | None = None, *, adopt: bool = False) -> Resources:
        stack = bare_stack(context)
        given = kms.Key.from_key_arn(stack, "Given", key) if key else None
        TraceEncryption(stack, "Encryption", key=given, adopt=adopt)
        made: Resources = template_of(stack)["Resources"]
        return made

    return make


def test_the_key_that_is_made_encrypts_and_goes_back_when_the_stack_goes(x_ray, deployed, resources):
    template = resources()
    assert deployed.create(template) == "CREATE_COMPLETE", deployed.reasons()
    (key,) = (id for id, each in template.items() if each["Type"] == "AWS::KMS::Key")
    assert x_ray.key() is not None
    assert x_ray.key().endswith(f"key/{deployed.physical_id(key)}")
    (custom,) = (id for id, each in template.items() if each["Type"] == "Custom::XRayEncryption")
    assert deployed.physical_id(custom) == "xray-encryption/111122223333/us-east-1"
    assert deployed.delete() == "DELETE_COMPLETE"
    assert x_ray.key() is None


def test_another_key_takes_the_place_of_the_first(x_ray, deployed, resources):
    first, second = x_ray.new_key(), x_ray.new_key()
    deployed.create(resources(first))
    assert x_ray.key() == first
    assert deployed.update(resources(second)) == "UPDATE_COMPLETE", deployed.reasons()
    assert x_ray.key() == second


def test_an_update_that_fails_elsewhere_puts_the_first_key_back(x_ray, deployed, resources):
    first, second = x_ray.new_key(), x_ray.new_key()
    deployed.create(resources(first))
    template = resources(second)
    (custom,) = (id for id, each in template.items() if each["Type"] == "Custom::XRayEncryption")
    late = {"Broken": {**BROKEN["Broken"], "DependsOn": custom}}
    assert deployed.update({**template, **late}) == "UPDATE_ROLLBACK_COMPLETE", deployed.reasons()
    assert x_ray.key() == first


def test_a_key_of_somebody_else_fails_the_deployment_and_stays(x_ray, deployed, resources):
    theirs = x_ray.new_key()
    x_ray.set(theirs)
    assert deployed.create(resources()) == "ROLLBACK_COMPLETE"
    assert f"encrypts with {theirs} already, which this resource did not set" in deployed.reasons()
    assert x_ray.key() == theirs


def test_a_second_stack_with_the_same_key_leaves_the_setting_to_the_first(local_aws, x_ray, deployed, resources):
    key = x_ray.new_key()
    deployed.create(resources(key))
    second = Stack(local_aws)
    assert second.create(resources(key)) == "ROLLBACK_COMPLETE"
    assert x_ray.key() == key


def test_what_is_adopted_is_given_back(x_ray, deployed, resources):
    theirs, ours = x_ray.new_key(), x_ray.new_key()
    x_ray.set(theirs)
    assert deployed.create(resources(ours, adopt=True)) == "CREATE_COMPLETE", deployed.reasons()
    assert x_ray.key() == ours
    assert deployed.delete() == "DELETE_COMPLETE"
    assert x_ray.key() == theirs


def test_what_somebody_changed_since_stays_when_the_stack_goes(x_ray, deployed, resources):
    deployed.create(resources())
    theirs = x_ray.new_key()
    x_ray.set(theirs)
    assert deployed.delete() == "DELETE_COMPLETE"
    assert x_ray.key() == theirs


def test_what_somebody_changed_since_fails_an_update_which_rolls_back_and_touches_nothing(x_ray, deployed, resources):
    deployed.create(resources(x_ray.new_key()))
    theirs = x_ray.new_key()
    x_ray.set(theirs)
    assert deployed.update(resources(x_ray.new_key())) == "UPDATE_ROLLBACK_COMPLETE", deployed.reasons()
    assert "which this resource did not set" in deployed.reasons()
    assert x_ray.key() == theirs


def test_a_creation_that_fails_elsewhere_leaves_the_default(x_ray, deployed, resources):
    template = resources()
    (custom,) = (id for id, each in template.items() if each["Type"] == "Custom::XRayEncryption")
    late = {"Broken": {**BROKEN["Broken"], "DependsOn": custom}}
    assert deployed.create({**template, **late}) == "ROLLBACK_COMPLETE"
    assert x_ray.key() is None
