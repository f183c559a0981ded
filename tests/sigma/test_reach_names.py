"""Event names that exist: of every rule of the catalogue, and of the tables behind "can this ever fire".

Held against botocore's models of the services, and a list of what CloudTrail has besides (`tests.sigma.event_names`).
"""

from __future__ import annotations

import json
from pathlib import Path

import cfnlint
import pytest
from botocore.loaders import Loader
from tests.sigma.event_names import BESIDES, CONSOLE, exists, names, operations

from raytrail.sigma import GLOBAL_SOURCES, Call, catalog
from raytrail.sigma._reach_facts import DATA_EVENTS, LAMBDA_NAMES, LAMBDA_SOURCE, READ_ONLY

# Sources that no model of botocore has, with who says so.
WITHOUT_MODEL = {
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-management-event-list.html
    "cloudshell.amazonaws.com",
    # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
    "ssmmessages.amazonaws.com",
}


def test_each_rule_of_the_catalogue_names_calls_that_exist():
    """A list of sources beside a list of names pairs each with each: one pair of each source and of each name is."""
    wrong = []
    for rule in catalog():
        real = [call for call in rule.calls if exists(call)]
        wrong += [
            f"{rule.name}: {source}" for source in {call.source for call in rule.calls} - {c.source for c in real}
        ]
        wrong += [f"{rule.name}: {name}" for name in {call.name for call in rule.calls} - {c.name for c in real}]
    assert sum(bool(rule.calls) for rule in catalog()) > 50
    assert wrong == []


def test_what_cloudtrail_has_besides_is_nothing_that_botocore_has():
    listed = {(service, name) for service, pages in BESIDES.items() for each in pages.values() for name in each.split()}
    assert {(service, name) for service, name in listed if name in operations(service)} == set()


def test_what_only_a_console_calls_is_an_action_of_iam():
    """By the list of IAM's actions that cfn-lint carries, all in small letters."""
    file = Path(cfnlint.__file__).parent / "data" / "AdditionalSpecs" / "Policies.json"
    actions = json.loads(file.read_text(encoding="utf-8"))
    assert CONSOLE
    assert {(service, name) for service, name in CONSOLE if name.lower() not in actions[service]["Actions"]} == set()


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("iam.amazonaws.com", "CreateAccesKey"),
        ("iam.amazon.com", "CreateAccessKey"),
        ("cloudwatch.amazonaws.com", "DeleteAlarm"),
        ("s3.amazonaws.com", "PutPublicAccessBlocks"),
        ("lambda.amazonaws.com", "UpdateFunctionCodes20150331v2"),
        ("ec2.amazonaws.com", "AuthoriseSecurityGroup*"),
    ],
)
def test_a_typo_is_noticed(source, name):
    assert not exists(Call(source, name))


@pytest.mark.parametrize(
    "call",
    [Call(source, name) for source, listed in READ_ONLY.items() for name in listed],
    ids=lambda call: f"{call.source.split('.')[0]}-{call.name}",
)
def test_the_events_that_are_told_to_read_or_to_write_exist(call):
    assert exists(call)


@pytest.mark.parametrize("source", DATA_EVENTS)
def test_the_data_events_of_the_table_exist(source):
    listed = {name for named in DATA_EVENTS[source].values() for name in named}
    assert listed - names(source) == set()


def test_lambdas_names_with_a_date_are_of_operations_that_exist():
    assert set(LAMBDA_NAMES) <= operations("lambda")
    assert all(exists(Call(LAMBDA_SOURCE, dated)) for dated in LAMBDA_NAMES.values())


def test_each_source_of_the_tables_is_one_of_a_service_that_exists():
    sources = {*READ_ONLY, *DATA_EVENTS, *GLOBAL_SOURCES}
    assert {source for source in sources if not operations(source.removesuffix(".amazonaws.com"))} == WITHOUT_MODEL


def test_a_global_service_is_where_botocore_has_its_one_endpoint():
    """AWS says of some what CloudTrail does with them; botocore says of all that they have one endpoint."""
    (aws,) = [each for each in Loader().load_data("endpoints")["partitions"] if each["partition"] == "aws"]
    compared = 0
    for source, region in GLOBAL_SOURCES.items():
        service = aws["services"].get(source.removesuffix(".amazonaws.com"))
        # botocore lists Global Accelerator in each Region, for the sake of its own tools.
        if source == "globalaccelerator.amazonaws.com":
            continue
        regions = {
            endpoint.get("credentialScope", {}).get("region", name)
            for name, endpoint in service["endpoints"].items()
            if not endpoint.get("deprecated") and "fips" not in name
        }
        assert regions == {region}, source
        compared += 1
    assert compared == len(GLOBAL_SOURCES) - 1
