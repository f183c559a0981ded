"""What sampling rules do to given traffic: which rule each request meets, how many traces are recorded, their price."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from raytrail.errors import InvalidProps
from raytrail.tracing._model import PATTERNS, SamplingRule
from raytrail.tracing._model_rules import applies, check_beside

SECONDS_PER_MONTH = 730 * 3600
"""A month of 730 hours, as the AWS Pricing Calculator counts."""

LAMBDA = "AWS::Lambda::Function"
"""The type of service that no sampling rule reaches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TracePrices:
    """What X-Ray asks for recorded traces. The defaults are the prices of us-east-1 on the date in ``as_of``.

    Args:
        usd_per_million: Dollars for a million traces recorded. Default: 5.
        free_per_month: Traces of each month that cost nothing. Default: 100,000.
        region: Where these prices hold. Default: us-east-1.
        as_of: When they were read. Default: 22 November 2026.
        source: Where. Default: X-Ray's price page.

    Raises:
        InvalidProps: A number is below zero.
    """

    usd_per_million: float = 5.0
    free_per_month: int = 100_000
    region: str = "us-east-1"
    as_of: date = date(2026, 11, 22)
    source: str = "https://aws.amazon.com/xray/pricing/"

    def __post_init__(self) -> None:
        for name in ("usd_per_million", "free_per_month"):
            if not getattr(self, name) >= 0:
                raise InvalidProps(f"{name} of trace prices is 0 or more, got {getattr(self, name)}")

    def of_month(self, traces: float) -> float:
        """The dollars for the traces recorded in one month.

        Args:
            traces: How many.
        """
        return max(0.0, traces - self.free_per_month) * self.usd_per_million / 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class DefaultRule:
    """The rule of each account and Region that decides where no other does; only X-Ray's API can change it.

    Args:
        rate: The share of further requests that is recorded, from 0 to 1. Default: X-Ray's own, 5 percent.
        reservoir_per_second: Requests recorded each second before the share applies. Default: X-Ray's own, one.

    Raises:
        InvalidProps: A value is out of range.
    """

    rate: float = 0.05
    reservoir_per_second: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise InvalidProps(f"rate of the Default rule is a share from 0 to 1, got {self.rate}")
        if self.reservoir_per_second < 0:
            raise InvalidProps(
                f"reservoir_per_second of the Default rule is 0 or more, got {self.reservoir_per_second}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """Requests at the place where their traces begin, so many each second.

    A request that a traced caller passes on is no load of its own: the caller's decision holds.

    Args:
        per_second: Requests each second, 0 or more.
        service_name: The service that gets them first; a stage of API Gateway is ``API name/stage``.
        service_type: Its type. ``AWS::Lambda::Function`` stands for requests that reach a function first.
            Default: a stage of API Gateway.
        host: Host that they ask for. Default: not known, which only a pattern for any host matches.
        http_method: Their method. Default: GET.
        url_path: Their path. Default: ``/``.
        resource_arn: ARN of what runs the service. Default: not known; leave it so for a service with an X-Ray SDK.
        attributes: What a rule may ask for, as headers in API Gateway. Default: none.

    Raises:
        InvalidProps: ``per_second`` is below zero or no number, or the service has no name.
    """

    per_second: float
    service_name: str
    service_type: str = "AWS::ApiGateway::Stage"
    host: str = ""
    http_method: str = "GET"
    url_path: str = "/"
    resource_arn: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not self.service_name:
            raise InvalidProps("service_name of a load is empty; name the service that gets its requests first")
        if not (self.per_second >= 0 and math.isfinite(self.per_second)):
            raise InvalidProps(f"per_second of load {str(self)!r} is a number from 0 up, got {self.per_second}")
        object.__setattr__(self, "attributes", MappingProxyType(dict(self.attributes)))

    def __str__(self) -> str:
        """Name the load as a line of a table does."""
        if self.service_type == LAMBDA:
            return self.service_name
        return f"{self.http_method} {self.host}{self.url_path} ({self.service_name})"


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadForecast:
    """What becomes of one load: who decides, and how many of its requests are recorded each second."""

    load: Load
    """The load."""
    decided_by: str
    """The name of the rule that decides."""
    recorded_per_second: float
    """How many of its requests are recorded each second."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleForecast:
    """What one rule meets and records each second; ``priority`` is None where Lambda decides by itself."""

    name: str
    """The rule's name."""
    priority: int | None
    """Its priority; None where Lambda decides by itself."""
    requests_per_second: float
    """How many requests it decides on each second."""
    recorded_per_second: float
    """How many of them are recorded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingForecast:
    """What is recorded of all loads. ``str()`` of it is a table for people.

    Attributes:
        loads: One for each load, in the order given.
        rules: One for each rule by priority, then the Default rule, then each function for which Lambda decides.
        recorded_per_second: Traces recorded each second.
        traces_per_month: Traces recorded in 730 hours.
        usd_per_month: What they cost.
        notes: What to know about these numbers, in sentences.
    """

    loads: tuple[LoadForecast, ...]
    rules: tuple[RuleForecast, ...]
    recorded_per_second: float
    traces_per_month: float
    usd_per_month: float
    notes: tuple[str, ...]

    def __str__(self) -> str:
        """Draw the loads, the rules and the sum as a plain table, with the notes below."""
        loads = [
            (str(each.load), _number(each.load.per_second), each.decided_by, _number(each.recorded_per_second))
            for each in self.loads
        ]
        rules = [
            (each.name, _number(each.requests_per_second), str(each.priority or "-"), _number(each.recorded_per_second))
            for each in self.rules
        ]
        return "\n".join(
            [
                *_table(("requests", "per second", "decided by", "recorded/s"), loads),
                "",
                *_table(("rule", "per second", "priority", "recorded/s"), rules),
                "",
                f"{_number(self.recorded_per_second)} traces a second, {self.traces_per_month:,.0f} a month, "
                f"{self.usd_per_month:,.2f} USD a month",
                *(f"- {note}" for note in self.notes),
            ]
        )


def simulate_sampling(
    rules: Sequence[SamplingRule],
    loads: Sequence[Load],
    *,
    default: DefaultRule | None = None,
    prices: TracePrices | None = None,
) -> SamplingForecast:
    """Return what rules record of given loads, without asking AWS.

    Requests are taken to come evenly over each second and over the instances of a service. Bursts record less than
    this, never more: a reservoir that nobody drew from in one second is lost in the next. The reservoir of a rule is
    one for the Region, shared by all that it matches. What an instance borrows until X-Ray has given it a part of the
    reservoir, a request a second for some ten seconds, is not counted.

    Args:
        rules: The rules of the account and Region.
        loads: The traffic.
        default: What decides where no rule does. Default: X-Ray's own, one a second and 5 percent of the others.
        prices: What a trace costs. Default: us-east-1, with their date in the notes.

    Raises:
        InvalidProps: The rules could not stand beside one another: see `SamplingRules`.
    """
    default, prices = default or DefaultRule(), prices or TracePrices()
    rules = sorted(rules, key=lambda rule: rule.priority)
    for index, rule in enumerate(rules):
        check_beside(rule, rules[:index])
    met = [(load, _decider(rules, load)) for load in loads]
    by_function = list(dict.fromkeys(decider for load, decider in met if load.service_type == LAMBDA))
    of_rules = [
        *(_forecast(rule.name, rule.priority, rule.rate, rule.reservoir_per_second, met) for rule in rules),
        _forecast("Default", 10_000, default.rate, default.reservoir_per_second, met),
        *(_forecast(name, None, 0.05, 1, met) for name in by_function),
    ]
    share = {rule.name: _share(rule) for rule in of_rules}
    recorded = sum(rule.recorded_per_second for rule in of_rules)
    month = recorded * SECONDS_PER_MONTH
    return SamplingForecast(
        loads=tuple(
            LoadForecast(load=load, decided_by=name, recorded_per_second=load.per_second * share[name])
            for load, name in met
        ),
        rules=tuple(of_rules),
        recorded_per_second=recorded,
        traces_per_month=month,
        usd_per_month=prices.of_month(month),
        notes=tuple(_notes(rules, met, prices)),
    )


def _decider(rules: Iterable[SamplingRule], load: Load) -> str:
    if load.service_type == LAMBDA:
        # https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html; a rule's name cannot hold a space.
        return f"Lambda of {load.service_name}"
    request = {name: getattr(load, name) for name in PATTERNS}
    return next((rule.name for rule in rules if applies(rule, request, load.attributes)), "Default")


def _forecast(
    name: str, priority: int | None, rate: float, reservoir: int, met: Iterable[tuple[Load, str]]
) -> RuleForecast:
    requests = math.fsum(load.per_second for load, decider in met if decider == name)
    guaranteed = min(requests, reservoir)
    return RuleForecast(
        name=name,
        priority=priority,
        requests_per_second=requests,
        recorded_per_second=guaranteed + rate * (requests - guaranteed),
    )


def _share(rule: RuleForecast) -> float:
    return rule.recorded_per_second / rule.requests_per_second if rule.requests_per_second else 0.0


def _notes(rules: Iterable[SamplingRule], met: Sequence[tuple[Load, str]], prices: TracePrices) -> Iterator[str]:
    deciders = {decider for _, decider in met}
    if any(load.service_type == LAMBDA for load, _ in met):
        yield (
            "rules do not apply where a request reaches AWS Lambda first: it records the first request of each second "
            "and 5 % of the others, and that cannot be changed"
        )
    for rule in rules:
        if rule.boost:
            yield (
                f"{rule.name} may record up to {rule.boost.max_rate * 100:g} % for a minute in each "
                f"{rule.boost.cooldown_minutes} while something fails; that is not counted here"
            )
        if rule.name in deciders and (rule.attributes or rule.resource_arn != "*"):
            yield f"{rule.name} asks for attributes or an ARN: services with an X-Ray SDK pass over it"
    yield "a rule decides once, where a trace begins: a request that comes with a trace header follows its caller"
    yield "requests are taken to come evenly; bursts record less than this, never more"
    yield (
        f"{prices.usd_per_million:g} USD a million after {prices.free_per_month:,} a month in {prices.region}, "
        f"as of {prices.as_of.isoformat()} ({prices.source}); with Transaction Search on, spans are billed instead"
    )


def _number(value: float) -> str:
    return f"{value:,.2f}"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Columns of text to the left and of numbers to the right, each as wide as its widest cell."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    numbers = {1, 3}

    def line(row: tuple[str, ...]) -> str:
        cells = [
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()

    return [line(head), line(tuple("-" * width for width in widths)), *map(line, rows)]
