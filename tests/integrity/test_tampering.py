"""A folder of CloudTrail's, tampered with in every way: what was done is named, and nothing else is."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integrity.delivered import BUCKET, HOUR, START, Trail, key_pair, move, public_keys, rewrite

from raytrail.integrity import Finding, FolderSource, PublicKeys, Status, verify

DAY = 5
"""How many hours, and so digests, the chain has: before and after midnight."""
Named = dict[str, Status]


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    made = Trail(tmp_path)
    for _ in range(DAY):
        made.hour()
    made.sign_newest()
    return made


def findings(folder: Path, keys: PublicKeys | None = None) -> list[Finding]:
    outcomes = list(verify(FolderSource(folder), public_keys() if keys is None else keys))
    return [outcome for outcome in outcomes if isinstance(outcome, Finding)]


def not_verified(folder: Path, keys: PublicKeys | None = None) -> Named:
    """What is not verified, by its path; everything is told of once."""
    found = findings(folder, keys)
    assert len({finding.path for finding in found}) == len(found), found
    return {finding.path: finding.status for finding in found if finding.status is not Status.VERIFIED}


def reason(folder: Path, path: str, keys: PublicKeys | None = None) -> str:
    return next(finding.reason for finding in findings(folder, keys) if finding.path == path)


def logs_of(trail: Trail, hour: int) -> list[str]:
    return trail.logs[2 * hour : 2 * hour + 2]


def flip(path: Path, place: int) -> None:
    body = bytearray(path.read_bytes())
    body[place] ^= 1
    path.write_bytes(body)


def test_what_nobody_touched_is_verified_to_the_last_file(trail: Trail) -> None:
    found = findings(trail.folder)
    assert {finding.status for finding in found} == {Status.VERIFIED}
    assert sorted(finding.path for finding in found) == sorted(trail.digests + trail.logs)


def test_without_its_metadata_only_the_newest_digest_and_its_log_files_are_unverified(trail: Trail) -> None:
    (trail.folder / f"{trail.digests[-1]}.head-object.json").unlink()
    expected = dict.fromkeys([trail.digests[-1], *trail.logs[-2:]], Status.UNVERIFIED)
    assert not_verified(trail.folder) == expected
    assert "head-object" in reason(trail.folder, trail.digests[-1])


def test_a_byte_flipped_in_a_log_file_is_named(trail: Trail) -> None:
    target = trail.folder / trail.logs[3]
    raw = bytearray(gzip.decompress(target.read_bytes()))
    raw[20] ^= 1
    target.write_bytes(gzip.compress(bytes(raw)))
    assert not_verified(trail.folder) == {trail.logs[3]: Status.ALTERED}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_byte_flipped_anywhere_is_named_unless_it_changes_no_content(trail: Trail, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(trail.digests + trail.logs))
    path = trail.folder / key
    whole = path.read_bytes()
    body = bytearray(whole)
    body[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        path.write_bytes(body)
        found = not_verified(trail.folder)
        if found:
            assert found[key] in (Status.ALTERED, Status.UNREADABLE)
        else:
            # The time and the name in the header of a gzip are no part of what it holds.
            assert gzip.decompress(body) == gzip.decompress(whole)
    finally:
        path.write_bytes(whole)


def test_a_log_file_that_was_removed_is_named(trail: Trail) -> None:
    (trail.folder / trail.logs[4]).unlink()
    assert not_verified(trail.folder) == {trail.logs[4]: Status.MISSING}


def test_a_log_file_that_was_added_is_named(trail: Trail) -> None:
    key = trail.log_key(START + 2 * HOUR + timedelta(minutes=7), "added")
    trail.write(key, (trail.folder / trail.logs[0]).read_bytes())
    assert not_verified(trail.folder) == {key: Status.EXTRA}


@pytest.mark.parametrize(
    "place",
    [
        "us-east-1/2026/01/31/records.json.gz",
        "us-east-1/2026/01/31/deeper/111122223333_CloudTrail_us-east-1_20260131T2205Z_x.json.gz",
        "us-east-1/2026/02/01/111122223333_CloudTrail_us-east-1_20260131T2205Z_x.json.gz",
        "us-east-1/2026/01/31/111122223333_CloudTrail_eu-west-1_20260131T2205Z_x.json.gz",
        "us-east-1/2026/01/31/111122223333_CloudTrail_us-east-1_20260231T2205Z_x.json.gz",
        "us-east-1/added.json.gz",
        "added.json.gz",
    ],
)
def test_a_file_where_cloudtrail_puts_none_is_named(trail: Trail, place: str) -> None:
    """Athena reads whatever lies in the folder of a day."""
    key = f"{trail.above}/CloudTrail/{place}"
    trail.write(key, b"anything")
    assert not_verified(trail.folder) == {key: Status.EXTRA}


def test_records_appended_to_a_log_file_as_a_second_gzip_are_named(trail: Trail) -> None:
    """The hash of the first is as it was, and Athena reads both."""
    with (trail.folder / trail.logs[1]).open("ab") as file:
        file.write(gzip.compress(b'{"Records": []}'))
    assert not_verified(trail.folder) == {trail.logs[1]: Status.ALTERED}
    assert "bytes follow" in reason(trail.folder, trail.logs[1])


@pytest.mark.parametrize("body", [b"", b"\x1f\x8b", b"not gzip"])
def test_a_log_file_that_is_no_gzip_is_named(trail: Trail, body: bytes) -> None:
    (trail.folder / trail.logs[5]).write_bytes(body)
    assert not_verified(trail.folder) == {trail.logs[5]: Status.UNREADABLE}


def test_a_truncated_log_file_is_named_and_loses_no_other(trail: Trail) -> None:
    path = trail.folder / trail.logs[6]
    path.write_bytes(path.read_bytes()[:-9])
    assert not_verified(trail.folder) == {trail.logs[6]: Status.UNREADABLE}
    assert "truncated" in reason(trail.folder, trail.logs[6])


def test_a_log_file_that_is_a_folder_or_a_pipe_is_named(trail: Trail) -> None:
    for number in (2, 3):
        (trail.folder / trail.logs[number]).unlink()
    (trail.folder / trail.logs[2]).mkdir()
    os.mkfifo(trail.folder / trail.logs[3])
    assert not_verified(trail.folder) == dict.fromkeys(trail.logs[2:4], Status.UNVERIFIED)


def test_a_digest_that_was_removed_is_named_and_what_it_named_is_unverified(trail: Trail) -> None:
    (trail.folder / trail.digests[2]).unlink()
    found = not_verified(trail.folder)
    # The signature of the one before went with it.
    unsure = [trail.digests[1], *logs_of(trail, 1), *logs_of(trail, 2)]
    assert found == {trail.digests[2]: Status.MISSING, **dict.fromkeys(unsure, Status.UNVERIFIED)}


def test_a_log_file_added_in_the_time_of_a_digest_that_was_removed_is_not_vouched_for(trail: Trail) -> None:
    (trail.folder / trail.digests[2]).unlink()
    key = trail.log_key(START + 2 * HOUR + timedelta(minutes=7), "added")
    trail.write(key, (trail.folder / trail.logs[0]).read_bytes())
    assert not_verified(trail.folder)[key] is Status.UNVERIFIED


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: rewrite(path, logFiles=[]), id="says less"),
        pytest.param(lambda path: rewrite(path, digestEndTime="2026-01-31T23:30:00Z"), id="says another time"),
        pytest.param(lambda path: rewrite(path, previousDigestHashValue="0" * 64), id="says another hash"),
        pytest.param(lambda path: rewrite(path, previousDigestS3Object="AWSLogs/none"), id="names another before"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes() + gzip.compress(b"{}")), id="is followed"),
    ],
)
def test_a_digest_that_was_altered_is_named_and_speaks_for_nothing(
    trail: Trail, damage: Callable[[Path], None]
) -> None:
    damage(trail.folder / trail.digests[2])
    found = not_verified(trail.folder)
    assert found.pop(trail.digests[2]) is Status.ALTERED
    assert {found.pop(log) for log in logs_of(trail, 2)} == {Status.UNVERIFIED}
    # Where what it says of the one before is lost too, that one has no signature; it is never called altered.
    assert set(found) <= {trail.digests[1], *logs_of(trail, 1)}
    assert set(found.values()) <= {Status.UNVERIFIED}


def test_a_truncated_digest_is_named_and_the_rest_of_the_chain_checked(trail: Trail) -> None:
    path = trail.folder / trail.digests[3]
    path.write_bytes(path.read_bytes()[:50])
    unsure = [trail.digests[2], *logs_of(trail, 2), *logs_of(trail, 3)]
    assert not_verified(trail.folder) == {
        trail.digests[3]: Status.UNREADABLE,
        **dict.fromkeys(unsure, Status.UNVERIFIED),
    }


def test_a_digest_that_is_altered_with_its_hash_in_the_next_is_named_by_the_signature(trail: Trail) -> None:
    """Whoever may write may make hashes fit, but not signatures."""
    path = trail.folder / trail.digests[1]
    rewrite(path, logFiles=[])
    forged = sha256(gzip.decompress(path.read_bytes())).hexdigest()
    rewrite(trail.folder / trail.digests[2], previousDigestHashValue=forged)
    found = not_verified(trail.folder)
    assert found[trail.digests[2]] is Status.ALTERED
    assert found[trail.digests[1]] is not Status.VERIFIED
    assert {found[log] for log in logs_of(trail, 1)} == {Status.UNVERIFIED}
    assert trail.digests[0] not in found


def test_a_signature_altered_in_the_next_digest_is_named_at_that_digest(trail: Trail) -> None:
    other = "00" + trail.signatures[trail.digests[1]][2:]
    rewrite(trail.folder / trail.digests[2], previousDigestSignature=other)
    found = not_verified(trail.folder)
    assert found[trail.digests[2]] is Status.ALTERED
    assert found[trail.digests[1]] is Status.UNVERIFIED


def test_a_signature_altered_in_the_newest_digest_is_named_at_both_it_can_be_meant_for(trail: Trail) -> None:
    (trail.folder / f"{trail.digests[-1]}.head-object.json").unlink()
    rewrite(trail.folder / trail.digests[-1], previousDigestSignature="00" * 256)
    found = not_verified(trail.folder)
    assert found[trail.digests[-2]] is Status.ALTERED
    assert trail.digests[-1] in reason(trail.folder, trail.digests[-2])


@pytest.mark.parametrize("signature", ["00" * 256, "no hexadecimal", ""])
def test_a_signature_altered_in_the_metadata_is_named(trail: Trail, signature: str) -> None:
    head = json.dumps({"Metadata": {"signature": signature}})
    (trail.folder / f"{trail.digests[-1]}.head-object.json").write_text(head)
    found = not_verified(trail.folder)
    assert found.pop(trail.digests[-1]) is Status.ALTERED
    assert found == dict.fromkeys(trail.logs[-2:], Status.UNVERIFIED)


@pytest.mark.parametrize("head", ["", "{}", '{"Metadata": {}}', '{"Metadata": {"signature": 1}}', "[]"])
def test_metadata_without_a_signature_are_as_none(trail: Trail, head: str) -> None:
    (trail.folder / f"{trail.digests[-1]}.head-object.json").write_text(head)
    assert not_verified(trail.folder)[trail.digests[-1]] is Status.UNVERIFIED


def test_without_public_keys_everything_is_unverified_and_tampering_is_still_found(trail: Trail) -> None:
    nothing = PublicKeys()
    assert not_verified(trail.folder, nothing) == dict.fromkeys(trail.digests + trail.logs, Status.UNVERIFIED)
    assert reason(trail.folder, trail.digests[0], nothing) == "no public keys were given"
    (trail.folder / trail.logs[0]).unlink()
    rewrite(trail.folder / trail.digests[1], logFiles=[])
    found = not_verified(trail.folder, nothing)
    assert found[trail.logs[0]] is Status.MISSING
    assert found[trail.digests[1]] is Status.ALTERED


def test_a_digest_whose_public_key_is_missing_is_unverified_and_the_key_named(tmp_path: Path) -> None:
    """CloudTrail changes keys every few weeks, in the midst of a chain."""
    trail = Trail(tmp_path)
    trail.hour(pair=key_pair(1))
    trail.hour(pair=key_pair(0))
    trail.hour(pair=key_pair(0))
    trail.sign_newest()
    assert not_verified(tmp_path) == dict.fromkeys([trail.digests[0], *logs_of(trail, 0)], Status.UNVERIFIED)
    assert key_pair(1).fingerprint in reason(tmp_path, trail.digests[0])
    assert not_verified(tmp_path, public_keys(key_pair(0), key_pair(1))) == {}


def test_a_signature_of_an_unknown_kind_is_unverified(tmp_path: Path) -> None:
    trail = Trail(tmp_path)
    trail.hour(digestSignatureAlgorithm="SHA512withRSA")
    trail.sign_newest()
    assert not_verified(tmp_path)[trail.digests[0]] is Status.UNVERIFIED
    assert "SHA512withRSA" in reason(tmp_path, trail.digests[0])


def test_a_digest_signed_with_the_key_of_somebody_else_is_altered(tmp_path: Path) -> None:
    trail = Trail(tmp_path)
    trail.hour(pair=key_pair(1), digestPublicKeyFingerprint=key_pair(0).fingerprint)
    trail.sign_newest()
    assert not_verified(tmp_path)[trail.digests[0]] is Status.ALTERED


def test_a_digest_that_has_come_into_the_chain_is_named(trail: Trail) -> None:
    older, newer = trail.digests[1:3]
    between = older.replace("2026/01/31", "2026/02/01").replace("20260131T230131Z", "20260201T000000Z")
    assert older < between < newer
    trail.write(between, (trail.folder / older).read_bytes())
    assert not_verified(trail.folder) == {between: Status.EXTRA}


def test_a_file_among_the_digests_that_is_none_is_named(trail: Trail) -> None:
    places = [f"{trail.above}/CloudTrail-Digest/{place}" for place in ("us-east-1/2026/02/01/x.json.gz", "x.json")]
    for place in places:
        trail.write(place, b"{}")
    assert not_verified(trail.folder) == dict.fromkeys(places, Status.EXTRA)


def test_a_chain_that_was_moved_to_another_account_is_named(trail: Trail) -> None:
    other = [key.replace("111122223333", "444455556666") for key in trail.digests]
    for key, target in zip(trail.digests, other, strict=True):
        move(trail.folder / key, trail.folder / target)
    found = not_verified(trail.folder)
    assert {found[key] for key in other} == {Status.ALTERED}
    assert "it is not where CloudTrail put it" in reason(trail.folder, other[0])


def test_a_copy_of_an_old_digest_in_place_of_a_newer_is_named(trail: Trail) -> None:
    trail.write(trail.digests[3], (trail.folder / trail.digests[2]).read_bytes())
    assert not_verified(trail.folder)[trail.digests[3]] is Status.ALTERED


def test_when_the_newest_digests_are_removed_the_log_files_after_them_are_unverified(trail: Trail) -> None:
    for key in trail.digests[3:]:
        (trail.folder / key).unlink()
    unsure = [trail.digests[2], *trail.logs[4:]]
    assert not_verified(trail.folder) == dict.fromkeys(unsure, Status.UNVERIFIED)


def test_when_every_digest_is_removed_no_log_file_is_verified(trail: Trail) -> None:
    for key in trail.digests:
        (trail.folder / key).unlink()
    (trail.folder / f"{trail.digests[-1]}.head-object.json").unlink()
    assert not_verified(trail.folder) == dict.fromkeys(trail.logs, Status.UNVERIFIED)


def test_when_the_oldest_digests_are_removed_the_next_names_what_is_missing(trail: Trail) -> None:
    (trail.folder / trail.digests[0]).unlink()
    found = not_verified(trail.folder)
    assert found == {trail.digests[0]: Status.MISSING, **dict.fromkeys(trail.logs[:2], Status.UNVERIFIED)}


def test_a_forged_digest_reads_no_file_outside_of_the_folder(trail: Trail, tmp_path: Path) -> None:
    secret = tmp_path.parent / f"{tmp_path.name}-secret.json.gz"
    secret.write_bytes(gzip.compress(b"secret"))
    named = {"s3Bucket": BUCKET, "hashValue": "0" * 64, "hashAlgorithm": "SHA-256"}
    keys = [f"../{secret.name}", f"a/../../{secret.name}", str(secret), "x\0y"]
    rewrite(trail.folder / trail.digests[-1], logFiles=[{**named, "s3Object": key} for key in keys])
    found = not_verified(trail.folder, PublicKeys())
    assert {found[key] for key in keys} == {Status.MISSING}
