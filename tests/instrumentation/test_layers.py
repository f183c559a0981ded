"""The table of AWS's layers."""

from __future__ import annotations

import re

import pytest

from raytrail.errors import InvalidProps
from raytrail.instrumentation import adot_layer_arn, collector_layer_arn, python_layer_arn
from raytrail.instrumentation._model_layers import (
    LANGUAGES,
    _table,
    documented_runtimes,
    python_off_by_default,
)
from raytrail.localaws._functions._environment import DISABLED_INSTRUMENTATIONS

each_language = pytest.mark.parametrize("language", LANGUAGES)


@each_language
def test_each_layer_of_the_table_is_an_arn_of_its_own_region(language):
    table = _table()["languages"][language]
    assert len(table["arns"]) > 30
    for region, arn in table["arns"].items():
        assert re.fullmatch(rf"arn:aws(-cn)?:lambda:{region}:\d{{12}}:layer:{table['layer']}:\d+", arn), arn
        assert arn.startswith("arn:aws-cn:") == region.startswith("cn-")
        assert adot_layer_arn(language, region) == arn


def test_the_layer_for_python_has_a_name_of_its_own():
    assert python_layer_arn("eu-west-1") == adot_layer_arn("python", "eu-west-1")


def test_the_table_says_where_and_when_it_was_read():
    for table in (_table(), _table()["collector"]):
        assert table["source"].startswith("https://aws-otel.github.io/")
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", table["read"])


def test_a_region_without_a_layer_is_refused_with_what_to_do():
    with pytest.raises(InvalidProps) as refused:
        python_layer_arn("mars-north-1")
    assert str(refused.value) == (
        f"AWS lists no ADOT Python layer for Region 'mars-north-1' (table of {_table()['read']}); choose one of its "
        f"{len(_table()['languages']['python']['arns'])} Regions, or give an ARN as layer_arn "
        "(sample.layer_arn in the settings)"
    )


def test_each_language_has_runtimes_of_its_own():
    prefixes = {"python": "python3.", "nodejs": "nodejs", "java": "java", "dotnet": "dotnet"}
    for language, prefix in prefixes.items():
        assert documented_runtimes(language)
        assert all(runtime.startswith(prefix) for runtime in documented_runtimes(language))


def test_the_collector_has_a_layer_for_each_architecture():
    assert collector_layer_arn("arm64", "eu-west-1") == (
        "arn:aws:lambda:eu-west-1:901920570463:layer:aws-otel-collector-arm64-ver-0-117-0:1"
    )
    assert "-amd64-" in collector_layer_arn("x86_64", "eu-west-1")


def test_a_region_without_a_collector_layer_is_refused():
    with pytest.raises(InvalidProps, match=r"^AWS lists no collector layer for Region 'af-south-1'"):
        collector_layer_arn("arm64", "af-south-1")


def test_what_the_layer_turns_off_are_instrumentations_of_the_distribution():
    from opentelemetry.util._importlib_metadata import entry_points

    installed = {each.name for each in entry_points(group="opentelemetry_instrumentor")}
    # Libraries that the newest distribution no longer has, or whose instrumentation is not a package of its own.
    gone = {"boto", "asyncio", "elasticsearch", "sklearn", "psycopg", "aiohttp-server", "asgi", "wsgi", "dbapi"}
    gone |= {"openai_agents"}
    assert set(python_off_by_default()) - gone <= installed
    assert {"botocore", "urllib3"} & set(python_off_by_default()) == set()


def test_the_emulators_layer_leaves_alone_what_awss_does():
    assert DISABLED_INSTRUMENTATIONS.split(",") == list(python_off_by_default())
