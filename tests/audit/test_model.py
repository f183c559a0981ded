"""The values of the audit room."""

from __future__ import annotations

import string
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrail.audit import Retention
from raytrail.audit._model import check_lake_name, check_trail_name, organization_folder
from raytrail.audit._model_schema import projection_parameters, table_location
from raytrail.errors import InvalidProps

ALPHANUMERIC = string.ascii_letters + string.digits
PARTS = st.lists(st.text(ALPHANUMERIC, min_size=3, max_size=10), min_size=1, max_size=10)


@given(PARTS, st.sampled_from("._-"))
def test_a_trail_name_has_letters_and_digits_with_single_marks_between_them(parts, mark):
    check_trail_name(mark.join(parts))


@given(PARTS, st.sampled_from([".", "_", "-", " ", "/", "é"]), st.sampled_from(["{0}{1}", "{1}{0}", "{1}{0}{0}{1}"]))
def test_a_mark_at_an_end_or_beside_another_or_unknown_is_refused(parts, mark, form):
    name = form.format(mark, "a".join(parts))
    with pytest.raises(InvalidProps) as refused:
        check_trail_name(name)
    assert str(refused.value) == (
        f"trail name {name!r} has 3 to 128 letters and digits, with single '.', '_' or '-' between them"
    )


@pytest.mark.parametrize(("length", "taken"), [(2, False), (3, True), (128, True), (129, False)])
def test_a_trail_name_has_3_to_128_characters(length, taken):
    if taken:
        check_trail_name("a" * length)
    else:
        with pytest.raises(InvalidProps):
            check_trail_name("a" * length)


@pytest.mark.parametrize("name", ["", "Audit", "my lake", "1st", "a" * 129])
def test_a_lake_whose_database_glue_or_whose_workgroup_athena_refuses_is_refused(name):
    with pytest.raises(InvalidProps, match="begins with a lower-case letter"):
        check_lake_name(name)


@given(st.integers(30, 3650), st.integers(1, 3650))
def test_files_go_after_they_were_archived(archive, later):
    assert Retention(archive_after_days=archive, expire_after_days=archive + later).archive_after_days == archive


def test_unless_asked_files_stay_where_queries_read_them():
    """Athena passes over Glacier Flexible Retrieval: https://docs.aws.amazon.com/athena/latest/ug/querying-glacier.html."""
    assert Retention().archive_after_days is None
    assert Retention(infrequent_after_days=61).archive_after_days is None


@given(st.integers(30, 3650), st.integers(30, 3650))
def test_files_may_be_in_infrequent_access_for_30_days_or_more_before_they_are_archived(infrequent, longer):
    made = Retention(
        infrequent_after_days=infrequent,
        archive_after_days=infrequent + longer,
        expire_after_days=infrequent + longer + 1,
    )
    assert made.infrequent_after_days == infrequent


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ({"infrequent_after_days": 29}, "infrequent_after_days is 30 or more, got 29"),
        (
            {"infrequent_after_days": 61, "archive_after_days": 90},
            "is to be 30 days or more after",
        ),
    ],
)
def test_files_that_would_leave_infrequent_access_before_it_is_paid_for_are_refused(days, said):
    with pytest.raises(InvalidProps, match=said):
        Retention(**days)


@given(st.integers(30, 3650), st.integers(0, 3650))
def test_files_that_would_go_before_they_moved_are_refused(days, earlier):
    for name in ("archive_after_days", "infrequent_after_days"):
        with pytest.raises(InvalidProps, match=rf"is to be after {name} \({days}\), or no file would ever be"):
            Retention(**{name: days}, expire_after_days=days - earlier)


def test_the_archive_takes_no_files_younger_than_30_days():
    with pytest.raises(InvalidProps, match="archive_after_days is 30 or more, got 29"):
        Retention(archive_after_days=29)


@pytest.mark.parametrize(
    ("prefix", "organization", "folder"),
    [
        ("", None, "AWSLogs"),
        ("a/b", None, "a/b/AWSLogs"),
        ("a", "o-exampleorgid", "a/AWSLogs/o-exampleorgid"),
    ],
)
def test_keys_begin_with_the_prefix_and_the_organization(prefix, organization, folder):
    assert organization_folder(prefix, organization) == folder
    assert table_location(bucket="logs", prefix=prefix, organization_id=organization) == f"s3://logs/{folder}/"


@pytest.mark.parametrize("organization", ["o-short", "exampleorgid", "o-Exampleorgid"])
def test_an_organization_id_that_is_none_is_refused(organization):
    with pytest.raises(InvalidProps, match="organization_id is o- and 10 to 32 lower-case letters and digits"):
        table_location(bucket="logs", organization_id=organization)


def parameters(**changes):
    given = {"bucket": "logs", "accounts": ["111122223333"], "regions": ["us-east-1"], "start_date": date(2026, 1, 2)}
    return projection_parameters(**{**given, **changes})


def test_partitions_are_projected_and_never_listed():
    """https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html."""
    assert parameters(accounts=["111122223333", "444455556666"], regions=["us-east-1", "eu-west-1"]) == {
        "projection.enabled": "true",
        "projection.account.type": "enum",
        "projection.account.values": "111122223333,444455556666",
        "projection.region.type": "enum",
        "projection.region.values": "us-east-1,eu-west-1",
        "projection.timestamp.type": "date",
        "projection.timestamp.format": "yyyy/MM/dd",
        "projection.timestamp.range": "2026/01/02,NOW",
        "projection.timestamp.interval": "1",
        "projection.timestamp.interval.unit": "DAYS",
        "storage.location.template": "s3://logs/AWSLogs/${account}/CloudTrail/${region}/${timestamp}/",
    }


def test_without_accounts_each_query_names_its_own():
    found = parameters(accounts=[])
    assert found["projection.account.type"] == "injected"
    assert "projection.account.values" not in found


def test_files_of_an_organization_lie_one_folder_deeper():
    found = parameters(prefix="a/", organization_id="o-exampleorgid")
    assert found["storage.location.template"] == (
        "s3://logs/a/AWSLogs/o-exampleorgid/${account}/CloudTrail/${region}/${timestamp}/"
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"regions": []}, "regions must name at least one Region"),
        ({"regions": ["us-east-1", "us-east-1"]}, "regions must differ from each other, got us-east-1, us-east-1"),
        ({"regions": ["us-east-1, eu-west-1"]}, "so 'us-east-1, eu-west-1' cannot be one of them"),
        ({"accounts": ["1", "1"]}, "accounts must differ from each other, got 1, 1"),
        ({"accounts": [""]}, "accounts are joined by commas and a blank counts, so '' cannot be one of them"),
    ],
)
def test_values_that_would_hide_files_are_refused(changes, said):
    with pytest.raises(InvalidProps) as refused:
        parameters(**changes)
    assert said in str(refused.value)
