"""What an alert says of its rule, as EventBridge puts it together."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.detection.alerts_kit import rule

from raytrail.detection import described
from raytrail.detection._described import (
    LONGEST_TEMPLATE,
    PATHS,
    QUERY_PATHS,
    alert_template,
    page_template,
    text_template,
)
from raytrail.queries import saved_query
from raytrail.sigma import catalog

EVENT = "<aws.events.event.json>"


def filled(template: str, values: dict[str, str]) -> Any:
    """A template with its variables in place, as EventBridge fills it where none needs escaping."""
    return json.loads(re.sub("<([^<>]+)>", lambda found: values[found[1]], template))


EVENT = {"aws.events.event.json": '{"detail": {"a": "<b>"}}'}
"""https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html names the variable."""


def test_what_becomes_a_page_is_what_is_said_of_the_rule_and_the_event():
    assert filled(page_template(rule()), EVENT) == {
        "detection": {
            "name": "key_made",
            "title": "A long-lived key was made",
            "level": "high",
            "meaning": "Whoever has the key can call as the user until somebody deletes it.",
            "techniques": [{"id": "T1098.001", "name": "Additional Cloud Credentials"}],
            "next_steps": ["Ask who made it.", "Delete the key if nobody knows."],
            "false_positives": ["A pipeline that rotates keys"],
        },
        "event": {"detail": {"a": "<b>"}},
    }


def test_an_alert_names_the_query_too():
    alert = filled(alert_template(rule()), {**EVENT, "actor": "ACTOR", "time": "TIME"})
    assert alert == {
        **filled(page_template(rule()), EVENT),
        "query": "raytrail query actor_hour actor=ACTOR at=TIME",
    }
    assert set(re.findall(r"<(\w+)>", alert_template(rule()))) == set(QUERY_PATHS)


def test_a_text_names_actor_call_address_region_technique_and_event():
    values = {name: name.upper() for name in PATHS}
    text = filled(text_template(rule()), values)
    assert text["summary"] == "A long-lived key was made: ACTOR called CALL from ADDRESS in REGION; error: ERROR"
    assert next(iter(text)) == "summary"
    assert text["detection"] == "key_made"
    assert text["techniques"] == [{"id": "T1098.001", "name": "Additional Cloud Credentials"}]
    assert (text["event_id"], text["query"]) == ("EVENT", "raytrail query actor_hour actor=ACTOR at=TIME")


def test_a_text_uses_each_of_its_paths_and_no_other():
    assert set(re.findall(r"<(\w+)>", text_template(rule()))) == set(PATHS)


def test_the_query_that_a_text_names_is_one_of_ours_with_these_parameters():
    command, verb, name, *given = json.loads(text_template(rule()))["query"].split()
    assert (command, verb) == ("raytrail", "query")
    assert [word.partition("=")[0] for word in given] == [each.name for each in saved_query(name).parameters]


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]))


@given(TEXTS, TEXTS, st.lists(TEXTS).map(tuple))
def test_whatever_a_rule_says_is_no_variable_of_eventbridge_and_comes_out_as_it_was(title, description, steps):
    said = rule(title=title, description=description, next_steps=steps)
    assert page_template(said).count("<") == 1
    assert filled(page_template(said), {"aws.events.event.json": "1"}) == {"detection": described(said), "event": 1}
    assert set(re.findall("<([^<>]*)>", text_template(said))) == set(PATHS)


@pytest.mark.parametrize("text", ["x" * 100_000, '"' * 100_000, "\\" * 100_000, "<" * 100_000])
def test_a_rule_that_says_much_is_cut_short_to_what_eventbridge_takes(text):
    """https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_InputTransformer.html."""
    said = rule(title=text, description=text, next_steps=(text,) * 50, false_positives=(text,) * 50)
    for template in (page_template(said), alert_template(said), text_template(said)):
        assert len(template) <= LONGEST_TEMPLATE
    assert described(said)["meaning"].endswith("…")


def test_what_the_catalogue_says_is_not_cut():
    for each in catalog():
        about = described(each)
        assert about["meaning"] == " ".join(each.description.split())
        assert about["next_steps"] == [" ".join(step.split()) for step in each.next_steps]
        assert all(technique["name"] for technique in about["techniques"])


def test_a_technique_that_the_table_does_not_know_goes_by_its_id():
    assert described(rule(techniques=("T9999",)))["techniques"] == [{"id": "T9999", "name": ""}]
