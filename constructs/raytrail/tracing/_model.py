"""What tracing is made of, as plain values: no CDK is needed to build or test them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Self

from raytrail.errors import InvalidProps

# https://docs.aws.amazon.com/general/latest/gr/xray.html
MAX_GROUPS = 25
"""X-Ray groups that an account may have in a Region; AWS does not raise it."""
MAX_SAMPLING_RULES = 25
"""Custom sampling rules of a Region; AWS raises it on request."""
# https://docs.aws.amazon.com/xray/latest/api/API_SamplingRule.html
MAX_ATTRIBUTES = 5
"""Attributes that one sampling rule may ask for."""

_NAME = re.compile(r"[A-Za-z0-9-]{1,32}")

# The CloudFormation schema of AWS::XRay::SamplingRule, by the name of the field here.
PATTERNS: Final[Mapping[str, int]] = MappingProxyType(
    {"service_name": 64, "service_type": 64, "host": 64, "http_method": 10, "url_path": 128, "resource_arn": 500}
)
"""The fields of a rule that are patterns, and how many characters each may have."""


def check_name(kind: str, name: str) -> None:
    """Refuse what X-Ray would refuse as the name of a group or a rule.

    Raises:
        InvalidProps: It is not 1 to 32 letters, digits and dashes, or it is the reserved ``Default``.
    """
    if not _NAME.fullmatch(name):
        raise InvalidProps(f"name of {kind} {name!r} has 1 to 32 letters, digits and dashes")
    if name == "Default":
        raise InvalidProps(f"name of {kind} 'Default' is X-Ray's own; choose another")


def _is_whole(value: object) -> bool:
    # In Python True is the number 1.
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingRateBoost:
    """How far X-Ray may raise the rate of a rule while a service fails or is slow, for up to a minute at a time.

    Only the ADOT SDKs for Python (0.15 and later) and Java (2.11.5 and later) beside a CloudWatch agent or an
    OpenTelemetry collector report what this needs; a rate that nothing reports to stays as it is
    (https://docs.aws.amazon.com/xray/latest/devguide/xray-adaptive-sampling.html).

    Args:
        max_rate: The share up to which the rate may rise, from 0 to 1.
        cooldown_minutes: Minutes in which there is one boost at most, a whole number, 1 or more.

    Raises:
        InvalidProps: A value is out of that range.
    """

    max_rate: float
    cooldown_minutes: int

    def __post_init__(self) -> None:
        if not 0 <= self.max_rate <= 1:
            raise InvalidProps(f"max_rate of a sampling rate boost is a share from 0 to 1, got {self.max_rate}")
        if not _is_whole(self.cooldown_minutes) or self.cooldown_minutes < 1:
            raise InvalidProps(
                f"cooldown_minutes of a sampling rate boost is a whole number, 1 or more, got {self.cooldown_minutes}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingRule:
    """Which requests X-Ray records, and how many. A plain value: it needs no CDK to build or test.

    The lowest priority number that matches a request decides, once, where the trace begins: a service that is called
    follows the decision of its caller. AWS Lambda ignores sampling rules for requests that reach a function first;
    they apply where a trace begins elsewhere, as in API Gateway
    (https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html,
    https://docs.aws.amazon.com/xray/latest/devguide/xray-console-sampling.html).

    Patterns hold ``*`` for any characters and ``?`` for one.

    Args:
        name: 1 to 32 letters, digits and dashes; not ``Default``.
        priority: 1 (looked at first) to 9999, a whole number.
        rate: The share of further requests that is recorded, from 0 to 1.
        reservoir_per_second: Requests recorded each second before the share applies, in the whole Region; a whole
            number. Default: one.
        service_name: Pattern of the service's name, at most 64 characters; a stage of API Gateway is
            ``API name/stage``. Default: any.
        service_type: Pattern of its type, as ``AWS::ApiGateway::Stage``, at most 64 characters. Default: any.
        host: Pattern of the request's host, at most 64 characters. Default: any.
        http_method: Pattern of its method, at most 10 characters. Default: any.
        url_path: Pattern of its path, at most 128 characters. Default: any.
        resource_arn: Pattern of the ARN of what runs the service, as a stage of API Gateway, at most 500 characters.
            The X-Ray SDKs ignore a rule that names one. Default: any.
        attributes: Patterns of attributes that the request must have, at most five, names and patterns of 1 to 32
            characters; for API Gateway they are the request's headers. The X-Ray SDKs ignore a rule that asks for
            any. Default: none.
        boost: How far the rate may rise while something fails. Default: not at all.

    Raises:
        InvalidProps: A value is out of the range that X-Ray allows (the CloudFormation schema of
            AWS::XRay::SamplingRule and X-Ray's API reference), or a boost could never raise the rate.
    """

    name: str
    priority: int
    rate: float
    reservoir_per_second: int = 1
    service_name: str = "*"
    service_type: str = "*"
    host: str = "*"
    http_method: str = "*"
    url_path: str = "*"
    resource_arn: str = "*"
    attributes: Mapping[str, str] = field(default_factory=dict, hash=False)
    boost: SamplingRateBoost | None = None

    def __post_init__(self) -> None:
        check_name("sampling rule", self.name)
        where = f"of sampling rule {self.name!r}"
        if not _is_whole(self.priority) or not 1 <= self.priority <= 9999:
            raise InvalidProps(f"priority {where} is a whole number from 1 (first) to 9999, got {self.priority}")
        if not 0 <= self.rate <= 1:
            raise InvalidProps(f"rate {where} is a share from 0 to 1, got {self.rate}")
        if not _is_whole(self.reservoir_per_second) or self.reservoir_per_second < 0:
            raise InvalidProps(
                f"reservoir_per_second {where} is a whole number, 0 or more, got {self.reservoir_per_second}"
            )
        for pattern, limit in PATTERNS.items():
            value = getattr(self, pattern)
            if not 1 <= len(value) <= limit:
                raise InvalidProps(f"{pattern} {where} has 1 to {limit} characters, got {len(value)}")
        object.__setattr__(self, "attributes", MappingProxyType(dict(self.attributes)))
        if len(self.attributes) > MAX_ATTRIBUTES:
            raise InvalidProps(f"attributes {where} are at most {MAX_ATTRIBUTES}, got {len(self.attributes)}")
        for key, value in self.attributes.items():
            if not (1 <= len(key) <= 32 and 1 <= len(value) <= 32):
                raise InvalidProps(f"attribute {key!r}: {value!r} {where} has 1 to 32 characters on each side")
        if self.boost and self.boost.max_rate <= self.rate:
            raise InvalidProps(
                f"boost {where} could never raise its rate: max_rate {self.boost.max_rate} is not above {self.rate}"
            )

    @classmethod
    def of_health_checks(cls, *, name: str, url_path: str, service_name: str = "*", priority: int = 100) -> Self:
        """A rule under which requests to one path are never recorded.

        Args:
            name: Of the rule, as `SamplingRule` takes it.
            url_path: Pattern of the path.
            service_name: Pattern of the service's name. Default: any.
            priority: 1 (looked at first) to 9999. Default: 100.
        """
        return cls(
            name=name,
            priority=priority,
            rate=0,
            reservoir_per_second=0,
            url_path=url_path,
            service_name=service_name,
        )

    @classmethod
    def for_debugging(cls, *, name: str, url_path: str, service_name: str = "*", priority: int = 50) -> Self:
        """A rule under which each request to one path is recorded.

        Args:
            name: Of the rule, as `SamplingRule` takes it.
            url_path: Pattern of the path.
            service_name: Pattern of the service's name. Default: any.
            priority: 1 (looked at first) to 9999. Default: 50.
        """
        return cls(
            name=name,
            priority=priority,
            rate=1,
            reservoir_per_second=1,
            url_path=url_path,
            service_name=service_name,
        )
