"""What stands in the environment, in a person's AWS files and beside them, as ``raytrail doctor`` reads it."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ProfileNotFound
from tests.cli.doctor_home import (
    AKIA,
    ALICE,
    ASIA,
    OTHER_SECRET,
    OURS,
    SECRET,
    SSO_PROFILE,
    SSO_TOKEN,
    THEIRS,
    TOKEN,
    environment_key,
    key_of,
    key_section,
    section,
    sso_token,
)
from tests.cli.doctor_wire import KeyAtAws

from raytrail.cli._doctor._credentials import Setup, _endpoints, read_files

ROLE = f"arn:aws:iam::{OURS}:role/deployer"
SSO = {"sso_account_id": OURS, "sso_role_name": "Deployer"}


# No credentials


def test_no_credentials_at_all_says_where_they_were_looked_for(doctor):
    found = doctor.finding("no-credentials")
    assert f"{doctor.home}/.aws/credentials" in found["seen"]
    assert "AWS_EC2_METADATA_DISABLED is true" in found["seen"]
    assert "aws configure sso" in found["command"]
    # AWS was asked for its time alone, and said it.
    assert doctor.cloud.calls == ["sts:GetCallerIdentity"]


def test_profiles_that_are_there_are_offered(doctor):
    doctor.write(config=section("work", region="eu-west-1"), credentials=key_section("home"))
    found = doctor.finding("no-credentials")
    assert found["command"] == ["export AWS_PROFILE=home"]
    assert f"[work] of {doctor.home}/.aws/config is no profile without the word profile" in found["seen"]


# Profiles


def test_a_profile_that_does_not_exist_has_close_names(doctor):
    doctor.write(credentials=key_section("production") + key_section("staging", key=ASIA))
    found = doctor.finding("profile-not-found", AWS_PROFILE="prodution")
    assert found["command"] == ["raytrail doctor --profile production"]
    assert "AWS_PROFILE says prodution; the files have: production and staging" in found["seen"]


@pytest.mark.parametrize(
    ("config", "credentials", "said"),
    [
        (section("work", region="eu-west-1"), "", "has [work], where a profile is headed [profile work]"),
        ("", key_section("profile work"), "has [profile work], where a profile is headed [work]"),
        (section("Profile Work", region="x"), "", "has [Profile Work], where"),
    ],
)
def test_a_heading_that_is_wrong_is_shown(doctor, config, credentials, said):
    doctor.write(config=config, credentials=credentials)
    assert said in doctor.finding("profile-not-found", "--profile", "work")["seen"]


def test_keys_beside_a_variable_whose_profile_is_not_there_are_not_said_to_be_used(doctor):
    doctor.write(credentials=key_section("work", key=key_of(THEIRS)))
    found = doctor.run(AWS_PROFILE="absent", **environment_key(AKIA))
    (missing,) = found["findings"]
    assert missing["name"] == "profile-not-found"
    assert "the files have: work" in missing["seen"]
    assert missing["todo"].endswith("; or unset AWS_PROFILE, and the keys of the environment are used")
    assert missing["command"][-1] == "unset AWS_PROFILE"
    # And so they are.
    assert doctor.names(**environment_key(AKIA)) == []


def test_an_empty_variable_is_a_profile_without_a_name(doctor):
    found = doctor.finding("profile-not-found", AWS_PROFILE="")
    assert found["command"] == ["unset AWS_PROFILE"]


@pytest.mark.parametrize(
    ("credentials", "environment", "command"),
    [
        (section("default", aws_access_key_id=AKIA), {}, "aws configure --profile default"),
        ("", {"AWS_ACCESS_KEY_ID": AKIA}, "unset AWS_SECRET_ACCESS_KEY AWS_ACCESS_KEY_ID AWS_SESSION_TOKEN"),
    ],
)
def test_a_key_without_its_secret_stops_the_search(doctor, credentials, environment, command):
    doctor.write(credentials=credentials)
    assert doctor.finding("key-without-secret", **environment)["command"] == [command]


def test_profiles_that_take_from_each_other_are_a_loop(doctor):
    doctor.write(
        config=section("profile a", role_arn=ROLE, source_profile="b")
        + section("profile b", role_arn=ROLE, source_profile="a")
    )
    assert "a > b > a" in doctor.finding("profile-loop", "--profile", "a")["seen"]


def test_a_source_profile_that_is_missing_has_a_close_name(doctor):
    doctor.write(config=section("profile a", role_arn=ROLE, source_profile="bass"), credentials=key_section("base"))
    found = doctor.finding("source-profile-missing", "--profile", "a")
    assert found["command"] == ["aws configure set source_profile base --profile a"]


@pytest.mark.parametrize(
    "config",
    [
        section("profile a", role_arn=ROLE),
        section("profile a", sso_session="nowhere", **SSO),
        section("profile a", role_arn=ROLE, credential_source="Somewhere"),
    ],
)
def test_settings_that_make_no_credentials_are_incomplete(doctor, config):
    doctor.write(config=config)
    assert doctor.names("--profile", "a") == ["profile-incomplete"]


DEPLOYER = {"role_arn": ROLE, "source_profile": "base"}


@pytest.mark.parametrize(
    ("settings", "said", "allowed"),
    [
        ({"services": "nope"}, "the profile 'a' has services = nope", "a section that is headed [services NAME]"),
        ({**DEPLOYER, "role_arn": "deployer"}, "has role_arn = deployer", "arn:aws:iam::111122223333:role/"),
        ({**DEPLOYER, "duration_seconds": "60"}, "has duration_seconds = 60", "900 to 43200 seconds"),
        ({**DEPLOYER, "role_session_name": "x"}, "has role_session_name = x", "2 to 64 letters"),
        ({"defaults_mode": "foo"}, "has defaults_mode = foo", "legacy, auto, standard, in-region"),
        ({"sts_regional_endpoints": "legacyy"}, "has sts_regional_endpoints = legacyy", "legacy or regional"),
        ({"account_id_endpoint_mode": "on"}, "has account_id_endpoint_mode = on", "preferred, disabled or required"),
    ],
)
def test_a_value_that_botocore_does_not_take_is_named_with_what_it_takes(doctor, settings, said, allowed):
    doctor.write(config=section("profile a", **settings), credentials=key_section("a") + key_section("base"))
    (found,) = doctor.run("--profile", "a")["findings"]
    assert found["name"] == "setting-invalid"
    assert said in found["seen"]
    assert allowed in found["todo"]
    assert found["command"] == [f"${{EDITOR:-vi}} {doctor.home}/.aws/config"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [("AWS_DEFAULTS_MODE", "foo"), ("AWS_STS_REGIONAL_ENDPOINTS", "legacyy"), ("AWS_ROLE_ARN", "deployer")],
)
def test_a_variable_that_botocore_does_not_take_is_named(doctor, variable, value):
    (doctor.home / "token").write_text("token", encoding="utf-8")
    token = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(doctor.home / "token")} if variable == "AWS_ROLE_ARN" else {}
    found = doctor.finding("setting-invalid", **(token or environment_key(AKIA)), **{variable: value})
    assert found["seen"] == f"{variable} is {value!r}"
    assert found["command"] == [f"unset {variable}"]


def test_a_profile_s_role_comes_before_the_variable_of_a_web_identity(doctor):
    (doctor.home / "token").write_text("token", encoding="utf-8")
    doctor.write(
        config=section("profile a", role_arn="deployer", source_profile="base"), credentials=key_section("base")
    )
    web = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(doctor.home / "token"), "AWS_ROLE_ARN": ROLE}
    found = doctor.finding("setting-invalid", AWS_PROFILE="a", **web)
    assert found["seen"] == "the profile 'a' has role_arn = deployer"


def test_a_variable_comes_before_the_profile_of_a_web_identity(doctor):
    (doctor.home / "token").write_text("token", encoding="utf-8")
    token = str(doctor.home / "token")
    doctor.write(config=section("profile a", role_arn=ROLE, web_identity_token_file=token))
    found = doctor.finding("setting-invalid", AWS_PROFILE="a", AWS_ROLE_ARN="deployer")
    assert found["seen"] == "AWS_ROLE_ARN is 'deployer'"
    doctor.write(config=section("profile a", role_arn=ROLE, web_identity_token_file=token, role_session_name="x"))
    found = doctor.finding("setting-invalid", AWS_PROFILE="a", AWS_ROLE_ARN=ROLE)
    assert found["seen"] == "the profile 'a' has role_session_name = x"


def test_the_role_of_a_chain_whose_setting_is_refused_is_named(doctor):
    roles = section("profile a", role_arn=ROLE, source_profile="b", duration_seconds="900") + section(
        "profile b", role_arn=ROLE, source_profile="base", duration_seconds="60"
    )
    doctor.write(config=roles, credentials=key_section("base"))
    assert "the profile 'b' has" in doctor.finding("setting-invalid", "--profile", "a")["seen"]


def test_a_role_that_needs_mfa_has_nobody_to_type_the_code_in_a_pipe(doctor):
    doctor.write(
        config=section("profile a", role_arn=ROLE, source_profile="base", mfa_serial=f"arn:aws:iam::{OURS}:mfa/alice"),
        credentials=key_section("base"),
    )
    found = doctor.finding("mfa-needed", "--profile", "a")
    assert "mfa/alice" in found["seen"]
    assert doctor.cloud.calls == ["sts:GetCallerIdentity"]


def test_a_role_that_does_not_trust_the_user_cannot_be_assumed(doctor):
    doctor.write(config=section("profile a", role_arn=ROLE, source_profile="base"), credentials=key_section("base"))
    found = doctor.finding("role-not-assumable", "--profile", "a")
    assert f"AKIA...YZ22 without a session token, from the profile 'base' may not assume {ROLE}" in found["seen"]
    assert "aws sts get-caller-identity --profile base" in found["command"]


CHAIN = section("profile a", role_arn=ROLE, source_profile="b") + section(
    "profile b", role_arn=f"{ROLE}-b", source_profile="base"
)


def test_of_a_chain_of_roles_the_one_that_aws_names_cannot_be_assumed(doctor):
    doctor.write(config=CHAIN, credentials=key_section("base"))
    found = doctor.finding("role-not-assumable", "--profile", "a")
    assert found["title"] == "the role of the profile 'b' cannot be assumed"
    assert f"from the profile 'base' may not assume {ROLE}-b: " in found["seen"]
    assert "--role-name deployer-b " in found["command"][0]
    assert found["command"][1] == "aws sts get-caller-identity --profile base"


def test_of_a_chain_of_roles_a_role_that_may_not_assume_the_next_is_named(doctor):
    doctor.cloud.trusting[f"{ROLE}-b"] = ALICE
    doctor.write(config=CHAIN, credentials=key_section("base"))
    found = doctor.finding("role-not-assumable", "--profile", "a")
    assert found["title"] == "the role of the profile 'a' cannot be assumed"
    session = f"arn:aws:sts::{OURS}:assumed-role/deployer-b/session"
    assert found["seen"].startswith(f"the role of the profile 'b' ({session}) may not assume {ROLE}: ")
    assert found["command"][1] == "aws sts get-caller-identity --profile b"


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (None, "key-deleted-or-inactive"),
        (KeyAtAws(secret=OTHER_SECRET), "wrong-secret"),
        (KeyAtAws(secret=SECRET, ended=True), "token-expired"),
    ],
)
def test_what_is_wrong_with_the_source_of_a_role_is_told_like_of_any_key(doctor, key, name):
    doctor.cloud.keys = {AKIA: key} if key else {}
    doctor.write(config=section("profile a", role_arn=ROLE, source_profile="base"), credentials=key_section("base"))
    assert "from the profile 'base'" in doctor.finding(name, "--profile", "a")["seen"]


def test_the_key_of_a_source_profile_counts_before_its_role(doctor):
    base = key_section("b") + key_section("base", key=key_of(THEIRS))
    doctor.write(config=CHAIN, credentials=base)
    found = doctor.finding("role-not-assumable", "--profile", "a")
    assert found["title"] == "the role of the profile 'a' cannot be assumed"
    assert f"YZ22 without a session token, from the profile 'b' may not assume {ROLE}: " in found["seen"]
    assert "the role of the profile" not in found["seen"]


@pytest.mark.parametrize(
    ("key", "name"), [(None, "key-of-process-unknown"), (KeyAtAws(secret=OTHER_SECRET), "wrong-secret")]
)
def test_a_key_that_a_program_writes_for_a_role_is_the_program_s_to_renew(doctor, key, name):
    doctor.cloud.keys = {AKIA: key} if key else {}
    program = section("profile base", credential_process=process_of(AccessKeyId=AKIA, SessionToken=None))
    doctor.write(config=section("profile a", role_arn=ROLE, source_profile="base") + program)
    found = doctor.finding(name, "--profile", "a")
    assert found["seen"] == "the key from the credential_process of the profile 'base'"
    assert "run the program by hand" in found["todo"]
    assert found["command"] == ["aws configure get credential_process --profile base"]
    assert "characters" not in json.dumps(found)


# Sign-ins


def test_nobody_has_signed_in_yet(doctor):
    doctor.write(config=SSO_PROFILE)
    found = doctor.finding("sso-session-ended", "--profile", "work")
    assert found["title"] == "nobody has signed in to the SSO session yet"
    assert found["command"] == ["aws sso login --profile work"]


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ("2026-01-01T08:00:00Z", "ended at 2026-01-01 08:00 UTC"),
        ("2026-01-01T08:00:00UTC", "ended at 2026-01-01 08:00 UTC"),
        ("2099-01-01T08:00:00Z", "has not ended by its date, and AWS does not take it"),
    ],
)
def test_a_sign_in_that_ran_out_is_told_from_one_that_was_revoked(doctor, ends, said):
    doctor.write(config=SSO_PROFILE, sso=sso_token(ends))
    assert said in doctor.finding("sso-session-ended", "--profile", "work")["seen"]


def test_a_sign_in_that_is_good_may_not_take_every_role(doctor):
    doctor.cloud.sso_token = SSO_TOKEN
    doctor.write(config=SSO_PROFILE, sso=sso_token("2099-01-01T08:00:00Z"))
    found = doctor.finding("sso-role-refused", "--profile", "work")
    assert f"Deployer in account {OURS}: No access (ForbiddenException); the sign-in itself is good" in found["seen"]


def test_a_sign_in_by_aws_login_needs_a_library_that_boto3_does_not_bring(doctor):
    try:
        import awscrt  # noqa: F401 - whether it is there decides what botocore says

        name = "login-session-ended"
    except ModuleNotFoundError:
        name = "login-needs-crt"
    doctor.write(config=section("profile work", login_session=ALICE))
    assert doctor.names("--profile", "work") == [name]


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("/nowhere/helper --token abcdefgh12345678", "/nowhere/helper is not there"),
        ("sh -c 'echo hunter2-hunter2 >&2; exit 3'", "sh ended with an error"),
        ("echo hunter2-hunter2", "echo did not write the JSON"),
        ("""echo '["hunter2-hunter2"]'""", "echo did not write the JSON"),
        ("""echo '{"Version": 2, "SecretAccessKey": "hunter2-hunter2"}'""", "Unsupported version '2'"),
        ("""echo '{"Version": 1, "SecretAccessKey": "hunter2-hunter2"}'""", "Missing required key"),
    ],
)
def test_a_process_that_gives_no_credentials_is_not_repeated(doctor, program, said):
    doctor.write(config=section("profile work", credential_process=program))
    found = doctor.finding("credential-process-failed", "--profile", "work")
    assert said in found["seen"]
    assert "hunter2" not in json.dumps(found)
    assert "abcdefgh" not in json.dumps(found)


def process_of(**written: object) -> str:
    """A credential_process that writes the temporary key."""
    answer = {"Version": 1, "AccessKeyId": ASIA, "SecretAccessKey": SECRET, "SessionToken": TOKEN, **written}
    return f"echo '{json.dumps(answer)}'"


LINE_OF_PROCESS = "aws configure get credential_process --profile work"


def test_a_process_that_writes_a_session_that_ended_is_told_from_variables(doctor):
    doctor.write(config=section("profile work", credential_process=process_of(Expiration="2026-01-01T00:00:00Z")))
    found = doctor.finding("token-expired", "--profile", "work", AWS_CREDENTIAL_EXPIRATION="2099-01-01T00:00:00Z")
    assert "the credential_process of the profile 'work' wrote is in the past" in found["seen"]
    assert found["command"] == [LINE_OF_PROCESS]


@pytest.mark.parametrize("config", ["", section("profile a", role_arn=ROLE, source_profile="work")])
def test_a_session_of_a_process_that_aws_says_has_ended_is_the_process_s_to_renew(doctor, config):
    doctor.cloud.keys[ASIA] = KeyAtAws(secret=SECRET, token=TOKEN, arn=ALICE, ended=True)
    doctor.write(config=config + section("profile work", credential_process=process_of()))
    found = doctor.finding("token-expired", "--profile", "a" if config else "work")
    assert "the credential_process of the profile 'work'" in found["seen"]
    assert found["command"] == [LINE_OF_PROCESS]


@pytest.mark.parametrize("by_variable", [True, False])
def test_a_web_identity_token_that_is_not_there_is_named(doctor, by_variable):
    path = str(doctor.home / "token")
    doctor.write(config=section("profile work", role_arn=ROLE, web_identity_token_file=path))
    variables = {"AWS_WEB_IDENTITY_TOKEN_FILE": path, "AWS_ROLE_ARN": ROLE}
    arguments = () if by_variable else ("--profile", "work")
    found = doctor.finding("web-identity-token-missing", *arguments, **(variables if by_variable else {}))
    assert path in found["seen"]


@pytest.mark.parametrize(("token", "title"), [("old token", "has expired"), ("another", "does not take")])
def test_a_web_identity_token_that_aws_refuses_is_old_or_of_another(doctor, token, title):
    (doctor.home / "token").write_text(token, encoding="utf-8")
    variables = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(doctor.home / "token"), "AWS_ROLE_ARN": ROLE}
    assert title in doctor.finding("web-identity-token-refused", **variables)["title"]


def test_a_web_identity_token_file_that_is_empty_holds_no_token(doctor):
    (doctor.home / "token").write_text("", encoding="utf-8")
    variables = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(doctor.home / "token"), "AWS_ROLE_ARN": ROLE}
    assert "holds no token" in doctor.finding("web-identity-token-missing", **variables)["seen"]


def test_a_container_that_is_none_has_no_credentials(doctor):
    # Botocore takes addresses of containers alone.
    url = "http://example.com/credentials"
    found = doctor.finding("container-credentials-failed", AWS_CONTAINER_CREDENTIALS_FULL_URI=url)
    assert found["command"] == ["unset AWS_CONTAINER_CREDENTIALS_FULL_URI"]


# The environment beside a profile


def test_keys_of_the_environment_win_over_a_profile_of_a_variable(doctor):
    theirs = key_of(THEIRS)
    doctor.write(credentials=key_section("theirs", key=theirs))
    found = doctor.run(AWS_PROFILE="theirs", **environment_key(AKIA))
    assert found["identity"]["account"] == OURS
    shadows = found["findings"][0]
    assert (shadows["name"], shadows["severity"]) == ("environment-shadows-profile", "error")
    assert f"of account {OURS}, and the profile is of account {THEIRS}" in shadows["seen"]


def test_keys_of_the_environment_do_not_win_over_the_option(doctor):
    doctor.cloud.keys[ASIA] = KeyAtAws(secret=SECRET, token=TOKEN, arn=f"arn:aws:sts::{OURS}:assumed-role/r/s")
    doctor.write(credentials=key_section("work", key=ASIA, aws_session_token=TOKEN))
    found = doctor.run("--profile", "work", **environment_key(AKIA))
    assert found["identity"]["arn"].endswith(":assumed-role/r/s")
    assert [(each["name"], each["severity"]) for each in found["findings"]] == [("environment-ignored", "note")]


def test_a_profile_that_has_the_environment_s_key_is_not_shadowed(doctor):
    doctor.write(credentials=key_section("work"))
    assert doctor.names(AWS_PROFILE="work", **environment_key(AKIA)) == []


@pytest.mark.parametrize("variable", ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
def test_a_part_of_a_key_is_said(doctor, variable):
    doctor.write(credentials=key_section("default"))
    found = doctor.finding("environment-incomplete", **{variable: TOKEN})
    assert found["command"] == [f"unset {variable}"]


def test_boto3_and_the_cdk_cli_choose_different_profiles(doctor, monkeypatch):
    doctor.write(credentials=key_section("one") + key_section("two", key=ASIA, aws_session_token=TOKEN))
    both = {"AWS_PROFILE": "two", "AWS_DEFAULT_PROFILE": "one"}
    found = doctor.run(**both)
    assert found["identity"]["arn"] == ALICE
    assert [each["name"] for each in found["findings"]] == ["profiles-differ"]
    assert (
        "boto3 takes one, by AWS_DEFAULT_PROFILE; the CDK CLI takes two, by AWS_PROFILE"
        in (found["findings"][0]["seen"])
    )
    # What boto3 itself takes of the two.
    for name, value in both.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ProfileNotFound, match="one"):
        boto3.Session()


def test_the_profile_of_cdk_json_is_the_cdk_cli_s(doctor):
    doctor.write(credentials=key_section("default"), cdk={"profile": "deployer"})
    assert "the CDK CLI takes deployer, by cdk.json" in doctor.finding("profiles-differ")["seen"]
    found = doctor.finding("profiles-differ", **environment_key(AKIA))
    assert found["seen"].startswith("boto3 takes the keys of the environment")


@pytest.mark.parametrize(("default", "severity"), [(None, "note"), ("eu-west-1", "warning")])
def test_boto3_does_not_read_the_variable_that_the_cdk_cli_reads_first(doctor, monkeypatch, default, severity):
    found = doctor.finding("regions-differ", **environment_key(AKIA), AWS_DEFAULT_REGION=default)
    assert found["severity"] == severity
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    assert boto3.Session().region_name is None


def test_a_session_that_ends_soon_is_worth_a_warning(doctor):
    soon = (datetime.now(UTC) + timedelta(minutes=20)).isoformat()
    names = doctor.names(**environment_key(ASIA, token=TOKEN), AWS_CREDENTIAL_EXPIRATION=soon)
    assert names == ["token-expires-soon"]


# Files


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xef\xbb\xbf[default]\nregion = us-east-1\n", "byte order mark"),
        ("[default]\nregion = us-east-1\n".encode("utf-16"), "UTF-16"),
        (b"[default]\n\xe9 = 1\n", "not UTF-8"),
        (b"[default]\n[work]\n[default]\n", "line 3: the section [default] occurs twice"),
        (b"[default]\nregion = a\nregion = b\n", "line 3: the setting region occurs twice"),
        (b"aws_secret_access_key = hunter2-hunter2\n", "line 1: a setting stands before the first"),
        (b"[default]\nhunter2-hunter2\n", "line 2: the line is neither"),
        (b"[default]\ns3 =\n  hunter2-hunter2\n", "an indented line is no setting"),
    ],
)
def test_a_file_that_cannot_be_parsed_is_shown_where_it_breaks_and_not_what_stands_there(doctor, content, said):
    doctor.write(config="\n")
    (doctor.home / ".aws" / "config").write_bytes(content)
    found = doctor.run(**environment_key(AKIA))
    assert [each["name"] for each in found["findings"]] == ["config-file-malformed"]
    assert said in found["findings"][0]["seen"]
    assert "hunter2" not in json.dumps(found)


def test_a_file_that_a_variable_names_and_that_is_not_there_is_said(doctor):
    found = doctor.finding("config-file-missing", **environment_key(AKIA), AWS_CONFIG_FILE=str(doctor.home / "none"))
    assert found["command"] == ["unset AWS_CONFIG_FILE"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not read a file, and come back")
def test_a_file_that_may_not_be_read_is_no_empty_one(tmp_path):
    from raytrail.cli._doctor._credentials import read_files

    path = tmp_path / "credentials"
    path.write_text(key_section("default"), encoding="utf-8")
    path.chmod(0o600)
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(0o755)
    os.seteuid(65534)
    try:
        files = read_files({"AWS_SHARED_CREDENTIALS_FILE": str(path), "AWS_CONFIG_FILE": os.devnull})
    finally:
        os.seteuid(0)
    assert [(each.name, each.severity) for each in files.damages] == [("config-file-unreadable", "error")]


# Endpoints


def test_an_endpoint_left_over_from_a_local_run_is_dead(doctor):
    found = doctor.run(**environment_key(AKIA), AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert [each["name"] for each in found["findings"]] == ["endpoint-dead"]
    assert found["findings"][0]["command"] == ["unset AWS_ENDPOINT_URL"]
    assert "what a local run leaves behind" in found["findings"][0]["decided"]
    assert doctor.cloud.calls == []


def test_a_dead_endpoint_of_the_option_is_not_said_to_be_left_over_nor_to_lead_other_programs(doctor):
    found = doctor.finding("endpoint-dead", "--endpoint", "http://127.0.0.1:9", **environment_key(AKIA))
    assert found["means"] == "every call of this command would go there"
    assert (found["command"], found["decided"]) == ([], "")


@pytest.mark.parametrize(
    ("config", "environment", "by"),
    [
        ("", {"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9"}, "AWS_ENDPOINT_URL_STS"),
        (section("default", endpoint_url="http://127.0.0.1:9"), {}, "endpoint_url of the profile"),
        (
            section("default", services="mine") + "[services mine]\nsts =\n  endpoint_url = http://127.0.0.1:9\n",
            {},
            "[services mine], sts",
        ),
    ],
)
def test_an_endpoint_of_a_service_or_a_profile_is_found_too(doctor, config, environment, by):
    doctor.write(config=config)
    assert by in doctor.finding("endpoint-dead", **environment_key(AKIA), **environment)["seen"]
    ignored = {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}
    assert doctor.names(**environment_key(AKIA), **environment, **ignored) == []


@pytest.mark.parametrize("service", ["STS", "CLOUDFORMATION", "S3", "SSM", "ECR"])
def test_a_dead_endpoint_of_a_service_that_deploys_is_an_error(doctor, service):
    dead = {f"AWS_ENDPOINT_URL_{service}": "http://127.0.0.1:9"}
    assert doctor.finding("endpoint-dead", **environment_key(AKIA), **dead)["severity"] == "error"


def test_a_dead_endpoint_of_a_service_that_no_deployment_calls_is_a_warning(doctor):
    found = doctor.run(**environment_key(AKIA), AWS_ENDPOINT_URL_DYNAMODB="http://127.0.0.1:9")
    assert found["identity"]["account"] == OURS
    assert [(each["name"], each["severity"]) for each in found["findings"]] == [("endpoint-dead", "warning")]
    assert "`cdk deploy` does not call dynamodb" in found["findings"][0]["means"]
    assert found["findings"][0]["command"] == ["unset AWS_ENDPOINT_URL_DYNAMODB"]


@pytest.mark.parametrize(("config", "severity"), [(SSO_PROFILE, "error"), (key_section("profile work"), "warning")])
def test_a_dead_endpoint_of_the_sign_in_is_an_error_where_one_signs_in(doctor, config, severity):
    doctor.write(config=config)
    dead = {"AWS_ENDPOINT_URL_SSO": "http://127.0.0.1:9"}
    assert doctor.finding("endpoint-dead", "--profile", "work", **dead)["severity"] == severity


def test_a_profile_too_may_say_that_endpoints_are_ignored(doctor):
    doctor.write(config=section("default", ignore_configured_endpoint_urls="true"))
    left_over = {**environment_key(AKIA), "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    assert doctor.names(**left_over) == []
    assert doctor.names(**left_over, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="false") == ["endpoint-dead"]


def test_what_boto3_ignores_by_its_profile_the_cdk_cli_may_follow(doctor):
    ignores = section("profile a", ignore_configured_endpoint_urls="true")
    doctor.write(config=ignores, credentials=key_section("a"))
    dead = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    found = doctor.run("--profile", "a", **dead)
    # This command asks AWS, as boto3 does.
    assert found["identity"]["account"] == OURS
    (finding,) = found["findings"]
    assert (finding["name"], finding["severity"]) == ("endpoint-dead", "error")
    assert "boto3 ignores it, as the profile 'a' says" in finding["means"]
    assert "it reads that setting of the profile 'default' alone" in finding["means"]
    assert finding["command"] == ["unset AWS_ENDPOINT_URL", "export AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true"]
    assert doctor.names("--profile", "a", **dead, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true") == []
    assert doctor.names("--profile", "a", AWS_ENDPOINT_URL_DYNAMODB="http://127.0.0.1:9") == []
    # Where a variable chose the profile, the CDK CLI reads its setting too.
    assert doctor.names(AWS_PROFILE="a", **dead) == []


@pytest.mark.parametrize("by", ["AWS_ENDPOINT_URL", "--endpoint", "endpoint_url"])
def test_one_host_of_aws_for_every_service_is_an_error(doctor, by):
    url = "https://sts.us-east-1.amazonaws.com"
    doctor.write(config=section("default", endpoint_url=url) if by == "endpoint_url" else "\n")
    arguments = (by, url) if by == "--endpoint" else ()
    variables = {by: url} if by.startswith("AWS") else {}
    found = doctor.run(*arguments, **environment_key(AKIA), **variables)
    assert [(each["name"], each["severity"]) for each in found["findings"]] == [("endpoint-of-one-service", "error")]
    assert found["identity"]["account"] == OURS
    assert next(each["what"] for each in found["not_looked_at"]) == "the account"


@pytest.mark.parametrize(
    "host",
    [
        "s3.amazonaws.com",
        "sts-fips.us-east-1.amazonaws.com",
        "api.ecr.us-east-1.amazonaws.com",
        "vpce-0a1b2c3d-x.sts.us-east-1.vpce.amazonaws.com",
        "bucket.vpce-0a1b2c3d-x.s3.us-east-1.vpce.amazonaws.com:443",
    ],
)
def test_a_host_of_one_service_is_known_by_its_name(host):
    assert of_endpoint(f"https://{host}") == ["endpoint-of-one-service"]


@pytest.mark.parametrize(
    "url",
    [
        "http://ec2-203-0-113-7.compute-1.amazonaws.com:4566",
        "http://ec2-203-0-113-7.eu-west-1.compute.amazonaws.com",
        "http://local-123.us-east-1.elb.amazonaws.com",
        "http://local-123.elb.us-east-1.amazonaws.com",
        "https://abc.execute-api.us-east-1.amazonaws.com",
        "https://sts.us-east-1.amazonaws.com:4566",
    ],
)
def test_a_customer_s_host_in_aws_is_asked_who_it_is(monkeypatch, url):
    monkeypatch.setattr(_endpoints, "_answering", lambda *_: "embedded")
    assert of_endpoint(url) == ["embedded-aws"]


def test_a_host_of_aws_that_no_service_is_known_by_is_no_error():
    assert of_endpoint("https://something.us-east-1.amazonaws.com") == []


def of_endpoint(url):
    environment = {"AWS_ENDPOINT_URL": url}
    found = _endpoints.find_target(Setup(environment=environment, files=read_files(environment)))
    return [each.name for each in found.findings]


def test_a_host_of_aws_for_its_own_service_is_in_order(doctor):
    url = "https://sts.us-east-1.amazonaws.com"
    assert doctor.names(**environment_key(AKIA), AWS_ENDPOINT_URL_STS=url) == []


def test_an_endpoint_without_a_scheme_is_no_url(doctor):
    assert doctor.names(**environment_key(AKIA), AWS_ENDPOINT_URL="localhost:4566") == ["endpoint-invalid"]
    arguments = ("doctor", "--endpoint", "localhost:4566")
    said = doctor.here(*arguments, **doctor.environment())
    assert said.status == 2
    assert "an endpoint is a URL such as" in said.err
