"""What one function records and where it goes: the arguments of ``instrument_lambda``, checked together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from raytrail.errors import InvalidProps
from raytrail.instrumentation._model_errors import Rollbar
from raytrail.instrumentation._model_exporters import (
    SIGNALS,
    CloudWatchMetrics,
    Exporter,
    Honeycomb,
    Otlp,
    Prometheus,
    Signal,
    XRay,
    check_exporters,
)
from raytrail.instrumentation._model_layers import NAMES, Language, python_off_by_default
from raytrail.instrumentation._model_secrets import SecretField, key_in_attribute

PROPAGATORS = ("xray", "tracecontext", "baggage", "b3", "b3multi")
DETECTORS = ("otel", "os", "host", "process", "service_instance", "aws_lambda")

_OF_CLIENTS = frozenset({"tracecontext", "b3", "b3multi"})
"""Propagators that find a trace in what a client sends."""

_OF_XRAY = frozenset({"xray", "xray-lambda"})
"""Propagators that find the trace that Lambda has begun; the second is known in a function's variables alone."""

COLLECTOR = Otlp(name="collector", endpoint="http://localhost:4318", signals=("metrics",))
"""Where the collector layer receives."""


@dataclass(frozen=True, kw_only=True)
class Telemetry:
    """What a function records and where it goes.

    Raises:
        InvalidProps: The parts do not go together, or not with the language.
    """

    language: Language
    service_name: str
    exporters: tuple[Exporter, ...]
    errors: Rollbar | None = None
    resource_attributes: Mapping[str, str] = field(default_factory=dict)
    instrumentations: tuple[str, ...] = ()
    propagators: tuple[str, ...] = ()
    resource_detectors: tuple[str, ...] = ()
    log_correlation: bool = False
    fast_start: bool = False

    def __post_init__(self) -> None:
        if not self.service_name.strip():
            raise InvalidProps("service_name is what traces call the service, got none")
        check_exporters(self.exporters)
        self._check_names()
        others = [type(each).__name__ for each in self.exporters if not isinstance(each, XRay)]
        if self.fast_start and others:
            raise InvalidProps(
                "fast_start uses a small SDK that sends traces to X-Ray and nothing else; leave out "
                f"{' and '.join(others)}, or fast_start"
            )
        if self.language != "python":
            self._check_language()

    @property
    def to_xray(self) -> bool:
        """Whether traces go to X-Ray."""
        return any(isinstance(each, XRay) for each in self.exporters)

    @property
    def prometheus(self) -> Prometheus | None:
        """The exporter to Prometheus, which needs the collector layer."""
        return next((each for each in self.exporters if isinstance(each, Prometheus)), None)

    @property
    def otlp(self) -> tuple[Otlp, ...]:
        """What is sent by OTLP, and to whom."""
        found: list[Otlp] = []
        for each in self.exporters:
            match each:
                case Otlp():
                    found.append(each)
                case Honeycomb():
                    found.extend(each.otlp(self.service_name))
                case Prometheus():
                    found.append(COLLECTOR)
        return tuple(found)

    @property
    def secrets(self) -> tuple[SecretField, ...]:
        """The keys that the function reads."""
        keys = [key for each in self.otlp for key in each.secrets.values()]
        return (*keys, *([self.errors.token] if self.errors else []))

    @property
    def needs_runtime_layer(self) -> bool:
        """Whether something runs in the function that AWS's layer does not have."""
        return self.language == "python" and bool(self.otlp or self.errors)

    @property
    def longest_wait_seconds(self) -> float:
        """How long a request waits at most for partners and for Secrets Manager, if none of them answers.

        Each endpoint has its timeout once in a request, for all that is sent there, and as long again to read its keys.
        Endpoints are waited for at once within one batch of one signal; the next batch, and metrics after traces, may
        be when another one falls silent, so that the waits add up. Before them comes Rollbar's, if the request fails.
        """
        partners: dict[str, float] = {}
        keys: dict[tuple[str, frozenset[SecretField]], float] = {}
        for each in self.otlp if self.language == "python" else ():
            partners[each.endpoint] = max(each.timeout_seconds, partners.get(each.endpoint, 0))
            if each.secrets:
                read = each.endpoint, frozenset(each.secrets.values())
                keys[read] = max(each.timeout_seconds, keys.get(read, 0))
        rollbar = 2 * self.errors.timeout_seconds if self.errors else 0
        return sum(partners.values()) + sum(keys.values()) + rollbar

    def sends(self, signal: Signal) -> bool:
        """Whether anything of a signal leaves the function."""
        return any(_sends(each, signal) for each in self.exporters)

    def _check_names(self) -> None:
        for key in self.resource_attributes:
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9._-]{0,254}", key):
                raise InvalidProps(f"a resource attribute's name is as team.name, got {key!r}")
        for key, value in self.resource_attributes.items():
            if words := key_in_attribute(key, value):
                raise InvalidProps(
                    f"resource attribute {key!r} holds {words}, which would stand in clear in the template and in each "
                    "span; leave it out, and replace the key"
                )
        if "service.name" in self.resource_attributes:
            raise InvalidProps("service.name is given as service_name, not among resource_attributes")
        _check_each(self.propagators, PROPAGATORS, "propagator")
        if self.propagators and self.to_xray and (problem := propagation_problem(self.propagators)):
            raise InvalidProps(problem)
        if self.language == "python":
            _check_each(self.instrumentations, python_off_by_default(), "instrumentation of the ADOT Python layer")
            _check_each(self.resource_detectors, DETECTORS, "resource detector")

    def _check_language(self) -> None:
        name = NAMES[self.language]
        if self.errors is not None:
            raise InvalidProps(f"errors go to Rollbar from Python alone; in {name} use Rollbar's package in the code")
        if self.log_correlation or self.resource_detectors:
            raise InvalidProps(f"log_correlation and resource_detectors are for the Python layer, not for {name}'s")
        if self.language == "dotnet" and (self.instrumentations or self.fast_start):
            raise InvalidProps("the .NET layer turns on all that it has, and has no fast_start; leave both out")
        for each in self.instrumentations:
            if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", each):
                raise InvalidProps(f"an instrumentation is named as OpenTelemetry's documentation does, got {each!r}")
        if self.secrets:
            raise InvalidProps(
                f"the {name} layer takes the key of an exporter from an environment variable alone, where it would "
                "stand in clear; send by Otlp to an OpenTelemetry collector of your own, which holds the key, or use "
                "Python"
            )
        if self.language != "nodejs" and any(isinstance(each, CloudWatchMetrics) for each in self.exporters):
            raise InvalidProps(f"AWS documents no EMF exporter for the {name} layer; leave CloudWatchMetrics out")
        for signal in SIGNALS:
            senders = [type(each).__name__ for each in self.exporters if _sends(each, signal)]
            if len(senders) > 1:
                raise InvalidProps(
                    f"the {name} layer sends {signal} to one place, got {' and '.join(senders)}; two at once is for "
                    "Python"
                )


def propagation_problem(propagators: Sequence[str]) -> str | None:
    """Return why a function's spans would not join the trace that Lambda has begun; None if they would."""
    last = max((at for at, each in enumerate(propagators) if each in _OF_XRAY), default=None)
    if last is None:
        return (
            f"propagators lack xray, got {', '.join(propagators) or 'none'}: without it the function's spans do not "
            "join the trace that Lambda has begun"
        )
    if not (over := [each for each in propagators[last:] if each in _OF_CLIENTS]):
        return None
    rest = [each for each in propagators if each not in _OF_XRAY]
    return (
        f"propagators have {' and '.join(over)} after xray, and the last one that finds a trace wins: a client's "
        "header would take the function's spans out of the trace that Lambda has begun; give "
        f"{','.join([*rest, 'xray'])}"
    )


def _sends(exporter: Exporter, signal: Signal) -> bool:
    match exporter:
        case XRay():
            return signal == "traces"
        case Otlp() | Honeycomb():
            return signal in exporter.signals
    return signal == "metrics"


def _check_each(given: Sequence[str], known: Sequence[str], what: str) -> None:
    for each in given:
        if each not in known:
            raise InvalidProps(f"{each!r} is no {what}; it is one of {', '.join(known)}")
    if len(set(given)) < len(given):
        raise InvalidProps(f"a {what} is given twice in {', '.join(given)}")
