"""Set-ups that are wrong in more than one way, or in a way that nobody expects: no crash, no secret, no harm.

What answers at an address may be anything, names may have blanks, and one command that is printed is typed as it is.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from tests.cli.doctor_home import (
    AKIA,
    ALICE,
    ASIA,
    OURS,
    SECRET,
    SSO_PROFILE,
    THEIRS,
    TOKEN,
    environment_key,
    key_of,
    key_section,
    section,
)
from tests.cli.doctor_wire import KeyAtAws

from raytrail.cli._aws import connect
from raytrail.cli._doctor import _command
from raytrail.cli._doctor._credentials import Setup, read_files
from raytrail.cli._doctor._credentials._endpoints import without_password
from raytrail.cli._doctor._credentials._network import why_unreachable
from raytrail.cli._errors import WrongUse
from raytrail.cli._refusals import Refused

ROLE = f"arn:aws:iam::{OURS}:role/deployer"
KEY = environment_key(AKIA)


@contextlib.contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server on this machine that answers everything alike."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with connection, contextlib.suppress(OSError):
                    if answer.startswith(b"HTTP"):
                        connection.recv(65536)
                    connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def page(text: str, status: str = "200 OK") -> bytes:
    """An answer in HTTP."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n{text}".encode()


# What answers at an endpoint


@pytest.mark.parametrize(
    "answer",
    [
        page("<html><p>a page<br></html>"),
        page("<html>no", "404 Not Found"),
        page("<GetCallerIdentityResponse/>"),
        page("[" * 90_000),
        b"SSH-2.0-OpenSSH_9\r\n",
    ],
)
@pytest.mark.parametrize("by", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "--endpoint"])
def test_another_program_behind_an_endpoint_is_an_error_and_no_crash(doctor, answer, by):
    with answering(answer) as url:
        found = doctor.run(by, url, **KEY) if by == "--endpoint" else doctor.run(**KEY, **{by: url})
    assert found["status"] == 1
    assert {each["name"] for each in found["findings"]} <= {"refused", "no-network", "endpoint-elsewhere"}
    assert found["identity"] is None


def test_another_command_says_that_it_is_not_aws_that_answers(doctor):
    doctor.write(config=section("profile a", role_arn=ROLE, source_profile="base"), credentials=key_section("base"))
    with answering(page("<html>no")) as url:
        said = doctor.here(
            "traces", "--profile", "a", **doctor.environment(AWS_ENDPOINT_URL_STS=url, AWS_CONFIG_FILE=None)
        )
    assert said.status == 1
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("url", ["http://[::1", "http://127.0.0.1:99999", "http://127.0.0.1:9/a b"])
def test_what_is_no_url_is_said_by_the_option_and_the_variable(doctor, url):
    with pytest.raises(WrongUse, match="an endpoint is a URL such as"):
        connect(endpoint=url, profile=None, region=None)
    assert doctor.names(**KEY, AWS_ENDPOINT_URL=url) == ["endpoint-invalid"]


def test_a_region_that_is_none_is_said_of_the_emulator_too(doctor):
    with answering(page("{}")) as url:
        found = doctor.run(**KEY, AWS_ENDPOINT_URL=url, AWS_REGION="eu west 1", AWS_DEFAULT_REGION="eu west 1")
    assert [each["name"] for each in found["findings"]] == ["region-unknown", "endpoint-elsewhere"]


def test_an_endpoint_of_a_file_is_left_aside_by_a_variable_that_programs_see(doctor):
    doctor.write(config=section("default", endpoint_url="http://127.0.0.1:9"))
    found = doctor.finding("endpoint-dead", **KEY)
    assert found["command"] == ["export AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true"]


# Passwords


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://someone:hunter2-hunter2@proxy:8080", "http://proxy:8080"),
        ("someone:hunter2-hunter2@proxy:8080", "proxy:8080"),
        ("http://someone:hunter2/hunter2@proxy:8080", "http://proxy:8080"),
        ("http://proxy:8080", "http://proxy:8080"),
    ],
)
def test_no_form_of_a_url_shows_its_password(url, shown):
    assert without_password(url) == shown


@pytest.mark.parametrize("scheme", ["", "http://"])
def test_the_password_of_a_proxy_without_a_scheme_is_not_printed(doctor, scheme):
    found = doctor.run(**KEY, HTTPS_PROXY=f"{scheme}someone:hunter2/hunter2@127.0.0.1:9")
    assert [each["name"] for each in found["findings"]] == ["proxy-fails"]
    assert "hunter2" not in json.dumps(found)


# Files and names


@pytest.mark.parametrize("variable", ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"])
def test_a_variable_that_names_a_folder_is_said(doctor, variable):
    found = doctor.finding("config-file-missing", **KEY, **{variable: str(doctor.home)})
    assert found["title"] == f"{variable} names a folder"


def test_names_that_are_too_long_for_a_file_are_no_crash(doctor):
    assert doctor.names(**KEY, AWS_CONFIG_FILE=f"/{'a' * 5000}") == ["config-file-missing"]
    said = doctor.here("doctor", "--json", "--app", "a" * 5000, **doctor.environment(**KEY))
    assert said.status == 0
    assert "File name too long" in said.out


def test_a_folder_that_may_not_be_entered_is_no_missing_file(doctor, monkeypatch):
    from pathlib import Path

    from raytrail.cli._doctor._credentials import read_files

    def refuse(path: Path, **_: object) -> os.stat_result:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", refuse)
    files = read_files({"AWS_CONFIG_FILE": "/nowhere/config", "HOME": "/nowhere"})
    assert {each.name for each in files.damages} == {"config-file-unreadable"}


def test_a_heading_with_a_blank_needs_quotation_marks(doctor):
    doctor.write(config=section("profile my work", region="eu-west-1"))
    found = doctor.finding("profile-not-found", "--profile", "my work")
    assert 'blanks need quotation marks: [profile "my work"]' in found["seen"]


def test_names_in_commands_are_typed_as_one_word(doctor):
    doctor.write(credentials=key_section("my keys", key=key_of(OURS, end="AAAA22"), secret=SECRET))
    assert doctor.finding("key-deleted-or-inactive", "--profile", "my keys")
    close = doctor.finding("profile-not-found", "--profile", "my key")
    assert close["command"] == ["raytrail doctor --profile 'my keys'"]
    nobody = doctor.finding("no-credentials", AWS_PROFILE=None)
    assert nobody["command"] == ["export AWS_PROFILE='my keys'"]


def test_of_several_profiles_none_is_guessed(doctor):
    doctor.write(credentials=key_section("admin-of-production") + key_section("work"))
    assert doctor.finding("no-credentials")["command"] == ["export AWS_PROFILE=NAME"]
    missing = doctor.finding("session-token-missing", **environment_key(ASIA))
    assert not any("production" in each for each in missing["command"])


# Roles


def test_a_source_profile_that_ended_is_what_is_to_be_renewed(doctor):
    doctor.cloud.keys[ASIA] = KeyAtAws(secret=SECRET, token=TOKEN, arn=ALICE, ended=True)
    doctor.write(
        config=section("profile a", role_arn=ROLE, source_profile="base"),
        credentials=key_section("base", key=ASIA, aws_session_token=TOKEN),
    )
    # `aws configure` would write into the role's profile, and asks for no token.
    found = doctor.finding("token-expired", "--profile", "a")
    assert found["command"] == [f"${{EDITOR:-vi}} {doctor.home}/.aws/credentials"]


def test_a_wrong_secret_of_a_source_profile_is_set_there(doctor):
    doctor.write(
        config=section("profile a", role_arn=ROLE, source_profile="base"),
        credentials=key_section("base", secret="x" * 40),
    )
    assert doctor.finding("wrong-secret", "--profile", "a")["command"] == ["aws configure --profile base"]


def test_a_half_key_of_a_source_profile_is_named_there(doctor):
    doctor.write(
        config=section("profile a", role_arn=ROLE, source_profile="base"),
        credentials=section("base", aws_access_key_id=AKIA),
    )
    found = doctor.finding("key-without-secret", "--profile", "a")
    assert (found["seen"].split(" has")[0], found["command"]) == (
        "the profile 'base'",
        ["aws configure --profile base"],
    )


@pytest.mark.parametrize(
    ("code", "said", "name", "title"),
    [
        ("Throttling", "Rate exceeded", "refused", "AWS throttles the calls of this account"),
        (
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role",
            "profile-incomplete",
            "STS does not take what the profile 'a' says of the role",
        ),
        ("InternalFailure", "oh", "refused", "AWS refuses the credentials, for a reason that is not known here"),
    ],
)
def test_a_role_is_said_not_to_trust_only_where_aws_denies_it(doctor, monkeypatch, code, said, name, title):
    from raytrail.cli._doctor._credentials import _loading

    def refuse(*_: object) -> None:
        raise ClientError({"Error": {"Code": code, "Message": said}}, "AssumeRole")

    monkeypatch.setattr(_loading, "load_credentials", refuse)
    config = section("profile a", role_arn=ROLE, source_profile="base", duration_seconds="43200")
    doctor.write(config=config, credentials=key_section("base"))
    found = doctor.finding(name, "--profile", "a")
    assert found["title"] == title
    assert said in found["seen"]


@pytest.mark.parametrize("source", ["Environment", "EcsContainer"])
def test_a_credential_source_that_has_nothing_is_named(doctor, source):
    doctor.write(config=section("profile a", role_arn=ROLE, credential_source=source))
    found = doctor.finding("no-credentials", "--profile", "a")
    assert f"credential_source = {source}" in found["seen"]


def test_keys_that_a_profile_takes_from_the_environment_are_not_left_aside(doctor):
    doctor.cloud.trusting[ROLE] = ALICE
    doctor.write(config=section("profile a", role_arn=ROLE, credential_source="Environment"))
    assert doctor.names("--profile", "a", **KEY) == []


def test_a_device_s_code_is_not_asked_for_where_standard_input_is_closed(doctor, monkeypatch):
    doctor.write(
        config=section("profile a", role_arn=ROLE, source_profile="base", mfa_serial=f"arn:aws:iam::{OURS}:mfa/alice"),
        credentials=key_section("base"),
    )
    monkeypatch.setattr(sys, "stdin", None)
    assert doctor.names("--profile", "a") == ["mfa-needed"]


# The environment


@pytest.mark.parametrize("text", ["soon", "2099-01-01T00:00:00"])
def test_an_expiration_that_is_no_time_is_named(doctor, text):
    found = doctor.finding("credentials-unreadable", **KEY, AWS_CREDENTIAL_EXPIRATION=text)
    assert found["command"] == ["unset AWS_CREDENTIAL_EXPIRATION"]


def test_other_host_names_that_do_not_answer_are_named_with_what_chose_them(doctor):
    # The proxy knows no such host.
    found = doctor.finding("proxy-fails", **KEY, AWS_USE_DUALSTACK_ENDPOINT="true")
    assert "AWS_USE_DUALSTACK_ENDPOINT chooses other host names" in found["seen"]
    assert found["command"][-1] == "unset AWS_USE_DUALSTACK_ENDPOINT"
    doctor.write(config=section("default", use_dualstack_endpoint="true"))
    found = doctor.finding("proxy-fails", **KEY)
    assert "use_dualstack_endpoint of the profile chooses other host names" in found["seen"]


@pytest.mark.parametrize(
    ("variable", "entries", "command"),
    [
        ("NO_PROXY", "localhost, .amazonaws.com", "export NO_PROXY=localhost"),
        ("no_proxy", "sts.us-east-1.amazonaws.com", "unset no_proxy"),
        ("NO_PROXY", "*", "unset NO_PROXY"),
        ("NO_PROXY", "localhost", ""),
    ],
)
def test_addresses_that_are_kept_from_a_proxy_that_is_set_are_named(variable, entries, command):
    environment = {"HTTPS_PROXY": "http://proxy:8080", variable: entries}
    setup = Setup(environment=environment, files=read_files(environment))
    error = EndpointConnectionError(endpoint_url="https://sts.us-east-1.amazonaws.com/")
    found = why_unreachable(setup, error, "us-east-1")
    assert found is not None
    assert found.name == "no-network"
    if command:
        assert found.todo == f"take the name out of {variable}, so that the proxy is asked"
        assert found.decided == f"HTTPS_PROXY is http://proxy:8080; {variable} is {entries}"
        assert found.command[0] == command
    else:
        assert found.todo.startswith("connect, or name a proxy")


def test_a_proxy_that_boto3_does_not_read_is_said_to_be_unread():
    environment = {"ALL_PROXY": "http://me:hunter2@proxy:8080", "NO_PROXY": "*"}
    setup = Setup(environment=environment, files=read_files(environment))
    error = EndpointConnectionError(endpoint_url="https://sts.us-east-1.amazonaws.com/")
    found = why_unreachable(setup, error, "us-east-1")
    assert found is not None
    assert found.todo.startswith("connect, or name a proxy in HTTPS_PROXY")
    assert found.decided == (
        "no variable names a proxy for boto3; ALL_PROXY is http://proxy:8080, which boto3 does not read"
    )
    assert not any("NO_PROXY" in each for each in found.command)


def test_a_home_that_nobody_knows_is_no_crash(doctor, monkeypatch):
    import pwd

    def nobody(_: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    doctor.write(config=SSO_PROFILE)
    config = str(doctor.home / ".aws" / "config")
    assert doctor.names("--profile", "work", HOME=None, AWS_CONFIG_FILE=config) == ["sso-session-ended"]


# The account


def test_a_session_that_ends_on_the_way_is_an_error_and_no_clean_account(doctor, monkeypatch):
    def ended(*_: object) -> None:
        raise Refused("the session has expired")

    monkeypatch.setattr(_command, "examine", ended)
    found = doctor.run(**KEY)
    assert (found["status"], [each["name"] for each in found["findings"]]) == (1, ["refused"])
    assert {"what": "the account", "reason": "the session has expired"} in found["not_looked_at"]


# What the app expects


def test_an_account_that_trusts_nobody_is_not_told_to_trust(doctor):
    doctor.write(cdk={"context": {"raytrail": {"account": THEIRS}}})
    assert doctor.finding("other-account", **KEY)["command"] == ["aws configure list-profiles"]


@pytest.mark.parametrize(("region", "names"), [("eu-wset-1", ["region-unknown"]), ("eu-west-9", [])])
def test_a_region_of_the_app_is_unknown_only_where_nothing_answers(doctor, monkeypatch, region, names):
    from raytrail.cli._doctor._credentials import _place
    from raytrail.cli._doctor._credentials._call import Answer

    if not names:
        # A Region that was opened after the installed botocore.
        monkeypatch.setattr(_place, "time_of_aws", lambda *_: Answer(ahead=0.0))
    folder = doctor.home / "app" / "cdk.out"
    folder.mkdir()
    stack = {
        "type": "aws:cloudformation:stack",
        "environment": f"aws://{OURS}/{region}",
        "properties": {"templateFile": "a.json"},
    }
    (folder / "a.json").write_text("{}", encoding="utf-8")
    (folder / "manifest.json").write_text(json.dumps({"artifacts": {"A": stack}}), encoding="utf-8")
    assert doctor.names(**KEY) == names
