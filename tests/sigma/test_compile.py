"""From files to compiled rules: both engines, and what neither can say."""

from __future__ import annotations

import subprocess
import sys

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


def test_a_rule_that_matches_nothing_is_no_pattern(tmp_path):
    text = RULE.replace("condition: selection", "other:\n    eventName: StartLogging\n  condition: all of them")
    (rule,) = compile_rules([written(tmp_path, "rule.yml", text)], strict=True)
    assert rule.eventbridge_reason == "its conditions exclude each other: nothing matches"
    assert rule.calls == ()


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
    text = CORRELATION.replace("event_count", "value_avg").replace("gte: 3", "gte: 3\n    field: x")
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
