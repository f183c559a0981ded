"""The overhead benchmark runs and proves its spans; how fast anything is, no test says."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys

import pytest
from benchmarks.overhead import _measure
from benchmarks.overhead._measure import Bench, Measurement
from benchmarks.overhead._processes import Failed, Process
from benchmarks.overhead._report import added, goals
from benchmarks.overhead._variants import (
    ADOT,
    ADOT_LITE,
    BARE,
    HANDLERS,
    POWERTOOLS,
    SETTINGS,
    VARIANTS,
    XRAY_SDK,
    Environments,
    unproven,
)

CALLS = 5
PARENT = "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def run(root, tmp_path_factory):
    """A quick run, and what it wrote."""
    path = tmp_path_factory.mktemp("bench") / "tracing.json"
    # A machine that writes no bytecode must not slow the functions.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.tracing", "--quick", "--report", str(path)],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, json.loads(path.read_text())


@pytest.fixture
def bench():
    def make(*variants, handler="get_item", sampled=True):
        return Bench(HANDLERS[handler], variants, lambda rounds, _: rounds, sampled=sampled)

    return make


def measured(variant, *, calls=(), cold=()):
    return Measurement(variant=variant, calls=list(calls), loaded=list(cold), first=[0.0] * len(cold))


def test_a_run_names_the_handler_and_says_what_is_met_and_what_is_missed(run):
    said, report = run
    assert report["handler"] == "lambda/orders/app.py, handler, GET /orders/{id}"
    assert report["handler"] in said
    assert "package, not the layer" in " ".join(said.split())
    for goal in report["goals"]:
        assert f"{'met' if goal['met'] else 'missed'}: {goal['goal']}: {goal['measured']}" in " ".join(said.split())
    assert [goal["goal"].partition(":")[0] for goal in report["goals"]] == 2 * ["warm call"] + 2 * ["cold start"]


def test_a_run_writes_every_time_of_every_variant(run):
    _, report = run
    assert [one["title"] for one in report["variants"]] == [variant.title for variant in VARIANTS]
    for one in report["variants"]:
        assert len(one["warm_seconds"]) == len(one["warm_processor_seconds"]) == CALLS
        assert len(one["loaded_seconds"]) == len(one["first_call_seconds"]) == len(one["cold_processor_seconds"]) == 1
        assert min(one["warm_seconds"] + one["loaded_seconds"] + one["first_call_seconds"]) > 0
        assert {"warm_added_median_ms", "warm_added_95th_percentile_ms", "cold_added_ms", "peak_mb"} <= one.keys()


def test_a_run_proves_the_spans_of_every_call_the_unmeasured_ones_included(run):
    _, report = run
    # Warm-up as long as the measuring; one start, and one before it that fills caches.
    assert {one["calls_proven"] for one in report["variants"]} == {2 * CALLS + 2}


@pytest.mark.parametrize("handler", HANDLERS)
def test_either_handler_makes_one_call_of_dynamodb_and_its_spans(bench, handler):
    with bench(BARE, XRAY_SDK, ADOT_LITE, handler=handler) as running:
        running.call_warm(2, warm_up=0)
        running.prove()
    assert [one.proven for one in running.measurements] == [2, 2, 2]


def test_every_setting_that_is_compared_lets_out_the_spans_that_it_should(bench):
    with bench(*SETTINGS) as running:
        running.call_warm(2, warm_up=0)
        running.prove()
    assert {one.proven for one in running.measurements} == {2}


def test_calls_that_lambda_did_not_sample_make_no_trace(bench):
    with bench(XRAY_SDK, POWERTOOLS, ADOT_LITE, ADOT, sampled=False) as running:
        running.call_warm(2, warm_up=0)
        running.prove()
    assert {one.proven for one in running.measurements} == {2}


def test_spans_that_do_not_arrive_end_the_benchmark(bench, monkeypatch):
    class Deaf(Environments):
        def variables(self, variant, *, daemon, dynamodb):
            # A port on which nobody listens.
            return super().variables(variant, daemon="127.0.0.1:9", dynamodb=dynamodb)

    monkeypatch.setattr(_measure, "Environments", Deaf)
    with bench(XRAY_SDK) as running:
        running.call_warm(2, warm_up=0)
        with pytest.raises(Failed, match=r"X-Ray SDK.*expected the spans \['dynamodb'\], received \[\]"):
            running.prove()


def test_a_variant_that_makes_other_spans_than_it_says_ends_the_benchmark(bench):
    with bench(dataclasses.replace(POWERTOOLS, spans=("dynamodb",))) as running:
        running.call_warm(2, warm_up=0)
        with pytest.raises(Failed, match=r"received \['## handler', 'dynamodb'\]"):
            running.prove()


def test_a_call_of_dynamodb_that_no_handler_should_make_ends_the_benchmark(bench):
    with bench(BARE) as running:
        running.call_warm(2, warm_up=0)
        running._made.popitem()
        with pytest.raises(Failed, match=r"1 calls of .* must make one GetItem each, got \{'GetItem': 2\}"):
            running.prove()


def test_a_process_that_fails_says_what_it_wrote(tmp_path):
    script = tmp_path / "broken.py"
    script.write_text("import sys; sys.exit('no such table')")
    with pytest.raises(Failed, match=r"ended\nno such table"):
        Process.of(script)


def test_a_function_sees_nothing_of_what_is_installed_beside_the_benchmark(tmp_path):
    environments = Environments(tmp_path, HANDLERS["get_item"])
    variables = environments.variables(ADOT, daemon="127.0.0.1:9", dynamodb="http://127.0.0.1:9")
    python = environments.command(BARE)[0]
    found = "import importlib.util as u; print([n for n in {} if u.find_spec(n)])"
    names = ["boto3", "opentelemetry", "aws_lambda_powertools", "raytrail", "pytest", "aws_cdk", "ministack"]
    done = subprocess.run(
        [python, "-c", found.format(names)], env=variables, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['boto3', 'opentelemetry', 'aws_lambda_powertools']"


@pytest.mark.parametrize(
    ("received", "problem"),
    [
        ([("a", PARENT, "outer"), ("b", "a", "inner")], None),
        ([("a", PARENT, "outer"), ("b", PARENT, "inner")], None),
        ([("a", PARENT, "outer")], "expected the spans"),
        ([("a", PARENT, "outer"), ("b", "a", "inner"), ("c", "a", "inner")], "expected the spans"),
        ([("a", "", "outer"), ("b", "a", "inner")], f"below {PARENT}"),
        ([("a", PARENT, "outer"), ("b", "elsewhere", "inner")], f"below {PARENT}"),
    ],
)
def test_spans_are_proven_by_their_names_and_by_what_is_above_them(received, problem):
    said = unproven(("outer", "inner"), PARENT, received)
    assert said is None if problem is None else problem in said


def test_a_goal_is_missed_only_when_the_median_is_above_it():
    fast, slow = [0.001] * 9 + [0.9], [0.002] * 10
    by_speed = [measured(BARE, calls=fast), measured(XRAY_SDK, calls=slow), measured(ADOT_LITE, calls=fast)]
    assert [goal.met for goal in goals([*by_speed, measured(ADOT, calls=[0.0021] * 10)])] == [True, False]


def test_a_cold_start_is_held_against_its_budget():
    bare = measured(BARE, cold=[0.2, 0.2])
    within, beyond = measured(ADOT_LITE, cold=[0.3, 0.3]), measured(ADOT, cold=[0.61, 0.61])
    assert [(goal.measured, goal.met) for goal in goals([bare, within, beyond])] == [
        ("1.50 times", True),
        ("3.05 times", False),
    ]


def test_the_interval_holds_the_difference_and_narrows_as_rounds_agree():
    base = [0.002 + 0.0001 * (each % 7) for each in range(200)]
    steady = added([each + 0.001 for each in base], base)
    assert (steady.low, steady.high) == pytest.approx((0.001, 0.001))
    loose = added([each + 0.0005 * (place % 5) for place, each in enumerate(base)], base)
    assert loose.low < loose.median < loose.high
