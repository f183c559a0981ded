"""What the detections match, by a matcher of event patterns that this project did not write: that of ministack.

``events:TestEventPattern`` of the embedded AWS is ministack's own and nothing here extends it. Records are of our own
(`tests.detection.records`), and real ones where the folder of real CloudTrail records is.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from tests.detection.records import BY_ID, CASES, Case, Json, altered, call, event
from tests.synth import bare_stack, only, template_of

from raytrail.detection import DETECTIONS, GLOBAL_REGION, Detection, GlobalEventForwarder

pytestmark = pytest.mark.local

Matches = Callable[[Json, Json], bool]


@pytest.fixture(scope="module")
def matches(local_aws) -> Matches:
    """Whether an event matches an event pattern."""
    client = local_aws.client("events")
    return lambda pattern, event: client.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))[
        "Result"
    ]


@pytest.fixture(scope="module")
def hits(matches: Matches) -> Callable[[Json], set[str]]:
    """The ids of the detections that match a record."""
    return lambda record: {each.id for each in DETECTIONS if matches(each.pattern(), event(record))}


def label(case: Case) -> str:
    return f"{case.detection.id}-{case.seen['eventName']}"


@pytest.mark.parametrize("case", CASES, ids=label)
def test_a_detection_sees_what_it_is_for(matches, case):
    assert matches(case.detection.pattern(), event(case.seen))


@pytest.mark.parametrize(
    ("case", "path"),
    [pytest.param(case, path, id=f"{label(case)}-{path}") for case in CASES for path in case.near_misses],
)
def test_a_detection_passes_over_what_differs_in_one_field(matches, case, path):
    near_miss = altered(case.seen, path, case.near_misses[path])
    assert not matches(case.detection.pattern(), event(near_miss))


def test_each_detection_has_a_case():
    assert {case.detection.id for case in CASES} == set(BY_ID)


@pytest.mark.parametrize("spelled", ["AWS Console Signin via CloudTrail", "AWS Console Sign In via CloudTrail"])
def test_sign_ins_are_seen_in_both_spellings_of_their_kind(matches, spelled):
    (case,) = [case for case in CASES if case.detection.id == "SignInWithoutMfa"]
    assert matches(case.detection.pattern(), event(case.seen, **{"detail-type": spelled}))


@pytest.mark.parametrize("case", CASES, ids=label)
def test_an_event_that_somebody_put_on_the_bus_is_passed_over(matches, case):
    assert not matches(case.detection.pattern(), event(case.seen, source="my.application"))


def test_a_call_is_seen_under_its_plain_name_and_no_other(matches):
    pattern = Detection.of_api_call("dynamodb:DeleteTable").pattern()
    assert matches(pattern, event(call("dynamodb", "DeleteTable")))
    assert not matches(pattern, event(call("dynamodb", "DeleteTableReplica")))


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("UpdateFunctionCode", True),
        ("UpdateFunctionCode20150331", True),
        ("UpdateFunctionCode20150331v2", True),
        ("UpdateFunctionCodeSigningConfig", False),
        ("UpdateFunctionConfiguration20150331v2", False),
    ],
)
def test_a_call_to_lambda_is_seen_with_the_date_of_its_api(matches, name, seen):
    assert matches(Detection.of_api_call("lambda:UpdateFunctionCode").pattern(), event(call("lambda", name))) is seen


@pytest.fixture(scope="module")
def forwarded(context, matches) -> Callable[[Json], bool]:
    """Whether the forwarder in us-east-1 takes the event of a record."""
    stack = bare_stack(context, region=GLOBAL_REGION)
    GlobalEventForwarder(stack, "Forwarder", home_region="eu-west-1")
    pattern = only(template_of(stack), "AWS::Events::Rule")["EventPattern"]
    return lambda record: matches(pattern, event(record))


@pytest.mark.parametrize("id", ["AccessKeyCreated", "AdminPolicyAttached", "SignInWithoutMfa"])
def test_what_happens_in_us_east_1_alone_is_forwarded(forwarded, id):
    assert all(forwarded(case.seen) for case in CASES if case.detection.id == id)


@pytest.mark.parametrize("service", ["organizations", "route53", "cloudfront", "iam"])
def test_calls_to_each_global_service_are_forwarded(forwarded, service):
    assert forwarded(call(service, "TagResource"))


@pytest.mark.parametrize("service", ["ec2", "s3", "cloudtrail", "dynamodb", "kms"])
def test_calls_to_a_service_that_is_in_each_region_stay_there(forwarded, service):
    assert not forwarded(call(service, "TagResource"))


def rows(folder: Path, name: str) -> Iterable[Json]:
    with gzip.open(folder / f"{name}.ndjson.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def test_the_detonated_techniques_that_the_nine_are_for_are_seen(hits, attack_logs):
    """Of the attacks of Stratus Red Team that the folder has, at the records that define them."""
    seen: dict[str, set[str]] = {}
    for row in rows(attack_logs, "stratus"):
        if row["key"]:
            seen.setdefault(row["technique"], set()).update(hits(row["record"]))
    found = {technique: ids for technique, ids in seen.items() if ids}
    assert found == {
        "aws.defense-evasion.cloudtrail-event-selectors": {"TrailTampering"},
        "aws.exfiltration.ec2-security-group-open-port-22-ingress": {"SecurityGroupOpened"},
        "aws.initial-access.console-login-without-mfa": {"SignInWithoutMfa"},
    }


def test_an_overwritten_function_of_a_detonated_attack_is_seen_by_one_line(matches, attack_logs):
    detection = Detection.of_api_call("lambda:UpdateFunctionCode")
    (record,) = [
        row["record"]
        for row in rows(attack_logs, "stratus")
        if row["key"] and row["technique"] == "aws.persistence.lambda-overwrite-code"
    ]
    assert matches(detection.pattern(), event(record))


OF_OURS = {
    "AWS.CloudTrail.EventSelectorsDisabled": "TrailTampering",
    "AWS.Console.RootLogin": "RootUse",
    "AWS.Console.LoginWithoutMFA": "SignInWithoutMfa",
    "AWS.KMS.CustomerManagedKeyLoss": "KmsKeyDeletion",
}
"""Public rules that ask for what a detection of ours asks for."""


@pytest.mark.parametrize("rule", OF_OURS)
def test_cases_that_must_alert_by_a_public_rule_of_the_same_kind_are_seen(hits, attack_logs, rule):
    wanted = [row["record"] for row in rows(attack_logs, "panther_cases") if row["rule_id"] == rule and row["expected"]]
    assert wanted
    assert all(OF_OURS[rule] in hits(record) for record in wanted)


HIGH = [each for each in DETECTIONS if each.level == "high"]


def any_of(detections: Iterable[Detection]) -> Json:
    """One pattern of several detections: hundreds of records are asked about at once."""
    patterns = [each.pattern() for each in detections]
    kinds = [{key: pattern[key] for key in ("detail-type", "detail")} for pattern in patterns]
    return {"source": [{"prefix": "aws."}], "$or": kinds}


@pytest.mark.parametrize("case", [case for case in CASES if case.detection in HIGH], ids=label)
def test_a_pattern_of_several_detections_sees_what_each_sees(matches, case):
    assert matches(any_of(HIGH), event(case.seen))


@pytest.mark.parametrize("name", ["benign_admin_invictus_warmup_a", "grycap_2017_account"])
def test_ordinary_days_of_an_account_raise_no_alert_of_level_high(matches, attack_logs, name):
    """No exception is named: there is none. A false positive that turns up here is one a user would live with."""
    pattern = any_of(HIGH)
    alerts = [record["eventName"] for record in rows(attack_logs, name) if matches(pattern, event(record))]
    assert alerts == []
