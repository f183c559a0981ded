"""The fast reader of a replay beside `raytrail.records`, which it must agree with in every shape and every damage."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.audit.own_records import event
from tests.cli.folder_lake import SHAPES, lines

from raytrail.cli._replay import _pieces
from raytrail.cli._replay._reading import Read, read_piece
from raytrail.records import RecordLine, Refusal, read_records

RECORDS = [
    event("GetObject", "s3", eventID=f"e{number}", requestParameters={"key": "ü" * number}) for number in range(7)
]
GOOD = lines(RECORDS[:3])
DIGEST = json.dumps({"digestS3Object": "x", "logFiles": []}).encode()
INSIGHT = json.dumps({**RECORDS[0], "eventType": "AwsCloudTrailInsight"}).encode()

ODD: dict[str, bytes] = {
    "nothing": b"",
    "blank lines": b"\n\n  \n" + GOOD + b"\n\n",
    "no newline at the end": GOOD.rstrip(),
    "one record": json.dumps(RECORDS[0]).encode(),
    "windows": GOOD.replace(b"\n", b"\r\n"),
    "old mac": GOOD.replace(b"\n", b"\r"),
    "a mark of the byte order": b"\xef\xbb\xbf" + GOOD,
    "a bad first line": b"{bad\n" + GOOD,
    "a bad line": GOOD + b"{bad\n" + GOOD,
    "a bad byte": GOOD + b'{"eventSource": "\xff", "eventName": "x"}\n',
    "half of a pair": GOOD + b'{"eventSource": "s3", "eventName": "\\ud800"}\n',
    "a large number": GOOD + b'{"eventSource": "s3", "eventName": "x", "n": 18446744073709551615}\n',
    "no number": GOOD + b'{"eventSource": "s3", "eventName": "x", "n": NaN}\n',
    "a digest and an insight": GOOD + DIGEST + b"\n" + INSIGHT + b"\n",
    "no records": b'{"a": 1}\n[]\n5\nnull\n"x"\n',
    "files in lines": b"".join(json.dumps({"Records": RECORDS[:2]}).encode() + b"\n" for _ in range(2)),
    "rows of strings": lines([{"message": json.dumps(each)} for each in RECORDS]),
    "a file with others in it": json.dumps(
        {"Records": [RECORDS[0], {"x": 1}, json.loads(INSIGHT), RECORDS[1]]}
    ).encode(),
    "records that are none": b'{"Records": 5}',
    "a file with a tail": json.dumps({"Records": RECORDS}).encode() + b"x",
    "a cut gzip": gzip.compress(GOOD * 50)[:-20],
    "a broken gzip": b"\x1f\x8b\x08\x00broken",
    "a gzip": gzip.compress(GOOD),
    "deep": b"[" * 5000,
}


def fast(path: Path) -> Iterator[Any]:
    for piece in _pieces.pieces_of(path):
        if isinstance(piece, Refusal):
            yield piece
        else:
            for each in read_piece(piece):
                if isinstance(each, Read):
                    assert b"\n" not in each.text
                    assert json.loads(each.text).keys() == each.record.keys()
                    yield each.file, each.line, each.record
                else:
                    yield each


def slow(path: Path) -> Iterator[Any]:
    for each in read_records(path):
        yield (each.file, each.line, each.record) if isinstance(each, RecordLine) else each


def comparable(outcomes: Iterator[Any]) -> list[str]:
    # NaN is equal to nothing; the words of a broken gzip are zlib's.
    return [str(each).partition("damaged gzip")[0] for each in outcomes]


@pytest.mark.parametrize("shape", [*SHAPES, *ODD])
@pytest.mark.parametrize("block", [None, 40, 2000], ids=["whole", "lines", "blocks"])
def test_the_fast_reader_agrees_with_the_slow_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: str, block: int | None
) -> None:
    name, write = SHAPES.get(shape, ("a.json", lambda _: ODD[shape]))
    file = tmp_path / name
    file.write_bytes(write(RECORDS))
    if block:
        monkeypatch.setattr(_pieces, "_LARGE", 1)
        monkeypatch.setattr(_pieces, "_BLOCK", block)
    assert comparable(fast(file)) == comparable(slow(file))


LINES = st.sampled_from([*GOOD.splitlines(), b"", b" ", b"{bad", DIGEST, INSIGHT, b"[]", b'{"Records": [1]}', b"\xff"])


@settings(max_examples=60, deadline=None)
@given(content=st.lists(LINES, max_size=6), end=st.sampled_from([b"\n", b"\r\n"]), packed=st.booleans())
def test_the_fast_reader_agrees_with_the_slow_one_on_any_lines(
    tmp_path_factory: pytest.TempPathFactory, content: list[bytes], end: bytes, packed: bool
) -> None:
    file = tmp_path_factory.mktemp("lines") / "a.json"
    data = end.join(content)
    file.write_bytes(gzip.compress(data) if packed else data)
    assert comparable(fast(file)) == comparable(slow(file))


def test_the_fast_reader_agrees_with_the_slow_one_on_all_real_records(attack_logs: Path) -> None:
    for path in sorted(attack_logs.glob("*.gz")):
        assert list(fast(path)) == list(slow(path))


def test_a_record_is_kept_as_one_line_of_the_same_json(tmp_path: Path) -> None:
    for name, write in SHAPES.values():
        (tmp_path / name).write_bytes(write(RECORDS))
        (piece,) = _pieces.pieces_of(tmp_path / name)
        assert not isinstance(piece, Refusal)
        found = [each for each in read_piece(piece) if isinstance(each, Read)]
        assert [json.loads(each.text) for each in found] == RECORDS
