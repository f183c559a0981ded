"""The compiled catalogue: fresh, valid for pySigma, and within what AWS's API takes and its models say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from typing import Any

import botocore.loaders
import botocore.model
import pytest
from ministack.services import eventbridge as service
from sigma.validation import SigmaValidator
from sigma.validators.core import validators
from tests.sigma import event_names
from tests.sigma.sigma_kit import CATALOG, complaint

from raytrail.sigma import CompiledRule
from raytrail.sigma._eventbridge_pattern import MAX_CHARACTERS, compact
from raytrail.sigma._fields import array_in, is_list_of_texts
from raytrail.sigma._store import FILE_NAME, catalog, to_json
from raytrail.sigma.compiler import compile_rules, read_rules

pytestmark = pytest.mark.skipif(not any(CATALOG.glob("*.yml")), reason="the catalogue has no rules yet")

DOWNLOADS = {"attacktag", "d3_fendtag"}
"""Validators that load tables from the network: the first is what our table is for, no rule has tags of the second."""
OURS = {
    "custom_attributes",  # next_steps
    "filename_length",  # files have the rules' names, which are not of its ten characters at least
    "fieldname_logsource",  # knows no fields of CloudTrail
    "number_as_string",  # CloudTrail writes many numbers as texts, and the rule what CloudTrail writes
    "escaped_wildcard",
    "control_character",  # policies as the console writes them, over lines
    "specific_instead_of_generic_logsource",  # of Windows
}
"""Validators that ask for what the catalogue does otherwise, and why."""


def test_the_compiled_catalogue_is_what_its_rules_compile_to():
    fresh = to_json(compile_rules([CATALOG], strict=True))
    assert (CATALOG / FILE_NAME).read_text(encoding="utf-8") == fresh, (
        "compile the catalogue again: python -m raytrail.sigma.compiler"
    )


def test_pysigma_finds_nothing_to_say_about_the_catalogue():
    validator = SigmaValidator([each for name, each in validators.items() if name not in DOWNLOADS | OURS])
    assert len(validator.validators) > 20
    rules = [read.rule for read in read_rules([CATALOG], strict=True)]
    issues = [issue for rule in rules for issue in validator.validate_rule(rule)] + list(validator.finalize())
    assert issues == []


def patterns() -> Iterator[tuple[CompiledRule, dict[str, Any]]]:
    for rule in catalog():
        for pattern in rule.patterns:
            yield rule, dict(pattern)


def test_every_pattern_is_one_that_eventbridge_takes():
    model = botocore.loaders.Loader().load_service_model("events", "service-2")
    assert model["shapes"]["EventPattern"].get("max", MAX_CHARACTERS) >= MAX_CHARACTERS
    for rule, pattern in patterns():
        assert complaint(pattern) is None, rule.name
        assert len(compact(pattern)) <= MAX_CHARACTERS, rule.name


def test_few_patterns_use_wildcards():
    """EventBridge takes 30 rules with wildcards on a bus, of which other people may have some."""
    assert len({rule.name for rule, pattern in patterns() if '"wildcard"' in compact(pattern)}) <= 15


@cache
def service_model(name: str) -> botocore.model.ServiceModel:
    return botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model(name, "service-2"))


@cache
def parameters(source: str, name: str) -> list[botocore.model.Shape]:
    """What botocore knows of the parameters of a call that CloudTrail names so."""
    host, undated = source.removesuffix(".amazonaws.com"), re.sub(r"20\d{6}(v\d)?$", "", name)
    if undated not in event_names.operations(host):
        return []
    models = [service_model(model) for model in event_names._MODELS.get(host, [host])]
    found = [model.operation_model(undated).input_shape for model in models if undated in model.operation_names]
    return [shape for shape in found if shape is not None]


def lists_along(shape: botocore.model.Shape, path: list[str], so_far: tuple[str, ...] = ()) -> tuple[str, ...] | None:
    """The path down to the first list on ``path``; empty: there is none. None: the model has no such path."""
    if shape.type_name == "list":
        return so_far
    if not path:
        return ()
    if shape.type_name != "structure":
        return None
    first, *rest = path
    member = next((each for each in shape.members if each.lower() == first.lower()), None)
    return lists_along(shape.members[member], rest, (*so_far, first)) if member is not None else None


def leaves(tree: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    for key, below in tree.items():
        if isinstance(below, dict):
            yield from leaves(below, (*path, key))
        else:
            yield (*path, key), below


def alternatives() -> Iterator[tuple[CompiledRule, dict[tuple[str, ...], list[Any]], list[botocore.model.Shape]]]:
    """Each flat alternative of a pattern, as the embedded EventBridge compiles it, and the calls it is about."""
    for rule, pattern in patterns():
        for alternative in service._compile_pattern(pattern):
            asked = dict(leaves(alternative.get("detail", {})))
            calls = [
                shape
                for source in asked.get(("eventSource",), [])
                for name in asked.get(("eventName",), [])
                if isinstance(source, str) and isinstance(name, str)
                for shape in parameters(source, name)
            ]
            yield rule, asked, calls


def negates(tests: list[Any]) -> bool:
    return any(isinstance(test, dict) and ("anything-but" in test or test == {"exists": False}) for test in tests)


def test_no_rule_negates_what_the_models_of_aws_say_is_a_list():
    """There EventBridge asks whether any element differs, and Sigma whether none matches.

    That nothing is in a list of texts is the same for both.
    """
    found, resolved = set(), 0
    for rule, asked, calls in alternatives():
        for path, tests in asked.items():
            absence = {"exists": False} in tests and "anything-but" not in str(tests)
            if absence and is_list_of_texts(".".join(path)):
                continue
            if path[0] == "requestParameters" and negates(tests):
                for shape in calls:
                    lists = lists_along(shape, list(path[1:]))
                    resolved += lists is not None
                    if lists:
                        found.add((rule.name, ".".join(path), shape.name))
    assert found == set()
    assert resolved > 0


def test_a_rule_asks_two_things_of_the_elements_of_a_list_of_the_models_only_where_we_know_the_list():
    """EventBridge matches both on the same element, and Athena only where it knows that there are elements."""
    found, resolved = set(), 0
    for rule, asked, calls in alternatives():
        paths = [path for path in asked if path[0] == "requestParameters"]
        for one, other in combinations(paths, 2):
            for shape in calls:
                lists = lists_along(shape, list(one[1:])), lists_along(shape, list(other[1:]))
                resolved += None not in lists
                known = array_in(".".join(one)) is not None and array_in(".".join(one)) == array_in(".".join(other))
                if lists[0] and lists[0] == lists[1] and not known:
                    found.add((rule.name, ".".join(one), ".".join(other)))
    assert found == set()
    assert resolved > 0


def test_the_catalogue_is_read_in_the_order_of_its_names():
    names = [rule.name for rule in catalog()]
    assert names == sorted(names)
    assert json.loads((CATALOG / FILE_NAME).read_text(encoding="utf-8"))["format"] == 1
