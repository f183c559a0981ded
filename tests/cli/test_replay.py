"""``raytrail replay``: its options, the shapes that it reads, what it prints, and what it says of bad input."""

from __future__ import annotations

import errno
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import jsonschema
import pytest
from tests.audit.own_records import event
from tests.cli.command import Said, environment_with, raytrail
from tests.cli.folder_lake import SHAPES, lines

from raytrail.cli._replay import _pieces, _pool, _rules
from raytrail.cli._replay._correlate import Correlations
from raytrail.sigma import attack, catalog

Json = dict[str, Any]
Here = Callable[..., Said]

ROW = {
    "type": "object",
    "additionalProperties": False,
    "required": ["file", "line", "event_id", "detection", "level", "techniques", "engine"],
    "properties": {
        "file": {"type": "string"},
        "line": {"type": "integer", "minimum": 1},
        "event_id": {"type": ["string", "null"]},
        "detection": {"enum": [rule.name for rule in catalog()]},
        "level": {"enum": ["informational", "low", "medium", "high", "critical"]},
        "techniques": {"type": "array", "items": {"enum": list(attack().techniques)}},
        "engine": {"enum": ["eventbridge", "athena"]},
    },
}

STOPPED = event("StopLogging", "cloudtrail", eventID="stopped", requestParameters={"name": "main"})
HARMLESS = event("DescribeInstances", "ec2", eventID="harmless", readOnly=True)
RULES = {
    "ninja.yml": """
title: A ninja came
id: 9f3c3a0e-7d0e-4c3f-9d54-55a8a6a1b0aa
name: ninja_came
level: high
logsource: {product: aws, service: cloudtrail}
tags: [attack.t1078]
detection:
  seen: {eventSource: s3.amazonaws.com, eventName: PutNinja}
  condition: seen
""",
    "many.yml": """
title: A door was tried
id: 9f3c3a0e-7d0e-4c3f-9d54-55a8a6a1b0ab
name: door_tried
level: low
logsource: {product: aws, service: cloudtrail}
tags: [attack.t1078]
detection:
  seen: {eventSource: s3.amazonaws.com, eventName: TryDoor}
  condition: seen
---
title: Many doors were tried
id: 9f3c3a0e-7d0e-4c3f-9d54-55a8a6a1b0ac
name: doors_tried
level: medium
tags: [attack.t1078]
correlation:
  type: event_count
  rules: [door_tried]
  group-by: [userIdentity.arn]
  timespan: 10m
  condition: {gte: 3}
""",
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without an app: the rules are the catalogue's."""
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))


@pytest.fixture
def whole_catalogue() -> None:
    """Asks for all rules."""


FEW = ("trail_tampering", "sign_in_failed", "sign_ins_failing")


@pytest.fixture(autouse=True)
def few_rules(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some rules of the catalogue are enough to see what the command does; asking all of them takes seconds."""
    if "whole_catalogue" not in request.fixturenames:
        few = tuple(rule for rule in catalog() if rule.name in FEW)
        assert len(few) == len(FEW)
        monkeypatch.setattr(_rules, "catalog", lambda: few)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    file = tmp_path / "logs.ndjson"
    file.write_bytes(lines([HARMLESS, STOPPED]))
    return file


@pytest.fixture
def sigma(tmp_path: Path) -> Path:
    folder = tmp_path / "sigma"
    folder.mkdir()
    for name, text in RULES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def rows(said: Said) -> list[Json]:
    return [json.loads(line) for line in said.out.splitlines()]


def essence(found: Sequence[Json]) -> list[tuple[str, int, str, str]]:
    return [(row["event_id"], row["line"], row["detection"], row["engine"]) for row in found]


BOTH = [("stopped", 2, "trail_tampering", "eventbridge"), ("stopped", 2, "trail_tampering", "athena")]


def test_a_match_is_a_line_of_json_for_each_engine_and_nothing_else_is_written(
    here: Here, logs: Path, whole_catalogue: None
) -> None:
    said = here("replay", str(logs), "--json")
    assert said.status == 0
    assert essence(rows(said)) == BOTH
    for row in rows(said):
        jsonschema.validate(row, ROW)
    tampering = next(rule for rule in catalog() if rule.name == "trail_tampering")
    assert rows(said)[0] == {
        "file": str(logs),
        "line": 2,
        "event_id": "stopped",
        "detection": "trail_tampering",
        "level": tampering.level,
        "techniques": list(tampering.techniques),
        "engine": "eventbridge",
    }
    assert list(rows(said)[0]) == ROW["required"]
    assert "2 records of 1 account" in said.err


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("wrapper", [None, "event"])
def test_every_shape_is_read(here: Here, tmp_path: Path, shape: str, wrapper: str | None) -> None:
    name, write = SHAPES[shape]
    records = [HARMLESS, STOPPED] if wrapper is None else [{wrapper: each} for each in (HARMLESS, STOPPED)]
    (tmp_path / name).write_bytes(write(records))
    said = here("replay", str(tmp_path / name), "--json", "--engine", "eventbridge")
    assert essence(rows(said)) == BOTH[:1]


def test_a_folder_is_read_in_the_order_of_its_names(here: Here, tmp_path: Path) -> None:
    for name in ("b.ndjson", "a.json", "c/d.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(json.dumps({"Records": [STOPPED]}).encode())
    (tmp_path / ".hidden.json").write_bytes(b"{")
    (tmp_path / "notes.txt").write_bytes(b"x")
    said = here("replay", str(tmp_path), "--json", "--engine", "eventbridge")
    assert [Path(row["file"]).name for row in rows(said)] == ["a.json", "b.ndjson", "d.json"]
    assert said.status == 0
    assert "1 files not opened, by their names no logs: notes.txt" in said.err


def test_several_paths_are_one_replay(here: Here, tmp_path: Path, logs: Path) -> None:
    (tmp_path / "other.json").write_text(json.dumps(STOPPED), encoding="utf-8")
    said = here("replay", str(logs), str(tmp_path / "other.json"), "--json", "--engine", "eventbridge")
    assert [(Path(row["file"]).name, row["line"]) for row in rows(said)] == [("logs.ndjson", 2), ("other.json", 1)]


def test_lines_that_cannot_be_read_are_named_and_the_others_count(here: Here, tmp_path: Path) -> None:
    file = tmp_path / "logs.ndjson"
    good = json.dumps(STOPPED).encode()
    file.write_bytes(b"\n".join([good, b"{broken", b"", b'{"eventName": "X"}', b'["\xff"]', good]))
    said = here("replay", str(file), "--json")
    assert said.status == 3
    assert [row["line"] for row in rows(said)] == [1, 1, 6, 6]
    for line, reason in ((2, "not JSON"), (4, "it lacks eventSource"), (5, "not UTF-8")):
        assert any(f"{file}:{line}: " in each and reason in each for each in said.err.splitlines()), said.err
    assert "3 files or lines could not be read" in said.err


def test_of_a_file_with_many_bad_lines_some_are_named_and_all_are_counted(here: Here, tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(lines([STOPPED]) + b"{}\n" * 50)
    said = here("replay", str(tmp_path), "--engine", "eventbridge")
    assert said.err.count("not read: ") == 21
    assert "30 more of it" in said.err
    assert "50 files or lines could not be read" in said.err


def test_a_file_that_is_no_log_has_one_line_whatever_is_in_it(here: Here, tmp_path: Path, logs: Path) -> None:
    noise = b"\x00\xff\n\x01{\n" * 300
    (tmp_path / "core.log").write_bytes(noise)
    (tmp_path / "disk.gz").write_bytes(gzip.compress(noise))
    said = here("replay", str(tmp_path), "--json", "--engine", "eventbridge")
    assert (said.status, essence(rows(said))) == (3, BOTH[:1])
    named = [line for line in said.err.splitlines() if line.startswith("not read: ")]
    assert [line.partition(": none of its ")[0] for line in named] == [
        f"not read: {tmp_path / name}" for name in ("core.log", "disk.gz")
    ]
    assert all("lines is a CloudTrail record; the first: not JSON" in line for line in named)


NAMES = {
    b"escape\x1b[31m.json": "escape\x1b[31m.json",
    "wide\u009b31m\u202e.json".encode(): "wide\u009b31m\u202e.json",
    b"latin-\xe9.json": "latin-\ufffd.json",
}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_whole_in_json_and_no_terminal_obeys_it(here: Here, tmp_path: Path, name: bytes) -> None:
    doors = [event("ConsoleLogin", "signin", responseElements={"ConsoleLogin": "Failure"}) for _ in range(10)]
    folder = os.fsencode(tmp_path)
    Path(os.fsdecode(os.path.join(folder, name))).write_bytes(lines([STOPPED, *doors, {"no": "record"}]))  # noqa: PTH118 - bytes
    said = here("replay", str(tmp_path), "--json")
    assert said.status == 3
    assert {row["file"] for row in rows(said)} == {str(tmp_path / NAMES[name])}
    assert "sign_ins_failing" in {row["detection"] for row in rows(said)}
    assert said.out.isascii()
    assert "\x1b" not in said.out + said.err
    assert "\u009b" not in said.err


ODD_TIMES = ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00", None, "yesterday", ["x"], "2026-13-45T99:00:00Z"]


def test_odd_times_are_no_reason_to_fail(here: Here, tmp_path: Path) -> None:
    times = [*ODD_TIMES, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-10-01T23:30:00-02:00"]
    (tmp_path / "a.ndjson").write_bytes(lines([{**STOPPED, "eventTime": time} for time in times]))
    found = here("replay", str(tmp_path))
    assert found.status == 0
    assert "9 records of 1 account(s), 0001-01-01 to 9999-12-31" in found.err
    pages = [line.split() for line in found.out.partition("Pages:")[2].partition("The noisiest")[0].splitlines()[2:]]
    assert [(day, int(count)) for _, *day, _, count in filter(None, pages)] == [
        (["no", "day"], 1),
        (["0001-01-01"], 1),
        (["2026-10-02"], 1),
        (["9999-12-31"], 1),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no/such/path"], "no/such/path does not exist"),
        (["/dev/null"], "/dev/null is no file and no folder"),
        (["{logs}", "--engine", "splunk"], "--engine is eventbridge, athena or both, got 'splunk'"),
        (["{logs}", "--templates", "no-such-folder"], "--templates no-such-folder is no folder"),
        (["{logs}", "--templates", "."], "holds no *.template.json"),
        (["{logs}", "--templates", ".", "--engine", "athena"], "leave it out with --engine athena"),
        (["{logs}", "--sigma", "no-such-rules"], "--sigma no-such-rules does not exist"),
        (["{logs}", "--athena", "main", "--engine", "eventbridge"], "--athena asks Athena"),
        (["{logs}", "--region", "eu-west-1"], "files are replayed without AWS; leave out --region"),
        (["{logs}", "--database", "x"], "--database is for --athena"),
        (["s3://X", "--endpoint", "http://127.0.0.1:1"], "'s3://X' names no bucket"),
        (["s3://"], "'s3://' names no bucket; a location is s3://BUCKET or s3://BUCKET/PREFIX"),
        (["s3:/bucket/logs"], "'s3:/bucket/logs' is no location of S3: write s3://BUCKET"),
        (["S3://bucket"], "'S3://bucket' is no location of S3: write s3://BUCKET"),
    ],
)
def test_a_wrong_use_is_one_sentence_and_status_2(here: Here, logs: Path, arguments: list[str], said: str) -> None:
    found = here("replay", *(each.format(logs=logs) for each in arguments))
    assert (found.status, found.out) == (2, "")
    assert said in found.err
    assert len(found.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "there is no CloudTrail record in"),
        (b"{}\n", "there is no CloudTrail record in"),
        (b"\x1f\x8bbroken", "truncated or damaged gzip"),
        (b'{"Records": []}', "there is no CloudTrail record in"),
        (b'{"eventType": "AwsCloudTrailInsight", "eventSource": "x", "eventName": "y"}', "only 1 insights"),
    ],
)
def test_logs_without_a_record_are_status_2(here: Here, tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    found = here("replay", str(tmp_path), "--json", "--engine", "eventbridge")
    assert (found.status, found.out) == (2, "")
    assert said in found.err


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that cannot be read, as Linux has one")
def test_a_file_that_cannot_be_read_is_named_and_the_others_count(here: Here, tmp_path: Path, logs: Path) -> None:
    (tmp_path / "a.json").symlink_to("/proc/self/mem")
    said = here("replay", str(tmp_path), "--json", "--engine", "eventbridge")
    assert said.status == 3
    assert essence(rows(said)) == BOTH[:1]
    assert f"{tmp_path / 'a.json'}: cannot be read: " in said.err


def test_rules_of_others_fire_in_both_engines_and_a_correlation_names_the_event_that_completes_it(
    here: Here, tmp_path: Path, sigma: Path
) -> None:
    tries = [
        event("TryDoor", "s3", eventID=f"try-{number}", eventTime=f"2026-10-01T12:0{number}:00Z") for number in range(4)
    ]
    (tmp_path / "a.ndjson").write_bytes(lines([event("PutNinja", "s3", eventID="ninja"), HARMLESS, *tries]))
    said = here("replay", str(tmp_path / "a.ndjson"), "--json", "--sigma", str(sigma))
    assert said.status == 0, said.err
    assert [each for each in essence(rows(said)) if each[2] in ("ninja_came", "doors_tried")] == [
        ("ninja", 1, "ninja_came", "eventbridge"),
        ("ninja", 1, "ninja_came", "athena"),
        ("try-2", 5, "doors_tried", "athena"),
    ]


def test_a_rule_of_others_that_cannot_be_compiled_is_named_with_file_and_line(
    here: Here, sigma: Path, logs: Path
) -> None:
    (sigma / "ninja.yml").write_text(
        RULES["ninja.yml"].replace("condition: seen", "condition: unseen"), encoding="utf-8"
    )
    said = here("replay", str(logs), "--sigma", str(sigma))
    assert said.status == 2
    assert f"{sigma / 'ninja.yml'}:" in said.err


def test_what_is_doubtful_in_rules_of_others_is_a_line_each(here: Here, sigma: Path, logs: Path) -> None:
    text = RULES["ninja.yml"].replace("attack.t1078", "attack.t1999").replace("eventName:", "eventName|re:")
    (sigma / "ninja.yml").write_text(text, encoding="utf-8")
    said = here("replay", str(logs), "--json", "--sigma", str(sigma))
    assert said.status == 0
    assert [line for line in said.err.splitlines() if "ninja" in line] == [
        f"--sigma: {sigma / 'ninja.yml'}:7: tag 'attack.t1999' is no technique of ATT&CK {attack().version}, revoked, "
        "or newer; ignored",
        f"--sigma: {sigma / 'ninja.yml'}: ninja_came: only Athena can express the rule, because for EventBridge "
        "eventName: EventBridge has no regular expressions; use startswith, endswith or contains|cased",
    ]


def template(folder: Path, state: str, *, name: str = "logging_stopped") -> Path:
    rule = {
        "Type": "AWS::Events::Rule",
        "Properties": {"EventPattern": {"detail": {"eventName": ["StopLogging", "DescribeInstances"]}}, "State": state},
        "Metadata": {"raytrail:detections": [{"name": name, "level": "high", "techniques": ["T1562.008"]}]},
    }
    folder.mkdir(exist_ok=True)
    text = json.dumps({"Resources": {"Rule": rule}})
    (folder / "detection.template.json").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("state", "seen"),
    [
        ("ENABLED", ["stopped"]),
        ("ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS", ["harmless", "stopped"]),
        ("DISABLED", []),
    ],
)
def test_the_rules_of_the_templates_see_what_their_state_lets_them(
    here: Here, logs: Path, tmp_path: Path, state: str, seen: list[str]
) -> None:
    out = template(tmp_path / "out", state)
    said = here("replay", str(logs), "--json", "--templates", str(out), "--engine", "eventbridge")
    assert [(row["event_id"], row["detection"]) for row in rows(said)] == [(id, "logging_stopped") for id in seen]
    assert f"EventBridge: 1 rules of {out}" in said.err


def test_the_templates_of_the_app_are_taken_where_there_are_some_and_the_catalogue_otherwise(
    here: Here, logs: Path
) -> None:
    said = here("replay", str(logs), "--json", "--engine", "eventbridge")
    assert essence(rows(said)) == BOTH[:1]
    assert "rules of the catalogue, since there is no cdk.out" in said.err
    template(Path("cdk.out"), "ENABLED")
    said = here("replay", str(logs), "--json", "--engine", "eventbridge")
    assert [row["detection"] for row in rows(said)] == ["logging_stopped"]


@pytest.mark.parametrize("engine", ["eventbridge", "athena"])
def test_one_engine_may_be_asked_alone(here: Here, logs: Path, engine: str) -> None:
    said = here("replay", str(logs), "--json", "--engine", engine)
    assert [row["engine"] for row in rows(said)] == [engine]
    assert ("Athena: " in said.err) is (engine == "athena")


def test_a_person_gets_the_matrix_the_pages_and_the_noisiest(here: Here, logs: Path) -> None:
    said = here("replay", str(logs))
    assert said.status == 0
    shown = said.out
    assert "defense-evasion  T1562.008" in " ".join(shown.split("\n")).replace("   ", "  ")
    for words in ("trail_tampering", "TECHNIQUE", "EVENTBRIDGE  ATHENA  PAGES", "The noisiest", "ACCOUNT"):
        assert words in shown
    assert not any(line.endswith(" ") for line in shown.splitlines())


def test_where_nothing_is_seen_it_is_said(here: Here, tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(lines([HARMLESS]))
    said = here("replay", str(tmp_path), "--engine", "eventbridge")
    assert (said.status, said.out) == (0, "No detection saw anything in these records.\n")


def test_a_layer_for_the_navigator_is_written(here: Here, logs: Path, tmp_path: Path) -> None:
    file = tmp_path / "layer.json"
    said = here("replay", str(logs), "--json", "--navigator", str(file), "--engine", "eventbridge")
    layer = json.loads(file.read_text(encoding="utf-8"))
    assert (layer["versions"]["layer"], layer["domain"]) == ("4.5", "enterprise-attack")
    assert {each["techniqueID"] for each in layer["techniques"]} == {t for row in rows(said) for t in row["techniques"]}
    assert str(file) in said.err
    said = here("replay", str(logs), "--navigator", str(tmp_path / "no" / "layer.json"), "--engine", "eventbridge")
    assert said.status == 2
    assert "cannot be written" in said.err


def test_blocks_and_processes_change_nothing(
    here: Here, tmp_path: Path, sigma: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doors = [
        event("TryDoor", "s3", eventID=f"try-{number}", eventTime=f"2026-10-01T12:{number // 60:02}:{number % 60:02}Z")
        for number in range(40)
    ]
    mixed = [each for door in doors for each in (door, HARMLESS, STOPPED)]
    for number in range(3):
        (tmp_path / f"{number}.ndjson").write_bytes(lines(mixed) + b"\n{broken\n" + lines([STOPPED]))
    (tmp_path / "z.json").write_bytes(json.dumps({"Records": mixed}).encode())
    arguments = ["replay", str(tmp_path), "--json", "--sigma", str(sigma)]
    at_once = here(*arguments)
    monkeypatch.setattr(_pieces, "_LARGE", 1000)
    monkeypatch.setattr(_pieces, "_BLOCK", 5000)
    monkeypatch.setattr(_pieces, "_JOB_BYTES", 150_000)
    monkeypatch.setattr(_pool, "WORTH_A_PROCESS", 1)
    monkeypatch.setattr(_pool, "_processors", lambda: 2)
    started = Mock(wraps=_pool.ProcessPoolExecutor)
    monkeypatch.setattr(_pool, "ProcessPoolExecutor", started)
    in_blocks = here(*arguments)
    assert started.call_count == 1
    assert at_once.status == in_blocks.status == 3
    assert in_blocks.out == at_once.out
    assert len(rows(at_once)) > 300
    # The sigma folder's rules are no logs.
    assert sorted(in_blocks.err.splitlines()) == sorted(at_once.err.splitlines())


def test_the_command_is_there_as_a_process_of_its_own(logs: Path) -> None:
    said = raytrail("replay", os.fspath(logs), "--json", "--engine", "eventbridge")
    assert said.status == 0
    assert essence(rows(said)) == BOTH[:1]


def test_no_room_for_temporary_files_is_one_sentence(here: Here, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Correlations, "keep", Mock(side_effect=OSError(errno.ENOSPC, "No space left on device")))
    said = here("replay", str(logs))
    assert (said.status, said.out) == (1, "")
    assert said.err.startswith("raytrail: there is no room for temporary files in ")
    assert len(said.err.splitlines()) == 1


def test_ctrl_c_ends_it_at_once_with_130(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(lines([HARMLESS] * 3) * 5000)
    command = [str(Path(sys.executable).parent / "raytrail"), "replay", str(tmp_path)]
    process = subprocess.Popen(command, env=environment_with(), stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert b"stopped" in err
    assert b"Traceback" not in err


def test_a_folder_of_something_else_is_said_to_be_that(here: Here, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    found = here("replay", str(tmp_path))
    assert found.status == 2
    assert "only 1 files whose names are not those of logs" in found.err
