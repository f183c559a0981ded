"""The table's shape: where its partitions lie, and what is refused because it would hide data."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrail.audit import _model_schema as schema
from raytrail.errors import InvalidProps

WHERE: dict[str, Any] = {
    "bucket": "logs",
    "accounts": ["1"],
    "regions": ["us-east-1", "eu-west-1"],
    "start_date": date(2026, 1, 2),
}


def parameters(**changes: Any) -> dict[str, str]:
    return schema.projection_parameters(**{**WHERE, **changes})


@given(prefix=st.sampled_from(["", "a", "/a", "a/", "/a/b/"]), organization=st.sampled_from([None, "o-a1b2c3d4e5"]))
def test_the_template_lies_below_the_location_and_names_each_key_once(prefix: str, organization: str | None) -> None:
    location = schema.table_location(bucket="logs", prefix=prefix, organization_id=organization)
    template = parameters(prefix=prefix, organization_id=organization)["storage.location.template"]
    assert template.startswith(location)
    assert template.endswith("/")
    assert "//" not in template.removeprefix("s3://")
    for key in schema.PARTITION_KEYS:
        assert template.count(f"${{{key.name}}}") == 1


def test_every_partition_key_is_projected() -> None:
    for accounts in (["1"], []):
        made = parameters(accounts=accounts)
        assert all(f"projection.{key.name}.type" in made for key in schema.PARTITION_KEYS)


def test_the_range_starts_on_a_fixed_day_and_ends_now() -> None:
    assert parameters()["projection.timestamp.range"] == "2026/01/02,NOW"


@pytest.mark.parametrize(
    "changes",
    [
        {"regions": []},
        {"regions": ["us-east-1", "us-east-1"]},
        {"regions": ["us-east-1, eu-west-1"]},
        {"accounts": ["1", ""]},
        {"organization_id": "a1b2c3d4e5"},
    ],
)
def test_what_would_hide_data_silently_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidProps):
        parameters(**changes)
