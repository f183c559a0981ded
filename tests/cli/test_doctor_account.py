"""The doctor's look at an account, on the embedded AWS: accounts of the test's own, with what is in the way in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.doctor_kit import REGION, Account, allow, bootstrapped, make_stack, of, rule, write_app

from raytrail.cli._doctor._assembly import Assembly, read_assembly
from raytrail.localaws import LocalAws
from raytrail.settings import DEFAULT_REGIONS

pytestmark = pytest.mark.local

GROUP = of("AWS::XRay::Group", GroupName="shop-faults", FilterExpression="fault")
TOPIC = of("AWS::SNS::Topic", DisplayName="alerts")
LAKE = {"storage.location.template": "s3://trail-files/AWSLogs/${account}/CloudTrail/${region}/${timestamp}/"}


@pytest.fixture
def account(local_aws: LocalAws) -> Account:
    """An account that nobody has used."""
    return Account(aws=local_aws)


@pytest.fixture
def used(account: Account) -> Account:
    """One that is bootstrapped."""
    bootstrapped(account)
    return account


@pytest.fixture
def app(tmp_path: Path) -> Callable[..., Assembly]:
    """Writes an app of one stack, called shop, with the resources that are given."""

    def write(**resources: Any) -> Assembly:
        return write_app(tmp_path / "cdk.out", {"shop": resources})

    return write


@pytest.fixture
def whole_app(tmp_path: Path) -> Callable[..., Assembly]:
    """Writes one that stands on the bootstrap."""

    def write(**resources: Any) -> Assembly:
        return write_app(tmp_path / "cdk.out", {"shop": resources}, bootstrap=True)

    return write


# The whole app


@pytest.fixture(scope="module")
def kit(synth: Any) -> Assembly:
    return read_assembly(synth.assembly())


@pytest.fixture(scope="module")
def abroad(synth: Any) -> Assembly:
    return read_assembly(synth.assembly(region="eu-west-1"))


def only_default_regions(account: Account) -> None:
    """The embedded AWS has every Region enabled; a new account has those alone that need no consent."""
    items = "".join(
        f"<item><regionName>{each}</regionName><optInStatus>opt-in-not-required</optInStatus></item>"
        for each in DEFAULT_REGIONS
    )
    off = "<item><regionName>af-south-1</regionName><optInStatus>not-opted-in</optInStatus></item>"
    answer = f"<requestId>1</requestId><regionInfo>{items}{off}</regionInfo>"
    account.answer("ec2", "DescribeRegions", f"<DescribeRegionsResponse>{answer}</DescribeRegionsResponse>")


def test_a_clean_account_that_is_bootstrapped_has_no_finding(used, kit):
    only_default_regions(used)
    examined = used.examined(kit)
    assert examined.findings == ()
    assert examined.not_looked_at == ()
    assert f"the bootstrap ({REGION})" in examined.looked_at
    assert f"the actions that the resources need ({REGION})" in examined.looked_at


def test_each_region_of_the_app_is_looked_at(account, abroad):
    only_default_regions(account)
    examined = account.examined(abroad)
    names = [(finding.name, finding.title) for finding in examined.findings]
    assert names == [
        ("bootstrap-missing", f"aws://{account.number}/eu-west-1 is not bootstrapped"),
        ("bootstrap-missing", f"aws://{account.number}/us-east-1 is not bootstrapped"),
    ]


def test_without_an_app_the_account_itself_is_looked_at(account):
    for number in range(24):
        account.client("xray").create_group(GroupName=f"team-{number}")
    assert account.findings(None) == ["quota-near"]


def test_the_lakes_regions_are_held_against_those_that_are_enabled(account, app):
    table = {"Name": "events", "Parameters": {**LAKE, "projection.region.values": "us-east-1,ap-nowhere-1"}}
    found = account.examined(app(Table=of("AWS::Glue::Table", TableInput=table, DatabaseName="d"))).findings
    texts = {finding.name: finding.seen for finding in found}
    assert texts["lake-region-off"].startswith("ap-nowhere-1: ")
    assert "eu-west-1" in texts["region-not-in-lake"]


# The stacks themselves


def test_a_stack_that_shares_nothing_with_the_template_is_another_apps(account, app):
    assert make_stack(account, "shop", {"Somebodys": TOPIC}) == "CREATE_COMPLETE"
    found = account.finding("stack-of-another-app", app(Faults=GROUP))
    assert "AWS::SNS::Topic" in found.seen
    assert found.decided


def test_a_stack_that_failed_to_be_made_is_worth_a_note(account, app):
    broken = {"Faults": GROUP, "Broken": of("AWS::XRay::Group", GroupName="shop-faults", FilterExpression="error")}
    assert make_stack(account, "shop", broken) == "ROLLBACK_COMPLETE"
    assert account.findings(app(Faults=GROUP)) == ["stack-rolled-back"]


def test_what_the_app_has_made_itself_is_in_nobodys_way(account, app):
    resources = {
        "Faults": GROUP,
        "Log": of("AWS::Logs::LogGroup", LogGroupName="/shop/alerts", retained=True),
        "Rule": of("AWS::XRay::SamplingRule", SamplingRule=rule("shop-default", 9000)),
        "Workgroup": of("AWS::Athena::WorkGroup", Name="shop"),
        "Database": of("AWS::Glue::Database", CatalogId=account.number, DatabaseInput={"Name": "shop"}),
        "Board": of("AWS::CloudWatch::Dashboard", DashboardName="shop", DashboardBody='{"widgets": []}'),
        "Policy": of(
            "AWS::Logs::ResourcePolicy",
            PolicyName="shop",
            PolicyDocument='{"Version": "2012-10-17", "Statement": []}',
        ),
        "Topic": of("AWS::SNS::Topic", TopicName="shop"),
        "Queue": of("AWS::SQS::Queue", QueueName="shop"),
    }
    assert make_stack(account, "shop", resources) == "CREATE_COMPLETE"
    for number in range(24):
        account.client("xray").create_group(GroupName=f"team-{number}")
    examined = account.examined(app(**resources))
    # 25 groups are all that there may be, and the deployment adds none.
    assert examined.findings == ()
    assert f"the names of the resources ({REGION})" in examined.looked_at


# The bootstrap


@pytest.mark.parametrize("version", [5, 0])
def test_a_bootstrap_below_the_version_that_is_needed_is_too_old(account, whole_app, version):
    bootstrapped(account, version)
    found = account.finding("bootstrap-too-old", whole_app(Faults=GROUP))
    assert f"is {version}, and the app needs 6" in found.seen
    assert found.command == (f"cdk bootstrap aws://{account.number}/{REGION}",)


def test_a_bootstrap_of_another_qualifier_is_told_from_none(account, whole_app):
    bootstrapped(account, qualifier="team1")
    found = account.finding("bootstrap-of-another-qualifier", whole_app(Faults=GROUP))
    assert "the app needs hnb659fds; there is team1" in found.seen
    assert "--qualifier hnb659fds --toolkit-stack-name CDKToolkit-hnb659fds" in found.command[0]


def test_the_bucket_that_an_earlier_bootstrap_left_is_named(account, whole_app):
    bucket = f"cdk-hnb659fds-assets-{account.number}-{REGION}"
    account.client("s3").create_bucket(Bucket=bucket)
    assert account.findings(whole_app(Faults=GROUP)) == ["bootstrap-missing", "bootstrap-bucket-left"]


def test_a_bootstrap_without_its_bucket_is_not_whole(used, whole_app):
    used.client("s3").delete_bucket(Bucket=f"cdk-hnb659fds-assets-{used.number}-{REGION}")
    assert used.findings(whole_app(Faults=GROUP)) == ["bootstrap-bucket-missing"]


# Permissions


def test_a_user_who_may_not_assume_the_roles_may_not_deploy(used, whole_app):
    used.client("iam").create_user(UserName="dev")
    used.arn = f"arn:aws:iam::{used.number}:user/dev"
    allow(used, "user", "dev", "cloudformation:*")
    found = used.finding("may-not-deploy", whole_app(Faults=GROUP))
    assert "deploy-role" in found.seen
    allow(used, "user", "dev", "cloudformation:*", "iam:PassRole", "s3:PutObject")
    assert used.findings(whole_app(Faults=GROUP)) == ["deploys-without-roles"]
    allow(used, "user", "dev", "sts:AssumeRole")
    assert used.findings(whole_app(Faults=GROUP)) == []


def test_a_session_of_a_role_is_judged_by_the_role(used, whole_app):
    used.client("iam").create_role(RoleName="ops", AssumeRolePolicyDocument="{}")
    used.arn = f"arn:aws:sts::{used.number}:assumed-role/ops/me"
    assert "may-not-deploy" in used.findings(whole_app(Faults=GROUP))
    allow(used, "role", "ops")
    assert used.findings(whole_app(Faults=GROUP)) == []


def test_what_the_role_of_cloudformation_lacks_is_told_certain_and_possible_apart(used, whole_app):
    role = f"cdk-hnb659fds-cfn-exec-role-{used.number}-{REGION}"
    planned = {"Faults": GROUP, "Log": of("AWS::Logs::LogGroup")}
    allow(used, "role", role, "xray:*", "logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:Describe*")
    assert used.findings(whole_app(**planned)) == ["deployment-may-lack-actions"]
    allow(used, "role", role, "logs:*", "s3:*", "firehose:*")
    found = used.finding("deployment-lacks-actions", whole_app(**planned))
    assert found.title == f"{role} may not create AWS::XRay::Group"
    assert "xray:CreateGroup" in found.seen
    assert "no policy that allows it" in found.seen
