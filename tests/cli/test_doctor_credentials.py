"""Every cause for which AWS refuses credentials, told apart by ``raytrail doctor``.

AWS is asked at its own host names, by botocore as it is, and answers from `tests.cli.doctor_wire`.
"""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from tests.cli.doctor_home import (
    AKIA,
    ALICE,
    ASIA,
    OTHER_SECRET,
    OTHER_TOKEN,
    OURS,
    SECRET,
    THEIRS,
    TOKEN,
    environment_key,
    key_section,
    section,
)
from tests.cli.doctor_wire import KeyAtAws

from raytrail.cli._doctor._assembly import Assembly, StackPlanned
from raytrail.cli._doctor._expected import read_expected

# Good credentials


def test_good_credentials_are_in_order(doctor):
    found = doctor.run(**environment_key(AKIA))
    assert (found["status"], found["findings"]) == (0, [])
    assert found["identity"] == {"account": OURS, "arn": ALICE, "partition": "aws", "region": "us-east-1"}
    assert any("AKIA...YZ22" in each and "from the environment" in each for each in found["looked_at"])
    assert any(each.startswith("clock: ") for each in found["looked_at"])
    assert doctor.cloud.calls == ["sts:GetCallerIdentity us-east-1"]


def test_a_temporary_key_with_its_token_is_good_too(doctor):
    assert doctor.names(**environment_key(ASIA, token=TOKEN)) == []


def test_a_role_that_is_assumed_is_whose_the_credentials_are(doctor):
    role = f"arn:aws:iam::{OURS}:role/deployer"
    doctor.cloud.trusting[role] = ALICE
    doctor.write(config=section("profile work", role_arn=role, source_profile="base"), credentials=key_section("base"))
    found = doctor.run("--profile", "work")
    assert found["findings"] == []
    assert found["identity"]["arn"] == f"arn:aws:sts::{OURS}:assumed-role/deployer/session"


# The one error for many causes


def test_an_id_that_can_be_no_key_is_invalid_and_not_printed(doctor):
    # Whoever changes the places of the two has a secret where the ID is expected.
    found = doctor.finding("key-invalid", **environment_key(SECRET, AKIA))
    assert "changed places" in found["seen"]
    assert "(40 characters that are no access key ID)" in found["seen"]


def test_a_line_break_in_a_key_is_found_though_nothing_can_be_sent(doctor):
    assert "blanks or invisible" in doctor.finding("key-invalid", **environment_key(f"{AKIA}\nX"))["seen"]
    assert doctor.names(**environment_key(ASIA, token=f"{TOKEN}\nX")) == ["session-token-malformed"]


def test_a_deleted_key_is_told_from_one_that_never_was_by_the_account_that_it_encodes(doctor):
    doctor.cloud.keys.clear()
    doctor.write(cdk={"context": {"raytrail": {"account": OURS}}})
    found = doctor.finding("key-deleted-or-inactive", **environment_key(AKIA))
    assert f"encodes the account {OURS}, which is that of account in cdk.json" in found["decided"]
    assert found["command"][0] == f"aws iam list-access-keys --user-name NAME  # in account {OURS}"


def test_an_inactive_key_is_refused_like_a_deleted_one(doctor):
    doctor.cloud.keys[AKIA] = KeyAtAws(secret=SECRET, arn=ALICE, active=False)
    found = doctor.run(**environment_key(AKIA))
    assert [each["name"] for each in found["findings"]] == ["key-deleted-or-inactive"]
    assert found["status"] == 1
    assert "which nothing here names" in found["findings"][0]["decided"]


def test_a_key_too_old_to_say_its_account_is_not_said_to_have_one(doctor):
    found = doctor.finding("key-deleted-or-inactive", **environment_key("AKIAIOSFODNN7EXAMPLE"))
    assert "too old to say its account" in found["decided"]


def test_a_temporary_key_without_its_token_lacks_it(doctor):
    found = doctor.finding("session-token-missing", **environment_key(ASIA))
    assert "begins with ASIA" in found["decided"]
    assert found["command"][0].startswith("unset AWS_ACCESS_KEY_ID")


def test_a_token_in_the_environment_does_not_count_for_the_key_of_a_profile(doctor):
    doctor.write(credentials=key_section("default", key=ASIA))
    found = doctor.finding("session-token-missing", AWS_SESSION_TOKEN=TOKEN)
    assert "does not count for a profile's key" in found["seen"]


def test_a_long_term_key_with_a_token_has_a_left_over_one(doctor):
    found = doctor.finding("session-token-left-over", **environment_key(AKIA, token=TOKEN))
    assert found["command"] == ["unset AWS_SESSION_TOKEN"]


def test_the_old_name_of_the_token_wins_over_the_new_one(doctor):
    names = doctor.names(**environment_key(ASIA, token=TOKEN), AWS_SECURITY_TOKEN=OTHER_TOKEN)
    assert names == ["session-token-stale", "two-session-tokens"]


def test_the_token_of_another_session_is_stale(doctor):
    doctor.write(credentials=key_section("fresh", key=ASIA, aws_session_token=TOKEN))
    found = doctor.finding("session-token-stale", **environment_key(ASIA, token=OTHER_TOKEN))
    assert "the profile 'fresh' has the same key with another token" in found["decided"]


def test_the_key_of_an_emulator_is_not_aws_s(doctor):
    found = doctor.finding("local-credentials", **environment_key(OURS, "local"))
    assert "unset AWS_ACCESS_KEY_ID" in found["command"][0]


# The other refusals


def test_an_expired_session_has_words_of_its_own(doctor):
    doctor.cloud.keys[ASIA] = KeyAtAws(secret=SECRET, token=TOKEN, arn=ALICE, ended=True)
    assert doctor.names(**environment_key(ASIA, token=TOKEN)) == ["token-expired"]


def test_an_expiration_that_has_passed_is_not_even_sent(doctor):
    ended = {"AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z"}
    found = doctor.finding("token-expired", **environment_key(ASIA, token=TOKEN), **ended)
    assert "AWS was not asked" in found["decided"]
    assert doctor.cloud.calls == ["sts:GetCallerIdentity"]


@pytest.mark.parametrize(
    ("secret", "odd"), [(OTHER_SECRET, ""), (SECRET[:-1], "39 characters"), (f"'{SECRET}'", "quotation marks")]
)
def test_a_wrong_secret_is_not_a_wrong_key(doctor, secret, odd):
    found = doctor.finding("wrong-secret", **environment_key(AKIA, secret))
    assert odd in found["seen"]
    assert "the clock is right" in found["decided"]


def test_what_aws_repeats_of_a_request_is_not_printed(doctor):
    doctor.cloud.repeats_token = True
    doctor.cloud.ahead = timedelta(minutes=30)
    doctor.cloud.keys[ASIA] = KeyAtAws(secret=OTHER_SECRET, token=TOKEN, arn=ALICE)
    # `names` looks for every secret in all that was written.
    assert "clock-skew" in doctor.names(**environment_key(ASIA, token=TOKEN))
    doctor.cloud.ahead = timedelta()
    assert "wrong-secret" in doctor.names(**environment_key(ASIA, token=TOKEN))


@pytest.mark.parametrize(("minutes", "words"), [(47, "47 minutes behind"), (-47, "47 minutes ahead of")])
def test_a_wrong_clock_is_measured(doctor, minutes, words):
    doctor.cloud.ahead = timedelta(minutes=minutes)
    found = doctor.finding("clock-skew", **environment_key(AKIA))
    assert f"it is {words} AWS's" in found["seen"]
    assert found["severity"] == "error"


@pytest.mark.parametrize(("seconds", "severity"), [(90, "note"), (600, "warning")])
def test_a_clock_is_measured_also_when_aws_answers(doctor, seconds, severity):
    doctor.cloud.ahead = timedelta(seconds=seconds)
    found = doctor.run(**environment_key(AKIA))
    assert found["identity"]["account"] == OURS
    assert [(each["name"], each["severity"]) for each in found["findings"]] == [("clock-skew", severity)]


# Account, partition, Region


def test_keys_of_another_account_are_not_those_of_the_app(doctor):
    doctor.write(
        cdk={"context": {"raytrail": {"account": THEIRS}}},
        config=section("profile theirs", role_arn=f"arn:aws:iam::{THEIRS}:role/deployer", source_profile="default"),
    )
    found = doctor.run(**environment_key(AKIA))
    assert [each["name"] for each in found["findings"]] == ["other-account"]
    assert found["findings"][0]["command"] == ["raytrail doctor --profile theirs"]
    assert {"what": "the account", "reason": "it is not the app's: other-account"} in found["not_looked_at"]


def test_the_account_that_the_cdk_cli_would_give_the_app_counts_where_nothing_else_names_one(doctor):
    assert doctor.names(**environment_key(AKIA), CDK_DEFAULT_ACCOUNT=THEIRS) == ["other-account"]
    doctor.write(cdk={"context": {"raytrail": {"account": OURS}}})
    assert doctor.names(**environment_key(AKIA), CDK_DEFAULT_ACCOUNT=THEIRS) == []


def test_what_a_stack_names_comes_before_the_settings(tmp_path):
    (tmp_path / "cdk.json").write_text(json.dumps({"context": {"raytrail": {"account": OURS}}}), encoding="utf-8")
    stack = StackPlanned(name="audit", account=THEIRS, region="eu-west-1", templates=())
    expected = read_expected(tmp_path, Assembly(folder=tmp_path, stacks=(stack,)), {"CDK_DEFAULT_ACCOUNT": "0" * 12})
    assert expected.accounts == {THEIRS: "the stack audit", OURS: "account in cdk.json"}
    assert expected.regions == {"eu-west-1": "the stack audit", "us-east-1": "region in cdk.json"}


def test_keys_of_another_account_are_told_by_their_id_though_aws_refuses_them(doctor):
    doctor.write(cdk={"context": {"raytrail": {"account": THEIRS}}})
    doctor.cloud.keys.clear()
    assert doctor.names(**environment_key(AKIA)) == ["key-deleted-or-inactive", "other-account"]


def test_keys_of_another_partition_are_found_where_they_are_known(doctor):
    found = doctor.finding("other-partition", "--region", "cn-north-1", **environment_key(AKIA))
    assert ALICE in found["seen"]
    assert doctor.cloud.calls == ["sts:GetCallerIdentity cn-north-1", "sts:GetCallerIdentity us-east-1"]


def test_no_token_is_shown_to_another_partition(doctor):
    doctor.names(**environment_key(ASIA, token=OTHER_TOKEN))
    assert doctor.cloud.calls == ["sts:GetCallerIdentity us-east-1"]


def test_a_region_that_is_not_enabled_is_told_by_another_that_knows_the_key(doctor):
    found = doctor.finding("region-not-enabled", "--region", "af-south-1", **environment_key(AKIA))
    assert found["decided"] == "the account says DISABLED"
    assert found["command"] == ["aws account enable-region --region-name af-south-1"]


def test_a_region_of_which_nothing_may_be_asked_leaves_two_causes(doctor):
    doctor.cloud.tells_regions = False
    found = doctor.finding("region-not-enabled", "--region", "af-south-1", **environment_key(AKIA))
    assert "may not ask whether it is enabled" in found["decided"]


def test_a_token_of_the_global_endpoint_is_told_from_a_region_that_is_off(doctor):
    doctor.cloud.regions["af-south-1"] = "ENABLED"
    doctor.cloud.keys[ASIA] = KeyAtAws(secret=SECRET, token=TOKEN, arn=ALICE, only_default_regions=True)
    names = doctor.names("--region", "af-south-1", **environment_key(ASIA, token=TOKEN))
    assert names[0] == "token-of-global-endpoint"


def test_a_region_that_alone_refuses_a_key_is_to_be_looked_at(doctor):
    doctor.cloud.regions["eu-west-1"] = "DISABLED"
    assert "region-refuses" in doctor.names("--region", "eu-west-1", **environment_key(AKIA))


def test_the_app_s_own_region_is_asked_about(doctor):
    doctor.write(cdk={"context": {"raytrail": {"region": "eu-south-1", "sample": {"enabled": False}}}})
    assert doctor.names(**environment_key(AKIA)) == ["region-not-enabled"]


@pytest.mark.parametrize("region", ["us-east1", "US-EAST-1"])
def test_a_region_that_does_not_exist_is_told_with_what_was_meant(doctor, region):
    found = doctor.finding("region-unknown", "--region", region, **environment_key(AKIA))
    assert found["todo"] == "did you mean us-east-1?"


def test_no_region_is_worth_a_warning_and_the_app_s_is_asked(doctor):
    doctor.write(cdk={"context": {"raytrail": {"region": "eu-west-1"}}})
    none = {"AWS_REGION": None, "AWS_DEFAULT_REGION": None}
    found = doctor.run(**environment_key(AKIA), **none)
    assert (found["status"], found["identity"]["region"]) == (3, "eu-west-1")
    assert [each["name"] for each in found["findings"]] == ["no-region"]


def test_the_root_user_cannot_assume_the_roles_of_the_bootstrap(doctor):
    doctor.cloud.keys[AKIA] = KeyAtAws(secret=SECRET, arn=f"arn:aws:iam::{OURS}:root")
    assert doctor.names(**environment_key(AKIA)) == ["root-user"]


# The network


def test_nothing_is_said_of_good_keys_where_no_proxy_answers_but_their_form_speaks(doctor):
    names = doctor.names(**environment_key(ASIA), HTTPS_PROXY="http://me:proxy-password@127.0.0.1:9")
    assert names == ["proxy-fails", "session-token-missing"]


def test_an_authority_that_is_not_trusted_is_named(doctor):
    assert doctor.names(**environment_key(AKIA), AWS_CA_BUNDLE=None) == ["tls-fails"]
    assert doctor.names(**environment_key(AKIA), AWS_CA_BUNDLE=str(doctor.home / "none.pem")) == ["tls-fails"]


def test_a_settings_file_that_is_wrong_is_said_and_does_not_end_the_command(doctor):
    doctor.write(cdk={"context": {"raytrail": {"account": 7}}})
    found = doctor.run(**environment_key(AKIA))
    assert found["identity"]["account"] == OURS
    assert any("account" in each["reason"] and "cdk.json" in each["what"] for each in found["not_looked_at"])


def test_what_is_printed_for_a_person_has_the_cause_and_the_command(doctor):
    arguments = ("doctor", "--app", str(doctor.home / "app"))
    said = doctor.here(*arguments, **doctor.environment(**environment_key(ASIA)))
    lines = said.out.splitlines()
    assert (said.status, said.err, lines[0]) == (1, "", "1 error, and not everything could be looked at")
    assert any("session-token-missing" in line and line.startswith("1  error") for line in lines)
    assert any(line.strip().startswith("$     unset AWS_ACCESS_KEY_ID") for line in lines)
    assert SECRET not in said.out
