"""From files to compiled rules: both engines, and what neither can say."""

from __future__ import annotations

import subprocess
import sys
import warnings

import pytest
from tests.sigma.sigma_kit import written
from tests.sigma.test_read import CORRELATION, RULE

from raytrail.sigma import Call
from raytrail.sigma._store import from_json
from raytrail.sigma.compiler import InvalidRule, RuleWarning, compile_rules, main

SELECTION = "    eventName: StopLogging\n"


def with_item(item):
    return RULE.replace(SELECTION, f"{SELECTION}    {item}\n")


def test_a_rule_is_compiled_for_both_engines(tmp_path):
    (rule,) = compile_rules([written(tmp_path, "rule.yml", RULE)], strict=True)
    (pattern,) = rule.patterns
    assert pattern["detail"] == {"eventSource": ["cloudtrail.amazonaws.com"], "eventName": ["StopLogging"]}
    assert rule.predicate is not None
    assert "StopLogging" in rule.predicate
    assert rule.calls == (Call("cloudtrail.amazonaws.com", "StopLogging"),)
    assert (rule.eventbridge_reason, rule.athena_reason) == (None, None)


def test_what_one_engine_cannot_say_is_left_to_the_other_with_the_reason(tmp_path):
    (rule,) = compile_rules([written(tmp_path, "rule.yml", with_item("userAgent|re: a.b"))], strict=True)
    assert rule.patterns == ()
    assert rule.eventbridge_reason is not None
    assert "userAgent: EventBridge has no regular expressions" in rule.eventbridge_reason
    assert rule.predicate is not None
    assert rule.calls == (Call("cloudtrail.amazonaws.com", "StopLogging"),)


def test_that_only_athena_takes_a_rule_of_another_is_a_warning(tmp_path):
    path = written(tmp_path, "rule.yml", with_item("userAgent|re: a.b"))
    with pytest.warns(RuleWarning, match=r"rule\.yml: trail_stopped: only Athena can express the rule"):
        compile_rules([path], strict=False)


def test_what_neither_engine_can_say_is_named_with_both_reasons(tmp_path):
    path = written(tmp_path, "rule.yml", with_item("userAgent|expand: '%agents%'"))
    with pytest.raises(InvalidRule) as caught:
        compile_rules([path], strict=False)
    for said in ("neither engine can express it", "EventBridge: userAgent: placeholder %agents%", "Athena: "):
        assert said in caught.value.reason
    assert caught.value.line == 16


def test_that_only_eventbridge_takes_a_rule_of_another_is_a_warning(tmp_path):
    path = written(tmp_path, "rule.yml", with_item("userIdentity.nick: bob"))
    with pytest.warns(RuleWarning, match=r"trail_stopped: only EventBridge can express .* has no part 'nick'"):
        (rule,) = compile_rules([path], strict=False)
    assert rule.patterns
    assert rule.predicate is None


DOUBTFUL = {
    "responseElements.credentials|exists: true": "where responseElements.credentials holds an object",
    "responseElements.credentials|exists: false": "where responseElements.credentials holds an object",
    "requestParameters.policy: null": "where requestParameters.policy holds an object",
    "additionalEventData.x: '*'": "where additionalEventData.x holds an object",
    "requestParameters.tags|exists: true": "where requestParameters.tags holds an object",
    "requestParameters.maxResults|gt: 5": "where CloudTrail writes requestParameters.maxResults as a text",
}


@pytest.mark.parametrize("item", DOUBTFUL)
def test_what_the_engines_may_answer_differently_is_a_warning_for_the_rule_of_another(tmp_path, item):
    path = written(tmp_path, "rule.yml", with_item(item))
    with pytest.warns(RuleWarning, match=f"trail_stopped: {DOUBTFUL[item]}") as said:
        compile_rules([path], strict=False)
    assert len(said) == 1


def test_fields_of_one_doubt_are_named_in_one_warning(tmp_path):
    path = written(tmp_path, "rule.yml", with_item("requestParameters.a: null\n    requestParameters.b: '*'"))
    with pytest.warns(RuleWarning, match=r"where requestParameters\.a, requestParameters\.b holds") as said:
        compile_rules([path], strict=False)
    assert len(said) == 1


@pytest.mark.parametrize(
    "item",
    [
        "errorCode: null",
        "userIdentity.sessionContext.sessionIssuer.arn|exists: true",
        "requestParameters.resourcesVpcConfig.publicAccessCidrs: null",
        "requestParameters.name: '5'",
    ],
)
def test_what_both_engines_answer_alike_is_no_warning(tmp_path, item):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuleWarning)
        compile_rules([written(tmp_path, "rule.yml", with_item(item))], strict=False)


@pytest.mark.parametrize("strict", [True, False])
def test_a_rule_that_nothing_can_match_is_refused(tmp_path, strict):
    text = RULE.replace("condition: selection", "other:\n    eventName: StartLogging\n  condition: all of them")
    with pytest.raises(InvalidRule) as caught:
        compile_rules([written(tmp_path, "rule.yml", text)], strict=strict)
    assert caught.value.reason == "its conditions exclude each other: no event can match"
    assert caught.value.line == 16


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("eventName:", "EventName:", "no field 'EventName' at the top of its records; did you mean 'eventName'?"),
        ("eventName:", "detail.eventName:", "no field 'detail' at the top of its records; did you mean 'eventName'?"),
        ("eventName: StopLogging", "status|contains: success", "no field 'status' at the top of its records"),
    ],
)
def test_a_rule_of_another_that_a_strange_field_keeps_from_matching_is_refused_at_its_line(tmp_path, old, new, reason):
    with pytest.raises(InvalidRule) as caught:
        compile_rules([written(tmp_path, "rule.yml", RULE.replace(old, new, 1))], strict=False)
    assert reason in caught.value.reason
    assert caught.value.line == 19


@pytest.mark.parametrize(
    "selections",
    [
        "  unused:\n    src_ip: 10.0.0.1\n  condition: selection",
        "  strange:\n    src_user: terraform\n  condition: selection and not strange",
        "  strange:\n    - src_user: root\n    - eventName: StopLogging\n  condition: selection and strange",
        "  strange:\n    src_user: null\n  condition: selection and strange",
    ],
)
def test_a_rule_of_another_that_matches_without_a_strange_field_is_compiled(tmp_path, selections):
    path = written(tmp_path, "rule.yml", RULE.replace("  condition: selection", selections))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        (rule,) = compile_rules([path], strict=False)
    (pattern,) = rule.patterns
    assert pattern["detail"] == {"eventSource": ["cloudtrail.amazonaws.com"], "eventName": ["StopLogging"]}
    warned = [str(each.message) for each in said]
    # A selection that the condition does not name is asked by nobody.
    assert ("src_user" in "".join(warned)) is ("strange" in selections), warned


def test_what_is_missing_cannot_be_there(tmp_path):
    path = written(tmp_path, "rule.yml", with_item("errorCode: null\n    errorCode|exists: true"))
    with pytest.raises(InvalidRule, match="its conditions exclude each other"):
        compile_rules([path], strict=False)


def test_what_eventbridge_cannot_say_does_not_hide_that_nothing_can_match(tmp_path):
    path = written(tmp_path, "rule.yml", with_item("userAgent|re: a.b\n    eventName|startswith: Start"))
    with pytest.raises(InvalidRule, match="its conditions exclude each other"):
        compile_rules([path], strict=False)


def test_two_values_of_what_may_be_a_list_exclude_each_other_for_eventbridge_alone(tmp_path):
    path = written(tmp_path, "rule.yml", with_item("responseElements.kind|all: [a, b]"))
    (rule,) = compile_rules([path], strict=True)
    assert rule.eventbridge_reason == "its conditions exclude each other in all but lists of values"
    assert rule.predicate is not None


def test_a_base_rule_of_a_correlation_is_compiled_too(tmp_path):
    """pySigma gives out nothing for rules that only correlations use."""
    base, many = compile_rules([written(tmp_path, "rule.yml", RULE + "---\n" + CORRELATION)], strict=False)
    assert not base.own
    assert len(base.patterns) == 1
    assert many.correlation is not None
    assert many.correlation.rules == ("trail_stopped",)
    assert many.eventbridge_reason is not None
    assert (many.patterns, many.predicate) == ((), None)


def test_a_correlation_that_athena_cannot_run_is_named(tmp_path):
    text = CORRELATION.replace("event_count", "value_avg").replace("gte: 3", "gte: 3\n    field: userAgent")
    with pytest.raises(InvalidRule) as caught:
        compile_rules([written(tmp_path, "rule.yml", text + "---\n" + RULE)], strict=False)
    assert caught.value.line == 5


def test_the_command_writes_the_compiled_rules_beside_them(tmp_path, capsys):
    path = written(tmp_path, "rule.yml", RULE)
    assert main(tmp_path) == 0
    assert capsys.readouterr().out == "1 rules: 1 for EventBridge, 1 for Athena, 0 correlations\n"
    assert from_json((tmp_path / "compiled.json").read_text()) == compile_rules([path], strict=True)


def test_the_command_names_what_is_wrong_and_writes_nothing(tmp_path, capsys):
    written(tmp_path, "rule.yml", RULE.replace("level: high", "level: severe"))
    assert main(tmp_path) == 1
    assert "rule.yml:5: 'severe' is not a valid Sigma rule level" in capsys.readouterr().err
    assert not (tmp_path / "compiled.json").exists()


def test_reading_the_catalogue_needs_neither_pysigma_nor_the_cdk():
    code = (
        "import sys, raytrail.sigma._store as store; store.catalog();"
        " print(*{'sigma', 'yaml', 'aws_cdk', 'boto3'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
