"""What is known of CloudTrail's fields, held against the records of others."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.loaders
import pytest
from tools.list_parameters import members

from raytrail.sigma._fields import (
    _ARRAYS,
    _LISTS_OF_TEXTS,
    _lists,
    array_in,
    as_written,
    is_list_of_texts,
    is_object,
    is_text,
    spellings,
)

LOGS = Path(__file__).parents[3] / "shared" / "attack-logs"
SPELLED_ONCE = ("eventSource", "eventName", "eventType", "eventCategory", "awsRegion", "userIdentity.type")
WRITTEN = {
    "eventSource": ["iam.amazonaws.com", ".amazonaws.com", "s3"],
    "eventName": ["CreateUser", "UpdateFunctionCode20150331v2", "Create", "User", "Decrypt", "Token_POST"],
    "eventType": ["AwsApiCall"],
    "userIdentity.type": ["Root", "IAMUser"],
    "errorCode": ["AccessDenied", "Client.UnauthorizedOperation", "InvalidParameterValue"],
    "readOnly": ["true"],
    "awsRegion": ["us-east-1", "eu-"],
    "sourceIPAddress": ["cloudformation.amazonaws.com", ".amazonaws.com", "2001:db8::1"],
}
OTHERWISE = {
    "eventSource": ["IAM.amazonaws.com"],
    "eventName": ["createuser", "CREATEUSER", "Createuser", "user"],
    "eventType": ["awsapicall"],
    "userIdentity.type": ["root"],
    "errorCode": ["accessdenied", "ACCESSDENIED"],
    "readOnly": ["True"],
    "userAgent": ["curl"],
    "requestParameters.name": ["CreateUser"],
    "sourceIPAddress": ["AWS Internal", "2001:DB8::1"],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in WRITTEN.items() for value in values])
def test_a_value_that_aws_writes_so_is_compared_as_written(field, value):
    assert as_written(field, value)


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in OTHERWISE.items() for value in values]
)
def test_another_spelling_is_compared_without_regard_to_case(field, value):
    assert not as_written(field, value)


ANY = ("*",)


@pytest.mark.parametrize(
    ("field", "parts", "found"),
    [
        ("eventName", ["Create", ANY], [("Create", ANY)]),
        ("eventName", [ANY, "Associate", ANY], [(ANY, "Associate", ANY), (ANY, "associate", ANY)]),
        ("errorCode", ["Client.", ANY, "Denied"], None),
        ("eventName", ["Get", ANY, "Key", ANY], [("Get", ANY, "Key", ANY), ("Get", ANY, "key", ANY)]),
        ("eventSource", [ANY, "cloudtrail", ANY], [(ANY, "cloudtrail", ANY)]),
        ("sourceIPAddress", [ANY, ".amazonaws.com"], [(ANY, ".amazonaws.com")]),
        ("eventName", [ANY, "associate"], None),
        ("userAgent", [ANY, "Curl"], None),
        ("eventName", [ANY, "A1", ANY, "B1", ANY, "C1", ANY, "D1"], None),
    ],
)
def test_a_part_that_need_not_begin_a_value_may_be_small_unless_aws_writes_no_capitals(field, parts, found):
    assert spellings(field, parts) == found


def test_arrays_are_named_by_the_path_that_leads_to_them():
    assert (
        array_in("requestParameters.ipPermissions.items.ipRanges.items.cidrIp")
        == "requestParameters.ipPermissions.items"
    )
    assert array_in("requestParameters.layers") == "requestParameters.layers"
    assert array_in("resources.ARN") == "resources"
    assert array_in("requestParameters.resourcesVpcConfig.publicAccessCidrs") == (
        "requestParameters.resourcesVpcConfig.publicAccessCidrs"
    )
    assert array_in("requestParameters.dBSecurityGroups") == "requestParameters.dBSecurityGroups"
    assert array_in("userIdentity.sessionContext.sessionIssuer.arn") is None


def test_parameters_that_are_no_lists_in_the_models_of_aws_are_not_taken_for_some():
    services = ["iam", "s3", "kms", "lambda", "rds", "eks", "ecs", "ssm", "sns", "guardduty", "organizations"]
    found = list(members(services))
    wrong = {name for name, is_list in found if not is_list and name in _lists()}
    assert wrong == set(), "write the table again: python -m tools.list_parameters"
    lists = {name for name, is_list in found if is_list}
    assert len(lists) > 250
    assert len(lists & (_lists() | _ARRAYS)) > 0.8 * len(lists)


def test_lists_of_texts_are_lists_of_texts_in_every_model_that_has_them():
    loader, found = botocore.loaders.Loader(), set()
    for service in ("eks", "lambda", "ec2", "rds", "ecs", "elbv2", "sagemaker", "opensearch", "redshift"):
        model = loader.load_service_model(service, "service-2")
        for shape in model["shapes"].values():
            for name, member in shape.get("members", {}).items():
                if name.lower() in _LISTS_OF_TEXTS and (below := model["shapes"][member["shape"]])["type"] == "list":
                    found.add(name.lower())
                    assert model["shapes"][below["member"]["shape"]]["type"] == "string", (service, name)
    assert found == _LISTS_OF_TEXTS <= _lists()
    assert all(is_list_of_texts(f"requestParameters.{name}") for name in found)


def recorded() -> Iterator[dict[str, Any]]:
    if not LOGS.is_dir():
        pytest.skip("the real records are not beside this checkout")
    for path in sorted(LOGS.glob("*.ndjson.gz")):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            row = json.loads(line)
            yield row.get("record") or row.get("event", {}).get("detail") or row


def leaves(value: Any, path: str = "", array: bool = False) -> Iterator[tuple[str, Any, bool]]:
    """Each field, its value, and whether it is or is in an array."""
    if isinstance(value, list):
        for each in value:
            yield from leaves(each, path, True)
    elif isinstance(value, dict):
        yield path, value, array
        for key, each in value.items():
            yield from leaves(each, f"{path}.{key}".lstrip("."), array)
    else:
        yield path, value, array


def test_real_records_hold_texts_objects_and_no_unknown_arrays_where_we_say_so():
    checked = 0
    for record in recorded():
        for field, value, array in leaves(record):
            checked += 1
            if is_text(field):
                assert isinstance(value, str), (field, value)
            if is_object(field):
                # Some cases were written by hand, with a text for an object.
                assert value is None or isinstance(value, dict | str), (field, value)
            if field.startswith("userIdentity"):
                assert not array, field
    assert checked > 10_000


def test_real_records_spell_their_values_as_we_say_aws_does():
    checked = 0
    for record in recorded():
        for field in SPELLED_ONCE:
            value: Any = record
            for part in field.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            # Two of the sources blackened some values.
            if isinstance(value, str) and "..." not in value and "XXX" not in value:
                checked += 1
                assert as_written(field, value), (field, value)
    assert checked > 4_000
