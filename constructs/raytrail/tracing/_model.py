"""What tracing is made of, as plain values: no CDK is needed to build or test them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from raytrail.errors import InvalidProps

# https://docs.aws.amazon.com/general/latest/gr/xray.html
MAX_GROUPS = 25
"""X-Ray groups that an account may have in a Region; AWS does not raise it."""
MAX_SAMPLING_RULES = 25
"""Custom sampling rules of a Region; AWS raises it on request."""

_NAME = re.compile(r"[A-Za-z0-9-]{1,32}")


def check_name(kind: str, name: str) -> None:
    """Refuse what X-Ray would refuse as the name of a group or a rule.

    Raises:
        InvalidProps: It is not 1 to 32 letters, digits and dashes, or it is the reserved ``Default``.
    """
    if not _NAME.fullmatch(name):
        raise InvalidProps(f"name of {kind} {name!r} has 1 to 32 letters, digits and dashes")
    if name == "Default":
        raise InvalidProps(f"name of {kind} 'Default' is X-Ray's own; choose another")


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingRule:
    """Which requests X-Ray records, and how many. A plain value: it needs no CDK to build or test.

    The lowest priority number that matches a request decides. AWS Lambda ignores sampling rules for requests that
    reach a function directly; they apply where a trace begins elsewhere, as in API Gateway
    (https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html).

    Args:
        name: 1 to 32 letters, digits and dashes; not ``Default``.
        priority: 1 (looked at first) to 9999.
        rate: The share of further requests that is recorded, from 0 to 1.
        reservoir_per_second: Requests recorded each second before the share applies. Default: one.
        service_name: Name of the service, with wildcards ``*`` and ``?``, at most 64 characters. Default: any.
        service_type: Its type, as ``AWS::ApiGateway::Stage``, at most 64 characters. Default: any.
        host: Host name of the request, at most 64 characters. Default: any.
        http_method: Method of the request, at most 10 characters. Default: any.
        url_path: Path of the request, at most 128 characters. Default: any.

    Raises:
        InvalidProps: A value is out of the range that X-Ray allows (the CloudFormation schema of
            AWS::XRay::SamplingRule).
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

    def __post_init__(self) -> None:
        check_name("sampling rule", self.name)
        where = f"of sampling rule {self.name!r}"
        if not 1 <= self.priority <= 9999:
            raise InvalidProps(f"priority {where} is from 1 (first) to 9999, got {self.priority}")
        if not 0 <= self.rate <= 1:
            raise InvalidProps(f"rate {where} is a share from 0 to 1, got {self.rate}")
        if self.reservoir_per_second < 0:
            raise InvalidProps(f"reservoir_per_second {where} is 0 or more, got {self.reservoir_per_second}")
        limits = {"service_name": 64, "service_type": 64, "host": 64, "http_method": 10, "url_path": 128}
        for field, limit in limits.items():
            value = getattr(self, field)
            if not 1 <= len(value) <= limit:
                raise InvalidProps(f"{field} {where} has 1 to {limit} characters, got {len(value)}")

    @classmethod
    def of_health_checks(cls, *, name: str, url_path: str, service_name: str = "*", priority: int = 100) -> Self:
        """A rule under which requests to ``url_path`` of a service (default: any) are never recorded."""
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
        """A rule under which each request to ``url_path`` of a service (default: any) is recorded."""
        return cls(
            name=name,
            priority=priority,
            rate=1,
            reservoir_per_second=1,
            url_path=url_path,
            service_name=service_name,
        )
