"""The documented policy is the one that `raytrail.audit` writes, here as the templates have it."""

from __future__ import annotations

import copy

import pytest
from tests.checks.twins import a, allow, arn, found, policy, ref, seen

CLOUDTRAIL = "cloudtrail.amazonaws.com"
SOURCE = {"StringEquals": {"aws:SourceArn": "arn:aws:cloudtrail:eu-west-1:111122223333:trail/all"}}
ACL = allow(CLOUDTRAIL, "s3:GetBucketAcl", arn("Bucket"), **SOURCE)


def files(under, **condition):
    return allow(CLOUDTRAIL, "s3:PutObject", {"Fn::Join": ["", [arn("Bucket"), f"/{under}"]]}, **condition)


def app(*statements, **trail):
    return {
        "Bucket": a("S3::Bucket"),
        "Policy": a("S3::BucketPolicy", Bucket=ref("Bucket"), PolicyDocument=policy(*statements)),
        "Trail": a("CloudTrail::Trail", S3BucketName=ref("Bucket"), **trail),
    }


def cannot(resources, **how):
    return found("TrailCannotDeliver", resources, **how)


def opened(resources, **how):
    return found("TrailPolicyOpen", resources, **how)


def test_the_documented_statements_are_enough():
    assert cannot(app(ACL, files("AWSLogs/111122223333/*", **SOURCE))) == []
    assert cannot(app(ACL, files("audit/AWSLogs/111122223333/*"), S3KeyPrefix="audit")) == []
    assert cannot(app(ACL, files("*"))) == []


def test_a_bucket_without_a_policy_takes_nothing():
    resources = app()
    del resources["Policy"]
    assert cannot(resources) == ["Trail"]


@pytest.mark.parametrize(
    ("statements", "trail", "missing"),
    [
        ([files("AWSLogs/111122223333/*")], {}, "call s3:GetBucketAcl on it"),
        ([ACL], {}, "put objects under AWSLogs/"),
        ([ACL, files("AWSLogs/111122223333/*")], {"S3KeyPrefix": "audit"}, "put objects under audit/AWSLogs/"),
        ([ACL, files("logs/*")], {}, "put objects under AWSLogs/"),
    ],
)
def test_each_statement_is_needed_with_the_trails_own_prefix(statements, trail, missing):
    assert seen("TrailCannotDeliver", app(*statements, **trail)).endswith(missing)


def test_an_organizations_trail_needs_a_folder_of_its_own():
    own = files("audit/AWSLogs/111122223333/*")
    trail = {"IsOrganizationTrail": True, "S3KeyPrefix": "audit"}
    # What the L2 trail of aws-cdk-lib 2.275 writes for an organization with a prefix.
    forgotten = files("AWSLogs/o-exampleorgid/*")
    assert seen("TrailCannotDeliver", app(ACL, own, forgotten, **trail)).endswith("under audit/AWSLogs/o-…")
    assert cannot(app(ACL, own, files("audit/AWSLogs/o-exampleorgid/*"), **trail)) == []
    assert cannot(app(ACL, files("audit/AWSLogs/*"), **trail)) == []


def test_the_account_may_be_chosen_at_the_deployment():
    key = {"Fn::Sub": ["${Bucket}/AWSLogs/${AWS::AccountId}/*", {"Bucket": arn("Bucket")}]}
    own = allow(CLOUDTRAIL, "s3:PutObject", key)
    assert cannot(app(ACL, own)) == []
    assert cannot(app(ACL, own, IsOrganizationTrail=True)) == ["Trail"]


def test_what_is_not_known_lets_cloudtrail_write():
    assert cannot(app(ACL, files("AWSLogs/*"), S3KeyPrefix=ref("Prefix"))) == []
    assert cannot({"Trail": a("CloudTrail::Trail", S3BucketName="central-logs")}) == []
    resources = app()
    resources["Policy"]["Properties"]["PolicyDocument"] = ref("Document")
    assert cannot(resources) == []
    elsewhere = copy.deepcopy(app())
    elsewhere["Policy"]["Properties"]["Bucket"] = ref("BucketParameter")
    assert cannot(elsewhere) == []


def test_the_key_is_to_let_cloudtrail_encrypt():
    whole = app(ACL, files("AWSLogs/*"), KMSKeyId=arn("Key"))
    assert cannot({**whole, "Key": a("KMS::Key", KeyPolicy=policy())}) == ["Trail"]
    encrypt = allow(CLOUDTRAIL, "kms:GenerateDataKey*", **SOURCE)
    assert cannot({**whole, "Key": a("KMS::Key", KeyPolicy=policy(encrypt))}) == []
    assert cannot({**app(ACL, files("AWSLogs/*"), KMSKeyId="alias/central")}) == []


def test_cloudtrail_is_let_in_for_ones_own_trail_alone():
    assert opened(app(ACL, files("AWSLogs/*"))) == ["Policy"]
    assert opened(app(ACL, files("AWSLogs/*", **SOURCE))) == []


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"AWS:SourceAccount": "111122223333"}},
        {"StringLike": {"aws:SourceOrgID": "o-exampleorgid"}},
        {"StringEquals": ref("Condition")},
    ],
)
def test_any_condition_on_whose_trail_it_is_guards(condition):
    assert opened(app(ACL, files("AWSLogs/*", **condition))) == []


def test_a_condition_on_something_else_does_not():
    acl = {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}
    assert opened(app(ACL, files("AWSLogs/*", **acl))) == ["Policy"]


def test_keys_and_topics_are_written_with_too():
    key = a("KMS::Key", KeyPolicy=policy(allow(CLOUDTRAIL, "kms:GenerateDataKey*")))
    topic = a("SNS::TopicPolicy", Topics=["t"], PolicyDocument=policy(allow(CLOUDTRAIL, "sns:Publish")))
    assert sorted(opened({"Key": key, "Topic": topic})) == ["Key", "Topic"]
    bound = {"StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": "arn:aws:cloudtrail:*:111122223333:trail/*"}}
    assert opened({"Key": a("KMS::Key", KeyPolicy=policy(allow(CLOUDTRAIL, "kms:GenerateDataKey*", **bound)))}) == []
    assert opened({"Key": a("KMS::Key", KeyPolicy=policy(allow(CLOUDTRAIL, "kms:DescribeKey")))}) == []
