"""The simulator, held against its own meaning and against the reservoirs of AWS's X-Ray SDK."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import pytest
from aws_xray_sdk.core.sampling.local import reservoir as local_reservoir
from aws_xray_sdk.core.sampling.local.sampler import LocalSampler
from aws_xray_sdk.core.sampling.reservoir import Reservoir
from aws_xray_sdk.core.sampling.sampler import DefaultSampler
from aws_xray_sdk.core.sampling.sampling_rule import SamplingRule as SdkRule
from hypothesis import given
from hypothesis import strategies as st

from raytrail.errors import InvalidProps
from raytrail.tracing import DefaultRule, Load, SamplingRateBoost, SamplingRule, TracePrices, simulate_sampling

FUNCTION = "AWS::Lambda::Function"
rates = st.floats(0, 1)
reservoirs = st.integers(0, 50)
volumes = st.floats(0, 1000)
rules = st.lists(
    st.builds(
        SamplingRule,
        name=st.just("x"),
        priority=st.just(1),
        rate=rates,
        reservoir_per_second=reservoirs,
        url_path=st.sampled_from(["/a", "/a*", "/b*", "/?c"]),
        service_name=st.sampled_from(["one", "two", "t*"]),
    ),
    max_size=4,
    unique_by=lambda rule: (rule.url_path, rule.service_name),
).map(lambda many: [replace(rule, name=f"r{i}", priority=9999 - i) for i, rule in enumerate(many)])
loads = st.lists(
    st.builds(
        Load,
        per_second=volumes,
        service_name=st.sampled_from(["one", "two", "three"]),
        service_type=st.sampled_from([FUNCTION, "AWS::ApiGateway::Stage"]),
        url_path=st.sampled_from(["/a", "/ab", "/b", "/bc", "/d"]),
    ),
    max_size=6,
)


def forecast(rules, loads, **more):
    try:
        return simulate_sampling(rules, loads, **more)
    except InvalidProps as refused:
        assert "would never decide" in str(refused)  # noqa: PT017 - drawn rules may hide one another
        return simulate_sampling(rules[:1], loads, **more)


def close(value: float) -> object:
    return pytest.approx(value, rel=1e-9, abs=1e-9)


@given(rules, loads)
def test_the_sums_over_loads_and_over_rules_are_the_total(rules, loads):
    told = forecast(rules, loads)
    assert math.fsum(each.recorded_per_second for each in told.loads) == close(told.recorded_per_second)
    assert math.fsum(each.recorded_per_second for each in told.rules) == close(told.recorded_per_second)
    assert math.fsum(each.requests_per_second for each in told.rules) == close(
        math.fsum(load.per_second for load in loads)
    )
    assert told.traces_per_month == close(told.recorded_per_second * 730 * 3600)


@given(rules, loads)
def test_no_more_is_recorded_than_comes(rules, loads):
    for each in forecast(rules, loads).loads:
        assert 0 <= each.recorded_per_second <= each.load.per_second * (1 + 1e-9)


@given(rules, loads, st.integers(0, 5), volumes)
def test_more_requests_never_leave_fewer_traces(rules, loads, which, more):
    if loads:
        busier = list(loads)
        busier[which % len(loads)] = replace(busier[which % len(loads)], per_second=more + 1000)
        before, after = forecast(rules, loads), forecast(rules, busier)
        assert after.recorded_per_second >= before.recorded_per_second * (1 - 1e-9)
        assert after.usd_per_month >= before.usd_per_month * (1 - 1e-9)


@given(loads, rates, rates, reservoirs)
def test_a_higher_rate_never_leaves_fewer_traces(loads, one, other, reservoir):
    low, high = sorted((one, other))
    rule = SamplingRule(name="all", priority=1, rate=low, reservoir_per_second=reservoir)
    least, most = (simulate_sampling([replace(rule, rate=rate)], loads) for rate in (low, high))
    assert most.recorded_per_second >= least.recorded_per_second * (1 - 1e-9)


# --- Against AWS's own code -------------------------------------------------------------------------------------------

SECONDS = 400


def within_chance(counted: float, expected: float, trials: float, rate: float) -> bool:
    """Whether a count lies within five standard deviations of what so many tosses of a coin give."""
    return abs(counted - expected) <= 5 * math.sqrt(trials * rate * (1 - rate)) + 1e-6


@pytest.mark.parametrize(("per_second", "reservoir", "rate"), [(40, 5, 0.1), (3, 5, 0.9), (20, 0, 0.25), (7, 1, 0.0)])
def test_one_instance_records_as_many_as_the_x_ray_sdk_does_by_local_rules(monkeypatch, per_second, reservoir, rate):
    clock = SimpleNamespace(now=0)
    monkeypatch.setattr(local_reservoir, "time", SimpleNamespace(time=lambda: clock.now))
    sampler = LocalSampler({"version": 2, "rules": [], "default": {"fixed_target": reservoir, "rate": rate}})
    sampler._random = random.Random(7)
    counted = 0
    for clock.now in range(1, SECONDS + 1):
        counted += sum(sampler.should_trace() for _ in range(per_second))
    rule = SamplingRule(name="all", priority=1, rate=rate, reservoir_per_second=reservoir)
    told = simulate_sampling([rule], [Load(per_second=per_second, service_name="one")])
    tosses = SECONDS * max(0, per_second - reservoir)
    assert within_chance(counted, SECONDS * told.recorded_per_second, tosses, rate)


@pytest.mark.parametrize("instances", [1, 2, 5])
def test_instances_that_share_a_reservoir_record_as_many_as_the_x_ray_sdk_does_by_its_quotas(instances):
    """X-Ray gives each instance an even part of the reservoir; the SDK's sampler draws from it."""
    per_second, reservoir, rate = 50, 10, 0.1
    samplers = [sdk_instance(reservoir // instances, rate, seed) for seed in range(instances)]
    counted = 0
    for now in range(1, SECONDS + 1):
        for _ in range(per_second // instances):
            counted += sum(bool(sampler._process_matched_rule(rule, now)) for sampler, rule in samplers)
    rule = SamplingRule(name="all", priority=1, rate=rate, reservoir_per_second=reservoir)
    told = simulate_sampling([rule], [Load(per_second=per_second, service_name="one")])
    assert within_chance(counted, SECONDS * told.recorded_per_second, SECONDS * (per_second - reservoir), rate)


def sdk_instance(quota: int, rate: float, seed: int) -> tuple[DefaultSampler, SdkRule]:
    sampler = DefaultSampler.__new__(DefaultSampler)
    sampler._random = random.Random(seed)
    rule = SdkRule(name="all", priority=1, rate=rate, reservoir_size=quota)
    rule.reservoir.load_quota(quota, SECONDS + 1, 10)
    return sampler, rule


def test_bursts_record_less_than_is_told():
    """The same number of requests, all in every tenth second."""
    sampler, rule = sdk_instance(5, 0.1, 7)
    assert isinstance(rule.reservoir, Reservoir)
    counted = 0
    for now in range(1, SECONDS + 1):
        counted += sum(bool(sampler._process_matched_rule(rule, now)) for _ in range(200 if now % 10 == 0 else 0))
    told = simulate_sampling(
        [SamplingRule(name="all", priority=1, rate=0.1, reservoir_per_second=5)],
        [Load(per_second=20, service_name="one")],
    )
    assert counted < SECONDS * told.recorded_per_second * 0.9


# --- What it says -----------------------------------------------------------------------------------------------------


def test_the_first_rule_that_matches_decides_and_its_reservoir_is_shared():
    orders = SamplingRule(
        name="orders", priority=5, rate=0.1, reservoir_per_second=10, service_name="orders/*", url_path="/orders*"
    )
    told = simulate_sampling(
        [SamplingRule(name="rest", priority=900, rate=0), orders],
        [
            Load(per_second=60, service_name="orders/v1", http_method="POST", url_path="/orders"),
            Load(per_second=40, service_name="orders/v1", url_path="/orders/7"),
            Load(per_second=8, service_name="orders/v1", url_path="/other"),
        ],
    )
    assert [each.decided_by for each in told.loads] == ["orders", "orders", "rest"]
    assert [each.recorded_per_second for each in told.loads] == [close(0.6 * 19), close(0.4 * 19), close(1)]
    assert [each.name for each in told.rules] == ["orders", "rest", "Default"]
    assert told.rules[-1].requests_per_second == 0


def test_where_no_rule_matches_the_default_rule_decides_as_x_ray_comes_with_it():
    told = simulate_sampling([], [Load(per_second=21, service_name="one")])
    assert told.loads[0].decided_by == "Default"
    assert told.recorded_per_second == close(1 + 20 * 0.05)
    changed = simulate_sampling([], [Load(per_second=21, service_name="one")], default=DefaultRule(rate=0.5))
    assert changed.recorded_per_second == close(1 + 20 * 0.5)


def test_lambda_takes_no_notice_of_rules_and_each_function_samples_by_itself():
    told = simulate_sampling(
        [SamplingRule(name="all", priority=1, rate=1)],
        [
            Load(per_second=21, service_name="one", service_type=FUNCTION),
            Load(per_second=41, service_name="two", service_type=FUNCTION),
        ],
    )
    assert [each.decided_by for each in told.loads] == ["Lambda of one", "Lambda of two"]
    assert [each.recorded_per_second for each in told.loads] == [close(2), close(3)]
    assert told.rules[0].requests_per_second == 0
    assert "rules do not apply where a request reaches AWS Lambda first" in str(told)
    assert "AWS Lambda" not in str(simulate_sampling([], [Load(per_second=1, service_name="one")]))


def test_a_rule_with_attributes_decides_for_requests_that_have_them():
    beta = SamplingRule(name="beta", priority=1, rate=1, attributes={"x-beta": "y*"})
    asked = Load(per_second=5, service_name="one", attributes={"x-beta": "yes"})
    told = simulate_sampling([beta], [asked, replace(asked, attributes={}), replace(asked, attributes={"x-beta": "n"})])
    assert [each.decided_by for each in told.loads] == ["beta", "Default", "Default"]
    assert "beta asks for attributes or an ARN: services with an X-Ray SDK pass over it" in told.notes


def test_a_boost_is_said_and_not_counted():
    rule = SamplingRule(name="all", priority=1, rate=0.05, boost=SamplingRateBoost(max_rate=0.25, cooldown_minutes=10))
    load = [Load(per_second=10, service_name="one")]
    told = simulate_sampling([rule], load)
    assert told.recorded_per_second == simulate_sampling([replace(rule, boost=None)], load).recorded_per_second
    assert "all may record up to 25 % for a minute in each 10 while something fails; that is not counted here" in (
        told.notes
    )


def test_the_month_is_priced_after_the_free_traces():
    one_a_second = simulate_sampling([], [Load(per_second=1, service_name="one")])
    assert one_a_second.traces_per_month == 2_628_000
    assert one_a_second.usd_per_month == close((2_628_000 - 100_000) * 5 / 1e6)
    little = simulate_sampling([], [Load(per_second=0.01, service_name="one")])
    assert little.usd_per_month == 0
    elsewhere = TracePrices(usd_per_million=8, free_per_month=0, region="elsewhere", as_of=date(2027, 1, 1), source="x")
    priced = simulate_sampling([], [Load(per_second=1, service_name="one")], prices=elsewhere)
    assert priced.usd_per_month == close(2.628 * 8)
    assert "8 USD a million after 0 a month in elsewhere, as of 2027-01-01 (x)" in priced.notes[-1]


def test_the_prices_are_those_of_the_compiled_facts(root):
    file = root.parent / "shared" / "facts" / "prices.json"
    if not file.is_file():
        pytest.skip("needs the compiled facts, which a plain clone does not have")
    facts = json.loads(file.read_text(encoding="utf-8"))
    (recorded,) = [price for price in facts["prices"] if price["key"] == "xray.traces_recorded"]
    prices = TracePrices()
    assert (prices.usd_per_million, recorded["unit"]) == (recorded["usd"], "per 1M traces")
    assert recorded["free_tier"] == f"{prices.free_per_month:,}/month"
    assert (prices.region, prices.as_of.isoformat()) == (facts["region"], facts["compiled"])
    assert prices.source in recorded["source"]


def test_the_table_is_to_be_read_by_people():
    told = simulate_sampling(
        [SamplingRule(name="orders", priority=5, rate=0.1, reservoir_per_second=10, service_name="orders/*")],
        [
            Load(per_second=100, service_name="orders/v1", http_method="POST", host="api.example.com", url_path="/x"),
            Load(per_second=21, service_name="nightly", service_type=FUNCTION),
        ],
    )
    assert str(told).splitlines()[:11] == [
        "requests                            per second  decided by         recorded/s",
        "----------------------------------  ----------  -----------------  ----------",
        "POST api.example.com/x (orders/v1)      100.00  orders                  19.00",
        "nightly                                  21.00  Lambda of nightly        2.00",
        "",
        "rule               per second  priority  recorded/s",
        "-----------------  ----------  --------  ----------",
        "orders                 100.00  5              19.00",
        "Default                  0.00  10000           0.00",
        "Lambda of nightly       21.00  -               2.00",
        "",
    ]
    assert str(told).splitlines()[11] == "21.00 traces a second, 55,188,000 a month, 275.44 USD a month"


@pytest.mark.parametrize("per_second", [-1, float("nan"), float("inf")])
def test_a_load_is_a_number_of_requests(per_second):
    with pytest.raises(InvalidProps, match="per_second of load 'GET / \\(one\\)' is a number from 0 up"):
        Load(per_second=per_second, service_name="one")


def test_a_load_names_the_service_that_gets_it():
    with pytest.raises(InvalidProps, match="service_name of a load is empty"):
        Load(per_second=1, service_name="")


def test_rules_that_could_not_be_deployed_are_not_simulated():
    rule = SamplingRule(name="all", priority=1, rate=1)
    with pytest.raises(InvalidProps, match="would never decide"):
        simulate_sampling([rule, replace(rule, name="late", priority=2)], [])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: DefaultRule(rate=1.1), "rate of the Default rule is a share from 0 to 1, got 1.1"),
        (lambda: DefaultRule(reservoir_per_second=-1), "reservoir_per_second of the Default rule is 0 or more, got -1"),
        (lambda: TracePrices(usd_per_million=-1), "usd_per_million of trace prices is 0 or more, got -1"),
        (lambda: TracePrices(free_per_month=-1), "free_per_month of trace prices is 0 or more, got -1"),
    ],
)
def test_values_out_of_range_are_refused(make, said):
    with pytest.raises(InvalidProps) as refused:
        make()
    assert str(refused.value) == said
