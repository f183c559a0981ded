"""The gate of the catalogue: each rule sees what it is for and nothing beside it, on both engines.

The records are of our own (`tests/detection/records`, read by `tests.detection.record_kit`); a near miss differs from a
match in one field. EventBridge is judged by ministack's matcher, which is not ours, and Athena by the statements that a
lake would be asked, run by the embedded Athena.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from sigma.collection import SigmaCollection
from sigma.validation import SigmaValidator
from sigma.validators.core import validators
from sigma.validators.core.values import ControlCharacterIssue, EscapedWildcardIssue, NumberAsStringIssue
from tests.detection import record_kit
from tests.detection.engines import athena_answers, eventbridge_sees, on_day
from tests.detection.everyday import EVERYDAY
from tests.detection.mutation_kit import CATALOG
from tests.replay.matcher import refusal

from raytrail.sigma import ACTOR, ALERTING, LEVELS, CompiledRule, attack, catalog

RULES = {rule.name: rule for rule in catalog()}
# A rule without records fails one test by name, and not each of the others.
RECORDED = {name: RULES[name] for name in record_kit.names() if name in RULES}
SINGLE = [name for name, rule in RECORDED.items() if rule.correlation is None]
CORRELATIONS = [name for name, rule in RECORDED.items() if rule.correlation is not None]
SENT = [name for name in SINGLE if RULES[name].patterns]

MAX_PATTERN = 2048
"""https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html"""
MAX_WILDCARD_RULES = 15
"""Of the 30 rules with wildcards that a bus may have, on the same page; a rule's own may be half of them."""

TOLD_APART = {
    "trail_narrowed": "of the changes of a trail that trail_tampering reports, those after which it records less",
}
"""Rules that see nothing alone, with what they are for."""

BY_SESSION = {
    "instance_credentials_in_two_places": "the credentials of one machine are its session",
    "sign_ins_from_many_places": "a federated sign-in is a person's by the session alone",
}
"""Correlations that mean a session, and not whoever is behind it, with why."""

TEMPLATES = Path(__file__).parents[1] / "stacks" / "__snapshots__" / "test_templates"
"""The golden templates of the kit."""
OF_THE_KIT = ("alerting_silenced", "alarms_silenced")
"""Rules that know the kit's own resources by parts of their names."""


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> dict[str, set[str]]:
    """The ids of the records, those of all the rules together, that each rule reports on Athena."""
    loaded = [record_kit.load(name) for name in SINGLE]
    records = [each.record for rule in loaded for each in (*rule.matches, *rule.near_misses)]
    return athena_answers([RULES[name] for name in SINGLE], [*records, *EVERYDAY], tmp_path_factory.mktemp("records"))


@pytest.fixture(scope="module")
def completed(tmp_path_factory) -> dict[str, tuple[list[bool], list[bool]]]:
    """Of each correlation, whether Athena reports an event of each of its sequences, and of each near one."""
    events, ids, day = [], {}, 0
    for name in CORRELATIONS:
        loaded = record_kit.load(name)
        ids[name] = ([], [])
        for kind, sequences in enumerate((loaded.sequences, [each.events for each in loaded.near_sequences])):
            for sequence in sequences:
                # No window of a rule reaches from one sequence to the next.
                moved = on_day(sequence, day := day + 3)
                events += moved
                ids[name][kind].append({event["eventID"] for event in moved})
    found = athena_answers(
        [RULES[name] for name in CORRELATIONS], events, tmp_path_factory.mktemp("sequences"), among=RULES.values()
    )
    return {
        name: tuple([bool(found[name] & sequence) for sequence in sequences] for sequences in both)
        for name, both in ids.items()
    }


def test_each_rule_has_records_and_no_records_are_without_a_rule():
    assert record_kit.names() == sorted(RULES)


@pytest.mark.parametrize("name", SENT)
def test_eventbridge_sees_what_a_rule_is_for_and_nothing_beside_it(name):
    records = record_kit.load(name)
    missed = [each.record for each in records.matches if not eventbridge_sees(RULES[name], each.record)]
    wrong = [(each.path, each.why) for each in records.near_misses if eventbridge_sees(RULES[name], each.record)]
    assert (missed, wrong) == ([], [])


@pytest.mark.parametrize("name", SINGLE)
def test_athena_sees_what_a_rule_is_for_and_nothing_beside_it(answers, name):
    records, found = record_kit.load(name), answers[name]
    missed = [each.record for each in records.matches if each.record["eventID"] not in found]
    wrong = [(each.path, each.why) for each in records.near_misses if each.record["eventID"] in found]
    assert (missed, wrong) == ([], [])


@pytest.mark.parametrize("name", CORRELATIONS)
def test_athena_sees_the_sequences_of_a_correlation_and_none_that_lacks_something(completed, name):
    near = record_kit.load(name).near_sequences
    whole, lacking = completed[name]
    assert all(whole)
    assert [each.change for each, seen in zip(near, lacking, strict=True) if seen] == []


def test_a_new_session_for_each_call_hides_nobody_and_another_role_is_somebody_else(tmp_path):
    """Every sequence of a correlation by actor: each call in a session of its own, of one role or of as many roles."""
    by_actor = [name for name in CORRELATIONS if ACTOR in RULES[name].correlation.group_by]
    events, ids, day = [], {}, 0
    for name in by_actor:
        for sequence, one_role in itertools.product(record_kit.load(name).sequences, (True, False)):
            day += 3
            moved = [
                _in_session(event, "deploy" if one_role else f"role-{number}", f"session-{number}")
                for number, event in enumerate(on_day(sequence, day))
            ]
            events += moved
            # What one call is enough for, it is under any session.
            seen = one_role or len(sequence) == 1
            ids.setdefault(name, []).append((seen, {event["eventID"] for event in moved}))
    found = athena_answers([RULES[name] for name in by_actor], events, tmp_path, among=RULES.values())
    wrong = [
        name for name, asked in ids.items() for expected, sequence in asked if bool(found[name] & sequence) != expected
    ]
    assert len(by_actor) >= 20
    assert wrong == []


def test_correlations_by_session_are_those_that_mean_one():
    by_session = [name for name in CORRELATIONS if "userIdentity.arn" in RULES[name].correlation.group_by]
    assert set(by_session) == set(BY_SESSION)


def _in_session(event: record_kit.Json, role: str, session: str) -> record_kit.Json:
    # The type stays: some rules ask for it, and none of what is grouped by.
    identity = {
        **event["userIdentity"],
        "arn": f"arn:aws:sts::111122223333:assumed-role/{role}/{session}",
        "sessionContext": {"sessionIssuer": {"type": "Role", "arn": f"arn:aws:iam::111122223333:role/{role}"}},
    }
    return {**event, "userIdentity": identity}


def test_each_rule_sees_something_that_it_alone_sees(answers):
    """Of the rules that tell somebody: a record of its own that no other such rule of its level or above reports."""
    loud = {name: LEVELS.index(RULES[name].level) for name in SINGLE if RULES[name].alerts}
    seen_by = {name: {other for other, level in loud.items() if other != name and level >= loud[name]} for name in loud}
    covered = {
        name
        for name, others in seen_by.items()
        if all(
            any(each.record["eventID"] in answers[other] for other in others) for each in record_kit.load(name).matches
        )
    }
    assert covered == set(TOLD_APART)


def test_each_rule_about_single_events_can_be_asked_of_athena():
    assert {name: RULES[name].athena_reason for name in SINGLE if RULES[name].predicate is None} == {}


@pytest.mark.parametrize("of", ["id", "name", "title"])
def test_no_two_rules_share_a_word_that_tells_them_apart(of):
    counted = Counter(getattr(rule, of) for rule in RULES.values())
    assert [value for value, count in counted.items() if count > 1] == []


def test_pysigmas_own_validators_complain_of_nothing_but_stars_that_are_meant():
    """All but two, which would download ATT&CK and D3FEND; techniques are held to a table below."""
    kinds = [kind for name, kind in validators.items() if name not in ("attacktag", "d3_fendtag")]
    assert len(kinds) > 25
    found = SigmaValidator(kinds).validate_rules(SigmaCollection.load_ruleset([CATALOG]).rules)
    # Policies of AWS write "*" for everyone and everything, and "-1" for all protocols; the console has them on lines.
    meant = (ControlCharacterIssue, EscapedWildcardIssue, NumberAsStringIssue)
    assert [issue for issue in found if not isinstance(issue, meant)] == []
    assert {str(issue.string) for issue in found if isinstance(issue, NumberAsStringIssue)} <= {"-1"}
    of_lines = {rule.name for issue in found if isinstance(issue, ControlCharacterIssue) for rule in issue.rules}
    assert of_lines == {"admin_policy_written", "admin_policy_written_otherwise"}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_says_what_it_means_and_what_to_do(name):
    rule = RULES[name]
    sentences = [rule.description, *rule.false_positives, *rule.next_steps]
    assert rule.false_positives
    assert rule.next_steps
    assert [text for text in sentences if not re.fullmatch(r"[A-Z`].*[.]", text, re.DOTALL)] == []
    assert not rule.title.endswith(".")


def test_rules_that_the_words_of_a_rule_name_exist():
    named = {
        (name, word)
        for name, rule in RULES.items()
        for text in (rule.description, *rule.false_positives, *rule.next_steps)
        for word in re.findall(r"\b[a-z]+(?:_[a-z0-9]+)+\b", text)
    }
    assert len(named) > 10
    assert sorted((name, word) for name, word in named if word not in RULES) == []


def test_the_parts_of_names_that_rules_know_the_kit_by_are_parts_of_its_logical_ids():
    goldens = TEMPLATES.glob("*_is_the_golden_one*.json")
    ids = {each for path in goldens for each in json.loads(path.read_text(encoding="utf-8"))["Resources"]}
    known = {
        part
        for name in OF_THE_KIT
        for part in re.findall(r'"wildcard":\s*"\*([A-Z]\w+)\*"', json.dumps(RULES[name].patterns))
    }
    assert known >= {"PagerFunction", "UndeliveredAlarm"}
    assert sorted(part for part in known if not any(part in each for each in ids)) == []


@pytest.mark.parametrize("name", RULES)
def test_a_rule_refers_to_its_technique_and_to_pages_of_aws(name):
    rule = RULES[name]
    pages = {f"https://attack.mitre.org/techniques/{id.replace('.', '/')}/" for id in rule.techniques}
    assert pages & set(rule.references)
    others = [url for url in rule.references if not url.startswith("https://attack.mitre.org/techniques/")]
    assert [url for url in others if not re.match(r"https://([a-z-]+\.)*(aws\.)?amazon\.com/", url)] == []
    assert others or rule.correlation or not rule.own


def test_the_techniques_exist_and_their_tactics_are_named():
    known = attack().techniques
    lone = {
        name: technique
        for name, rule in RULES.items()
        for technique in rule.techniques
        if not set(known[technique].tactics) & set(rule.tactics)
    }
    assert lone == {}
    assert [name for name, rule in RULES.items() if not rule.techniques] == []


@pytest.mark.parametrize("name", SENT)
def test_the_patterns_of_a_rule_are_ones_that_eventbridge_takes(name):
    for pattern in RULES[name].patterns:
        assert refusal(pattern) is None
        assert len(json.dumps(pattern, separators=(",", ":"))) <= MAX_PATTERN


def test_wildcards_leave_room_for_other_rules_of_the_bus():
    used = [name for name in SENT if RULES[name].alerts and '"wildcard"' in json.dumps(RULES[name].patterns)]
    assert len(used) <= MAX_WILDCARD_RULES, used


def test_nobody_is_told_of_one_call_that_everybody_makes_but_of_lost_data(answers):
    loud = {name: RULES[name] for name in SINGLE if RULES[name].level in ALERTING}
    told = {(name, record["eventName"]) for name in loud for record in EVERYDAY if record["eventID"] in answers[name]}
    told |= {
        (name, record["eventName"])
        for name, rule in loud.items()
        for record in EVERYDAY
        if _may_match(rule, record) and eventbridge_sees(rule, record)
    }
    # Of what a stack takes along when it goes, data that is lost makes a ticket.
    assert sorted(told) == [("table_deleted", "DeleteTable")]


def _may_match(rule: CompiledRule, record: record_kit.Json) -> bool:
    """Whether one of the rule's calls is that of the record, so that the slow matcher need not be asked."""
    return not rule.calls or any(
        fnmatchcase(record["eventSource"], call.source) and fnmatchcase(record["eventName"], call.name)
        for call in rule.calls
    )


def test_each_level_that_tells_somebody_is_used_sparingly():
    """A page for every tenth rule at most would be none; half of those that alert may page."""
    alerting = [rule for rule in RULES.values() if rule.alerts]
    paging = [rule.name for rule in alerting if rule.level in ("high", "critical")]
    assert len(paging) <= len(alerting) / 2, paging
