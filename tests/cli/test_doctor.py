"""``raytrail doctor`` as a person runs it: broken set-ups in processes of their own, and against the embedded AWS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.cli.command import Said, environment_with, raytrail
from tests.cli.doctor_home import (
    AKIA,
    ASIA,
    OTHER_SECRET,
    OURS,
    SECRETS,
    SSO_CLIENT,
    SSO_PROFILE,
    THEIRS,
    TOKEN,
    Doctor,
    environment_key,
    key_of,
    key_section,
    new_cloud,
    section,
    sso_token,
)
from tests.cli.doctor_wire import Wire

from raytrail.cli._doctor._model import STATUS, Diagnosis, Finding
from raytrail.localaws import LocalAws


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A set-up that does not work, and what is found in it, the worst first."""

    found: list[str]
    config: str = ""
    credentials: str = ""
    arguments: tuple[str, ...] = ()
    environment: dict[str, str | None] = field(default_factory=dict)
    sso: dict[str, Any] | None = None
    cdk: dict[str, Any] | None = None


ROLE = f"arn:aws:iam::{OURS}:role/deployer"

BROKEN = {
    "a temporary key without its token": Broken(found=["session-token-missing"], environment=environment_key(ASIA)),
    "a long-term key with a left-over token": Broken(
        found=["session-token-left-over"], environment=environment_key(AKIA, token=TOKEN)
    ),
    "a deleted key": Broken(found=["key-deleted-or-inactive"], environment=environment_key(key_of(OURS, end="DELETE"))),
    "keys that shadow the profile, of another account": Broken(
        found=["environment-shadows-profile", "other-account"],
        credentials=key_section("prod", key=key_of(THEIRS)),
        environment={"AWS_PROFILE": "prod", **environment_key(AKIA)},
        cdk={"context": {"raytrail": {"account": THEIRS}}},
    ),
    "an SSO session that ran out": Broken(
        found=["sso-session-ended"],
        config=SSO_PROFILE,
        arguments=("--profile", "work"),
        sso=sso_token("2026-01-01T08:00:00Z"),
    ),
    "an SSO session that was revoked": Broken(
        found=["sso-session-ended"],
        config=SSO_PROFILE,
        arguments=("--profile", "work"),
        sso=sso_token("2099-01-01T08:00:00Z"),
    ),
    "a role that needs MFA, in a pipe": Broken(
        found=["mfa-needed"],
        config=section("profile work", role_arn=ROLE, source_profile="base", mfa_serial=f"arn:aws:iam::{OURS}:mfa/a"),
        credentials=key_section("base"),
        arguments=("--profile", "work"),
    ),
    "an endpoint left over from a local run": Broken(
        found=["endpoint-dead"],
        environment={"AWS_ENDPOINT_URL": "http://127.0.0.1:9", **environment_key(AKIA)},
    ),
}


def set_up(broken: Broken, home: Path, wire: Wire) -> Said:
    """Make the set-up, and run the doctor in it."""
    (home / "app").mkdir(parents=True)
    person = Doctor(here=raytrail, diagnose=raytrail, home=home, wire=wire)
    person.write(config=broken.config, credentials=broken.credentials, cdk=broken.cdk, sso=broken.sso)
    words = ("doctor", "--app", str(home / "app"), "--json", *broken.arguments)
    return raytrail(*words, **person.environment(**broken.environment))


def test_eight_broken_set_ups_are_told_apart_and_no_secret_is_printed(wire: Wire, tmp_path: Path) -> None:
    wire.cloud = new_cloud()
    with ThreadPoolExecutor(max_workers=3) as pool:
        running = {
            name: pool.submit(set_up, broken, tmp_path / str(number), wire)
            for number, (name, broken) in enumerate(BROKEN.items())
        }
    found = {}
    for name, future in running.items():
        said = future.result()
        diagnosis = json.loads(said.out)
        assert (said.status, said.err, diagnosis["status"]) == (1, "", 1), name
        found[name] = [each["name"] for each in diagnosis["findings"]]
        for secret in (*SECRETS, SSO_CLIENT):
            assert secret not in said.out, name
    assert found == {name: broken.found for name, broken in BROKEN.items()}


def test_a_code_of_an_mfa_device_is_asked_for_in_a_terminal_and_a_wrong_one_is_told(wire: Wire, tmp_path: Path) -> None:
    wire.cloud = new_cloud()
    (tmp_path / "app").mkdir()
    person = Doctor(here=raytrail, diagnose=raytrail, home=tmp_path, wire=wire)
    device = {"mfa_serial": f"arn:aws:iam::{OURS}:mfa/alice"}
    person.write(
        config=section("profile work", role_arn=ROLE, source_profile="base", **device), credentials=key_section("base")
    )
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [str(Path(sys.executable).parent / "raytrail"), "doctor", "--app", str(tmp_path / "app"), "--profile", "work"],
        env=environment_with(**person.environment()),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Without a terminal of its own, which getpass would prefer to its standard input.
        start_new_session=True,
    ) as running:
        assert running.stderr is not None
        prompt = f"Enter MFA code for {device['mfa_serial']}: "
        # What is typed before the question is thrown away.
        assert running.stderr.read(len(prompt)).decode() == prompt
        os.write(ours, b"000000\n")
        said = running.communicate(timeout=60)[0].decode()
    os.close(ours)
    os.close(theirs)
    assert running.returncode == 1
    assert "[mfa-code-wrong]" in said


@pytest.mark.parametrize(
    ("cdk", "environment", "signer"),
    [
        ({}, {"AWS_PROFILE": "two", "AWS_DEFAULT_PROFILE": "one"}, key_of(THEIRS, end="TWO222")),
        ({"profile": "one"}, environment_key(AKIA), key_of(THEIRS, end="ONE222")),
    ],
)
def test_the_cdk_cli_itself_takes_what_the_doctor_says_that_it_takes(
    doctor: Doctor, root: Path, cdk: dict[str, Any], environment: dict[str, str | None], signer: str
) -> None:
    if not (root / "node_modules" / "aws-cdk").is_dir():
        pytest.skip("needs the pinned CDK CLI: make setup")
    doctor.write(
        cdk=cdk,
        credentials=key_section("one", key=key_of(THEIRS, end="ONE222"))
        + key_section("two", key=key_of(THEIRS, end="TWO222")),
    )
    assert "profiles-differ" in doctor.names(**environment)
    doctor.cloud.signers.clear()
    through = ("--proxy", doctor.wire.proxy, "--ca-bundle-path", str(doctor.wire.authority), "--no-notices")
    direct = {"HTTPS_PROXY": None, "AWS_CA_BUNDLE": None}
    cdk_cli = (os.environ["JSII_NODE"], str(root / "node_modules/aws-cdk/bin/cdk"))
    subprocess.run(
        [*cdk_cli, "bootstrap", f"aws://{OURS}/us-east-1", *through],
        cwd=doctor.home / "app",
        env=environment_with(**{**doctor.environment(**environment), **direct}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert set(doctor.cloud.signers) == {signer}


def test_the_status_is_that_of_the_worst_finding() -> None:
    def diagnosis(*severities: Any) -> Diagnosis:
        findings = [Finding(name="a", severity=each, title="", seen="", means="", todo="") for each in severities]
        return Diagnosis(identity=None, findings=tuple(findings))

    assert [diagnosis(*each).status for each in ((), ("note",), ("warning", "note"), ("note", "error"))] == [0, 0, 3, 1]
    assert set(STATUS.values()) == {0, 1, 3}


# The embedded AWS


class StrictAws(LocalAws):
    """An embedded AWS that checks keys, tokens and signatures, by ministack's own code, as the shared one does not."""

    def _server_environment(self) -> dict[str, str]:
        return {**super()._server_environment(), "AUTH": "true"}


@pytest.fixture(scope="module")
def strict_aws() -> Iterator[LocalAws]:
    with StrictAws() as server:
        yield server


@pytest.mark.local
def test_an_emulator_that_is_not_ours_refuses_keys_and_tokens_in_the_same_words(
    doctor: Doctor, strict_aws: LocalAws
) -> None:
    def found(key_id: str, secret: str, **token: str) -> list[str]:
        doctor.write(credentials=key_section("patient", key=key_id, secret=secret, **token))
        direct = {"HTTPS_PROXY": None, "AWS_CA_BUNDLE": None}
        return doctor.names("--profile", "patient", "--endpoint", strict_aws.endpoint, **direct)

    def client(service: str, *credentials: str) -> Any:
        session: Any = boto3.Session(*credentials, region_name="us-east-1")
        return session.client(service, endpoint_url=strict_aws.endpoint)

    iam = client("iam", OURS, "local")
    iam.create_user(UserName="patient")
    made = iam.create_access_key(UserName="patient")["AccessKey"]
    pair = (made["AccessKeyId"], made["SecretAccessKey"])
    assert found(*pair) == ["embedded-aws"]
    assert found(pair[0], OTHER_SECRET) == ["wrong-secret", "embedded-aws"]
    assert found(*pair, aws_session_token=TOKEN) == ["session-token-left-over", "embedded-aws"]
    session = client("sts", *pair).get_session_token()["Credentials"]
    temporary = (session["AccessKeyId"], session["SecretAccessKey"])
    assert found(*temporary, aws_session_token=session["SessionToken"]) == ["embedded-aws"]
    assert found(*temporary) == ["session-token-missing", "embedded-aws"]
    assert found(*temporary, aws_session_token=TOKEN) == ["session-token-stale", "embedded-aws"]
    iam.update_access_key(UserName="patient", AccessKeyId=pair[0], Status="Inactive")
    assert found(*pair) == ["key-deleted-or-inactive", "embedded-aws"]
    iam.delete_access_key(UserName="patient", AccessKeyId=pair[0])
    assert found(*pair) == ["key-deleted-or-inactive", "embedded-aws"]


@pytest.mark.local
@pytest.mark.parametrize("by", ["--endpoint", "AWS_ENDPOINT_URL"])
def test_the_embedded_aws_is_asked_on_purpose_and_said_to_be_none_of_aws_s(
    doctor: Doctor, local_aws: LocalAws, by: str
) -> None:
    # What a person has of an AWS of another kind does not reach it.
    theirs = {"AWS_PROFILE": "no-such-profile", "AWS_SESSION_TOKEN": "stale", **environment_key(AKIA)}
    arguments = (by, local_aws.endpoint) if by.startswith("--") else ()
    found = doctor.run(*arguments, **theirs, **({} if arguments else {by: local_aws.endpoint}))
    assert found["status"] == 0
    assert [each["name"] for each in found["findings"]] == ["embedded-aws"]
    assert found["findings"][0]["seen"] == f"{by} is {local_aws.endpoint}, where ministack answers"
    assert found["identity"]["account"] == OURS
    words = ("doctor", "--app", str(doctor.home / "app"), "--endpoint", local_aws.endpoint)
    said = doctor.here(*words, **doctor.environment(**theirs))
    assert said.out.splitlines()[0].startswith("of the embedded AWS, not of AWS: 1 note")


@pytest.mark.local
def test_an_endpoint_of_one_service_that_is_embedded_splits_the_calls(doctor: Doctor, local_aws: LocalAws) -> None:
    found = doctor.finding("endpoint-elsewhere", **environment_key(AKIA), AWS_ENDPOINT_URL_S3=local_aws.endpoint)
    assert (found["severity"], found["title"]) == ("warning", "calls to s3 go to the embedded AWS")
