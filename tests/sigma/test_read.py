"""Reading rules: what is wrong is named with its file, its line and the reason."""

from __future__ import annotations

import warnings
from textwrap import dedent

import pytest
from tests.sigma.sigma_kit import written

from raytrail.sigma.compiler import InvalidRule, RuleWarning, read_rules

RULE = """\
title: A trail was stopped
name: trail_stopped
id: 8d1487f1-7664-4bda-83b5-cb2f79491b6a
description: Somebody stopped the trail.
level: high
tags:
  - attack.defense-evasion
  - attack.t1562.008
falsepositives:
  - Nobody does
next_steps:
  - Start it again
logsource:
  product: aws
  service: cloudtrail
detection:
  selection:
    eventSource: cloudtrail.amazonaws.com
    eventName: StopLogging
  condition: selection
"""
CORRELATION = """\
title: Many trails were stopped
name: trails_stopped
id: 8d1487f1-7664-4bda-83b5-cb2f79491b6b
level: high
correlation:
  type: event_count
  rules:
    - trail_stopped
  group-by:
    - userIdentity.arn
  timespan: 1h
  condition:
    gte: 3
"""


def problems(tmp_path, text, *, strict=False):
    path = written(tmp_path, "rule.yml", text)
    with pytest.raises(InvalidRule) as caught:
        read_rules([path], strict=strict)
    error = caught.value
    assert all(each.path == path for each in (error, *error.others))
    assert str(error).splitlines() == [f"{path}:{each.line}: {each.reason}" for each in (error, *error.others)]
    return [(each.line, each.reason) for each in (error, *error.others)]


def test_what_a_rule_says_about_itself_is_kept(tmp_path):
    (read,) = read_rules([written(tmp_path, "rule.yml", RULE)], strict=True)
    about = read.about
    assert (about.name, about.id, about.level) == ("trail_stopped", "8d1487f1-7664-4bda-83b5-cb2f79491b6a", "high")
    assert (about.techniques, about.tactics) == (("T1562.008",), ("defense-evasion",))
    assert (about.false_positives, about.next_steps, about.path) == (("Nobody does",), ("Start it again",), "rule.yml")
    assert about.own


CHANGES = {
    "an unknown modifier": ("eventName:", "eventName|contanis:", 19, "eventName|contanis: unknown modifier 'contanis'"),
    "a value that is a mapping": ("StopLogging", "{a: b}", 19, "eventName: unsupported type"),
    "an expression that is none": (
        "eventName: StopLogging",
        "eventName|re: '(['",
        19,
        "eventName|re: regular expression",
    ),
    "an expression that only some engines know": (
        "eventName: StopLogging",
        "eventName|re: '(?=Stop)'",
        19,
        "eventName|re: regular expression '(?=Stop)' is invalid: invalid perl operator: (?=",
    ),
    "a network that is none": ("eventName: StopLogging", "x|cidr: 10.0.0.300/8", 19, "x|cidr: invalid CIDR expression"),
    "a selection that is not there": ("condition: selection", "condition: other", 20, "detection 'other' not defined"),
    "a condition that cannot be parsed": (
        "condition: selection",
        "condition: selection and",
        20,
        "cannot be read from character 14 on",
    ),
    "a condition that is no text": ("condition: selection", "condition: 1", 20, "the condition is a text"),
    "no condition": ("  condition: selection\n", "", 16, "must contain at least one condition"),
    "a level that is none": ("level: high", "level: severe", 5, "'severe' is not a valid Sigma rule level"),
    "an id that is none": ("8d1487f1-7664-4bda-83b5-cb2f79491b6a", "one", 3, "identifier must be an UUID"),
    "an id that is a number": ("8d1487f1-7664-4bda-83b5-cb2f79491b6a", "12345", 3, "id is a UUID, got 12345"),
    "a date that is in no calendar": ("level: high", "date: 2024-13-77", 5, "'2024-13-77' is no date: month must be"),
    "no title": ("title: A trail was stopped\n", "", 1, "must have a title"),
    "another product": ("product: aws", "product: azure", 13, "log source is product azure, service cloudtrail"),
    "another service": ("  service: cloudtrail\n", "", 13, "log source is product aws; only product aws, service"),
    "no log source": ("logsource:\n  product: aws\n  service: cloudtrail\n", "", 1, "must have a log source"),
    "a key twice": (
        "    eventName: StopLogging\n",
        "    eventName: a\n    eventName: b\n",
        20,
        "key 'eventName' is there twice",
    ),
    "YAML that is none": ("  condition: selection", "  condition: [", 21, "not YAML"),
    "a character that YAML does not allow": ("title:", "title: \x07", 1, "not YAML"),
    "a sentence with a colon": ("  - Nobody does", "  - Nobody: ever", 10, "put one with a colon into quotes"),
    "steps that are no list": (
        "next_steps:\n  - Start it again",
        "next_steps: Start it",
        11,
        "next_steps is a list of sentences",
    ),
    "a tag without a namespace": ("attack.t1562.008", "t1562", 8, "tag must start with namespace"),
    "an action of old": ("title:", "action: global\ntitle:", 1, "actions left Sigma with version 2"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_wrong_is_named_with_its_line(tmp_path, change):
    old, new, line, reason = CHANGES[change]
    assert old in RULE
    ((found_line, found_reason),) = problems(tmp_path, RULE.replace(old, new, 1))
    assert reason in found_reason
    assert found_line == line


def test_a_wrong_expression_is_told_by_us_alone(tmp_path, capfd):
    """RE2's library writes to the file descriptor of standard error, past Python."""
    problems(tmp_path, RULE.replace("eventName:", "eventName|re: '(?=a)' #"))
    assert capfd.readouterr() == ("", "")


STRICT = {
    "a field that is spelled otherwise": (
        "eventName:",
        "EventName:",
        19,
        "no field 'EventName' at the top of its records; did you mean 'eventName'?",
    ),
    "a field with a letter left out": ("eventName:", "eventNam|startswith:", 19, "did you mean 'eventName'?"),
    "a field of the event around the record": (
        "eventName:",
        "detail.eventName:",
        19,
        "no field 'detail' at the top of its records; did you mean 'eventName'?",
    ),
    "a field that is like none": ("eventName:", "zzz.x:", 19, "no field 'zzz' at the top of its records"),
    "a part of a field that is spelled otherwise": (
        "eventName:",
        "userIdentity.ARN:",
        19,
        "no field 'userIdentity.ARN'; it is spelled 'userIdentity.arn'",
    ),
    "another field that is spelled otherwise": (
        "eventName: StopLogging",
        "requestParameters.x|fieldref: AwsRegion",
        19,
        "did you mean 'awsRegion'?",
    ),
    "a technique that ATT&CK does not have": ("attack.t1562.008", "attack.t1999", 8, "no technique of ATT&CK 18.1"),
    "a tactic that ATT&CK does not have": ("attack.defense-evasion", "attack.defence", 7, "no tactic of ATT&CK 18.1"),
    "a technique without a tactic of its own": (
        "attack.defense-evasion",
        "attack.impact",
        8,
        "add attack.defense-evasion",
    ),
    "a name with capitals": ("name: trail_stopped", "name: TrailStopped", 2, "name is short and in snake_case"),
    "no name": ("name: trail_stopped\n", "", 1, "name is short and in snake_case"),
    "no level": ("level: high\n", "", 1, "level is missing"),
    "no id": ("id: 8d1487f1-7664-4bda-83b5-cb2f79491b6a\n", "", 1, "id is missing"),
    "nothing to do next": ("next_steps:\n  - Start it again\n", "", 1, "next_steps is missing"),
    "no technique": ("  - attack.t1562.008\n", "", 6, "is tagged with its technique"),
}


@pytest.mark.parametrize("change", STRICT)
def test_the_catalogue_asks_more_of_its_rules(tmp_path, change):
    old, new, line, reason = STRICT[change]
    (found_line, found_reason), *_ = problems(tmp_path, RULE.replace(old, new, 1), strict=True)
    assert reason in found_reason
    assert found_line == line
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuleWarning)
        assert read_rules([written(tmp_path, "foreign.yml", RULE.replace(old, new, 1))])


def test_a_technique_that_is_not_known_is_a_warning_for_the_rule_of_another(tmp_path):
    path = written(tmp_path, "rule.yml", RULE.replace("t1562.008", "t1999"))
    with pytest.warns(RuleWarning, match=r"rule\.yml:8: tag 'attack\.t1999' is no technique"):
        (read,) = read_rules([path])
    assert read.about.techniques == ()


def test_tags_of_groups_software_and_other_namespaces_are_let_be(tmp_path):
    text = RULE.replace(
        "  - attack.t1562.008", "  - attack.T1562.008\n  - attack.g0016\n  - attack.s0002\n  - cve.2024-1"
    )
    (read,) = read_rules([written(tmp_path, "rule.yml", text)], strict=True)
    assert read.about.techniques == ("T1562.008",)


def test_a_tactic_may_be_written_with_an_underscore(tmp_path):
    text = RULE.replace("attack.defense-evasion", "attack.defense_evasion")
    (read,) = read_rules([written(tmp_path, "rule.yml", text)], strict=True)
    assert read.about.tactics == ("defense-evasion",)


def test_all_problems_of_all_files_are_named_at_once(tmp_path):
    written(tmp_path, "a.yml", RULE.replace("high", "severe"))
    written(tmp_path, "b.yml", RULE + "---\n" + RULE.replace("condition: selection", "condition: other"))
    written(tmp_path, "c.yaml", "- a list")
    with pytest.raises(InvalidRule) as caught:
        read_rules([tmp_path])
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        f"{tmp_path}/a.yml:5",
        f"{tmp_path}/b.yml:41",
        f"{tmp_path}/c.yaml:1",
    ]


@pytest.mark.parametrize("what", ["a missing file", "an empty folder", "bytes"])
def test_paths_without_rules_are_refused(tmp_path, what):
    path = tmp_path / "rules.yml"
    if what == "an empty folder":
        path.mkdir()
    elif what == "bytes":
        path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidRule, match=r"cannot be read|holds no|not UTF-8"):
        read_rules([path])


def test_rules_of_others_without_name_level_or_id_get_them(tmp_path):
    text = dedent("""\
        title: A rule
        logsource: {product: aws, service: cloudtrail}
        detection: {selection: {eventName: StopLogging}, condition: selection}
        """)
    one, two = read_rules([written(tmp_path, "AWS-Stop.logging.yml", text + "---\n" + text)])
    assert (one.about.name, two.about.name) == ("aws_stop_logging", "aws_stop_logging_2")
    assert one.about.level == "medium"
    assert one.about.id != two.about.id
    assert read_rules([tmp_path])[0].about.id == one.about.id


@pytest.mark.parametrize(("key", "line"), [("name", 22), ("id", 23)])
def test_two_rules_may_not_share_a_name_or_an_id(tmp_path, key, line):
    other = RULE.replace("trail_stopped", "another") if key == "id" else RULE.replace("b6a", "b6f")
    ((found, reason),) = problems(tmp_path, RULE + "---\n" + other)
    assert f"is also that of {tmp_path}/rule.yml:1" in reason
    assert found == {"name": 23, "id": 24}[key]


def test_a_correlation_finds_its_rules_in_any_file_by_their_names_here(tmp_path):
    written(tmp_path, "z.yml", RULE.replace("name: trail_stopped", "name: Trail-Stopped"))
    written(tmp_path, "a.yml", CORRELATION.replace("- trail_stopped", "- Trail-Stopped"))
    correlation, base = read_rules([tmp_path])
    assert base.about.name == "trail_stopped"
    assert [reference.rule.name for reference in correlation.rule.rules] == ["trail_stopped"]
    assert correlation.about.own
    assert not base.about.own


def test_a_rule_stays_its_own_where_the_correlation_says_so(tmp_path):
    text = RULE + "---\n" + CORRELATION.replace("  type:", "  generate: true\n  type:")
    assert [read.about.own for read in read_rules([written(tmp_path, "rule.yml", text)])] == [True, True]


WRONG_CORRELATIONS = {
    "an unknown rule": ("- trail_stopped", "- other", 7, "rule 'other' not found"),
    "an unknown type": ("event_count", "counting", 6, "'counting' is no valid Sigma correlation type"),
    "a time that is none": ("timespan: 1h", "timespan: soon", 11, "timespan 'soon' is invalid"),
    "a condition that is none": ("    gte: 3", "    more: 3", 12, "must have exactly one condition item"),
    "no condition": ("  condition:\n    gte: 3\n", "", 5, "without condition"),
    "a field to group by that is spelled otherwise": (
        "userIdentity.arn",
        "userIdentity.ARN",
        9,
        "it is spelled 'userIdentity.arn'",
    ),
    "a field to count that no record has": (
        "    gte: 3",
        "    gte: 3\n    field: EventName",
        12,
        "no field 'EventName'",
    ),
}


@pytest.mark.parametrize("change", WRONG_CORRELATIONS)
def test_what_is_wrong_with_a_correlation_is_named_with_its_line(tmp_path, change):
    old, new, line, reason = WRONG_CORRELATIONS[change]
    found = problems(tmp_path, CORRELATION.replace(old, new) + "---\n" + RULE)
    assert reason in found[0][1].lower() or reason in found[0][1]
    assert found[0][0] == line


def test_a_filter_narrows_the_rules_that_it_names(tmp_path):
    text = dedent("""\
        title: Not the deployer
        logsource: {product: aws, service: cloudtrail}
        filter:
          rules: [trail_stopped]
          deployer: {userIdentity.userName: deployer}
          condition: not deployer
        """)
    (read,) = read_rules([written(tmp_path, "rule.yml", RULE + "---\n" + text)])
    (condition,) = read.rule.detection.condition
    assert condition.startswith("(selection) and (not ")


def test_a_filter_of_ours_asks_for_fields_that_records_have(tmp_path):
    text = dedent("""\
        title: Not the deployer
        logsource: {product: aws, service: cloudtrail}
        filter:
          rules: [trail_stopped]
          deployer: [{useridentity.userName: deployer}]
          condition: not deployer
        """)
    ((line, reason),) = problems(tmp_path, RULE + "---\n" + text, strict=True)
    assert "did you mean 'userIdentity'?" in reason
    assert line == 26


def test_reading_asks_nothing_of_the_network(tmp_path, monkeypatch):
    """pySigma has a loader that downloads ATT&CK when it is asked for a tag."""
    import socket

    def refuse(*args, **kwargs):
        raise AssertionError(f"a connection to {args}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    read_rules([written(tmp_path, "rule.yml", RULE)], strict=True)
