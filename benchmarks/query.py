"""How long ``raytrail query --local`` takes for a gigabyte of gzipped logs, how that grows, and what memory it needs.

Whole processes over folders in CloudTrail's key layout, one of 0.1 GB and one of 1 GB. Every record of the folder is
counted in the answer. Prints a table, writes build/bench/query.json, and exits non-zero when a goal is missed.
README.md says how to read it. Run it as ``python -m benchmarks.query``.
"""

from __future__ import annotations

import argparse
import gzip
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
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from raytrail.records import RecordLine, object_key, read_records

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT.parent / "shared" / "attack-logs"
FOLDER = ROOT / "build" / "bench" / "query-logs"
REPORT = ROOT / "build" / "bench" / "query.json"

ACCOUNTS = ("111122223333", "444455556666", "777788889999")
REGIONS = ("us-east-1", "eu-west-1", "eu-central-1", "ap-southeast-2")
DAYS = [date(2026, 8, 1) + timedelta(days=number) for number in range(90)]
GIGABYTE = 1000**3

# A quarter of a megabyte each, as of a busy account; together more than gzip's window, so that nothing is compressed
# better than real logs are.
DISTINCT_FILES = 80
RECORDS_PER_FILE = 1400

MOST_MEMORY = 1024**3
MOST_GROWTH = 1.25


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One run of the command: its seconds, those of its processor, and its most memory in bytes."""

    wall: float
    processor: float
    memory: int


@dataclass(frozen=True, kw_only=True)
class Size:
    """A folder, and what the command took over it."""

    bytes: int
    files: int
    samples: list[Sample]

    @property
    def wall(self) -> float:
        """The median of the seconds."""
        return statistics.median(each.wall for each in self.samples)

    @property
    def processor(self) -> float:
        """The median of the processor's seconds."""
        return statistics.median(each.processor for each in self.samples)

    @property
    def memory(self) -> int:
        """The most memory of any run."""
        return max(each.memory for each in self.samples)


def main() -> int:
    """Generate, measure, check, print, delete; return 1 when a goal is missed."""
    options = parse()
    console = Console(width=120, highlight=False)
    if not SOURCE.is_dir():
        console.print("skipped: it needs the folder of real CloudTrail records, ../shared/attack-logs")
        return 0
    shutil.rmtree(FOLDER, ignore_errors=True)
    try:
        records = [outcome.record for outcome in read_records(SOURCE) if isinstance(outcome, RecordLine)]
        pool = list(distinct_files(records, FOLDER / ".pool"))
        start = measure(pool, 0, options.repeats)
        small = measure(pool, options.gigabytes / 10, options.repeats)
        large = measure(pool, options.gigabytes, 1)
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
    growth = growth_of("processor", start, small, large)
    missed = [
        *([f"peak memory {large.memory / 1024**2:.0f} MiB is above 1024"] if large.memory > MOST_MEMORY else []),
        *([f"growth {growth:.2f} is above {MOST_GROWTH}"] if growth > MOST_GROWTH else []),
    ]
    console.print(table([start, small, large]))
    console.print(f"{(large.wall - start.wall) * GIGABYTE / large.bytes:.0f} seconds per gigabyte")
    console.print(
        f"a byte of the largest takes {growth:.2f} times the processor time of one of the second, and "
        f"{growth_of('wall', start, small, large):.2f} times the time, without the start of the command"
    )
    console.print(
        f"{DISTINCT_FILES} distinct files of {RECORDS_PER_FILE} real records with new ids and times, hard linked under "
        "other keys to reach the size: the disk's share is that of files in the cache"
    )
    for goal in missed:
        console.print(f"missed: {goal}")
    if not missed:
        console.print(f"met: at most 1024 MiB of memory, and a growth of at most {MOST_GROWTH}")
    write([start, small, large], growth)
    return int(bool(missed))


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.query", description="The local query over many logs")
    parser.add_argument("--gigabytes", type=float, default=1.0, help="the larger folder, gzipped (default: 1)")
    parser.add_argument("--repeats", type=int, default=3, help="runs over the smaller folder (default: 3)")
    options = parser.parse_args()
    if options.gigabytes <= 0 or options.repeats < 1:
        parser.error("sizes and repeats are more than nothing")
    return options


def distinct_files(records: Sequence[dict[str, Any]], folder: Path) -> Iterator[Path]:
    """Write files of real records, each record with an id and a time of its own."""
    chance = random.Random(5)
    folder.mkdir(parents=True)
    for number in range(DISTINCT_FILES):
        chosen = [
            {
                **chance.choice(records),
                "eventID": str(uuid.UUID(int=chance.getrandbits(128))),
                "requestID": str(uuid.UUID(int=chance.getrandbits(128))),
                "eventTime": f"2026-08-{chance.randint(1, 28):02}T{chance.randint(0, 23):02}:00:{number % 60:02}Z",
            }
            for _ in range(RECORDS_PER_FILE)
        ]
        file = folder / f"{number}.json.gz"
        file.write_bytes(gzip.compress(json.dumps({"Records": chosen}, separators=(",", ":")).encode(), 6))
        yield file


def growth_of(what: str, start: Size, small: Size, large: Size) -> float:
    """How much longer a byte of the large folder takes than one of the small, the start of the command left out."""
    once: float = getattr(start, what)
    longer, shorter = ((getattr(size, what) - once) / (size.bytes - start.bytes) for size in (large, small))
    return float(longer / shorter)


def measure(pool: Sequence[Path], gigabytes: float, repeats: int) -> Size:
    """Fill a folder, run the command over it, and delete it. A folder of no size has one file."""
    folder = FOLDER / f"{gigabytes:g}"
    size = files = 0
    while size < max(gigabytes * GIGABYTE, 1):
        source = pool[files % len(pool)]
        key = object_key(
            account_id=ACCOUNTS[files % len(ACCOUNTS)],
            region=REGIONS[files // len(ACCOUNTS) % len(REGIONS)],
            time=f"{DAYS[files // len(ACCOUNTS) // len(REGIONS) % len(DAYS)]}T00:05:00Z",
            unique=f"{files:016X}",
        )
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        os.link(source, folder / key)
        size += source.stat().st_size
        files += 1
    # Copies of an event count once.
    expected = min(files, len(pool)) * RECORDS_PER_FILE
    samples = [run(folder, files, expected) for _ in range(repeats)]
    shutil.rmtree(folder)
    return Size(bytes=size, files=files, samples=samples)


def run(folder: Path, files: int, expected: int) -> Sample:
    """Run the command once and check that no record is missing from its answer."""
    command = [str(Path(sys.executable).parent / "raytrail"), "query", "calls_by_actor", "--local", str(folder)]
    begin = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--json", "--limit", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stderr
    out, err = process.stdout.read(), process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    counted = sum(json.loads(line)["calls"] for line in out.splitlines())
    if status or counted != expected or f"{files} of {files} files read" not in err:
        sys.exit(f"benchmark: {counted} calls counted of {expected}, status {status}: {err}")
    return Sample(wall=wall, processor=used.ru_utime + used.ru_stime, memory=used.ru_maxrss * 1024)


def table(sizes: Sequence[Size]) -> Table:
    """The figures, a line for each folder."""
    made = Table(title="raytrail query calls_by_actor --local", title_justify="left")
    for heading in ("gzipped", "files", "runs", "seconds", "processor seconds", "peak memory"):
        made.add_column(heading, justify="right")
    for size in sizes:
        made.add_row(
            f"{size.bytes / 1000**2:.1f} MB",
            str(size.files),
            str(len(size.samples)),
            f"{size.wall:.1f}",
            f"{size.processor:.1f}",
            f"{size.memory / 1024**2:.0f} MiB",
        )
    return made


def write(sizes: Sequence[Size], growth: float) -> None:
    """Write everything measured, with what it was measured with."""
    report = {
        "python": platform.python_version(),
        "packages": {name: version(name) for name in ("duckdb", "sqlglot")},
        "cpus": os.cpu_count(),
        "load": os.getloadavg(),
        "growth": growth,
        "sizes": [asdict(size) for size in sizes],
    }
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
