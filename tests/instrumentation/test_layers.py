"""The table of ADOT layers."""

from __future__ import annotations

import re

import pytest

from raytrail.errors import InvalidProps
from raytrail.instrumentation import python_layer_arn
from raytrail.instrumentation._model_layers import _table, python_runtimes


def test_each_layer_of_the_table_is_an_arn_of_its_own_region():
    for region, arn in _table()["python"].items():
        assert re.fullmatch(rf"arn:aws(-cn)?:lambda:{region}:\d{{12}}:layer:AWSOpenTelemetryDistroPython:\d+", arn), arn
        assert arn.startswith("arn:aws-cn:") == region.startswith("cn-")
        assert python_layer_arn(region) == arn


def test_the_table_says_where_and_when_it_was_read():
    table = _table()
    assert table["source"].startswith("https://aws-otel.github.io/")
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", table["read"])


def test_a_region_without_a_layer_is_refused_with_what_to_do():
    with pytest.raises(InvalidProps) as refused:
        python_layer_arn("mars-north-1")
    assert str(refused.value) == (
        f"AWS lists no ADOT Python layer for Region 'mars-north-1' (table of {_table()['read']}); choose one of its "
        f"{len(_table()['python'])} Regions, or give an ARN as layer_arn (sample.layer_arn in the settings)"
    )


def test_runtimes_are_pythons():
    assert all(re.fullmatch(r"python3\.\d+", runtime) for runtime in python_runtimes())
