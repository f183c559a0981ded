"""Transaction Search as resources, held against the template on AWS's page and the Regions of CloudFormation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cfnlint
import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk.assertions import Annotations, Match
from tests.synth import ACCOUNT, bare_stack, only, plain, resources, template_of

from raytrail.errors import InvalidProps
from raytrail.findings import acknowledge
from raytrail.tracing import TransactionSearch
from raytrail.tracing._search import _REGIONS_WITHOUT

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Transaction-Search-Cloudformation.html
DOCUMENTED = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "TransactionSearchXRayAccess",
            "Effect": "Allow",
            "Principal": {"Service": "xray.amazonaws.com"},
            "Action": "logs:PutLogEvents",
            "Resource": [
                "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:aws/spans:*",
                "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/application-signals/data:*",
            ],
            "Condition": {
                "ArnLike": {"aws:SourceArn": "arn:${AWS::Partition}:xray:${AWS::Region}:${AWS::AccountId}:*"},
                "StringEquals": {"aws:SourceAccount": "${AWS::AccountId}"},
            },
        }
    ],
}
TYPE = "AWS::XRay::TransactionSearchConfig"


def test_one_percent_is_indexed_where_nothing_else_is_asked_for(stack, template):
    TransactionSearch(stack, "Search")
    assert only(template(), TYPE) == {"IndexingPercentage": 1}


@pytest.mark.parametrize(("account", "region"), [(None, None), (ACCOUNT, "eu-west-1")])
def test_x_ray_may_write_as_aws_documents_it(context, account, region):
    stack = bare_stack(context, account=account, region=region)
    TransactionSearch(stack, "Search", indexing_percentage=20)
    made = only(template_of(stack), "AWS::Logs::ResourcePolicy")
    # The partition of a Region that is known is known too.
    names = {"AWS::Partition": "aws" if region else "<AWS::Partition>", "AWS::Region": region or "<AWS::Region>"}
    names["AWS::AccountId"] = account or "<AWS::AccountId>"
    expected = json.dumps(DOCUMENTED)
    for name, value in names.items():
        expected = expected.replace(f"${{{name}}}", value)
    assert in_order(json.loads(plain(made["PolicyDocument"]))) == in_order(json.loads(expected))


def in_order(value: Any) -> Any:
    """The CDK sorts what a policy may list in any order."""
    if isinstance(value, dict):
        return {key: in_order(each) for key, each in value.items()}
    return sorted(map(in_order, value), key=str) if isinstance(value, list) else value


def test_x_ray_may_write_before_it_is_told_to(stack, template):
    search = TransactionSearch(stack, "Search")
    (switch,) = resources(template(), TYPE).values()
    assert switch["DependsOn"] == [stack.resolve(search.policy.logical_id)]


def test_what_is_adopted_stays_when_the_stack_goes(stack, template):
    TransactionSearch(stack, "Search", adopt=True)
    made = [*resources(template(), TYPE).values(), *resources(template(), "AWS::Logs::ResourcePolicy").values()]
    assert [each["DeletionPolicy"] for each in made] == ["Retain", "Retain"]


def test_what_this_app_turned_on_goes_with_it(stack, template):
    TransactionSearch(stack, "Search")
    (switch,) = resources(template(), TYPE).values()
    assert switch.get("DeletionPolicy", "Delete") == "Delete"


def test_it_warns_that_groups_see_what_is_indexed(stack):
    TransactionSearch(stack, "Search", indexing_percentage=20)
    said = Match.string_like_regexp("trace groups, insights and filter expressions see 20 % of the spans")
    Annotations.from_stack(stack).has_warning("/Test/Search", said)


def test_it_warns_of_nothing_where_all_is_indexed(stack):
    TransactionSearch(stack, "Search", indexing_percentage=100)
    assert Annotations.from_stack(stack).find_warning("*", Match.any_value()) == []


def test_the_spans_are_where_aws_puts_them(stack):
    assert TransactionSearch(stack, "Search").span_log_group.log_group_name == "aws/spans"


def test_regions_without_it_are_those_whose_schemas_lack_the_type():
    providers = Path(cfnlint.__file__).parent / "data" / "schemas" / "providers"
    types = {file.stem: json.loads(file.read_text()) for file in providers.glob("*-*.json")}
    assert len(types) > 40
    assert {region for region, schemas in types.items() if TYPE not in schemas} == set(_REGIONS_WITHOUT)


@pytest.mark.parametrize("region", _REGIONS_WITHOUT)
def test_a_region_without_it_is_refused_by_name(context, region):
    with pytest.raises(InvalidProps, match=f"CloudFormation has no Transaction Search .* in '{region}', nor in"):
        TransactionSearch(bare_stack(context, region=region), "Search")


@pytest.mark.parametrize("percentage", [-0.1, 100.5, float("nan")])
def test_a_percentage_is_from_0_to_100(stack, percentage):
    with pytest.raises(InvalidProps, match=f"indexing_percentage is from 0 to 100, got {percentage}"):
        TransactionSearch(stack, "Search", indexing_percentage=percentage)


def test_two_stacks_of_an_app_may_not_both_turn_it_on():
    app, here = App(), Environment(account="111122223333", region="eu-west-1")
    TransactionSearch(Stack(app, "One", env=here), "Search")
    with pytest.raises(InvalidProps, match="Transaction Search is set once for an account and Region, and 'One"):
        TransactionSearch(Stack(app, "Two", env=here), "Search")


@pytest.mark.parametrize("accepted", [False, True])
def test_the_warning_is_reported_until_it_is_acknowledged(stack, accepted):
    search = TransactionSearch(stack, "Search")
    if accepted:
        acknowledge(search, {"Annotation::raytrail:transactionSearchIndex": "nobody here uses groups or filters"})
    assembly = Path(App.of(stack).synth().directory)
    assert (assembly / "validation-report.json").exists() != accepted
