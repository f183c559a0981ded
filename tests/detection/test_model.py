"""Rules of one API call, as values."""

from __future__ import annotations

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrail.detection import rule_of_api_call
from raytrail.detection._model import _OPERATIONS, _PERMISSIONS
from raytrail.errors import InvalidProps
from raytrail.records import RecordLine, read_records
from raytrail.sigma import Call, catalog


@pytest.mark.parametrize(
    ("call", "source", "name", "id"),
    [
        ("dynamodb:DeleteTable", "dynamodb.amazonaws.com", "dynamodb_delete_table", "DynamodbDeleteTable"),
        ("cloudwatch:DeleteAlarms", "monitoring.amazonaws.com", "cloudwatch_delete_alarms", "CloudwatchDeleteAlarms"),
        ("ses:DeleteIdentity", "ses.amazonaws.com", "ses_delete_identity", "SesDeleteIdentity"),
        ("access-analyzer:DeleteAnalyzer", "access-analyzer.amazonaws.com", "access_analyzer_delete_analyzer", None),
        ("rds:DeleteDBInstance", "rds.amazonaws.com", "rds_delete_db_instance", "RdsDeleteDbInstance"),
        ("s3:PutBucketACL", "s3.amazonaws.com", "s3_put_bucket_acl", "S3PutBucketAcl"),
    ],
)
def test_a_call_is_looked_for_as_cloudtrail_records_it(call, source, name, id):
    made, operation = rule_of_api_call(call), call.split(":")[1]
    assert (made.name, made.title, made.level) == (name, f"{call} was called", "medium")
    assert made.construct_id == (id or "AccessAnalyzerDeleteAnalyzer")
    assert made.calls == (Call(source, operation),)
    (pattern,) = made.patterns
    assert pattern["detail"] == {"eventSource": [source], "eventName": [operation]}
    assert made.predicate == f"eventsource = '{source}' AND eventname = '{operation}'"


def test_a_call_to_lambda_is_looked_for_with_the_date_of_its_api_too():
    made = rule_of_api_call("lambda:UpdateFunctionCode")
    assert made.patterns[0]["detail"]["eventName"] == ["UpdateFunctionCode", {"prefix": "UpdateFunctionCode20"}]
    assert [call.name for call in made.calls] == ["UpdateFunctionCode", "UpdateFunctionCode20*"]
    assert made.predicate == (
        "eventsource = 'lambda.amazonaws.com' AND "
        "(eventname = 'UpdateFunctionCode' OR eventname LIKE 'UpdateFunctionCode20%')"
    )


def test_a_service_is_looked_for_by_the_name_that_cloudtrail_has_for_it():
    """Of the services whose calls the catalogue names with a source of their own."""
    sources = {call.source for each in catalog() for call in each.calls if "*" not in call.source}
    for service, source in (("ses", "ses"), ("cloudwatch", "monitoring"), ("iam", "iam"), ("sso", "sso")):
        (call, *_) = rule_of_api_call(f"{service}:DeleteThing").calls
        assert call.source == f"{source}.amazonaws.com"
        assert call.source in sources


def test_the_same_call_has_the_same_id_and_another_call_another():
    one, again, other = (
        rule_of_api_call(call).id for call in ("s3:DeleteBucket", "s3:DeleteBucket", "s3:CreateBucket")
    )
    assert one == again
    assert one != other


@pytest.mark.parametrize(
    "call", ["", "DeleteTable", "dynamodb:", "dynamodb:deleteTable", "dynamodb:*", "a:B c", "a:B'"]
)
def test_a_call_that_is_not_named_so_is_refused(call):
    with pytest.raises(InvalidProps) as refused:
        rule_of_api_call(call)
    assert str(refused.value) == (
        f"API call {call!r} is written as service and operation: 'dynamodb:DeleteTable', without wildcards"
    )


@pytest.mark.parametrize(
    ("permission", "why"),
    [
        ("lambda:InvokeFunction", "CloudTrail records 'lambda:Invoke': give that"),
        ("s3:PutEncryptionConfiguration", "CloudTrail records 's3:PutBucketEncryption': give that"),
        ("iam:PassRole", "no call of that name is recorded"),
    ],
)
def test_a_permission_that_is_no_call_is_refused_with_what_is_recorded(permission, why):
    with pytest.raises(InvalidProps) as refused:
        rule_of_api_call(permission)
    assert str(refused.value) == f"{permission!r} is a permission of IAM; {why}"


def test_what_is_named_in_place_of_a_permission_is_an_operation_of_the_service():
    """By botocore's models; a service's prefix in IAM is its name there."""
    for permission, call in _PERMISSIONS.items():
        service, _, name = permission.partition(":")
        operations = set(botocore.session.get_session().get_service_model(service).operation_names)
        assert name not in operations, permission
        assert not call or call.partition(":")[2] in operations, call


def test_an_operation_that_is_recorded_otherwise_is_refused_with_the_name_of_real_records(attack_logs):
    with pytest.raises(InvalidProps, match="records 's3:PutPublicAccessBlock' as 's3:PutBucketPublicAccessBlock'"):
        rule_of_api_call("s3:PutPublicAccessBlock")
    operations = set(botocore.session.get_session().get_service_model("s3").operation_names)
    assert {each.partition(":")[2] for each in _OPERATIONS} <= operations
    lines = (each for each in read_records(attack_logs) if isinstance(each, RecordLine))
    recorded = {f"s3:{line.record['eventName']}" for line in lines}
    assert not recorded & set(_OPERATIONS)
    assert "s3:PutBucketPublicAccessBlock" in recorded & set(_OPERATIONS.values())


@given(st.from_regex(r"T[0-9]{4}(\.[0-9]{3})?", fullmatch=True))
def test_a_technique_is_an_id_of_attack(technique):
    assert rule_of_api_call("s3:DeleteBucket", techniques=(technique,)).techniques == (technique,)


@pytest.mark.parametrize("technique", ["", "T12", "T1078.4", "TA0001", "t1078", "T1078.004\n"])
def test_a_technique_that_is_none_is_refused(technique):
    with pytest.raises(InvalidProps, match=r"is not an ATT&CK id, as T1562\.008"):
        rule_of_api_call("s3:DeleteBucket", techniques=("T1078", technique))


@pytest.mark.parametrize("level", ["low", "informational"])
def test_a_level_that_tells_nobody_is_refused(level):
    with pytest.raises(InvalidProps) as refused:
        rule_of_api_call("s3:DeleteBucket", level=level)
    assert str(refused.value) == (
        f"level {level!r} of 's3:DeleteBucket' tells nobody; it is one of medium, high, critical"
    )
