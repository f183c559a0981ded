"""Buckets from templates, read back through the S3 API."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import botocore.exceptions
import pytest
from tests.cloudformation_stack import Resources, Stack

from raytrail.localaws._s3._properties import SETTINGS, Setting, request_body

if TYPE_CHECKING:
    from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local

KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

EVERYTHING: dict[str, Any] = {
    "Tags": [{"Key": "owner", "Value": "audit"}],
    "BucketEncryption": {
        "ServerSideEncryptionConfiguration": [
            {
                "BucketKeyEnabled": True,
                "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY},
            }
        ]
    },
    "VersioningConfiguration": {"Status": "Enabled"},
    "LifecycleConfiguration": {
        "Rules": [
            {
                "Id": "age-out",
                "Status": "Enabled",
                "Prefix": "AWSLogs/",
                "ExpirationInDays": "400",
                "Transitions": [{"StorageClass": "GLACIER_IR", "TransitionInDays": 90}],
                "NoncurrentVersionExpiration": {"NoncurrentDays": 30, "NewerNoncurrentVersions": 2},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
            }
        ]
    },
    "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
    "LoggingConfiguration": {"DestinationBucketName": "somewhere", "LogFilePrefix": "access/"},
    "PublicAccessBlockConfiguration": {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    },
}


class BucketStack:
    """One stack with one bucket."""

    def __init__(self, aws: LocalAws) -> None:
        self._stack = Stack(aws)
        self.name = self._stack.name
        self.bucket = f"raytrail-{uuid.uuid4().hex[:12]}"

    def create(self, properties: dict[str, Any]) -> str:
        return self._stack.create(self._resources(properties))

    def update(self, properties: dict[str, Any]) -> str:
        return self._stack.update(self._resources(properties))

    def delete(self) -> str:
        return self._stack.delete()

    def reasons(self) -> str:
        return self._stack.reasons()

    def _resources(self, properties: dict[str, Any]) -> Resources:
        return {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": self.bucket, **properties}}}


@pytest.fixture
def stack(local_aws: LocalAws) -> Iterator[BucketStack]:
    made = BucketStack(local_aws)
    yield made
    s3 = local_aws.client("s3")
    try:
        for version in s3.list_object_versions(Bucket=made.bucket).get("Versions", []):
            s3.delete_object(Bucket=made.bucket, Key=version["Key"], VersionId=version["VersionId"])
    except s3.exceptions.ClientError:
        return
    made.delete()


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.property)
def test_each_property_becomes_a_request_that_s3s_own_model_accepts(setting: Setting) -> None:
    more = {
        "AccelerateConfiguration": {"AccelerationStatus": "Enabled"},
        "ObjectLockConfiguration": {
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}},
        },
    }
    value = {**EVERYTHING, **more}[setting.property]
    if setting.property == "LifecycleConfiguration":
        value = {"Rules": [{**value["Rules"][0], "ExpirationInDays": 400}]}
    assert b"http://s3.amazonaws.com/doc/2006-03-01/" in request_body(setting, "some-bucket", value)


def test_a_member_that_s3_does_not_have_is_refused_by_its_model() -> None:
    versioning = next(setting for setting in SETTINGS if setting.property == "VersioningConfiguration")
    with pytest.raises(botocore.exceptions.ParamValidationError, match="Unknown parameter"):
        request_body(versioning, "some-bucket", {"Sttus": "Enabled"})


def test_what_a_template_says_of_a_bucket_is_read_back(local_aws: LocalAws, stack: BucketStack) -> None:
    assert stack.create(EVERYTHING) == "CREATE_COMPLETE", stack.reasons()
    s3 = local_aws.client("s3")

    tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=stack.bucket)["TagSet"]}
    assert tags["owner"] == "audit"
    assert tags["aws:cloudformation:logical-id"] == "Bucket"
    assert tags["aws:cloudformation:stack-name"] == stack.name

    encryption = s3.get_bucket_encryption(Bucket=stack.bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert encryption == [
        {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY},
            "BucketKeyEnabled": True,
        }
    ]
    assert s3.get_bucket_versioning(Bucket=stack.bucket)["Status"] == "Enabled"
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=stack.bucket)["Rules"]
    assert rule["ID"] == "age-out"
    assert rule["Filter"] == {"Prefix": "AWSLogs/"}
    assert rule["Expiration"]["Days"] == 400
    assert rule["Transitions"] == [{"Days": 90, "StorageClass": "GLACIER_IR"}]
    assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] == 30
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    ownership = s3.get_bucket_ownership_controls(Bucket=stack.bucket)["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    logging = s3.get_bucket_logging(Bucket=stack.bucket)["LoggingEnabled"]
    assert logging == {"TargetBucket": "somewhere", "TargetPrefix": "access/"}
    block = s3.get_public_access_block(Bucket=stack.bucket)["PublicAccessBlockConfiguration"]
    assert block == EVERYTHING["PublicAccessBlockConfiguration"]


def test_a_property_that_an_update_drops_goes_back_to_the_default_of_s3(
    local_aws: LocalAws, stack: BucketStack
) -> None:
    stack.create(EVERYTHING)
    assert stack.update({"Tags": [{"Key": "owner", "Value": "billing"}]}) == "UPDATE_COMPLETE", stack.reasons()
    s3 = local_aws.client("s3")
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=stack.bucket)["TagSet"]}
    assert tags["owner"] == "billing"
    encryption = s3.get_bucket_encryption(Bucket=stack.bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert encryption["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert s3.get_bucket_versioning(Bucket=stack.bucket)["Status"] == "Suspended"
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=stack.bucket)
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket=stack.bucket)


def test_an_object_lock_brings_versioning_and_its_default_retention(local_aws: LocalAws, stack: BucketStack) -> None:
    lock = {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 365}},
    }
    assert stack.create({"ObjectLockEnabled": True, "ObjectLockConfiguration": lock}) == "CREATE_COMPLETE"
    s3 = local_aws.client("s3")
    assert s3.get_object_lock_configuration(Bucket=stack.bucket)["ObjectLockConfiguration"] == lock
    assert s3.get_bucket_versioning(Bucket=stack.bucket)["Status"] == "Enabled"


def test_a_configuration_that_s3_refuses_rolls_back_and_leaves_no_bucket(
    local_aws: LocalAws, stack: BucketStack
) -> None:
    # A lock needs versioning, which CloudFormation's schema does not know and S3 does.
    lock = {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}
    assert stack.create(lock) == "ROLLBACK_COMPLETE"
    assert "Error Code: InvalidBucketState" in stack.reasons()
    with pytest.raises(botocore.exceptions.ClientError, match="404"):
        local_aws.client("s3").head_bucket(Bucket=stack.bucket)


def test_objects_carry_the_encryption_of_their_bucket(local_aws: LocalAws, stack: BucketStack) -> None:
    stack.create({"BucketEncryption": EVERYTHING["BucketEncryption"]})
    s3 = local_aws.client("s3")
    put = s3.put_object(Bucket=stack.bucket, Key="a", Body=b"1")
    got = s3.head_object(Bucket=stack.bucket, Key="a")
    for answer in (put, got):
        assert answer["ServerSideEncryption"] == "aws:kms"
        assert answer["SSEKMSKeyId"] == KEY
        assert answer["BucketKeyEnabled"] is True


def test_a_bucket_that_says_nothing_encrypts_with_s3s_own_keys(local_aws: LocalAws, stack: BucketStack) -> None:
    stack.create({})
    s3 = local_aws.client("s3")
    assert s3.put_object(Bucket=stack.bucket, Key="a", Body=b"1")["ServerSideEncryption"] == "AES256"
    assert s3.get_object(Bucket=stack.bucket, Key="a")["ServerSideEncryption"] == "AES256"


def test_kms_without_a_key_means_the_accounts_managed_key(local_aws: LocalAws, stack: BucketStack) -> None:
    stack.create({})
    answer = local_aws.client("s3").put_object(Bucket=stack.bucket, Key="a", Body=b"1", ServerSideEncryption="aws:kms")
    assert answer["SSEKMSKeyId"].startswith("arn:aws:kms:us-east-1:111122223333:key/")


@pytest.mark.parametrize("versioned", [False, True])
def test_a_bucket_that_is_not_empty_keeps_its_stack(local_aws: LocalAws, stack: BucketStack, versioned: bool) -> None:
    stack.create({"VersioningConfiguration": {"Status": "Enabled"}} if versioned else {})
    s3 = local_aws.client("s3")
    s3.put_object(Bucket=stack.bucket, Key="evidence", Body=b"1")
    if versioned:
        s3.delete_object(Bucket=stack.bucket, Key="evidence")  # a delete marker hides it; the version remains
    assert stack.delete() == "DELETE_FAILED"
    assert "The bucket you tried to delete is not empty" in stack.reasons()
    assert "Error Code: BucketNotEmpty" in stack.reasons()
    for kind in ("Versions", "DeleteMarkers"):
        for version in s3.list_object_versions(Bucket=stack.bucket).get(kind, []):
            s3.delete_object(Bucket=stack.bucket, Key=version["Key"], VersionId=version["VersionId"])
    assert stack.delete() == "DELETE_COMPLETE"
