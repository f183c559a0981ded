"""What the other commands say where credentials are the cause: one sentence, and where to look closer."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from tests.cli.doctor_home import AKIA, ASIA, OURS, SECRET, TOKEN, environment_key, key_section, section

from raytrail.cli._refusals import CREDENTIAL_CODES, Meaning, brief_key, meaning_of, off_by, seconds_ahead

HINT = "`raytrail doctor` tells the causes apart"
ROLE = f"arn:aws:iam::{OURS}:role/deployer"


def refusal(code: str, message: str = "", date: str = "") -> ClientError:
    """An error as botocore makes it of an answer."""
    headers = {"date": date} if date else {}
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPHeaders": headers}}, "X")


@pytest.mark.parametrize(
    ("code", "message", "meaning"),
    [
        ("InvalidClientTokenId", "The security token included in the request is invalid.", Meaning.UNKNOWN_KEY),
        ("AuthFailure", "AWS was not able to validate the provided access credentials", Meaning.UNKNOWN_KEY),
        ("ExpiredTokenException", "The security token included in the request is expired", Meaning.EXPIRED),
        ("SignatureDoesNotMatch", "The request signature we calculated does not match", Meaning.WRONG_SECRET),
        ("SignatureDoesNotMatch", "Signature expired: 1 is now earlier than 2", Meaning.WRONG_CLOCK),
        ("InvalidSignatureException", "Signature not yet current: 1 is still later", Meaning.WRONG_CLOCK),
        ("RequestTimeTooSkewed", "The difference between the request time and", Meaning.WRONG_CLOCK),
        ("SignatureDoesNotMatch", "Credential should be scoped to a valid region.", Meaning.WRONG_REGION),
        ("OptInRequired", "You are not subscribed to this service", Meaning.NOT_ENABLED),
        ("AccessDenied", "User: u is not authorized", Meaning.DENIED),
        ("Throttling", "Rate exceeded", Meaning.THROTTLED),
        ("NoSuchBucket", "The specified bucket does not exist", Meaning.OTHER),
    ],
)
def test_a_code_has_one_meaning(code, message, meaning):
    assert meaning_of(refusal(code, message)) is meaning


def test_a_signature_is_refused_for_its_time_where_the_answer_s_date_is_another():
    assert meaning_of(refusal("SignatureDoesNotMatch", date="Tue, 26 Jan 2016 21:57:47 GMT")) is Meaning.WRONG_CLOCK
    assert seconds_ahead("no date") is None
    assert (off_by(47 * 60.0), off_by(-90.0)) == ("47 minutes ahead of", "90 seconds behind")


def test_codes_that_no_call_escapes_are_of_credentials():
    others = {Meaning.DENIED, Meaning.THROTTLED, Meaning.OTHER}
    assert not others & {meaning_of(refusal(code)) for code in CREDENTIAL_CODES}


def test_a_secret_in_the_place_of_an_id_is_not_shown():
    assert brief_key(SECRET) == "(40 characters that are no access key ID)"
    assert brief_key(AKIA) == "AKIA...YZ22"


@pytest.mark.parametrize(
    ("config", "environment", "said"),
    [
        (section("profile work", credential_process="/nowhere/helper"), {}, "No such file or directory"),
        (section("profile work", credential_process="echo no JSON"), {}, "the credentials could not be had"),
        (section("profile work", credential_process="sh -c 'exit 3'"), {}, "could not be had"),
        (section("profile work", role_arn=ROLE, web_identity_token_file="/nowhere/token"), {}, "/nowhere/token"),
        (section("profile work", login_session="arn"), {}, "could not be had"),
        (section("profile work", role_arn=ROLE), {}, "the AWS configuration is not usable"),
        (section("profile work", role_arn=ROLE, source_profile="base"), {}, "may not call AssumeRole"),
        ("", {"AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z", **environment_key(ASIA, token=TOKEN)}, "expired"),
    ],
)
def test_what_keeps_a_command_from_its_credentials_is_one_sentence(doctor, config, environment, said):
    doctor.write(config=config, credentials=key_section("base"))
    profile = () if environment else ("--profile", "work")
    refused = doctor.here("traces", *profile, **doctor.environment(**environment))
    assert (refused.status, refused.out, len(refused.err.splitlines())) == (1, "", 1)
    assert said in refused.err
    assert HINT in refused.err or "AssumeRole" in refused.err


def test_the_region_of_the_other_sdks_is_read_too(doctor):
    said = doctor.here("traces", **doctor.environment(**environment_key(AKIA), AWS_DEFAULT_REGION=None))
    assert doctor.cloud.calls[-1].endswith(" us-east-1")
    assert "GetTraceSummaries was refused in us-east-1" in said.err
