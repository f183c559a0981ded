"""The doctor's checks of an account over facts alone: the edges that an account is seldom on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.parsers import ResponseParserError
from tests.cli.doctor_kit import of, write_app

from raytrail.cli._doctor._account._checks import CHECKS, checked
from raytrail.cli._doctor._account._checks_assembly import of_another_region, stale
from raytrail.cli._doctor._account._checks_names import covers, meets
from raytrail.cli._doctor._account._checks_trails import adopting
from raytrail.cli._doctor._account._look import Look
from raytrail.cli._doctor._account._plan import Plan, plans
from raytrail.cli._doctor._account._seen import (
    BootstrapSeen,
    Decision,
    Made,
    Needs,
    PermissionsSeen,
    Quota,
    RuleSeen,
    Seen,
    StackSeen,
    TrailSeen,
)
from raytrail.cli._doctor._assembly import Assembly, BootstrapNeeded
from raytrail.cli._doctor._assembly_values import Where
from raytrail.cli._doctor._model import Identity

WHO = Identity(account="111122223333", arn="arn:aws:iam::111122223333:root", partition="aws", region="us-east-1")
TRAIL = TrailSeen(
    name="first",
    arn="arn:aws:cloudtrail:us-east-1:111122223333:trail/first",
    home="us-east-1",
    bucket="files",
    all_regions=True,
)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Of an app that makes a trail, listens to calls and has a group."""
    resources = {
        "Trail": of("AWS::CloudTrail::Trail", TrailName="shop"),
        "Rule": of("AWS::Events::Rule", EventPattern={"detail-type": ["AWS API Call via CloudTrail"]}),
        "Group": of("AWS::XRay::Group", GroupName="shop"),
    }
    (made,) = plans(write_app(tmp_path, {"shop": resources}), WHO, "us-east-1")
    return made


def names(seen: Seen) -> list[str]:
    return [finding.name for finding in checked(seen)[0]]


def test_what_could_not_be_looked_at_is_neither_a_finding_nor_in_order(plan):
    assert checked(Seen(plan=plan)) == ((), ())


def test_every_check_has_words_of_its_own():
    words = [check.what for check in CHECKS]
    assert len(set(words)) == len(words)


# Quotas


def quota(**counts: int) -> Quota:
    return Quota(**{"what": "groups", "limit": 25, "used": 0, "owned": 0, "planned": 0, "page": "p", **counts})  # type: ignore[arg-type]  # words and numbers together


@pytest.mark.parametrize(
    ("counts", "finding"),
    [
        ({"used": 18, "planned": 4}, []),
        ({"used": 19, "planned": 4}, ["quota-near"]),
        ({"used": 21, "planned": 4}, ["quota-near"]),
        ({"used": 22, "planned": 4}, ["quota-exceeded"]),
        # A second deployment makes nothing new.
        ({"used": 25, "owned": 4, "planned": 4}, []),
        ({"used": 25, "owned": 4, "planned": 5}, ["quota-exceeded"]),
        # One that takes something away is no reason to worry.
        ({"used": 30, "owned": 4, "planned": 3}, []),
    ],
)
def test_a_quota_counts_what_a_deployment_adds(plan, counts, finding):
    assert names(Seen(plan=plan, quotas=(quota(**counts),))) == finding


def test_a_quota_of_a_template_is_told_as_one(plan):
    seen = Seen(plan=plan, quotas=(replace(quota(planned=501, limit=500), what="resources in shop"),))
    (found,) = checked(seen)[0]
    assert (found.name, found.seen.startswith("the template has 501"), found.todo) == (
        "quota-exceeded",
        True,
        "split the stack",
    )


def test_more_is_asked_for_where_aws_raises_a_quota(plan):
    raised = replace(quota(used=25, planned=1), request="--service-code xray --quota-code L-1 --region eu-west-1")
    (found,) = checked(Seen(plan=plan, quotas=(raised,)))[0]
    assert found.command == (
        "aws service-quotas request-service-quota-increase --service-code xray --quota-code L-1 --region eu-west-1 "
        "--desired-value 51",
    )
    (fixed,) = checked(Seen(plan=plan, quotas=(replace(raised, request=""),)))[0]
    assert (fixed.command, "AWS does not raise it" in fixed.means) == ((), True)


def test_the_limit_of_rules_is_lower_in_two_regions(tmp_path):
    from raytrail.cli._doctor._account._gather_lists import Listed
    from raytrail.cli._doctor._account._gather_quotas import _of_the_account
    from raytrail.cli._doctor._account._look import Look

    limits = {}
    for region in ("us-east-1", "af-south-1", "eu-south-1"):
        here = Plan(where=Where(account="111122223333", region=region, partition="aws"))
        counted: Any = _of_the_account(Look(region=region), None, here, {}, Listed(event_rules=()))  # type: ignore[arg-type]  # nothing is asked
        limits[region] = next(each.limit for each in counted)
    assert limits == {"us-east-1": 300, "af-south-1": 100, "eu-south-1": 100}


# Trails


@pytest.mark.parametrize(
    ("trail", "finding"),
    [
        (TRAIL, "second-trail"),
        (replace(TRAIL, all_regions=False), "second-trail"),
        (replace(TRAIL, writes=None), "second-trail"),
        (replace(TRAIL, logging=False), "trail-of-no-use"),
        (replace(TRAIL, writes=False), "trail-of-no-use"),
    ],
)
def test_a_trail_that_records_calls_is_a_second_copy_and_one_that_does_not_is_none(plan, trail, finding):
    assert names(Seen(plan=plan, trails=(trail,))) == [finding]


@pytest.mark.parametrize(
    "trail",
    [
        replace(TRAIL, all_regions=False),
        replace(TRAIL, failing="NoSuchBucket: The specified bucket is gone"),
        replace(TRAIL, logging=None),
    ],
)
def test_a_trail_that_lacks_something_is_not_adopted_by_a_command(plan, trail):
    (found,) = checked(Seen(plan=replace(plan, settings=True), trails=(trail,)))[0]
    assert found.command == ()
    assert "see to that first or keep both" in found.todo


def test_a_trail_elsewhere_whose_files_do_not_arrive_is_said_to_record_one_region_too(plan):
    abroad = replace(TRAIL, home="eu-west-1", all_regions=False, failing="AccessDenied")
    (found,) = checked(Seen(plan=replace(plan, settings=True), trails=(), trails_elsewhere=(abroad,)))[0]
    assert found.seen.endswith("; it records eu-west-1 alone and its files do not arrive (AccessDenied)")
    assert "as it records eu-west-1 alone and its files do not arrive (AccessDenied), see to that first" in found.todo
    assert found.command == ()


def test_an_app_with_raytrails_settings_adopts_a_trail_by_one_command(plan):
    seen = Seen(plan=replace(plan, settings=True, cdk="tools/cdk"), trails=(TRAIL,))
    (found,) = checked(seen)[0]
    assert found.command == (f"tools/cdk deploy --all -c raytrail='{adopting(seen, TRAIL)}'",)


def test_an_organizations_trail_whose_id_is_not_known_is_said_to_need_it(plan):
    (found,) = checked(Seen(plan=plan, trails=(replace(TRAIL, organization=True),)))[0]
    assert "o-exampleorgid stands for the organization's id" in found.todo


def test_the_key_of_a_trails_files_is_told_and_not_taken_for_that_of_the_results(plan):
    (found,) = checked(Seen(plan=plan, trails=(replace(TRAIL, kms_key="arn:aws:kms:k"),)))[0]
    assert "kms_key_arn" not in found.todo
    assert '"files_key_arn": "arn:aws:kms:k"' in found.todo
    assert "the policy of files_key_arn is to let those decrypt who ask the lake" in found.todo


def test_a_trail_of_the_app_elsewhere_brings_calls_to_the_rules(plan, tmp_path):
    listens = {"Rule": of("AWS::Events::Rule", EventPattern={"detail-type": ["AWS API Call via CloudTrail"]})}
    (bare,) = plans(write_app(tmp_path / "bare", {"shop": listens}), WHO, "us-east-1")
    assert names(Seen(plan=bare, trails=())) == ["no-trail"]
    assert names(Seen(plan=replace(bare, trail_elsewhere=True), trails=())) == []
    assert names(Seen(plan=bare, trails=(replace(TRAIL, writes=None, logging=None),))) == []


# Sampling rules


@pytest.mark.parametrize(
    ("wide", "narrow", "does"),
    [
        ({}, {"ServiceName": "shop"}, True),
        ({"ServiceName": "shop*"}, {"ServiceName": "shop-web*"}, True),
        ({"ServiceName": "shop-web"}, {"ServiceName": "shop*"}, False),
        # One letter does not stand for any number of them.
        ({"ServiceName": "shop?"}, {"ServiceName": "shop*"}, False),
        ({"ServiceName": "shop?"}, {"ServiceName": "shop1"}, True),
        ({"HTTPMethod": "POST"}, {}, False),
        ({"Attributes": {"tier": "gold"}}, {}, False),
        ({}, {"Attributes": {"tier": "gold"}}, True),
    ],
)
def test_a_sampling_rule_covers_another_when_it_matches_all_that_it_does(wide, narrow, does):
    assert covers(wide, narrow) is does


def test_rules_meet_when_some_request_fits_both():
    assert meets({"ServiceName": "shop*"}, {"URLPath": "/health"})
    assert not meets({"ServiceName": "shop"}, {"ServiceName": "store"})


# Whose things are whose


@pytest.mark.parametrize(
    ("physical", "name", "is_it"),
    [
        ("arn:aws:xray:us-east-1:111122223333:group/shop/ABC", "shop", True),
        ("arn:aws:xray:us-east-1:111122223333:sampling-rule/shop", "shop", True),
        ("arn:aws:sns:us-east-1:111122223333:shop", "shop", True),
        ("https://sqs.us-east-1.amazonaws.com/111122223333/shop", "shop", True),
        ("/aws/events/shop", "/aws/events/shop", True),
        ("arn:aws:xray:us-east-1:111122223333:group/shop-two/ABC", "shop", False),
    ],
)
def test_a_physical_id_names_a_thing_in_the_ways_of_its_type(physical, name, is_it):
    assert Made(id="A", type="T", physical=physical).is_called(name) is is_it


def test_what_a_stack_of_another_app_has_is_not_the_apps_own(plan):
    made = (Made(id="Theirs", type="AWS::CloudTrail::Trail", physical="first"),)
    theirs = StackSeen(name="shop", status="CREATE_COMPLETE", made=made, ours=False)
    assert names(Seen(plan=plan, stacks={"shop": theirs}, trails=(TRAIL,))) == ["stack-of-another-app", "second-trail"]
    ours = replace(theirs, ours=True)
    assert names(Seen(plan=plan, stacks={"shop": ours}, trails=(TRAIL,))) == []


# The assembly


def test_an_old_assembly_and_another_region_are_told_apart_from_what_is_in_order(tmp_path):
    assembly: Assembly = write_app(tmp_path, {"shop": {}}, region="eu-west-1")
    assert (stale(assembly), of_another_region(assembly, "eu-west-1")) == (None, None)
    old = stale(replace(assembly, stale="cdk.json changed after cdk.out was made", cdk="tools/cdk"))
    assert old is not None
    assert (old.name, old.command) == ("assembly-stale", ("tools/cdk synth",))
    elsewhere = of_another_region(assembly, "us-east-1")
    assert elsewhere is not None
    assert elsewhere.severity == "note"


# Commands that are typed as they are printed


def of_qualifier(plan: Plan, qualifier: str) -> tuple[Plan, str]:
    """The plan on a bootstrap of a qualifier, and the name of its parameter."""
    parameter = f"/cdk-bootstrap/{qualifier}/version"
    needed = BootstrapNeeded(qualifier=qualifier, parameter=parameter, version=6)
    role = "arn:aws:iam::111122223333:role/exec"
    stacks = tuple(replace(stack, bootstrap=needed, execution_role=role) for stack in plan.stacks)
    return replace(plan, stacks=stacks), parameter


@pytest.mark.parametrize(("qualifier", "beside"), [("hnb659fds", ""), ("shop", "CDKToolkit-shop")])
@pytest.mark.parametrize("found", [BootstrapSeen(version=None), BootstrapSeen(version=5)])
def test_a_bootstrap_of_another_qualifier_never_replaces_the_usual_one(plan, qualifier, beside, found):
    planned, parameter = of_qualifier(plan, qualifier)
    (said,) = checked(Seen(plan=planned, bootstraps={parameter: found}))[0]
    options = f" --qualifier {qualifier} --toolkit-stack-name {beside}" if beside else ""
    assert said.command == (f"cdk bootstrap aws://111122223333/us-east-1{options}",)


def test_a_policy_for_cloudformation_s_role_is_given_to_the_bootstrap_of_the_app(plan):
    planned, _ = of_qualifier(plan, "shop")
    permissions = PermissionsSeen(
        needs={"AWS::XRay::Group": Needs(changing=frozenset({"xray:CreateGroup"}), all=frozenset())},
        may={"xray:CreateGroup": Decision(allowed=False, held_by="no policy that allows it")},
    )
    (said,) = checked(Seen(plan=planned, permissions=permissions))[0]
    assert "--toolkit-stack-name CDKToolkit-shop --cloudformation-execution-policies" in said.command[0]


@pytest.mark.parametrize("qualifier", ["hnb659fds", "shop"])
def test_the_stack_of_a_lost_bucket_is_looked_up_before_it_is_deleted(plan, qualifier):
    planned, parameter = of_qualifier(plan, qualifier)
    bootstrap = BootstrapSeen(version=30, buckets={"assets": False})
    (said,) = checked(Seen(plan=planned, bootstraps={parameter: bootstrap}))[0]
    assert said.name == "bootstrap-bucket-missing"
    assert "describe-stack-resources --physical-resource-id assets" in said.command[0]
    assert not any("--stack-name CDKToolkit " in each for each in said.command)


@pytest.mark.parametrize(
    ("status", "mend"),
    [
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"),
        ("UPDATE_FAILED", "rollback-stack"),
        ("CREATE_FAILED", "delete-stack"),
    ],
)
def test_a_bootstrap_on_which_apps_stand_is_not_deleted(plan, status, mend):
    planned, parameter = of_qualifier(plan, "hnb659fds")
    (said,) = checked(Seen(plan=planned, bootstraps={parameter: BootstrapSeen(version=30, stack=status)}))[0]
    assert said.command[0].startswith(f"aws cloudformation {mend} ")
    others, parameter = of_qualifier(plan, "shop")
    assert names(Seen(plan=others, bootstraps={parameter: BootstrapSeen(version=30, stack=status)})) == []


def test_a_stack_of_a_stage_is_called_by_its_path(plan):
    """The CDK CLI knows stacks by their paths in the app, not by their names in CloudFormation."""
    staged = replace(plan, stacks=tuple(replace(stack, path="Prod/shop") for stack in plan.stacks))
    stuck = {"shop": StackSeen(name="shop", status="UPDATE_FAILED")}
    assert checked(Seen(plan=staged, stacks=stuck))[0][0].command[1] == "cdk rollback Prod/shop"
    assert checked(Seen(plan=plan, stacks=stuck))[0][0].command[1] == "cdk rollback shop"


def test_a_page_in_place_of_an_answer_is_noted_and_no_crash():
    def ask() -> None:
        raise ResponseParserError("<html>")

    look = Look(region="us-east-1")
    assert look.at("the trails", ("cloudtrail:DescribeTrails",), ask) is None
    assert "does not answer as AWS does" in look.missed[0].reason


# Templates that others wrote


def test_values_that_are_known_only_later_are_no_crash(tmp_path):
    later = {"Ref": "Parameter"}
    resources = {
        "Fn::ForEach::Topics": ["Name", ["a", "b"], {"Topic${Name}": of("AWS::SNS::Topic")}],
        "Rule": of("AWS::XRay::SamplingRule", SamplingRule={"RuleName": "shop", "Priority": later}),
        "One": of("AWS::CloudTrail::Trail", EventSelectors=["later"]),
        "Two": of("AWS::CloudTrail::Trail", AdvancedEventSelectors=[{"FieldSelectors": [{"Field": later}]}, "later"]),
        "Function": of("AWS::Lambda::Function", Layers=["of:layer:nobody", later]),
    }
    (plan,) = plans(write_app(tmp_path, {"shop": resources}), WHO, "us-east-1")  # type: ignore[dict-item]  # as CloudFormation takes it
    assert [each.id for each in plan.resources] == ["Rule", "One", "Two", "Function"]
    assert plan.layers == []
    assert names(Seen(plan=plan, rules={"first": RuleSeen(arn="", rule={"Priority": 1})})) == []
