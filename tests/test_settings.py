"""The settings: what is allowed, what is refused in which words, and the JSON Schema that an editor has."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from raytrail._setting_types import RetentionDays
from raytrail.errors import InvalidSettings
from raytrail.settings import DEFAULT_REGIONS, Settings, json_schema, read_context, read_settings

NONE_OR = st.none().__or__


def section(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object with any of the fields, `enabled` among them."""
    return st.fixed_dictionaries({}, optional={"enabled": st.booleans(), **fields})


def lists(pattern: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.from_regex(pattern, fullmatch=True), max_size=3, unique=True)


RETENTION = st.sampled_from(get_args(RetentionDays))
PATHS = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=128)
REGIONS = st.sampled_from(DEFAULT_REGIONS)
KEY = st.just("arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab")
PREFIXES = st.sampled_from(["", "logs", "logs/of/all"])
ORGANIZATIONS = st.from_regex(r"o-[a-z0-9]{10,32}", fullmatch=True)
CALLS = lists(r"[A-Z][A-Za-z0-9]{1,12}")
ARNS = lists(r"arn:aws:s3:::[a-z0-9-]{3,20}/[a-z]{0,5}")
DATA_EVENTS = st.fixed_dictionaries(
    {"resource_type": st.sampled_from(["AWS::S3::Object", "AWS::Lambda::Function"])},
    optional={"without_arn_prefixes": ARNS, "read_only": NONE_OR(st.booleans()), "event_names": CALLS},
).flatmap(
    lambda asked: st.one_of(
        st.just({**asked, "all_of_type": True}),
        *(ARNS.filter(bool).map(lambda arns, key=key: {**asked, key: arns}) for key in ("arns", "arn_prefixes")),
    )
)
NETWORK_ACTIVITY = st.fixed_dictionaries(
    {"event_source": st.sampled_from(["s3.amazonaws.com", "kms.amazonaws.com"])},
    optional={"denied_only": st.booleans(), "event_names": CALLS, "vpc_endpoint_ids": lists(r"vpce-[0-9a-f]{8,32}")},
)
INSIGHTS = st.fixed_dictionaries(
    {},
    optional={
        "call_rate": st.just(True),
        "error_rate": st.booleans(),
        "on": st.lists(st.sampled_from(["Management", "Data"]), min_size=1, unique=True),
    },
)
EXISTING_TRAIL = st.fixed_dictionaries(
    {"bucket_name": st.from_regex(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", fullmatch=True)},
    optional={
        "prefix": PREFIXES,
        "organization_id": NONE_OR(ORGANIZATIONS),
        "log_group_name": NONE_OR(st.text(min_size=1, max_size=512)),
        "kms_key_arn": NONE_OR(KEY),
    },
)
LAKE: dict[str, st.SearchStrategy[Any]] = {
    "log_retention_days": RETENTION,
    "infrequent_after_days": NONE_OR(st.integers(30, 60)),
    "archive_after_days": NONE_OR(st.integers(90, 2556)),
    "expire_after_days": st.integers(2557, 36500),
    "results_expire_after_days": st.integers(1, 3650),
    "query_limit_gb": st.integers(1, 10_000),
    "accounts": lists(r"[0-9]{12}"),
    "start_date": st.dates().map(date.isoformat),
    "regions": st.lists(REGIONS, min_size=1, unique=True),
}
AUDIT = st.one_of(
    section(existing_trail=EXISTING_TRAIL, **LAKE),
    section(
        organization_id=NONE_OR(ORGANIZATIONS),
        prefix=PREFIXES,
        data_events=st.lists(DATA_EVENTS, max_size=2),
        network_activity=st.lists(NETWORK_ACTIVITY, max_size=2),
        insights=NONE_OR(INSIGHTS),
        **LAKE,
    ),
)
VALID = st.fixed_dictionaries(
    {},
    optional={
        "name": st.from_regex(r"[a-z][a-z0-9]{2,8}(-[a-z0-9]{1,8})?", fullmatch=True),
        "region": REGIONS,
        "account": NONE_OR(st.from_regex(r"[0-9]{12}", fullmatch=True)),
        "tracing": section(
            slow_seconds=st.floats(0, 900, exclude_min=True),
            sampling_rate=st.floats(0, 1),
            reservoir_per_second=st.integers(0, 1000),
            health_check_path=PATHS,
            debug_path=PATHS,
            encryption_key_arn=NONE_OR(st.just("arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab")),
            transaction_search_percent=NONE_OR(st.integers(0, 100)),
        ),
        "audit": AUDIT,
        "detection": section(
            emails=lists(r"[a-z]{1,8}@[a-z]{1,8}\.example"),
            log_retention_days=RETENTION,
            api_calls=lists(r"[a-z0-9-]{1,12}:[A-Z][A-Za-z0-9]{1,12}"),
        ),
        "dashboards": section(slow_percentile_ms=st.integers(1, 900_000)),
        "sample": section(
            layer_arn=NONE_OR(st.just("arn:aws:lambda:eu-west-1:111122223333:layer:Mine:7")),
            powertools_layer_arn=NONE_OR(st.just("arn:aws:lambda:eu-west-1:111122223333:layer:Mine:7")),
            honeycomb_secret=NONE_OR(st.from_regex(r"[A-Za-z0-9/_+=.@-]{1,20}", fullmatch=True)),
            honeycomb_region=st.sampled_from(["us", "eu"]),
            rollbar_secret=NONE_OR(st.just("rollbar/token")),
            log_retention_days=RETENTION,
        ),
    },
)

SCHEMA = jsonschema.Draft202012Validator(json_schema())


def complaint(*arguments: Any) -> str:
    """What `read_settings` says of wrong settings, without its heading."""
    with pytest.raises(InvalidSettings) as refused:
        read_settings(*arguments)
    return str(refused.value).removeprefix("the settings (context.raytrail) are wrong:\n  ")


def test_every_setting_has_a_default():
    assert read_settings(None) == Settings()


@examples(max_examples=40)
@given(VALID)
def test_settings_come_back_the_same_after_a_round_trip_through_json(wanted):
    settings = read_settings(wanted)
    assert read_settings(settings.model_dump_json()) == settings
    assert read_settings(settings.model_dump()) == settings


@examples(max_examples=40)
@given(VALID)
def test_each_setting_arrives_as_it_was_given(wanted):
    assert of_what_was_given(wanted, read_settings(wanted).model_dump(mode="json")) == wanted


def of_what_was_given(wanted: Any, dumped: Any) -> Any:
    """What was dumped, without the defaults of what was not given."""
    if isinstance(wanted, dict) and isinstance(dumped, dict):
        return {key: of_what_was_given(value, dumped[key]) for key, value in wanted.items()}
    if isinstance(wanted, list) and isinstance(dumped, list) and len(wanted) == len(dumped):
        return [of_what_was_given(*pair) for pair in zip(wanted, dumped, strict=True)]
    return dumped


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"tracing": {"sampling_rat": 0.2}},
            "tracing.sampling_rat: unknown key, got 0.2; did you mean tracing.sampling_rate? (known here: debug_path, "
            "enabled, encryption_key_arn, health_check_path, reservoir_per_second, sampling_rate, slow_seconds, "
            "transaction_search_percent)",
        ),
        (
            {"regoin": "eu-west-1"},
            'regoin: unknown key, got "eu-west-1"; did you mean region? '
            "(known here: account, audit, dashboards, detection, name, region, sample, tracing)",
        ),
        (
            {"zzz": 1},
            "zzz: unknown key, got 1 "
            "(known here: account, audit, dashboards, detection, name, region, sample, tracing)",
        ),
        (
            {"tracing": {"sampling_rate": 2}},
            "tracing.sampling_rate: got 2; should be at least 0 and at most 1 "
            "(share of requests recorded beyond the reservoir)",
        ),
        (
            {"tracing": {"slow_seconds": 0}},
            "tracing.slow_seconds: got 0; should be above 0 and at most 900 "
            "(requests that take longer are slow, in seconds)",
        ),
        (
            {"tracing": {"sampling_rate": "0.2"}},
            'tracing.sampling_rate: got "0.2"; should be a valid number '
            "(share of requests recorded beyond the reservoir)",
        ),
        (
            {"tracing": {"enabled": "no"}},
            'tracing.enabled: got "no"; should be a valid boolean (whether anything is traced; '
            "without it the sample works on, and X-Ray costs nothing)",
        ),
        (
            {"audit": {"query_limit_gb": 10.5}},
            "audit.query_limit_gb: got 10.5; should be a valid integer (gigabytes that one Athena query may read)",
        ),
        (
            {"audit": {"query_limit_gb": True}},
            "audit.query_limit_gb: got true; should be a valid integer (gigabytes that one Athena query may read)",
        ),
        (
            {"detection": {"log_retention_days": 31}},
            "detection.log_retention_days: got 31; should be 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, "
            "731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 (days that the log group of alerts keeps them)",
        ),
        ({"region": "Ireland"}, 'region: got "Ireland"; should be a Region, as eu-west-1 (the home Region)'),
        (
            {"name": "a--b"},
            'name: got "a--b"; should be lower-case letters and digits, with single dashes between them, beginning '
            "with a letter (begins the name of each named resource)",
        ),
        (
            {"name": "a" * 21},
            f'name: got "{"a" * 21}"; should have at most 20 characters (begins the name of each named resource)',
        ),
        (
            {"detection": {"api_calls": ["DeleteTable"]}},
            'detection.api_calls.0: got "DeleteTable"; should be a service and an operation, as '
            'secretsmanager:DeleteSecret (further API calls to alert on, as "secretsmanager:DeleteSecret")',
        ),
        (
            {"detection": {"emails": ["a@b.example", "a@b.example"]}},
            'detection.emails: got ["a@b.example", "a@b.example"]; should name each once, a@b.example is there twice '
            "(addresses that get each alert; each confirms its subscription once)",
        ),
        (
            {"audit": {"existing_trail": {}}},
            "audit.existing_trail.bucket_name: needs a value (the bucket that the trail delivers to)",
        ),
        (
            {"audit": {"existing_trail": {"bucket_name": "logs", "prefx": "a"}}},
            'audit.existing_trail.prefx: unknown key, got "a"; did you mean audit.existing_trail.prefix? '
            "(known here: bucket_name, files_key_arn, kms_key_arn, log_group_name, organization_id, prefix)",
        ),
        (
            {"audit": {"organization_id": "my-organization"}},
            'audit.organization_id: got "my-organization"; should be an organization id: o- and 10 to 32 lower-case '
            "letters and digits (make an organization trail, with this id in its keys. Default: a trail of the "
            "account)",
        ),
        (
            {"audit": {"management_account": "111122223333"}},
            'audit.management_account: got "111122223333"; should come with organization_id (the organization\'s '
            "management account, where the stack is a delegated administrator's. Default: the account itself)",
        ),
        (
            {"audit": {"existing_trail": {"bucket_name": "logs"}, "insights": {}}},
            "audit.insights: got {}; should be left out beside existing_trail, whose owner says what it is (let "
            "CloudTrail look for unusual rates, and alert on them; {} takes the defaults below)",
        ),
        (
            {"audit": {"data_events": [{"resource_type": "AWS::S3::Object"}]}},
            'audit.data_events.0: got {"resource_type": "AWS::S3::Object"}; should name resources by arns or '
            "arn_prefixes, or say all_of_type: data events are billed one by one (data events that the trail records, "
            "beside those of the sample's table)",
        ),
        (
            {"audit": {"data_events": [{"resource_type": "S3", "all_of_type": True}]}},
            'audit.data_events.0.resource_type: got "S3"; should be a resource type as CloudTrail names it, as '
            "AWS::S3::Object (the type of the resources, one that has data events)",
        ),
        (
            {"audit": {"data_events": [{"resource_type": "AWS::S3::Object", "arn_prefixes": ["arn:aws:s3:::logs*"]}]}},
            'audit.data_events.0.arn_prefixes.0: got "arn:aws:s3:::logs*"; should be an ARN without a wildcard, as '
            "arn:aws:s3:::my-bucket/ (how ARNs of the resources begin; of a bucket's objects, with the slash after its "
            "name)",
        ),
        (
            {"audit": {"data_events": [{"resource_type": "AWS::S3::Object", "all_of_typ": True}]}},
            "audit.data_events.0.all_of_typ: unknown key, got true; did you mean audit.data_events.0.all_of_type? "
            "(known here: all_of_type, arn_prefixes, arns, event_names, read_only, resource_type, "
            "without_arn_prefixes)",
        ),
        (
            {"audit": {"network_activity": [{"event_source": "s3"}]}},
            'audit.network_activity.0.event_source: got "s3"; should be a service as CloudTrail names it, as '
            "s3.amazonaws.com (the service that is called through endpoints)",
        ),
        (
            {"audit": {"insights": {"call_rate": False, "error_rate": False}}},
            'audit.insights: got {"call_rate": false, "error_rate": false}; should have call_rate, error_rate or '
            "both; leave insights out to have none (let CloudTrail look for unusual rates, and alert on them; {} takes "
            "the defaults below)",
        ),
        (
            {"audit": {"archive_after_days": 3000}},
            "audit.expire_after_days: got 2557; should be above archive_after_days, which is 3000 "
            "(days until trail files are deleted)",
        ),
        (
            {"audit": {"infrequent_after_days": 3000}},
            "audit.expire_after_days: got 2557; should be above infrequent_after_days, which is 3000 "
            "(days until trail files are deleted)",
        ),
        (
            {"audit": {"start_date": 20260101}},
            "audit.start_date: got 20260101; should be a valid date (first day that the lake's tables show)",
        ),
        (
            {"tracing": {"sampling_rate": float("nan")}},
            "tracing.sampling_rate: got NaN; should be a finite number "
            "(share of requests recorded beyond the reservoir)",
        ),
        (
            {"audit": {"regions": []}},
            "audit.regions: got []; should have at least 1 item (regions that the lake's tables show)",
        ),
        ({"sample": 3}, "sample: got 3; should be an object"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_a_wrong_setting_is_one_sentence_with_its_path_the_value_and_what_is_allowed(settings, said):
    assert complaint(settings) == said


def test_each_wrong_setting_has_a_line_of_its_own():
    said = complaint({"region": 1, "sample": {"enabled": 2}})
    assert [line.split(":")[0].strip() for line in said.splitlines()] == ["region", "sample.enabled"]


def test_a_long_wrong_value_is_cut():
    said = complaint({"tracing": ["x" * 500]})
    assert len(said) < 200
    assert "…" in said


def test_no_complaint_shows_a_regular_expression():
    wrong = "!" * 5
    trail = {"bucket_name": wrong, "prefix": "/", "organization_id": wrong, "kms_key_arn": wrong}
    said = complaint(
        {
            "name": wrong,
            "region": wrong,
            "account": wrong,
            "audit": {"existing_trail": trail, "accounts": [wrong], "regions": [wrong]},
            "detection": {"emails": [wrong], "api_calls": [wrong]},
            "sample": {"layer_arn": wrong},
        }
    )
    assert len(said.splitlines()) == 12
    assert "^" not in said
    assert "pattern" not in said


def test_what_the_command_line_gives_is_put_on_top_key_by_key():
    base = {"region": "eu-west-1", "tracing": {"sampling_rate": 0.5, "slow_seconds": 3}, "audit": {"enabled": False}}
    settings = read_settings(base, '{"tracing": {"sampling_rate": 0.1}, "audit": {"accounts": ["111122223333"]}}')
    assert settings.region == "eu-west-1"
    assert (settings.tracing.sampling_rate, settings.tracing.slow_seconds) == (0.1, 3)
    assert (settings.audit.enabled, settings.audit.accounts) == (False, ("111122223333",))


def test_a_list_given_on_the_command_line_replaces_the_list():
    base = {"detection": {"emails": ["a@b.example", "c@d.example"]}}
    assert read_settings(base, '{"detection": {"emails": ["e@f.example"]}}').detection.emails == ("e@f.example",)


def test_text_on_the_command_line_that_is_no_json_is_refused_with_an_example():
    said = complaint({}, "region=eu-west-1")
    assert said.startswith("-c raytrail='region=eu-west-1' is not JSON (")
    assert said.endswith("""write it as -c raytrail='{"region": "eu-west-1"}'""")


@pytest.mark.parametrize("value", ["[]", "3", '"eu-west-1"'])
def test_settings_that_are_no_object_are_refused(value):
    assert complaint(value).startswith("the settings (context.raytrail) are an object of sections, got ")


def test_the_context_of_cdk_json_has_what_the_cli_adds(tmp_path):
    file = tmp_path / "cdk.json"
    file.write_text('{"context": {"raytrail": {"region": "eu-west-1"}, "@aws-cdk/flag": false}}')
    assert read_context(file) == {
        "aws:cdk:enable-path-metadata": True,
        "aws:cdk:enable-asset-metadata": True,
        "raytrail": {"region": "eu-west-1"},
        "@aws-cdk/flag": False,
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot read cdk.json: No such file or directory; run from the folder that holds it"),
        ("{", "cdk.json is not JSON: "),
        ("[]", 'cdk.json is to be an object, with an object as its "context"'),
        ('{"context": 3}', 'cdk.json is to be an object, with an object as its "context"'),
    ],
)
def test_a_cdk_json_that_cannot_be_read_is_refused_in_words(tmp_path: Path, text, said):
    file = tmp_path / "cdk.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InvalidSettings) as refused:
        read_context(file)
    assert str(refused.value).startswith(said)


def test_the_committed_json_schema_is_current(root):
    committed = json.loads((root / "docs" / "settings.schema.json").read_text(encoding="utf-8"))
    assert committed == json_schema(), "run `make schema`"


def test_cdk_json_names_the_schema_and_keeps_to_it(root):
    document = json.loads((root / "cdk.json").read_text(encoding="utf-8"))
    assert (root / document["$schema"]).resolve() == root / "docs" / "settings.schema.json"
    jsonschema.Draft202012Validator.check_schema(json_schema())
    SCHEMA.validate(document)


@examples(max_examples=40)
@given(VALID)
def test_the_json_schema_takes_what_the_settings_take(wanted):
    assert SCHEMA.is_valid({"context": {"raytrail": wanted}})


@pytest.mark.parametrize(
    "wrong",
    [
        {"regoin": "eu-west-1"},
        {"region": "Ireland"},
        {"tracing": {"sampling_rate": 2}},
        {"audit": {"existing_trail": {}}},
        {"detection": {"log_retention_days": 31}},
    ],
    ids=json.dumps,
)
def test_the_json_schema_refuses_what_the_settings_refuse(wrong):
    complaint(wrong)
    assert not SCHEMA.is_valid({"context": {"raytrail": wrong}})


def test_each_setting_is_described_for_the_editor():
    for name, model in {"Settings": json_schema()["$defs"]["Settings"], **json_schema()["$defs"]}.items():
        for key, field in model["properties"].items():
            assert "description" in field or "$ref" in field, f"{name}.{key}"
