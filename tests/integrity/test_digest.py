"""What is read of a digest and of gzipped content."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from raytrail.errors import RaytrailError
from raytrail.integrity import Link, content_hash, read_digest, signing_string

AWS = json.loads((Path(__file__).parent / "printed" / "aws_examples.json").read_text())
MEGABYTE = 1024 * 1024


def test_the_digest_that_aws_prints_is_read() -> None:
    printed = AWS["digest"]
    raw = json.dumps(printed).encode()
    digest = read_digest(raw)
    assert digest.hash == hashlib.sha256(raw).hexdigest()
    assert f"{digest.start:%H:%M:%S} {digest.end:%H:%M:%S}" == "14:01:31 15:01:31"
    assert digest.previous == Link(
        bucket="amzn-s3-demo-bucket",
        key=printed["previousDigestS3Object"],
        hash=printed["previousDigestHashValue"],
        signature=printed["previousDigestSignature"],
    )
    assert [log.key for log in digest.logs] == [printed["logFiles"][0]["s3Object"]]
    own = f"{printed['digestS3Bucket']}/{printed['digestS3Object']}"
    lines = [printed["digestEndTime"], own, digest.hash, printed["previousDigestSignature"]]
    assert digest.signed.decode().split("\n") == lines


def test_what_is_signed_is_the_string_that_aws_prints() -> None:
    printed = AWS["signing_string_begins"]
    time, place, digest_hash, signature = printed.split("\n")
    bucket, _, key = place.partition("/")
    made = signing_string(end_time=time, bucket=bucket, key=key, content_hash=digest_hash, previous_signature=signature)
    assert made.decode() == printed


def test_the_first_digest_of_a_chain_is_signed_with_the_word_null() -> None:
    first = {name: None if name.startswith("previous") else value for name, value in AWS["digest"].items()}
    digest = read_digest(json.dumps(first).encode())
    assert digest.previous is None
    assert digest.signed.endswith(b"\nnull")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"logFiles": None}, "it lacks logFiles"),
        ({"logFiles": ["x"]}, "no object"),
        ({"logFiles": [{}]}, "it lacks s3Bucket"),
        ({"digestEndTime": "noon"}, "its digestEndTime is 'noon'"),
        ({"digestS3Object": 1}, "it lacks digestS3Object"),
        ({"previousDigestSignature": None}, "it lacks previousDigestSignature"),
    ],
)
def test_a_digest_that_lacks_something_is_refused_by_its_name(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(RaytrailError, match=why):
        read_digest(json.dumps(AWS["digest"] | changes).encode())


@pytest.mark.parametrize("raw", [b"", b"{", b"[1]", b"\xff", b"[" * 100_000])
def test_what_is_no_json_object_is_no_digest(raw: bytes) -> None:
    with pytest.raises(RaytrailError):
        read_digest(raw)


@given(st.binary(max_size=2000), st.integers(1, 9))
@example(b"\0" * MEGABYTE, 9)
@example(b"\0" * (3 * MEGABYTE), 9)
@example(b"\0" * (MEGABYTE // 4), 6)
@example(b"\0" * (MEGABYTE - 1), 1)
@example(b"", 1)
def test_the_hash_is_that_of_what_was_compressed(raw: bytes, level: int) -> None:
    assert content_hash(io.BytesIO(gzip.compress(raw, level))) == hashlib.sha256(raw).hexdigest()


@given(st.binary(min_size=1, max_size=300), st.data())
def test_a_gzip_cut_off_anywhere_is_named_so(raw: bytes, data: st.DataObject) -> None:
    whole = gzip.compress(raw)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(RaytrailError, match="truncated"):
        content_hash(io.BytesIO(whole[:cut]))


@pytest.mark.parametrize("more", [gzip.compress(b"another", mtime=0), b"\0", b"x" * (3 * MEGABYTE)])
def test_bytes_behind_the_gzip_are_named(more: bytes) -> None:
    with pytest.raises(RaytrailError, match="bytes follow the end"):
        content_hash(io.BytesIO(gzip.compress(b"one") + more))
    # One that ends where a piece that is read ends.
    filled = _gzip_of_length(MEGABYTE)
    assert len(filled) == MEGABYTE
    assert content_hash(io.BytesIO(filled)) == hashlib.sha256(b"one").hexdigest()
    with pytest.raises(RaytrailError, match="bytes follow the end"):
        content_hash(io.BytesIO(filled + more))


def _gzip_of_length(length: int) -> bytes:
    """A gzip of exactly this length, by what its header may hold of a file's name."""
    body = gzip.compress(b"one", mtime=0)
    name = b"n" * (length - len(body) - 1) + b"\0"
    return body[:3] + b"\x08" + body[4:10] + name + body[10:]
