"""The trail and the lake over what an account has: what is used, what is made, and what is asked of whom."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from aws_cdk import Environment, Stack
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Annotations, Match
from tests.synth import ACCOUNT, REGION, Json, only, plain, properties, resources, statements

from raytrail.audit import (
    AnalystRole,
    AuditLake,
    AuditTrail,
    InsightAlert,
    Retention,
    decryption_statements,
    reading_statements,
)
from raytrail.errors import InvalidProps

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a1b2c3d"
READER = f"arn:aws:iam::{ACCOUNT}:role/analyst"


def warnings(stack: Stack) -> list[str]:
    found = Annotations.from_stack(stack).find_warning("*", Match.any_value())
    return [str(each.entry.data) for each in found]


class TestTrail:
    def test_a_key_of_others_encrypts_the_bucket_that_is_made_and_its_owner_is_asked(self, stack, template):
        trail = AuditTrail(stack, "Trail", name="ours", key=kms.Key.from_key_arn(stack, "Key", KEY))
        made = template()
        assert not resources(made, "AWS::KMS::Key")
        assert only(made, "AWS::CloudTrail::Trail")["KMSKeyId"] == KEY
        rules = [
            rule["ServerSideEncryptionByDefault"]
            for bucket in properties(made, "AWS::S3::Bucket")
            for rule in bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        ]
        assert {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY} in rules
        assert trail.key is not None
        assert any("raytrail.audit.encryption_statements" in warning for warning in warnings(stack))

    def test_a_key_of_the_app_learns_of_the_trail_also_for_a_bucket_of_others(self, stack, template):
        key = kms.Key(stack, "Key")
        bucket = s3.Bucket.from_bucket_name(stack, "Bucket", "central-logs")
        AuditTrail(stack, "Trail", name="ours", bucket=bucket, key=key)
        said = statements(only(template(), "AWS::KMS::Key")["KeyPolicy"])
        actions = [each["Action"] for each in said if each["Principal"] == {"Service": "cloudtrail.amazonaws.com"}]
        assert actions == ["kms:GenerateDataKey*", "kms:DescribeKey", "kms:Decrypt"]

    def test_access_logs_go_to_a_bucket_that_is_there(self, stack, template):
        logs_bucket = s3.Bucket.from_bucket_name(stack, "Logs", "access-logs")
        AuditTrail(stack, "Trail", name="ours", access_logs=logs_bucket)
        (bucket,) = properties(template(), "AWS::S3::Bucket")
        assert bucket["LoggingConfiguration"] == {"DestinationBucketName": "access-logs", "LogFilePrefix": "trail/"}

    def test_access_logs_are_not_for_a_bucket_that_is_given(self, stack):
        bucket = s3.Bucket.from_bucket_name(stack, "Bucket", "central-logs")
        with pytest.raises(InvalidProps, match="access_logs is for the bucket that is made"):
            AuditTrail(stack, "Trail", name="ours", bucket=bucket, access_logs=bucket)

    def test_a_role_that_is_there_writes_the_log_group_and_gets_a_policy_for_that(self, stack, template):
        role = iam.Role.from_role_name(stack, "Role", "their-delivery")
        group = logs.LogGroup.from_log_group_name(stack, "Group", "central")
        bucket = s3.Bucket.from_bucket_name(stack, "Bucket", "central-logs")
        AuditTrail(stack, "Trail", name="ours", bucket=bucket, log_group=group, role=role)
        made = template()
        assert not resources(made, "AWS::IAM::Role")
        assert only(made, "AWS::CloudTrail::Trail")["CloudWatchLogsRoleArn"].endswith(f"{ACCOUNT}:role/their-delivery")
        policy = only(made, "AWS::IAM::Policy")
        assert policy["Roles"] == ["their-delivery"]
        assert policy["PolicyDocument"]["Statement"][0]["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]

    def test_a_role_of_another_stack_of_the_app_gets_its_rights_from_the_trails_stack(self, stack, template):
        elsewhere = Stack(stack.node.root, "Elsewhere", env=Environment(account=ACCOUNT, region=REGION))
        role = iam.Role(elsewhere, "Role", assumed_by=iam.ServicePrincipal("cloudtrail.amazonaws.com"))
        AuditTrail(stack, "Trail", name="ours", role=role)
        made = template()
        ((policy, _),) = resources(made, "AWS::IAM::Policy").items()
        ((_, trail),) = resources(made, "AWS::CloudTrail::Trail").items()
        assert policy in trail["DependsOn"]

    def test_a_role_that_is_not_to_be_changed_is_not(self, stack, template):
        role = iam.Role.from_role_name(stack, "Role", "their-delivery", mutable=False)
        bucket = s3.Bucket.from_bucket_name(stack, "Bucket", "central-logs")
        AuditTrail(stack, "Trail", name="ours", bucket=bucket, role=role)
        assert {each["Type"] for each in template()["Resources"].values()} == {
            "AWS::CloudTrail::Trail",
            "AWS::Logs::LogGroup",
        }

    def test_a_retention_is_not_for_a_bucket_that_is_given(self, stack):
        bucket = s3.Bucket.from_bucket_name(stack, "Bucket", "central-logs")
        with pytest.raises(InvalidProps, match="retention is for the bucket that is made"):
            AuditTrail(stack, "Trail", name="ours", bucket=bucket, retention=Retention())

    def test_the_key_of_an_own_topic_lets_the_trail_tell_it(self, stack, template):
        bucket = s3.Bucket.from_bucket_name(stack, "Bucket", "central-logs")
        topic = sns.Topic(stack, "Topic", master_key=kms.Key(stack, "Key"))
        AuditTrail(stack, "Trail", name="ours", bucket=bucket, topic=topic)
        (_, said) = statements(only(template(), "AWS::KMS::Key")["KeyPolicy"])
        assert said["Principal"] == {"Service": "cloudtrail.amazonaws.com"}
        assert set(said["Action"]) == {"kms:GenerateDataKey*", "kms:Decrypt"}
        assert not any("its key is not of this app" in each for each in warnings(stack))

    def test_the_owner_of_a_topic_is_asked_to_let_the_trail_publish(self, stack):
        topic = sns.Topic.from_topic_arn(stack, "Topic", f"arn:aws:sns:{REGION}:{ACCOUNT}:files")
        AuditTrail(stack, "Trail", name="ours", topic=topic)
        assert any(f"topic {topic.topic_arn} or its key is not of this app" in each for each in warnings(stack))
        InsightAlert(stack, "Insights", topic=topic)

    def test_insights_are_not_told_to_another_account(self, stack):
        topic = sns.Topic.from_topic_arn(stack, "Topic", f"arn:aws:sns:{REGION}:999988887777:files")
        with pytest.raises(InvalidProps, match="is of account 999988887777"):
            InsightAlert(stack, "Insights", topic=topic)


@pytest.fixture
def make(stack: Stack) -> Callable[..., AuditLake]:
    def make(**props: Any) -> AuditLake:
        given = {
            "name": "ours",
            "regions": [REGION],
            "start_date": date(2026, 1, 2),
            "bucket": s3.Bucket.from_bucket_name(stack, "Files", "trail-files"),
        }
        return AuditLake(stack, "Lake", **{**given, **props})

    return make


class TestLake:
    def test_results_go_below_a_prefix_of_a_bucket_that_is_there(self, stack, make, template):
        lake = make(results=s3.Bucket.from_bucket_name(stack, "Results", "athena-results"), results_prefix="audit")
        role = AnalystRole(stack, "Analyst", lake=lake).role
        made = template()
        assert not resources(made, "AWS::S3::Bucket")
        configuration = only(made, "AWS::Athena::WorkGroup")["WorkGroupConfiguration"]["ResultConfiguration"]
        assert configuration["OutputLocation"] == "s3://athena-results/audit/"
        assert configuration["EncryptionConfiguration"] == {"EncryptionOption": "SSE_S3"}
        said = statements(only(made, "AWS::IAM::Policy")["PolicyDocument"])
        (writes,) = [each for each in said if "s3:PutObject" in each["Action"]]
        assert writes["Resource"] == "arn:aws:s3:::athena-results/audit/*"
        assert role is not None

    def test_results_are_encrypted_with_the_key_of_their_bucket(self, stack, make, template):
        key = kms.Key.from_key_arn(stack, "Key", KEY)
        make(results=s3.Bucket.from_bucket_attributes(stack, "Results", bucket_name="results", encryption_key=key))
        configuration = only(template(), "AWS::Athena::WorkGroup")["WorkGroupConfiguration"]["ResultConfiguration"]
        assert configuration["EncryptionConfiguration"] == {"EncryptionOption": "SSE_KMS", "KmsKey": KEY}

    def test_tables_go_into_a_database_that_is_there(self, stack, make, template):
        lake = make(database=glue.CfnDatabase.from_database_name(stack, "Database", "central"))
        made = template()
        assert lake.database is None
        assert lake.database_name == "central"
        assert not resources(made, "AWS::Glue::Database")
        assert {each["DatabaseName"] for each in properties(made, "AWS::Glue::Table")} == {"central"}
        assert {each["Database"] for each in properties(made, "AWS::Athena::NamedQuery")} == {"central"}

    def test_questions_are_asked_in_a_workgroup_that_is_there(self, stack, make, template):
        results = s3.Bucket.from_bucket_name(stack, "Results", "athena-results")
        lake = make(workgroup=athena.CfnWorkGroup.from_work_group_name(stack, "Group", "analysts"), results=results)
        role = iam.Role(stack, "Role", assumed_by=iam.AccountRootPrincipal())
        lake.grant_query(role)
        made = template()
        assert (lake.workgroup, lake.workgroup_name) == (None, "analysts")
        assert not resources(made, "AWS::Athena::WorkGroup")
        assert {each["WorkGroup"] for each in properties(made, "AWS::Athena::NamedQuery")} == {"analysts"}
        said = statements(only(made, "AWS::IAM::Policy")["PolicyDocument"])
        (asks,) = [each for each in said if "athena:StartQueryExecution" in each["Action"]]
        assert asks["Resource"] == f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/analysts"

    def test_with_all_of_it_given_only_tables_and_queries_are_made(self, stack, make, template):
        make(
            database=glue.CfnDatabase.from_database_name(stack, "Database", "central"),
            workgroup=athena.CfnWorkGroup.from_work_group_name(stack, "Group", "analysts"),
            results=s3.Bucket.from_bucket_name(stack, "Results", "athena-results"),
        )
        types = {each["Type"] for each in template()["Resources"].values()}
        assert types == {"AWS::Glue::Table", "AWS::Athena::NamedQuery"}

    @pytest.mark.parametrize(
        ("props", "said"),
        [
            (
                lambda stack: {"workgroup": athena.CfnWorkGroup.from_work_group_name(stack, "G", "g")},
                "give that bucket as results=",
            ),
            (lambda stack: {"results_prefix": "audit"}, "results_prefix 'audit' is for a bucket of yours"),
            (
                lambda stack: {
                    "results": s3.Bucket.from_bucket_name(stack, "R", "results"),
                    "results_prefix": "audit/",
                },
                "results_prefix 'audit/' has no slash at either end",
            ),
            (
                lambda stack: {
                    "results": s3.Bucket.from_bucket_name(stack, "R", "results"),
                    "access_logs": s3.Bucket.from_bucket_name(stack, "L", "access-logs"),
                },
                "access_logs is for the results' bucket that is made",
            ),
            (
                lambda stack: {"database": glue.CfnDatabase(stack, "D", catalog_id=ACCOUNT, database_input={})},
                "name of a database that is given is to be known at synth",
            ),
        ],
        ids=["workgroup alone", "prefix alone", "slash", "access logs", "unknown name"],
    )
    def test_what_does_not_go_together_is_refused(self, stack, make, props, said):
        with pytest.raises(InvalidProps, match=said):
            make(**props(stack))


class TestStatements:
    def test_of_another_accounts_bucket_the_folder_of_the_trail_may_be_read(self, stack):
        """https://docs.aws.amazon.com/athena/latest/ug/cross-account-permissions.html, the actions that read."""
        said = reading_statements(
            bucket_arn="arn:aws:s3:::archive", readers=[READER], prefix="logs", organization_id="o-exampleorgid"
        )
        reader = {"Effect": "Allow", "Principal": {"AWS": READER}}
        assert plain(stack.resolve([each.to_statement_json() for each in said])) == [
            {
                **reader,
                "Sid": "AllowLakeToList",
                "Action": ["s3:GetBucketLocation", "s3:ListBucket"],
                "Resource": "arn:aws:s3:::archive",
            },
            {
                **reader,
                "Sid": "AllowLakeToRead",
                "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::archive/logs/AWSLogs/o-exampleorgid/*",
            },
        ]

    def test_another_accounts_key_may_be_used_to_decrypt(self, stack):
        (said,) = stack.resolve([each.to_statement_json() for each in decryption_statements(readers=[READER])])
        assert (said["Principal"], said["Action"], said["Resource"]) == ({"AWS": READER}, "kms:Decrypt", "*")

    def test_a_statement_that_lets_nobody_in_is_refused(self):
        with pytest.raises(InvalidProps, match="readers are ARNs of roles, at least one"):
            decryption_statements(readers=[])

    def test_what_an_analyst_may_do_alone_is_what_both_sides_have_to_allow(self, stack, make, template):
        """The grant of this side has each action and resource that the other side is asked for."""
        role = iam.Role(stack, "Role", assumed_by=iam.AccountRootPrincipal())
        key = kms.Key.from_key_arn(stack, "Key", KEY)
        files = s3.Bucket.from_bucket_attributes(stack, "Archive", bucket_name="archive", encryption_key=key)
        make(bucket=files).grant_query(role)
        mine: list[Json] = plain(statements(only(template(), "AWS::IAM::Policy")["PolicyDocument"]))
        asked = [
            *reading_statements(bucket_arn="arn:aws:s3:::archive", readers=[READER]),
            *decryption_statements(readers=[READER]),
        ]
        for each in stack.resolve([statement.to_statement_json() for statement in asked]):
            resource = KEY if each["Resource"] == "*" else each["Resource"]
            assert any(s["Action"] == each["Action"] and s["Resource"] == resource for s in mine), each
