"""``raytrail verify``: what it prints, its statuses, and that a bucket is read as a folder is."""

from __future__ import annotations

import gzip
import json
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command import Gatekeeper, Refusal, Said, raytrail
from tests.integrity.delivered import HOUR, START, Trail, public_keys_document, rewrite

from raytrail.localaws import LocalAws

Here = Callable[..., Said]


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    made = Trail(tmp_path / "bucket")
    for _ in range(5):
        made.hour()
    made.sign_newest()
    return made


@pytest.fixture
def keys(tmp_path: Path) -> str:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(public_keys_document()))
    return str(file)


def rows(said: Said) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.out.splitlines()]


def test_a_folder_that_nobody_touched_ends_with_0_and_says_what_is_covered(here: Here, trail: Trail, keys: str) -> None:
    said = here("verify", str(trail.folder), "--public-keys", keys)
    assert (said.status, said.err) == (0, "")
    assert said.out.splitlines() == [
        "111122223333 us-east-1 audit_all: 5 digests that name 10 log files, of 2026-01-31T21:01:31Z to "
        "2026-02-01T02:01:31Z",
        "15 verified",
    ]


def test_a_tampered_folder_ends_with_1_and_names_each_file(here: Here, trail: Trail, keys: str) -> None:
    folder = trail.folder
    (folder / trail.logs[0]).write_bytes(gzip.compress(b'{"Records": []}'))
    (folder / trail.logs[2]).unlink()
    (folder / trail.logs[4]).write_bytes((folder / trail.logs[4]).read_bytes()[:-4])
    added = trail.log_key(START + HOUR, "added")
    trail.write(added, b"")
    rewrite(folder / trail.digests[3], logFiles=[])
    said = here("verify", str(folder), "--public-keys", keys)
    assert said.status == 1
    lines = said.out.splitlines()
    for word, kind, path in [
        ("ALTERED", "log", trail.logs[0]),
        ("MISSING", "log", trail.logs[2]),
        ("UNREADABLE", "log", trail.logs[4]),
        ("EXTRA", "log", added),
        ("ALTERED", "digest", trail.digests[3]),
    ]:
        assert any(line.startswith(f"{word:<11}{kind} {path}: ") for line in lines), (word, said.out)
    assert lines[-1] == "9 verified, 2 unverified, 2 altered, 1 missing, 1 extra, 1 unreadable"


def test_what_cannot_be_checked_ends_with_3_and_is_summed_up(here: Here, trail: Trail) -> None:
    said = here("verify", str(trail.folder))
    assert said.status == 3
    digests, logs, _, counts = said.out.splitlines()
    assert digests == (f"UNVERIFIED 5 digests {trail.digests[-1]} ... {trail.digests[0]}: no public keys were given")
    assert logs.startswith("UNVERIFIED 10 log files ")
    assert counts == "15 unverified"


def test_few_unverified_files_are_named_one_by_one(here: Here, trail: Trail, keys: str) -> None:
    (trail.folder / f"{trail.digests[-1]}.head-object.json").unlink()
    said = here("verify", str(trail.folder), "--public-keys", keys)
    assert said.status == 3
    for path in (trail.digests[-1], *trail.logs[-2:]):
        assert path in said.out


def test_json_is_an_object_a_line_and_names_every_file(here: Here, trail: Trail, keys: str) -> None:
    (trail.folder / trail.logs[1]).unlink()
    said = here("verify", str(trail.folder), "--public-keys", keys, "--json")
    assert said.status == 1
    *found, covered, summary = rows(said)
    assert sorted(row["path"] for row in found) == sorted(trail.digests + trail.logs)
    assert [row for row in found if row["status"] != "verified"] == [
        {
            "kind": "log",
            "status": "missing",
            "path": trail.logs[1],
            "reason": "a digest names it",
            "account": "111122223333",
            "region": "us-east-1",
            "trail": "audit_all",
            "home_region": "us-east-1",
            "backfill": False,
        }
    ]
    assert covered["kind"] == "chain"
    assert (covered["start"], covered["end"]) == ("2026-01-31T21:01:31Z", "2026-02-01T02:01:31Z")
    assert (summary["kind"], summary["verified"], summary["missing"], summary["broken"]) == ("summary", 14, 1, 0)


def test_from_a_time_on(here: Here, trail: Trail, keys: str) -> None:
    (trail.folder / trail.digests[0]).unlink()
    assert here("verify", str(trail.folder), "--public-keys", keys).status == 1
    said = here("verify", str(trail.folder), "--public-keys", keys, "--from", "2026-01-31T22:01:31Z")
    assert said.status == 0
    assert here("verify", str(trail.folder), "--public-keys", keys, "--from", "2026-02-01").status == 0


def test_a_name_that_a_terminal_would_obey_is_printed_harmless(here: Here, trail: Trail, keys: str) -> None:
    trail.write(f"{trail.above}/CloudTrail/us-east-1/2026/01/31/\x1b]0;title\x07[red]x", b"")
    said = here("verify", str(trail.folder), "--public-keys", keys)
    assert said.status == 1
    assert "\x1b" not in said.out
    assert "[red]x" in said.out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nowhere"], "nowhere is no folder"),
        (["."], "nothing of CloudTrail's lies at ."),
        (["s3://"], "names no bucket"),
        (["s3://UPPER/x"], "names no bucket"),
        ([".", "--region", "us-east-1"], "leave out --region"),
        ([".", "--from", "noon"], "--from is a time in ISO 8601"),
        ([".", "--public-keys", "none.json"], "none.json cannot be read"),
        ([".", "--public-keys", "."], "cannot be read: Is a directory"),
    ],
)
def test_what_cannot_be_asked_ends_with_2(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    said = here("verify", *arguments, AWS_REGION="us-east-1", AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert said.status == 2
    assert why in said.err
    assert said.out == ""


def test_a_file_of_keys_that_holds_none_ends_with_2(here: Here, trail: Trail) -> None:
    said = here("verify", str(trail.folder), "--public-keys", str(trail.folder / trail.logs[0]))
    assert said.status == 2
    assert "--public-keys: " in said.err


@pytest.mark.local
class TestBucket:
    @pytest.fixture
    def bucket(self, local_aws: LocalAws) -> str:
        """The name of a new bucket."""
        name = f"verify-{uuid.uuid4().hex[:8]}"
        local_aws.client("s3").create_bucket(Bucket=name)
        return name

    @pytest.fixture
    def uploaded(self, local_aws: LocalAws, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trail:
        monkeypatch.setattr("tests.integrity.delivered.BUCKET", bucket)
        trail = Trail(tmp_path / "uploaded", prefix="audit")
        for _ in range(4):
            trail.hour()
        s3 = local_aws.client("s3")
        for key in trail.digests + trail.logs:
            signature = trail.signatures.get(key)
            metadata = {"signature": signature, "signature-algorithm": "SHA256withRSA"} if signature else {}
            s3.put_object(Bucket=bucket, Key=key, Body=(trail.folder / key).read_bytes(), Metadata=metadata)
        return trail

    def test_a_bucket_is_verified_to_its_newest_digest(
        self, here: Here, local_aws: LocalAws, bucket: str, uploaded: Trail, keys: str
    ) -> None:
        for prefix in ("", "/", "/audit", "/audit/AWSLogs/", "/audit/AWSLogs/111122223333"):
            said = here("verify", f"s3://{bucket}{prefix}", "--public-keys", keys, "--endpoint", local_aws.endpoint)
            assert (said.status, said.err) == (0, "")
            assert said.out.splitlines()[-1] == "12 verified"

    def test_a_bucket_that_was_tampered_with_is_named_so(
        self, here: Here, local_aws: LocalAws, bucket: str, uploaded: Trail, keys: str
    ) -> None:
        s3 = local_aws.client("s3")
        s3.delete_object(Bucket=bucket, Key=uploaded.logs[3])
        s3.put_object(Bucket=bucket, Key=uploaded.logs[5], Body=gzip.compress(b"other"))
        added = uploaded.log_key(START + HOUR, "added")
        s3.put_object(Bucket=bucket, Key=added, Body=b"")
        # Who overwrites a digest loses its metadata, or writes others.
        newest = uploaded.digests[-1]
        s3.put_object(Bucket=bucket, Key=newest, Body=(uploaded.folder / newest).read_bytes())
        said = here("verify", f"s3://{bucket}", "--public-keys", keys, "--endpoint", local_aws.endpoint, "--json")
        assert said.status == 1
        found = {row["path"]: row["status"] for row in rows(said) if row.get("status", "verified") != "verified"}
        expected = {uploaded.logs[3]: "missing", uploaded.logs[5]: "altered", added: "extra", newest: "unverified"}
        assert found == expected | dict.fromkeys(uploaded.logs[-2:], "unverified")

    def test_of_aws_nobody_but_s3_is_asked(
        self, here: Here, local_aws: LocalAws, bucket: str, uploaded: Trail, keys: str
    ) -> None:
        others = [Refusal(service=name, matching=".", code="Nope", message="no") for name in ("cloudtrail", "sts")]
        with Gatekeeper(local_aws.endpoint, *others) as gate:
            assert here("verify", f"s3://{bucket}", "--public-keys", keys, "--endpoint", gate.endpoint).status == 0

    def test_an_object_that_may_not_be_read_is_unverified_and_loses_no_other(
        self, here: Here, local_aws: LocalAws, bucket: str, uploaded: Trail, keys: str
    ) -> None:
        closed = uploaded.logs[2]
        name = closed.rpartition("/")[2]
        refusal = Refusal(service="s3", matching=rf"{name}\b", code="AccessDenied", message="no")
        with Gatekeeper(local_aws.endpoint, refusal) as gate:
            said = here("verify", f"s3://{bucket}", "--public-keys", keys, "--endpoint", gate.endpoint)
        assert said.status == 3
        assert f"UNVERIFIED log {closed}: it cannot be read" in said.out
        assert said.out.splitlines()[-1] == "11 verified, 1 unverified"

    def test_a_bucket_that_is_not_there_ends_with_2(self, here: Here, local_aws: LocalAws) -> None:
        said = here("verify", "s3://no-such-bucket-anywhere", "--endpoint", local_aws.endpoint)
        assert said.status == 2
        assert "ListObjectsV2 was refused" in said.err


def test_the_command_by_itself_says_its_statuses(trail: Trail, keys: str) -> None:
    asked = raytrail("verify", "--help", COLUMNS="200")
    assert asked.status == 0
    for word in ("--public-keys", "--from", "--json", "The status is 0"):
        assert word in asked.out
    os.truncate(trail.folder / trail.logs[0], 10)
    said = raytrail("verify", str(trail.folder), "--public-keys", keys)
    assert (said.status, said.err) == (1, "")
    assert said.out.startswith(f"UNREADABLE log {trail.logs[0]}: a truncated gzip\n")
