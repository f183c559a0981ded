"""Digests: written as CloudTrail documents them, and good enough for the AWS CLI's own check."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.localaws.test_cloudtrail import ACCOUNT, Bench, bucket_policy, load, wait_for

from raytrail.integrity import Finding, FolderSource, PublicKeys, RsaKey, Status, verify
from raytrail.localaws import LocalAws
from raytrail.localaws._cloudtrail._signing import KeyPair

pytestmark = pytest.mark.local

PRINTED = json.loads((Path(__file__).parent.parent / "integrity" / "printed" / "aws_examples.json").read_text())
REGION = "us-east-1"


class Validated(Bench):
    """A trail with validation."""

    def start(self, **members: Any) -> None:
        """Create and start it."""
        self.create(EnableLogFileValidation=True, **members)

    def digest_now(self) -> list[str]:
        """Ask for digests; the keys of those in this bucket."""
        scope = f"{ACCOUNT}/20260101/{REGION}/raytrail/aws4_request"
        request = urllib.request.Request(
            f"{self.aws.endpoint}/digests",
            data=b"",
            headers={"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"},
            method="POST",
        )
        with urllib.request.urlopen(request) as response:
            return [row["key"] for row in json.load(response)["digests"] if row["bucket"] == self.bucket]

    def read(self, key: str) -> tuple[dict[str, Any], str, dict[str, str]]:
        """A digest, the hash of its content, and the metadata of its object."""
        answer = self.s3.get_object(Bucket=self.bucket, Key=key)
        raw = gzip.decompress(answer["Body"].read())
        return json.loads(raw), hashlib.sha256(raw).hexdigest(), answer["Metadata"]

    def digests(self) -> list[str]:
        """The keys of all digests."""
        return sorted(key for key in self.files() if "/CloudTrail-Digest/" in key)

    def logs(self) -> list[str]:
        """The keys of all log files."""
        return sorted(key for key in self.files() if "/CloudTrail/" in key)

    def text(self, key: str) -> str:
        """What is in a file, uncompressed."""
        return gzip.decompress(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()).decode()

    def download(self, folder: Path) -> Path:
        """The bucket in a folder, without metadata."""
        for key in self.files():
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        return folder


@pytest.fixture
def bench(local_aws: LocalAws) -> Iterator[Validated]:
    made = Validated(local_aws, prefix="audit")
    yield made
    for trail in made.trails.list_trails()["Trails"]:
        if made.tag in trail["Name"]:
            made.trails.delete_trail(Name=trail["Name"])


def public_keys(aws: LocalAws, region: str = REGION) -> PublicKeys:
    rows = aws.client("cloudtrail", region=region).list_public_keys()["PublicKeyList"]
    return PublicKeys({row["Fingerprint"]: RsaKey.from_der(row["Value"]) for row in rows})


def test_a_digest_has_the_fields_of_aws_s_own_and_lies_where_they_lie(bench: Validated) -> None:
    bench.start()
    bench.mark("made")
    (key,) = bench.digest_now()
    digest, _, metadata = bench.read(key)
    printed = PRINTED["digest"]
    assert list(digest) == list(printed)
    assert list(digest["logFiles"][0]) == list(printed["logFiles"][0])
    end = datetime.fromisoformat(digest["digestEndTime"])
    assert key == (
        f"audit/AWSLogs/{ACCOUNT}/CloudTrail-Digest/{REGION}/{end:%Y/%m/%d}/"
        f"{ACCOUNT}_CloudTrail-Digest_{REGION}_{bench.name}_{REGION}_{end:%Y%m%dT%H%M%SZ}.json.gz"
    )
    assert (digest["digestS3Bucket"], digest["digestS3Object"]) == (bench.bucket, key)
    assert set(metadata) == {"signature", "signature-algorithm"}
    assert metadata["signature-algorithm"] == digest["digestSignatureAlgorithm"] == printed["digestSignatureAlgorithm"]
    assert len(metadata["signature"]) == len(printed["previousDigestSignature"])


def test_a_digest_names_each_file_that_was_delivered_with_its_hash_and_times(bench: Validated) -> None:
    bench.start()
    name = bench.mark("made")
    (key,) = bench.digest_now()
    digest = bench.read(key)[0]
    assert sorted(log["s3Object"] for log in digest["logFiles"]) == bench.logs()
    times = []
    for log in digest["logFiles"]:
        raw = bench.text(log["s3Object"])
        assert hashlib.sha256(raw.encode()).hexdigest() == log["hashValue"]
        own = sorted(record["eventTime"] for record in json.loads(raw)["Records"])
        assert (log["oldestEventTime"], log["newestEventTime"]) == (own[0], own[-1])
        times += own
    assert (digest["oldestEventTime"], digest["newestEventTime"]) == (min(times), max(times))
    # What was called before it was asked for is in it.
    assert any(name in bench.text(key) for key in bench.logs())


def test_digests_are_chained_and_told_of_when_nothing_happened(bench: Validated) -> None:
    bench.start()
    first, second, third = (bench.digest_now()[0] for _ in range(3))
    before = None
    for key in (first, second, third):
        digest, digest_hash, metadata = bench.read(key)
        if before is None:
            assert {digest[name] for name in digest if name.startswith("previous")} == {None}
        else:
            (old_key, old, old_hash, old_signature) = before
            assert digest["digestStartTime"] == old["digestEndTime"]
            assert digest["previousDigestS3Bucket"] == bench.bucket
            assert digest["previousDigestS3Object"] == old_key
            assert digest["previousDigestHashValue"] == old_hash
            assert digest["previousDigestHashAlgorithm"] == "SHA-256"
            assert digest["previousDigestSignature"] == old_signature
        before = key, digest, digest_hash, metadata["signature"]
    # Reading the first digest was recorded, but the trail takes no data events.
    assert bench.read(third)[0]["logFiles"] == []
    assert bench.read(third)[0]["newestEventTime"] is None


def test_a_trail_without_validation_writes_none(bench: Validated) -> None:
    bench.create()
    bench.mark("made")
    assert bench.digest_now() == []
    assert bench.logs()


def test_a_trail_that_stops_writes_a_last_digest_with_the_call_that_stopped_it(bench: Validated) -> None:
    bench.start()
    (first,) = bench.digest_now()
    bench.trails.stop_logging(Name=bench.name)
    last = wait_for(lambda: [key for key in bench.digests() if key != first], "the last digest")[0]
    digest = bench.read(last)[0]
    named = [log["s3Object"] for log in digest["logFiles"]]
    assert any("StopLogging" in bench.text(log) for log in named)
    assert bench.digest_now() == []

    bench.trails.start_logging(Name=bench.name)
    bench.mark("again")
    assert bench.read(bench.digest_now()[0])[0]["previousDigestS3Object"] is None


def test_a_trail_that_is_deleted_writes_a_last_digest(bench: Validated) -> None:
    bench.start()
    (first,) = bench.digest_now()
    bench.trails.delete_trail(Name=bench.name)
    last = wait_for(lambda: [key for key in bench.digests() if key != first], "the last digest")[0]
    assert bench.read(last)[0]["previousDigestS3Object"] == first


def test_each_region_and_account_whose_files_come_has_a_chain_of_its_own(bench: Validated, local_aws: LocalAws) -> None:
    bench.start(IsMultiRegionTrail=True)
    record = {
        "eventVersion": "1.08",
        "eventTime": "2024-07-31T12:50:02Z",
        "eventSource": "cloudtrail.amazonaws.com",
        "eventName": "StopLogging",
        "awsRegion": "eu-north-1",
        "recipientAccountId": "999988887777",
        "eventID": f"loaded-{bench.tag}",
        "readOnly": False,
    }
    load(local_aws, json.dumps(record))
    foreign, own = sorted(bench.digest_now(), key=lambda key: "999988887777" not in key)
    assert f"/{ACCOUNT}/CloudTrail-Digest/{REGION}/" in own
    assert "/999988887777/CloudTrail-Digest/eu-north-1/" in foreign
    assert f"_CloudTrail-Digest_eu-north-1_{bench.name}_{REGION}_" in foreign
    digest = bench.read(foreign)[0]
    assert digest["awsAccountId"] == "999988887777"
    # Each Region has a key of its own.
    assert public_keys(local_aws, "eu-north-1").get(digest["digestPublicKeyFingerprint"])
    assert not public_keys(local_aws).get(digest["digestPublicKeyFingerprint"])


def test_a_bucket_that_takes_no_digest_is_told_of_and_gets_it_later(bench: Validated) -> None:
    bench.start()
    bench.digest_now()

    def status() -> dict[str, Any]:
        answer: dict[str, Any] = bench.trails.get_trail_status(Name=bench.name)
        return answer

    assert abs(status()["LatestDigestDeliveryTime"].timestamp() - time.time()) < 60
    for key in bench.files():
        bench.s3.delete_object(Bucket=bench.bucket, Key=key)
    bench.s3.delete_bucket(Bucket=bench.bucket)
    assert bench.digest_now() == []
    assert status()["LatestDigestDeliveryError"] == "NoSuchBucket"
    bench.s3.create_bucket(Bucket=bench.bucket)
    bench.s3.put_bucket_policy(Bucket=bench.bucket, Policy=bucket_policy(bench.bucket, bench.arn, "audit"))
    assert len(bench.digest_now()) == 1
    assert "LatestDigestDeliveryError" not in status()


def test_public_keys_are_told_for_the_time_that_they_are_valid(local_aws: LocalAws) -> None:
    trails = local_aws.client("cloudtrail")
    (row,) = trails.list_public_keys()["PublicKeyList"]
    assert row["Fingerprint"] == hashlib.md5(row["Value"]).hexdigest()
    assert RsaKey.from_der(row["Value"]).modulus.bit_length() == 2048
    assert row["ValidityEndTime"] - row["ValidityStartTime"] == timedelta(days=30)
    start, end = row["ValidityStartTime"], row["ValidityEndTime"]
    day = timedelta(days=1)
    for first, last, found in [
        (start - day, start, 1),
        (start - 2 * day, start - day, 0),
        (end - day, end + day, 1),
        (end, end + day, 0),
    ]:
        assert len(trails.list_public_keys(StartTime=first, EndTime=last)["PublicKeyList"]) == found
    with pytest.raises(ClientError) as caught:
        trails.list_public_keys(StartTime=end, EndTime=start)
    assert caught.value.response["Error"]["Code"] == "InvalidTimeRangeException"


def test_a_key_pair_signs_what_its_public_key_verifies() -> None:
    pair = KeyPair.generate()
    public = RsaKey.from_der(pair.public_der)
    assert public.modulus == pair.modulus
    assert public.verifies(b"this", pair.sign(b"this"))
    assert not public.verifies(b"that", pair.sign(b"this"))


def test_what_is_downloaded_is_verified_but_for_the_newest_digest(
    bench: Validated, local_aws: LocalAws, tmp_path: Path
) -> None:
    bench.start()
    for word in ("one", "two"):
        bench.mark(word)
        bench.digest_now()
    (newest,) = bench.digest_now()
    outcomes = list(verify(FolderSource(bench.download(tmp_path)), public_keys(local_aws)))
    found = {outcome.path: outcome.status for outcome in outcomes if isinstance(outcome, Finding)}
    assert set(found) == set(bench.digests() + bench.logs())
    unsure = {newest, *(log["s3Object"] for log in bench.read(newest)[0]["logFiles"])}
    assert {path for path, status in found.items() if status is Status.UNVERIFIED} == unsure
    assert {status for path, status in found.items() if path not in unsure} == {Status.VERIFIED}


@pytest.fixture
def aws_cli() -> str:
    """The AWS CLI, which the development dependencies bring."""
    found = shutil.which("aws", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        pytest.skip("needs the AWS CLI, whose own check this is")
    return found


def validate(aws_cli: str, bench: Validated) -> tuple[int, str]:
    """What `aws cloudtrail validate-logs` says; a finding is one line."""
    finished = subprocess.run(
        [
            *(aws_cli, "cloudtrail", "validate-logs", "--verbose"),
            *("--trail-arn", bench.arn, "--start-time", "2024-01-01T00:00:00Z"),
        ],
        env={
            **os.environ,
            "AWS_ENDPOINT_URL": bench.aws.endpoint,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        },
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    return finished.returncode, finished.stdout + finished.stderr


def test_the_aws_cli_finds_every_digest_and_log_file_valid(bench: Validated, aws_cli: str) -> None:
    bench.start()
    for word in ("one", "two", "three"):
        bench.mark(word)
        bench.digest_now()
    bench.trails.stop_logging(Name=bench.name)
    wait_for(lambda: len(bench.digests()) == 4, "the last digest")
    status, said = validate(aws_cli, bench)
    assert status == 0, said
    for key in bench.digests():
        assert f"Digest file\ts3://{bench.bucket}/{key}\tvalid" in said
    for key in bench.logs():
        assert f"Log file\ts3://{bench.bucket}/{key}\tvalid" in said


def test_the_aws_cli_and_we_find_the_same_that_was_tampered_with(
    bench: Validated, local_aws: LocalAws, aws_cli: str, tmp_path: Path
) -> None:
    bench.start()
    named = []
    for word in ("one", "two", "three", "four"):
        bench.mark(word)
        (key,) = bench.digest_now()
        named.append([log["s3Object"] for log in bench.read(key)[0]["logFiles"]])
    bench.digest_now()
    digests = bench.digests()
    altered, missing, truncated = named[0][0], named[1][0], named[3][0]
    bench.s3.put_object(Bucket=bench.bucket, Key=altered, Body=gzip.compress(b'{"Records": []}'))
    bench.s3.delete_object(Bucket=bench.bucket, Key=missing)
    body = bench.s3.get_object(Bucket=bench.bucket, Key=truncated)["Body"].read()
    bench.s3.put_object(Bucket=bench.bucket, Key=truncated, Body=body[:40])
    bench.s3.delete_object(Bucket=bench.bucket, Key=digests[2])

    status, said = validate(aws_cli, bench)
    assert status == 1
    for kind, key in [("Log", altered), ("Log", missing), ("Log", truncated), ("Digest", digests[2])]:
        assert f"{kind} file\ts3://{bench.bucket}/{key}\tINVALID" in said

    outcomes = verify(FolderSource(bench.download(tmp_path)), public_keys(local_aws))
    harmed = {o.path: o.status for o in outcomes if isinstance(o, Finding) and o.status is not Status.VERIFIED}
    assert harmed[altered] is Status.ALTERED
    assert harmed[missing] is Status.MISSING
    assert harmed[truncated] is Status.UNREADABLE
    assert harmed[digests[2]] is Status.MISSING
    invalid = {key for key, status in harmed.items() if status is not Status.UNVERIFIED}
    assert invalid == {altered, missing, truncated, digests[2]}
    assert said.count("INVALID: ") == len(invalid)
