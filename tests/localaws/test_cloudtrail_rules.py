"""The plain rules behind records and trails: calls, names, selectors, policies, words. No server is needed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore.model import ServiceModel

from raytrail.localaws import _world
from raytrail.localaws._cloudtrail import _calls, _names, _policy, _render, _selectors, _xml


def model(service: str) -> ServiceModel:
    loader = botocore.session.get_session().get_component("data_loader")
    return ServiceModel(loader.load_service_model(service, "service-2"), service)


@pytest.mark.parametrize("service", _names.DATA_EVENTS)
def test_every_data_event_is_an_operation_that_botocore_knows(service: str) -> None:
    known = set(model(service).operation_names)
    # Retired by Lambda's model, but old clients still call it.
    for events in _names.DATA_EVENTS[service]:
        assert events.operations - known <= {"InvokeAsync"}


@pytest.mark.parametrize(("signing_name", "services"), _calls.SERVICES_OF_SIGNING_NAME.items())
def test_each_service_is_signed_with_the_name_it_is_listed_under(signing_name: str, services: tuple[str, ...]) -> None:
    assert {model(service).signing_name for service in services} == {signing_name}


@pytest.mark.parametrize("service", ["s3", "lambda"])
def test_every_renamed_operation_is_one_that_botocore_knows(service: str) -> None:
    table = _names._S3_NAMES if service == "s3" else _names._LAMBDA_NAMES
    assert set(table) - set(model(service).operation_names) <= {"InvokeAsync"}


def exchange(method: str, path: str, query: str = "", service: str = "s3", **headers: str) -> _world.Exchange:
    return _world.Exchange(
        method=method,
        path=path,
        query_string=query,
        headers={"host": "127.0.0.1:4566", **headers},
        body=b"",
        status=200,
        response_headers={},
        response_body=b"",
        service=service,
        region="us-east-1",
        access_key_id="111122223333",
        source_ip="127.0.0.1",
        started_at=0.0,
        duration_seconds=0.0,
    )


@pytest.mark.parametrize(
    ("method", "path", "query", "operation"),
    [
        ("GET", "/", "", "ListBuckets"),
        ("PUT", "/b", "", "CreateBucket"),
        ("GET", "/b", "", "ListObjects"),
        ("GET", "/b/", "list-type=2", "ListObjectsV2"),
        ("GET", "/b", "acl", "GetBucketAcl"),
        ("PUT", "/b", "policy=", "PutBucketPolicy"),
        ("GET", "/b", "lifecycle", "GetBucketLifecycleConfiguration"),
        ("GET", "/b", "analytics", "ListBucketAnalyticsConfigurations"),
        ("GET", "/b", "analytics&id=1", "GetBucketAnalyticsConfiguration"),
        ("GET", "/b/a/b/c", "", "GetObject"),
        ("GET", "/b/a", "x-id=GetObject", "GetObject"),
        ("GET", "/b/a", "tagging", "GetObjectTagging"),
        ("GET", "/b/a", "uploadId=1", "ListParts"),
        ("PUT", "/b/a", "partNumber=1&uploadId=1", "UploadPart"),
        ("POST", "/b/a", "uploads", "CreateMultipartUpload"),
        ("POST", "/b", "delete", "DeleteObjects"),
        ("HEAD", "/b", "", "HeadBucket"),
    ],
)
def test_an_s3_request_is_told_by_its_method_path_and_query(method: str, path: str, query: str, operation: str) -> None:
    call = _calls.identify(exchange(method, path, query))
    assert call is not None
    assert call.operation.name == operation


def test_a_copy_is_told_from_an_upload_by_its_header() -> None:
    call = _calls.identify(exchange("PUT", "/b/a", **{"x-amz-copy-source": "/c/d"}))
    assert call is not None
    assert call.operation.name == "CopyObject"


def test_a_bucket_in_the_host_name_is_the_bucket_of_the_call() -> None:
    call = _calls.identify(exchange("GET", "/folder/key", host="my.bucket.s3.localhost:4566"))
    assert call is not None
    assert call.labels == {"Bucket": "my.bucket", "Key": "folder/key"}


def test_an_arn_with_a_decoded_slash_is_still_one_label() -> None:
    arn = "arn:aws:apigateway:us-east-1::/restapis/abc"
    call = _calls.identify(exchange("PUT", f"/tags/{arn}", service="apigateway"))
    assert call is not None
    assert (call.operation.name, call.labels["resource_arn"]) == ("TagResource", arn)


def test_what_no_model_knows_is_no_call() -> None:
    assert _calls.identify(exchange("GET", "/orders", service="execute-api")) is None
    assert _calls.identify(exchange("GET", "/_ministack/health", service="")) is None


def data_event(**fields: Any) -> dict[str, Any]:
    return {
        "eventSource": "s3.amazonaws.com",
        "eventName": "PutObject",
        "readOnly": False,
        "managementEvent": False,
        "eventCategory": "Data",
        "userIdentity": {"arn": "arn:aws:iam::111122223333:user/eve"},
        "resources": [
            {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::b/folder/key.txt"},
            {"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::b", "accountId": "111122223333"},
        ],
        **fields,
    }


MANAGEMENT = {
    "eventSource": "kms.amazonaws.com",
    "eventName": "Decrypt",
    "readOnly": True,
    "managementEvent": True,
    "eventCategory": "Management",
}


@pytest.mark.parametrize(
    ("selector", "takes"),
    [
        ({"ReadWriteType": "All", "IncludeManagementEvents": True}, True),
        ({"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}, False),
        ({"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}, True),
        ({"IncludeManagementEvents": False}, False),
        ({"IncludeManagementEvents": True, "ExcludeManagementEventSources": ["kms.amazonaws.com"]}, False),
        ({"IncludeManagementEvents": True, "ExcludeManagementEventSources": ["rdsdata.amazonaws.com"]}, True),
    ],
)
def test_a_basic_selector_takes_management_events_by_kind_and_source(selector: dict[str, Any], takes: bool) -> None:
    assert _selectors.selects([selector], MANAGEMENT) is takes


@pytest.mark.parametrize(
    ("values", "takes"),
    [
        (["arn:aws:s3"], True),
        (["arn:aws:s3:::"], True),
        (["arn:aws:s3:::b/"], True),
        (["arn:aws:s3:::b/folder/"], True),
        (["arn:aws:s3:::b/other/"], False),
        (["arn:aws:s3:::bb/"], False),
        ([], False),
    ],
)
def test_a_basic_selector_takes_objects_by_prefix(values: list[str], takes: bool) -> None:
    selector = {"IncludeManagementEvents": False, "DataResources": [{"Type": "AWS::S3::Object", "Values": values}]}
    assert _selectors.selects([selector], data_event()) is takes


@pytest.mark.parametrize(
    ("field", "takes"),
    [
        ({"Field": "eventName", "Equals": ["PutObject", "DeleteObject"]}, True),
        ({"Field": "eventName", "NotEquals": ["PutObject"]}, False),
        ({"Field": "eventName", "StartsWith": ["Get", "Put"]}, True),
        ({"Field": "eventName", "NotStartsWith": ["Get", "Put"]}, False),
        ({"Field": "eventName", "EndsWith": ["Object"]}, True),
        ({"Field": "eventName", "NotEndsWith": ["Acl"]}, True),
        ({"Field": "eventName", "StartsWith": ["Put"], "NotEquals": ["PutObject"]}, False),
        ({"Field": "readOnly", "Equals": ["false"]}, True),
        ({"Field": "readOnly", "Equals": ["true"]}, False),
        ({"Field": "resources.ARN", "StartsWith": ["arn:aws:s3:::b/"]}, True),
        ({"Field": "resources.ARN", "NotStartsWith": ["arn:aws:s3:::b/"]}, False),
        ({"Field": "resources.ARN", "Equals": ["arn:aws:s3:::b"]}, False),
        ({"Field": "userIdentity.arn", "EndsWith": ["/eve"]}, True),
        ({"Field": "eventSource", "NotEquals": ["s3.amazonaws.com"]}, False),
        ({"Field": "sessionCredentialFromConsole", "Equals": ["true"]}, False),
    ],
)
def test_operators_that_select_are_alternatives_and_those_that_deselect_all_hold(
    field: dict[str, Any], takes: bool
) -> None:
    fields = [
        {"Field": "eventCategory", "Equals": ["Data"]},
        {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
        field,
    ]
    assert _selectors.selects([{"FieldSelectors": fields}], data_event()) is takes
    assert not _selectors.selects([{"FieldSelectors": fields}], MANAGEMENT)


@pytest.mark.parametrize(
    ("record", "category"),
    [
        ({"eventCategory": "NetworkActivity"}, "NetworkActivity"),
        ({"managementEvent": "false"}, "Data"),
        ({"managementEvent": True}, "Management"),
        ({"resources": [{"type": "AWS::S3::Object"}]}, "Data"),
        ({}, "Management"),
    ],
)
def test_records_older_than_the_field_still_have_a_category(record: dict[str, Any], category: str) -> None:
    assert _selectors.category(record) == category


@pytest.mark.parametrize(
    ("home", "multi", "global_events", "record", "covered"),
    [
        ("us-east-1", False, True, {"eventSource": "iam.amazonaws.com", "awsRegion": "us-east-1"}, True),
        ("eu-west-1", False, True, {"eventSource": "iam.amazonaws.com", "awsRegion": "us-east-1"}, False),
        ("eu-west-1", True, True, {"eventSource": "iam.amazonaws.com", "awsRegion": "us-east-1"}, True),
        ("us-east-1", False, False, {"eventSource": "iam.amazonaws.com", "awsRegion": "us-east-1"}, False),
        ("us-east-1", False, True, {"eventSource": "sqs.amazonaws.com", "awsRegion": "eu-west-1"}, False),
        ("us-east-1", True, True, {"eventSource": "sqs.amazonaws.com", "awsRegion": "eu-west-1"}, True),
    ],
)
def test_a_trail_covers_its_region_or_all_of_them(
    home: str, multi: bool, global_events: bool, record: dict[str, str], covered: bool
) -> None:
    assert _selectors.covers(record, home_region=home, multi_region=multi, global_events=global_events) is covered


STATEMENT: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": {"Service": "events.amazonaws.com"},
    "Action": "sqs:SendMessage",
    "Resource": "arn:aws:sqs:us-east-1:111122223333:q",
}


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ({}, True),
        ({"Principal": "*"}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"AWS": "arn:aws:iam::111122223333:root"}}, False),
        ({"Principal": {"Service": ["sns.amazonaws.com", "events.amazonaws.com"]}}, True),
        ({"Action": ["sqs:*"]}, True),
        ({"Action": "SQS:SendMessage"}, True),
        ({"Action": "sqs:ReceiveMessage"}, False),
        ({"Resource": "arn:aws:sqs:*:111122223333:*"}, True),
        ({"Resource": "arn:aws:sqs:us-east-1:111122223333:other"}, False),
        ({"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:events:*:*:rule/r*"}}}, True),
        ({"Condition": {"ArnEquals": {"AWS:SourceArn": "arn:aws:events:us-east-1:111122223333:rule/other"}}}, False),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}}, False),
        ({"Condition": {"StringEqualsIfExists": {"aws:SourceAccount": "111122223333"}}}, True),
        ({"Condition": {"StringNotLike": {"aws:SourceArn": "*:rule/other"}}}, True),
        ({"Condition": {"NumericEquals": {"aws:SourceArn": "1"}}}, False),
    ],
)
def test_a_policy_lets_in_whom_it_names(change: dict[str, Any], allowed: bool) -> None:
    document = {"Version": "2012-10-17", "Statement": {**STATEMENT, **change}}
    asked = {"service": "events.amazonaws.com", "action": "sqs:SendMessage", "resource": STATEMENT["Resource"]}
    rule = "arn:aws:events:us-east-1:111122223333:rule/r1"
    assert _policy.allows(document, context={"aws:SourceArn": rule}, **asked) is allowed


def test_a_deny_wins_unless_its_condition_is_not_met() -> None:
    deny = {**STATEMENT, "Effect": "Deny", "Principal": "*"}
    plaintext = {**deny, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    asked = {"service": "events.amazonaws.com", "action": "sqs:SendMessage", "resource": STATEMENT["Resource"]}
    assert not _policy.allows({"Statement": [STATEMENT, deny]}, **asked)
    assert _policy.allows({"Statement": [STATEMENT, plaintext]}, context={"aws:SecureTransport": "true"}, **asked)
    assert not _policy.allows("no policy", **asked)


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (datetime(2024, 8, 2, 8, 45, 0, tzinfo=UTC), "Aug 2, 2024, 8:45:00 AM"),
        (datetime(2024, 11, 30, 20, 43, 17, tzinfo=UTC), "Nov 30, 2024, 8:43:17 PM"),
        (datetime(2024, 1, 1, 0, 0, 0, tzinfo=UTC), "Jan 1, 2024, 12:00:00 AM"),
    ],
)
def test_times_within_parameters_read_as_in_real_records(moment: datetime, shown: str) -> None:
    assert _render.date(moment) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("TrailARN", "trailARN"),
        ("ARN", "arn"),
        ("S3BucketName", "s3BucketName"),
        ("SSESpecification", "sSESpecification"),
    ],
)
def test_names_start_with_a_small_letter(name: str, shown: str) -> None:
    assert _render.camel(name) == shown


def test_a_bucket_configuration_is_turned_as_in_real_records() -> None:
    from xml.etree import ElementTree

    text = "<Tagging><TagSet><Tag><Key>a</Key><Value>true</Value></Tag><Tag><Key>7</Key></Tag></TagSet></Tagging>"
    assert _xml.element(ElementTree.fromstring(text)) == {"TagSet": {"Tag": [{"Key": "a", "Value": True}, {"Key": 7}]}}
