"""Can a rule ever fire where it is to run?"""

from __future__ import annotations

from typing import Any

import pytest

from raytrail.errors import InvalidProps
from raytrail.sigma import (
    GLOBAL_SOURCES,
    SIGN_IN_REGIONS,
    Call,
    CompiledRule,
    Correlation,
    Vantage,
    availability,
    partly,
    reads,
    unreachable,
)

NOTHING_RECORDED = Vantage(
    region="eu-west-1",
    forwarded="none",
    management="none",
    excluded_sources=frozenset(),
    data=frozenset(),
    network=frozenset(),
    insights=False,
)


def rule(*calls: str, detail: dict[str, Any] | None = None, name: str = "a_rule", **fields: Any) -> CompiledRule:
    """A rule about calls, written as ``iam CreateUser``, for both engines."""
    known: dict[str, Any] = {
        "calls": tuple(Call(f"{service}.amazonaws.com", event) for service, event in map(str.split, calls)),
        "patterns": ({"source": [{"prefix": "aws."}], "detail": detail or {}},),
        "predicate": "true",
        **fields,
    }
    return CompiledRule(
        name=name, id="1", title="A rule", level="high", description="", techniques=(), tactics=(), **known
    )


def needs(found: tuple[Any, ...]) -> list[str]:
    return [obstacle.need for obstacle in found]


# --- what is not known ---


@pytest.mark.parametrize(
    "call",
    ["iam CreateUser", "s3 GetObject", "sts GetCallerIdentity", "signin ConsoleLogin", "kms Decrypt", "brandnew Thing"],
)
def test_what_is_not_known_is_not_held_against_a_rule(call):
    assert unreachable(rule(call), Vantage()) == partly(rule(call), Vantage()) == ()


@pytest.mark.parametrize("region", [*SIGN_IN_REGIONS, "eu-west-1", "us-gov-west-1"])
def test_a_sign_in_is_never_called_dead_for_its_region(region):
    assert unreachable(rule("signin ConsoleLogin"), Vantage(region=region, forwarded="none")) == ()


@pytest.mark.parametrize(("field", "value"), [("management", "some"), ("forwarded", "read")])
def test_a_vantage_takes_words_that_it_knows(field, value):
    with pytest.raises(InvalidProps, match=f"{field} of a vantage is one of .*, or None, got {value!r}"):
        Vantage(**{field: value})


# --- management events ---


@pytest.mark.parametrize(
    ("management", "call", "need"),
    [
        ("none", "ec2 RunInstances", ["management"]),
        ("none", "signin ConsoleLogin", ["management"]),
        ("write", "ec2 DescribeInstances", ["reads"]),
        ("write", "kms Decrypt", ["reads"]),
        ("write", "ec2 RunInstances", []),
        ("read", "ec2 RunInstances", ["writes"]),
        ("read", "ec2 DescribeInstances", []),
        ("all", "ec2 DescribeInstances", []),
        # Some are reads and some are not, and nobody says what GetSessionToken is.
        ("write", "ec2 *", []),
        ("read", "ec2 *", []),
        ("write", "sts GetSessionToken", []),
    ],
)
def test_a_trail_records_the_management_events_that_a_rule_is_about(management, call, need):
    assert needs(unreachable(rule(call), Vantage(management=management))) == need


@pytest.mark.parametrize("service", ["kms", "rdsdata"])
def test_a_source_that_the_trail_leaves_out_is_missing(service):
    vantage = Vantage(management="all", excluded_sources=frozenset({f"{service}.amazonaws.com"}))
    (obstacle,) = unreachable(rule(f"{service} ScheduleKeyDeletion"), vantage)
    assert obstacle.need == f"source:{service}.amazonaws.com"
    assert unreachable(rule("iam CreateUser"), vantage) == ()


@pytest.mark.parametrize("engine", ["eventbridge", "athena"])
def test_neither_engine_sees_what_no_trail_records(engine):
    assert needs(unreachable(rule("ec2 RunInstances"), NOTHING_RECORDED, engine=engine)) == ["management"]
    assert needs(unreachable(rule("s3 GetObject"), NOTHING_RECORDED, engine=engine)) == ["data:AWS::S3::Object"]


# --- read-only management events ---


@pytest.mark.parametrize(
    ("calls", "wanted"),
    [
        (["ec2 DescribeInstances"], True),
        (["sts AssumeRole"], True),
        (["sts GetFederationToken"], False),
        (["signin GetSigninToken"], False),
        (["secretsmanager GetSecretValue"], True),
        (["kms GenerateDataKey"], True),
        (["iam CreateUser"], False),
        (["iam CreateUser", "iam ListUsers"], True),
        (["iam *"], True),
        (["iam Create*"], False),
        (["iam De*"], True),
        (["iam Delete*"], False),
        (["lambda GetFunction20*"], True),
        (["lambda UpdateFunctionCode20*"], False),
        # A data event needs no special state (and no other service calls a read so).
        (["s3 GetObject"], False),
        (["s3 GetObject", "s3 GetBucketPolicy"], True),
        (["s3 HeadBucket"], True),
    ],
)
def test_a_rule_that_may_see_read_only_management_events_says_so(calls, wanted):
    assert reads(rule(*calls)) is wanted


@pytest.mark.parametrize(
    ("detail", "wanted"),
    [
        ({"readOnly": [False]}, False),
        ({"readOnly": ["false"]}, False),
        ({"readOnly": [True, "true"]}, True),
        ({"readOnly": [{"exists": True}]}, True),
        ({"eventCategory": ["Data"]}, False),
        ({"managementEvent": [False]}, False),
        ({"eventType": ["AwsVpceEvent"]}, False),
        ({"eventCategory": [{"anything-but": ["Data"]}]}, True),
    ],
)
def test_what_a_pattern_demands_of_the_kind_of_event_counts(detail, wanted):
    assert reads(rule("iam *", detail=detail)) is wanted


def test_one_pattern_of_several_that_may_see_reads_is_enough():
    both = ({"detail": {"readOnly": [False]}}, {"detail": {}})
    assert reads(rule("iam *", patterns=both))
    assert not reads(rule("iam *", patterns=both[:1] * 2))


def test_a_rule_that_demands_reads_of_a_trail_of_writes_cannot_fire():
    assert needs(unreachable(rule("iam *", detail={"readOnly": [True]}), Vantage(management="write"))) == ["reads"]


# --- global services ---


def test_events_of_a_global_service_need_us_east_1_or_a_forwarder():
    (obstacle,) = unreachable(rule("iam CreateUser"), Vantage(region="eu-west-1", forwarded="none"))
    assert str(obstacle) == (
        "events of iam.amazonaws.com appear in us-east-1 alone, and nothing brings them to eu-west-1; forward them "
        "with GlobalEventForwarder in us-east-1, or put the rule there"
    )
    assert unreachable(rule("iam CreateUser"), Vantage(region="us-east-1", forwarded="none")) == ()
    assert unreachable(rule("iam CreateUser"), Vantage(region="eu-west-1", forwarded="write")) == ()


def test_read_only_events_of_a_global_service_need_a_forwarder_that_brings_them():
    listed = rule("iam ListUsers")
    assert needs(unreachable(listed, Vantage(region="eu-west-1", forwarded="write"))) == ["global-reads"]
    assert unreachable(listed, Vantage(region="eu-west-1", forwarded="all")) == ()
    assert unreachable(rule("iam *"), Vantage(region="eu-west-1", forwarded="write")) == ()


@pytest.mark.parametrize("region", ["eu-west-1", "us-east-1"])
@pytest.mark.parametrize("forwarded", ["all", None])
def test_a_global_service_in_oregon_is_seen_in_oregon(region, forwarded):
    accelerator = rule("globalaccelerator DeleteAccelerator")
    assert needs(unreachable(accelerator, Vantage(region=region, forwarded=forwarded))) == ["region:us-west-2"]
    assert unreachable(accelerator, Vantage(region="us-west-2")) == ()


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_nothing_is_said_of_other_partitions(region):
    assert all(
        unreachable(rule(f"{source.removesuffix('.amazonaws.com')} *"), Vantage(region=region, forwarded="none")) == ()
        for source in GLOBAL_SOURCES
    )


def test_athena_sees_every_region():
    vantage = Vantage(region="eu-west-1", forwarded="none")
    assert unreachable(rule("iam CreateUser"), vantage, engine="athena") == ()
    assert unreachable(rule("iam CreateUser", patterns=()), vantage) == ()


def test_an_sts_call_is_recorded_where_it_was_made():
    assert unreachable(rule("sts AssumeRole"), Vantage(region="eu-west-1", forwarded="none")) == ()


# --- data, network and insight events ---


@pytest.mark.parametrize(
    ("call", "recorded"),
    [
        ("s3 GetObject", "AWS::S3::Object"),
        ("s3 PutObject", "AWS::S3::AccessPoint"),
        ("lambda Invoke", "AWS::Lambda::Function"),
        ("dynamodb Scan", "AWS::DynamoDB::Table"),
        ("dynamodb GetRecords", "AWS::DynamoDB::Stream"),
        ("ebs GetSnapshotBlock", "AWS::EC2::Snapshot"),
        ("sns Publish", "AWS::SNS::Topic"),
        ("cognito-identity GetCredentialsForIdentity", "AWS::Cognito::IdentityPool"),
    ],
)
def test_a_data_event_needs_a_trail_that_records_its_type(call, recorded):
    (obstacle,) = unreachable(rule(call), Vantage(management="all", data=frozenset({"AWS::KMS::Other"})))
    assert obstacle.need.startswith("data:AWS::")
    assert "DataEvents.of" in obstacle.remedy
    assert unreachable(rule(call), Vantage(management="none", data=frozenset({recorded}))) == ()


@pytest.mark.parametrize("call", ["s3 PutBucketPolicy", "ebs StartSnapshot", "lambda CreateFunction20150331", "s3 *"])
def test_a_management_event_of_such_a_service_needs_none(call):
    assert unreachable(rule(call), Vantage(management="all", data=frozenset())) == ()


def test_an_event_that_may_be_either_is_reached_by_either():
    either = rule("s3 HeadBucket", "rdsdata ExecuteStatement")
    assert unreachable(either, Vantage(management="all", data=frozenset())) == ()


def test_network_activity_needs_a_selector_for_its_service():
    denied = rule("s3 *", detail={"errorCode": ["VpceAccessDenied"]})
    (obstacle,) = unreachable(denied, Vantage(management="all", network=frozenset({"kms.amazonaws.com"})))
    assert obstacle.need == "network:s3.amazonaws.com"
    assert unreachable(denied, Vantage(management="none", network=frozenset({"s3.amazonaws.com"}))) == ()
    assert reads(denied) is False


def test_network_activity_reaches_a_rule_that_asks_for_no_kind():
    vantage = Vantage(management="none", network=frozenset({"kms.amazonaws.com"}))
    assert unreachable(rule("kms Decrypt"), vantage) == ()


def test_insights_need_a_trail_that_looks_for_them():
    unusual = rule("ec2 *", detail={"eventType": ["AwsCloudTrailInsight"]})
    assert needs(unreachable(unusual, Vantage(management="all", insights=False))) == ["insights"]
    assert unreachable(unusual, Vantage(management="all", insights=True)) == ()


@pytest.mark.parametrize("category", ["NetworkActivity", "Insight"])
def test_what_lies_in_tables_of_its_own_is_not_asked_of_the_events(category):
    found = unreachable(rule("s3 *", detail={"eventCategory": [category]}), Vantage(), engine="athena")
    assert needs(found) == ["table"]


def test_a_rule_that_asks_for_another_kind_than_its_call_is_cannot_fire():
    assert needs(unreachable(rule("s3 GetObject", detail={"eventCategory": ["Management"]}), Vantage())) == ["kind"]


# --- names with a date ---


def test_a_call_to_lambda_by_its_plain_name_is_never_seen():
    (obstacle,) = unreachable(rule("lambda UpdateFunctionCode"), Vantage())
    assert obstacle.need == "name:UpdateFunctionCode20150331v2"
    assert "eventName|startswith: UpdateFunctionCode" in obstacle.remedy


@pytest.mark.parametrize("dated", ["UpdateFunctionCode20150331v2", "UpdateFunctionCode20*", "UpdateFunctionCode*", "*"])
def test_beside_its_name_with_the_date_it_may_stand(dated):
    assert unreachable(rule("lambda UpdateFunctionCode", f"lambda {dated}"), Vantage()) == ()
    assert partly(rule("lambda UpdateFunctionCode", f"lambda {dated}"), Vantage()) == ()


def test_what_lambda_records_without_a_date_is_right_as_it_is():
    assert unreachable(rule("lambda CreateFunctionUrlConfig"), Vantage()) == ()


# --- in part ---


def test_a_rule_that_sees_some_of_its_calls_can_fire_and_says_which_are_missing():
    mixed = rule("iam CreateUser", "iam ListUsers", "s3 GetObject", "s3 PutBucketPolicy")
    vantage = Vantage(region="eu-west-1", forwarded="write", management="all", data=frozenset())
    assert unreachable(mixed, vantage) == ()
    found = {obstacle.need: [call.name for call in obstacle.calls] for obstacle in partly(mixed, vantage)}
    assert found == {"global-reads": ["ListUsers"], "data:AWS::S3::Object": ["GetObject"]}


def test_a_rule_that_sees_all_or_nothing_is_not_partly_blind():
    assert partly(rule("iam CreateUser"), Vantage(management="all")) == ()
    assert partly(rule("iam CreateUser"), NOTHING_RECORDED) == ()


def test_every_obstacle_of_a_dead_rule_is_named_with_its_calls():
    dead = unreachable(rule("iam CreateUser", "s3 GetObject", "s3 PutObject"), NOTHING_RECORDED)
    assert {obstacle.need: len(obstacle.calls) for obstacle in dead} == {"management": 1, "data:AWS::S3::Object": 2}


# --- engines ---


def test_a_rule_that_an_engine_cannot_express_cannot_fire_there():
    only = rule("iam CreateUser", patterns=(), eventbridge_reason="two conditions on one field")
    (obstacle,) = unreachable(only, Vantage(), engine="eventbridge")
    assert str(obstacle) == "EventBridge cannot express it: two conditions on one field; Athena can"
    assert unreachable(only, Vantage()) == unreachable(only, Vantage(), engine="athena") == ()


def test_a_rule_that_no_engine_expresses_can_never_fire():
    neither = rule("iam CreateUser", patterns=(), predicate=None, eventbridge_reason="no", athena_reason="no")
    assert needs(unreachable(neither, Vantage())) == ["engine"]


# --- correlations ---

READING = rule("s3 GetObject", name="reading")
CHANGING = rule("s3 PutBucketPolicy", name="changing")
AMONG = {"reading": READING, "changing": CHANGING}


def correlation(type: str, *rules: str, **fields: Any) -> CompiledRule:
    asked = Correlation(type=type, rules=rules, group_by=("userIdentity.arn",), timespan_seconds=600, count=5)
    return rule(name="pattern", patterns=(), predicate=None, correlation=asked, **fields)


@pytest.mark.parametrize(
    ("type", "rules", "need"),
    [
        ("temporal", ["reading", "changing"], ["data:AWS::S3::Object"]),
        ("temporal_ordered", ["changing", "reading"], ["data:AWS::S3::Object"]),
        ("temporal", ["changing"], []),
        ("event_count", ["reading"], ["data:AWS::S3::Object"]),
        ("event_count", ["reading", "changing"], []),
        ("value_count", ["changing"], []),
        ("event_count", ["a_stranger"], []),
    ],
)
def test_a_correlation_in_time_needs_all_of_its_rules_and_one_that_counts_needs_one(type, rules, need):
    vantage = Vantage(management="all", data=frozenset())
    found = correlation(type, *rules)
    assert needs(unreachable(found, vantage, among=AMONG)) == need
    assert not reads(found)


def test_a_correlation_that_fires_says_what_its_rules_cannot_see():
    vantage = Vantage(management="all", data=frozenset())
    counted = correlation("event_count", "reading", "changing")
    assert needs(partly(counted, vantage, among=AMONG)) == ["data:AWS::S3::Object"]
    assert partly(correlation("temporal", "reading", "changing"), vantage, among=AMONG) == ()


def test_a_correlation_that_athena_cannot_express_can_never_fire():
    found = correlation("event_count", "changing", athena_reason="a window of years")
    assert needs(unreachable(found, Vantage(), among=AMONG)) == ["engine"]


# --- tables ---


@pytest.mark.parametrize(
    ("calls", "regions", "wanted"),
    [
        (["ec2 RunInstances"], ("every Region",), ()),
        (["iam CreateUser"], ("us-east-1",), ()),
        (["iam ListUsers"], ("us-east-1",), ("read-only management events",)),
        (["iam CreateUser", "s3 PutBucketPolicy"], ("every Region", "us-east-1"), ()),
        (["iam CreateUser", "iam ListUsers"], ("us-east-1",), ("read-only management events (some calls)",)),
        (["s3 GetObject"], ("every Region",), ("data events of AWS::S3::Object",)),
        (
            ["s3 GetObject", "lambda Invoke"],
            ("every Region",),
            ("data events of AWS::Lambda::Function (some calls)", "data events of AWS::S3::Object (some calls)"),
        ),
        (["signin ConsoleLogin"], tuple(sorted(SIGN_IN_REGIONS)), ()),
        (["globalaccelerator DeleteAccelerator"], ("us-west-2",), ()),
    ],
)
def test_where_a_rule_is_available_and_what_it_needs(calls, regions, wanted):
    found = availability(rule(*calls))
    assert (found.engines, found.regions, found.needs) == (("eventbridge", "athena"), regions, wanted)


def test_a_rule_of_athena_alone_is_available_in_every_region():
    found = availability(rule("iam CreateUser", patterns=()))
    assert (found.engines, found.regions) == (("athena",), ("every Region",))


@pytest.mark.parametrize(
    ("category", "need"), [("NetworkActivity", "network activity of s3.amazonaws.com"), ("Insight", "Insights")]
)
def test_other_kinds_of_events_are_named(category, need):
    assert availability(rule("s3 *", detail={"eventCategory": [category]})).needs == (need,)


def test_a_correlation_needs_what_its_rules_need():
    found = availability(correlation("temporal", "reading", "changing"), among=AMONG)
    assert (found.engines, found.regions) == (("athena",), ("every Region",))
    assert found.needs == ("data events of AWS::S3::Object",)
