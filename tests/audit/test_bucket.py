"""The bucket and the key of a trail: policies as AWS documents them, and what keeps the files.

The embedded AWS evaluates no policy, so the statements are held here against those that AWS's pages print.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Stack
from tests.synth import ACCOUNT, REGION, Json, only, plain, resources, statements

from raytrail.audit import AuditBucket, Retention
from raytrail.errors import InvalidProps

TRAIL_ARN = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/raytrail"
CLOUDTRAIL = {"Service": "cloudtrail.amazonaws.com"}


class Made:
    """The two buckets, the key and their policies, in plain words."""

    def __init__(self, template: Json) -> None:
        self.template = template
        buckets = resources(template, "AWS::S3::Bucket")
        (self.logs_id,) = [id for id in buckets if "AccessLogs" in id]
        (self.id,) = set(buckets) - {self.logs_id}
        self.bucket, self.access_logs = buckets[self.id]["Properties"], buckets[self.logs_id]["Properties"]
        self.policy_on_delete = {each["DeletionPolicy"] for each in buckets.values()}

    def policy(self, id: str) -> list[Json]:
        (found,) = [
            each["Properties"]["PolicyDocument"]
            for each in resources(self.template, "AWS::S3::BucketPolicy").values()
            if each["Properties"]["Bucket"] == {"Ref": id}
        ]
        return plain(statements(found))

    @property
    def key_policy(self) -> list[Json]:
        return plain(statements(only(self.template, "AWS::KMS::Key")["KeyPolicy"]))


@pytest.fixture
def make(stack: Stack, template: Callable[[], Json]) -> Callable[..., Made]:
    def make(**props: Any) -> Made:
        AuditBucket(stack, "Store", trail_arn=TRAIL_ARN, **props)
        return Made(template())

    return make


def allowed(policy: list[Json]) -> list[Json]:
    return [each for each in policy if each["Effect"] == "Allow"]


@pytest.mark.parametrize(("prefix", "folder"), [("", "AWSLogs"), ("org/logs", "org/logs/AWSLogs")])
def test_nothing_but_the_trail_may_write_as_aws_documents(make, prefix, folder):
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html."""
    made = make(prefix=prefix)
    assert allowed(made.policy(made.id)) == [
        {
            "Effect": "Allow",
            "Principal": CLOUDTRAIL,
            "Action": "s3:GetBucketAcl",
            "Resource": f"<{made.id}.Arn>",
            "Condition": {"StringEquals": {"aws:SourceArn": TRAIL_ARN}},
        },
        {
            "Effect": "Allow",
            "Principal": CLOUDTRAIL,
            "Action": "s3:PutObject",
            "Resource": f"<{made.id}.Arn>/{folder}/{ACCOUNT}/*",
            "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceArn": TRAIL_ARN}},
        },
    ]


def test_cloudtrail_may_use_the_key_as_aws_documents(make):
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html."""
    trails = f"arn:aws:cloudtrail:*:{ACCOUNT}:trail/*"
    of_the_trail = {"StringEquals": {"aws:SourceArn": TRAIL_ARN}}
    of_cloudtrail = [each for each in make().key_policy if each["Principal"] == CLOUDTRAIL]
    assert of_cloudtrail == [
        {
            "Effect": "Allow",
            "Principal": CLOUDTRAIL,
            "Action": "kms:GenerateDataKey*",
            "Resource": "*",
            "Condition": {**of_the_trail, "StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": trails}},
        },
        {
            "Effect": "Allow",
            "Principal": CLOUDTRAIL,
            "Action": "kms:DescribeKey",
            "Resource": "*",
            "Condition": of_the_trail,
        },
        # "If you're using an S3 Bucket Key": the bucket does.
        {
            "Effect": "Allow",
            "Principal": CLOUDTRAIL,
            "Action": "kms:Decrypt",
            "Resource": "*",
            "Condition": of_the_trail,
        },
    ]


def test_the_key_is_for_the_trail_and_the_accounts_own_principals_alone(make):
    principals = [each["Principal"] for each in make().key_policy if each["Principal"] != CLOUDTRAIL]
    assert principals == [{"AWS": f"arn:aws:iam::{ACCOUNT}:root"}]


def test_both_buckets_take_nothing_without_tls_or_with_an_old_one(make):
    made = make()
    for id in (made.id, made.logs_id):
        denied = [each for each in made.policy(id) if each["Effect"] == "Deny"]
        assert [(each["Principal"]["AWS"], each["Action"], each["Condition"]) for each in denied] == [
            ("*", "s3:*", {"Bool": {"aws:SecureTransport": "false"}}),
            ("*", "s3:*", {"NumericLessThan": {"s3:TlsVersion": 1.2}}),
        ]
        assert all(each["Resource"] == [f"<{id}.Arn>", f"<{id}.Arn>/*"] for each in denied)


def test_neither_bucket_can_be_made_public(make):
    made = make()
    for bucket in (made.bucket, made.access_logs):
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(bucket["PublicAccessBlockConfiguration"]) == 4


def test_files_are_encrypted_with_the_key_through_a_bucket_key(make):
    made = make()
    (key,) = resources(made.template, "AWS::KMS::Key")
    assert plain(made.bucket["BucketEncryption"]) == {
        "ServerSideEncryptionConfiguration": [
            {
                "BucketKeyEnabled": True,
                "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": f"<{key}.Arn>"},
            }
        ]
    }


def test_the_key_rotates(make):
    assert only(make().template, "AWS::KMS::Key")["EnableKeyRotation"] is True


def test_files_are_versioned(make):
    assert make().bucket["VersioningConfiguration"] == {"Status": "Enabled"}


def test_accesses_are_logged_to_the_other_bucket_by_s3_alone(make):
    made = make()
    assert plain(made.bucket["LoggingConfiguration"]) == {
        "DestinationBucketName": f"<{made.logs_id}>",
        "LogFilePrefix": "trail/",
    }
    assert [each["Principal"] for each in allowed(made.policy(made.logs_id))] == [
        {"Service": "logging.s3.amazonaws.com"}
    ]


def test_files_move_to_the_archive_and_go_when_asked(make):
    (rule,) = make(retention=Retention(archive_after_days=40, expire_after_days=400)).bucket["LifecycleConfiguration"][
        "Rules"
    ]
    assert rule["Transitions"] == [{"StorageClass": "GLACIER", "TransitionInDays": 40}]
    assert (rule["ExpirationInDays"], rule["Status"]) == (400, "Enabled")


def test_unless_asked_no_file_moves_to_where_athena_passes_it_over(make):
    (rule,) = make().bucket["LifecycleConfiguration"]["Rules"]
    assert "Transitions" not in rule
    assert rule["ExpirationInDays"] == 2557


def test_files_may_move_to_infrequent_access_alone(make):
    (rule,) = make(retention=Retention(infrequent_after_days=30)).bucket["LifecycleConfiguration"]["Rules"]
    assert rule["Transitions"] == [{"StorageClass": "STANDARD_IA", "TransitionInDays": 30}]


def test_old_versions_do_not_stay_for_ever(make):
    (rule,) = make().bucket["LifecycleConfiguration"]["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


def test_the_files_and_their_key_outlive_the_stack(make):
    made = make()
    (key,) = resources(made.template, "AWS::KMS::Key").values()
    assert made.policy_on_delete == {"Retain"}
    assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_a_bucket_that_outlives_the_stack_keeps_the_policy_that_asks_for_tls(make):
    policies = resources(make().template, "AWS::S3::BucketPolicy").values()
    assert [(each["DeletionPolicy"], each["UpdateReplacePolicy"]) for each in policies] == [("Retain", "Retain")] * 2


@pytest.mark.parametrize("prefix", ["/logs", "logs/", "x" * 201])
def test_a_prefix_that_cloudtrail_refuses_is_refused(make, prefix):
    with pytest.raises(InvalidProps, match=r"prefix '.*' has at most 200 characters and no slash at either end"):
        make(prefix=prefix)
