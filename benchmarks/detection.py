"""What the detections see on real attacks, and how fast a replay is.

Recall and noise come from ``../shared/attack-logs`` (`benchmarks.attack_logs`), and are skipped in words where it is
absent. Speed is that of the command itself, over generated logs of three sizes: whole processes, both engines, with the
memory of all processes added up. Prints tables, writes build/bench/detection.json, and exits non-zero when a goal is
missed. README.md says how to read it. Run it as ``python -m benchmarks.detection``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
from benchmarks.attack_logs import SOURCE, as_json, measure, show, write_figures
from rich.console import Console
from rich.table import Table

from raytrail.sigma import catalog

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "bench" / "detection-logs"
REPORT = ROOT / "build" / "bench" / "detection.json"

SIZES = (10_000, 100_000, 1_000_000)
GOAL_SECONDS, GOAL_MEMORY, GOAL_PROCESSORS = 60.0, 2 * 1024**3, 2
GOAL_COMPILE_SECONDS = 0.3
COMPILE_RUNS = 9
_CATALOGUE_SHARE = 0.1
"""Of the generated records, those of calls that some rule names."""

START = datetime(2026, 9, 1)
ACCOUNTS = tuple(f"{number:012}" for number in (111122223333, 444455556666, 777788889999))
REGIONS = ("us-east-1", "eu-west-1", "eu-central-1", "ap-southeast-2")
READS = {
    "ec2": "DescribeInstances DescribeSecurityGroups DescribeVolumes DescribeSubnets DescribeImages DescribeVpcs",
    "s3": "GetBucketLocation GetBucketAcl ListBuckets HeadBucket GetBucketPolicy",
    "iam": "GetRole ListRoles GetUser ListAttachedRolePolicies GetPolicyVersion",
    "sts": "GetCallerIdentity AssumeRole",
    "kms": "Decrypt GenerateDataKey DescribeKey",
    "ssm": "GetParameter DescribeInstanceInformation",
    "secretsmanager": "GetSecretValue DescribeSecret",
    "lambda": "ListFunctions20150331 GetFunction20150331v2",
    "logs": "DescribeLogGroups FilterLogEvents",
    "dynamodb": "DescribeTable ListTables",
    "cloudformation": "DescribeStacks DescribeStackEvents",
    "monitoring": "DescribeAlarms GetMetricData",
}
WRITES = {
    "ec2": "RunInstances CreateTags CreateSecurityGroup CreateNetworkInterface TerminateInstances",
    "s3": "PutObject DeleteObject CreateBucket",
    "logs": "CreateLogStream PutRetentionPolicy",
    "sqs": "SendMessage CreateQueue",
    "dynamodb": "PutItem UpdateTable",
    "lambda": "CreateFunction20150331 Invoke",
    "cloudformation": "CreateChangeSet ExecuteChangeSet",
}
AGENTS = (
    "aws-cli/2.31.0",
    "Boto3/1.43",
    "console.amazonaws.com",
    "APN/1.0 HashiCorp/1.0 Terraform/1.9",
    "aws-sdk-go-v2/1.32",
)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One run of the command."""

    records: int
    bytes: int
    seconds: float
    processor: float
    memory: int
    """The most that all its processes had together, shared pages counted once."""
    matches: int


def main() -> int:
    """Measure, print, write; return 1 when a goal is missed."""
    options = parse()
    console = Console(width=160, highlight=False)
    missed: list[str] = []
    report: dict[str, Any] = {}
    if SOURCE.is_dir():
        measured = measure()
        show(measured, console)
        missed += measured.missed
        report["attack_logs"] = as_json(measured)
        if options.write:
            write_figures(measured)
    else:
        console.print(
            "recall and noise are skipped: they need the folder of real CloudTrail records, ../shared/attack-logs"
        )
    console.print(catalogue_line())
    compiled = compile_seconds()
    console.print(
        f"reading the compiled catalogue adds {compiled:.3f} s to a synth (goal: at most {GOAL_COMPILE_SECONDS})"
    )
    if compiled > GOAL_COMPILE_SECONDS:
        missed.append(f"reading the catalogue takes {compiled:.2f} s")
    if not options.no_speed:
        samples = speed(options.sizes)
        console.print(speed_table(samples))
        missed += too_slow(samples)
        report["speed"] = [asdict(sample) for sample in samples]
    for goal in missed:
        console.print(f"missed: {goal}")
    if not missed:
        console.print("met: every goal")
    write({**report, "compile_seconds": compiled})
    return int(bool(missed))


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.detection", description="Detections: recall, noise, speed"
    )
    parser.add_argument("--write", action="store_true", help="commit to the recall and noise measured now")
    parser.add_argument("--no-speed", action="store_true", help="leave out the large logs")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=list(SIZES), metavar="N", help="records of the generated logs"
    )
    return parser.parse_args()


def catalogue_line() -> str:
    """How many rules there are, and how long their patterns are."""
    rules = catalog()
    lengths = [
        (len(json.dumps(pattern, separators=(",", ":"))), rule.name)
        for rule in rules
        if rule.alerts
        for pattern in rule.patterns
    ]
    longest, name = max(lengths)
    alerting, correlations = (
        sum(map(bool, each)) for each in zip(*((r.alerts, r.correlation) for r in rules), strict=True)
    )
    return (
        f"{len(rules)} rules, {alerting} of them alert, {correlations} are correlations; {len(lengths)} EventBridge "
        f"patterns, the longest {longest:,} of 2,048 characters ({name})"
    )


def compile_seconds() -> float:
    """What a synth pays for the catalogue, in a process of its own: importing the room, reading what was compiled."""
    code = (
        "import time, json, dataclasses, importlib.resources, raytrail.errors; begin = time.perf_counter(); "
        "from raytrail.sigma import catalog; catalog(); print(time.perf_counter() - begin)"
    )
    runs = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(COMPILE_RUNS)
    ]
    return statistics.median(runs)


def records(count: int) -> Iterator[dict[str, Any]]:
    """Records of a busy organization: mostly what programs do all day, some of it what rules look for."""
    chance = random.Random(count)
    named = [call for rule in catalog() for call in rule.calls if "*" not in call.source and len(call.name) > 1]
    ordinary = [
        (f"{service}.amazonaws.com", name, kind is READS)
        for kind in (READS, WRITES)
        for service, names in kind.items()
        for name in names.split()
    ]
    for number in range(count):
        if chance.random() < _CATALOGUE_SHARE:
            source, name = chance.choice(named)
            yield record(chance, number, source, name.replace("*", "X"), name.startswith(("Get", "List", "Describe")))
        else:
            yield record(chance, number, *chance.choice(ordinary))


def record(chance: random.Random, number: int, source: str, name: str, reads: bool) -> dict[str, Any]:
    """One record, with fields that vary as they do in logs."""
    account = chance.choice(ACCOUNTS)
    who = chance.randrange(400)
    role = f"arn:aws:iam::{account}:role/service-{who % 60}"
    session = {
        "type": "AssumedRole",
        "principalId": f"AROA{who:016}:{who}",
        "arn": f"arn:aws:sts::{account}:assumed-role/service-{who % 60}/{who}",
        "accountId": account,
        "accessKeyId": f"ASIA{who:016}",
        "sessionContext": {
            "sessionIssuer": {"type": "Role", "principalId": f"AROA{who:016}", "arn": role, "accountId": account},
            "attributes": {"creationDate": "2026-09-01T00:00:00Z", "mfaAuthenticated": "false"},
        },
    }
    user = {
        "type": "IAMUser",
        "principalId": f"AIDA{who:016}",
        "arn": f"arn:aws:iam::{account}:user/user-{who}",
        "accountId": account,
        "accessKeyId": f"AKIA{who:016}",
        "userName": f"user-{who}",
    }
    made: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": user if who < 40 else session,
        "eventTime": f"{START + timedelta(seconds=number * 37 % (28 * 86_400)):%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": source,
        "eventName": name,
        "awsRegion": chance.choice(REGIONS),
        "sourceIPAddress": f"198.51.{who % 100}.{chance.randrange(250)}",
        "userAgent": chance.choice(AGENTS),
        "requestParameters": None
        if chance.random() < 0.2
        else {"name": f"thing-{chance.randrange(5000)}", "ids": [f"id-{chance.getrandbits(40):x}" for _ in range(3)]},
        "responseElements": None if reads else {"requestId": str(uuid.UUID(int=chance.getrandbits(128)))},
        "requestID": str(uuid.UUID(int=chance.getrandbits(128))),
        "eventID": str(uuid.UUID(int=chance.getrandbits(128))),
        "readOnly": reads,
        "resources": [{"accountId": account, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::bucket-{who}"}],
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
        "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256"},
    }
    if chance.random() < 0.02:
        made["errorCode"] = chance.choice(["AccessDenied", "Client.UnauthorizedOperation", "NoSuchEntity"])
    return made


def speed(sizes: Sequence[int]) -> list[Sample]:
    """Run the command over logs of each size."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    samples = []
    try:
        for count in sizes:
            file = FOLDER / f"{count}.ndjson"
            with file.open("wb") as out:
                out.writelines(orjson.dumps(each) + b"\n" for each in records(count))
            samples.append(run(file, count))
            file.unlink()
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
    return samples


def run(file: Path, count: int) -> Sample:
    """Run the command over one file on two processors, with the catalogue, and count what it says."""
    command = [str(Path(sys.executable).parent / "raytrail"), "replay", str(file), "--json", "--app", str(FOLDER)]
    answer = file.with_suffix(".json")
    begin = time.perf_counter()
    with answer.open("wb") as out:
        process = subprocess.Popen([*_on_two_processors(), *command], stdout=out, stderr=subprocess.PIPE, text=True)
        memory = watch(process)
    assert process.stderr
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    process.returncode = status
    with answer.open("rb") as written:
        matches = sum(1 for _ in written)
    if status or f"{count:,} records" not in said:
        sys.exit(f"benchmark: status {status}: {said}")
    return Sample(
        records=count,
        bytes=file.stat().st_size,
        seconds=seconds,
        processor=used.ru_utime + used.ru_stime,
        memory=memory,
        matches=matches,
    )


def _on_two_processors() -> list[str]:
    taskset = shutil.which("taskset")
    if taskset is None or not hasattr(os, "sched_getaffinity"):
        return []
    return [taskset, "--cpu-list", ",".join(map(str, sorted(os.sched_getaffinity(0))[:GOAL_PROCESSORS]))]


def watch(process: subprocess.Popen[str]) -> int:
    """Wait for a process to end, and return the most memory that it and its children had."""
    most = 0
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        most = max(most, sum(map(proportional, [process.pid, *children(process.pid)])))
        time.sleep(0.2)
    return most


def children(pid: int) -> list[int]:
    """The processes that a process started, and those that these did."""
    try:
        tasks = Path(f"/proc/{pid}/task").iterdir()
        own = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []
    return [*own, *(each for child in own for each in children(child))]


def proportional(pid: int) -> int:
    """A process's memory in bytes, its share of what it has in common with others."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def speed_table(samples: Sequence[Sample]) -> Table:
    """The figures, a line for each size."""
    made = Table(title="raytrail replay: both engines, the whole catalogue, on two processors", title_justify="left")
    for heading in ("records", "", "seconds", "processor seconds", "records a second", "peak memory", "matches"):
        made.add_column(heading, justify="right")
    for each in samples:
        made.add_row(
            f"{each.records:,}",
            f"{each.bytes / 1000**2:,.0f} MB",
            f"{each.seconds:.1f}",
            f"{each.processor:.1f}",
            f"{each.records / each.seconds:,.0f}",
            f"{each.memory / 1024**2:,.0f} MiB",
            f"{each.matches:,}",
        )
    made.caption = growth_line(samples)
    return made


def growth_line(samples: Sequence[Sample]) -> str:
    """How much longer a record takes in the largest log than in the one before, the start of the command left out."""
    if len(samples) < 3:
        return ""
    start, small, large = samples[-3:]

    def each(longer: Sample, shorter: Sample) -> float:
        return (longer.processor - shorter.processor) / (longer.records - shorter.records)

    return (
        f"a further record takes {each(large, small) / each(small, start):.2f} times the processor time in the largest"
    )


def too_slow(samples: Sequence[Sample]) -> list[str]:
    """The goals that are not met by logs of a million records."""
    return [
        text
        for sample in samples
        if sample.records == SIZES[-1]
        for met, text in (
            (
                sample.seconds <= GOAL_SECONDS,
                f"{sample.seconds:.0f} s for a million records, the goal is {GOAL_SECONDS:.0f}",
            ),
            (sample.memory <= GOAL_MEMORY, f"{sample.memory / 1024**3:.1f} GiB of memory, the goal is 2"),
        )
        if not met
    ]


def write(report: dict[str, Any]) -> None:
    """Write everything measured, with what it was measured with."""
    about = {
        "python": platform.python_version(),
        "packages": {name: version(name) for name in ("duckdb", "sqlglot", "orjson")},
        "cpus": os.cpu_count(),
        "load": os.getloadavg(),
    }
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps({**about, **report}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
