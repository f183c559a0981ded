"""What an access key ID, and the name of a Region, say by themselves."""

from __future__ import annotations

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cli.doctor_home import AKIA, OURS, SECRET, key_of

from raytrail.cli._doctor._credentials._key import account_of, read_key
from raytrail.cli._refusals import brief_key
from raytrail.cli._regions import OPT_IN_REGIONS, known_regions, meant_region, partition_of
from raytrail.localaws import LocalAws
from raytrail.settings import DEFAULT_REGIONS

accounts = st.integers(min_value=0, max_value=10**12 - 1).map(lambda number: f"{number:012d}")


def test_the_account_of_published_keys_is_the_one_that_was_published_with_them():
    # Of the two articles that found the encoding out; AWS prints no key with its account.
    assert account_of("ASIAY34FZKBOKMUTVV7A") == "609629065308"
    assert account_of("ASIAQNZGKIQY56JQ7WML") == "029608264753"


def test_an_old_key_says_no_account():
    # The keys of AWS's own examples are of the old kind.
    assert account_of("AKIAIOSFODNN7EXAMPLE") is None
    assert account_of("AKIAI44QH8DHBEXAMPLE") is None


@given(accounts, st.sampled_from(["AKIA", "ASIA"]))
def test_every_account_can_be_read_from_its_keys(account, prefix):
    assert read_key(key_of(account, prefix)).account == account


@given(st.text())
def test_no_text_is_too_odd_to_be_read_and_none_is_shown_but_an_id(text):
    assert read_key(text).kind in ("long-term", "temporary", "local", "none")
    assert len(text) < 12 or text not in brief_key(text)


@pytest.mark.local
def test_an_implementation_that_is_not_ours_reads_the_same_account(local_aws: LocalAws):
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
    sts = session.client("sts", endpoint_url=local_aws.endpoint)
    for key in ("ASIAY34FZKBOKMUTVV7A", key_of("444455556666"), key_of("000000000001"), key_of("999999999999")):
        assert sts.get_access_key_info(AccessKeyId=key)["Account"] == account_of(key)


@pytest.mark.parametrize(
    ("key", "flaw"),
    [
        (AKIA[:-1], "19 characters"),
        (AKIA[:-1] + "8", "8, which do not occur"),
        (AKIA.lower(), "lower-case letters"),
        ("XXXX" + AKIA[4:], "does not begin with"),
        ("AKIA" + AKIA[4:].lower(), "lower-case letters"),
        (f'"{AKIA}"', "quotation marks"),
        (f"{AKIA} ", "blanks"),
        (f"{AKIA} # mine", "a comment stands behind it"),
        (f"{AKIA} # the key of my first account", "a comment stands behind it"),
        (f"{AKIA}\u200b", "invisible"),
        ("AIDA" + AKIA[4:], "the unique id of a user"),
        (SECRET, "changed places"),
        ("AKIA" + "7" * 16, "more than twelve digits"),
        ("", "does not begin with"),
    ],
)
def test_what_keeps_an_id_from_being_a_key_is_said_in_words(key, flaw):
    assert flaw in read_key(key).flaw


@pytest.mark.parametrize("key", [AKIA, "AKIAIOSFODNN7EXAMPLE", key_of(OURS, "ASIA")])
def test_a_key_has_no_flaw(key):
    assert read_key(key).flaw == ""


def test_the_keys_of_emulators_are_none_of_aws_s():
    assert (read_key(OURS).kind, read_key(OURS).account) == ("local", OURS)
    assert read_key("test").kind == "local"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("us-east1", "us-east-1"),
        ("eu-west-1a", "eu-west-1"),
        ("US-EAST-1", "us-east-1"),
        ("eu_central_1", "eu-central-1"),
        ('"eu-west-1"', "eu-west-1"),
        ("eu-west-1 # home", "eu-west-1"),
        ("nowhere", ""),
    ],
)
def test_what_is_no_region_was_meant_to_be_one(name, meant):
    assert meant_region(name) == meant


def test_the_regions_are_botocore_s():
    assert known_regions()["cn-north-1"] == "aws-cn"
    assert {"us-east-1", *OPT_IN_REGIONS, *DEFAULT_REGIONS} <= known_regions().keys()
    assert not OPT_IN_REGIONS & set(DEFAULT_REGIONS)
    # A Region that was opened after botocore was released.
    assert (partition_of("cn-west-9"), partition_of("eu-west-9")) == ("aws-cn", "aws")


def test_every_commercial_region_is_on_by_default_or_has_to_be_enabled():
    commercial = {region for region, partition in known_regions().items() if partition == "aws"}
    assert commercial == OPT_IN_REGIONS | set(DEFAULT_REGIONS)
