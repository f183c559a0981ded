"""Where traces and metrics of a function go. Plain values: each refuses nonsense when it is made."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args
from urllib.parse import urlsplit

from raytrail.errors import InvalidProps
from raytrail.instrumentation._model_secrets import SecretField, SecretSource, check_plain_header, secret_field

Signal = Literal["traces", "metrics"]
"""What can be sent."""
SIGNALS: tuple[Signal, ...] = get_args(Signal)

LONGEST_TIMEOUT_SECONDS = 10
"""The longest that timeout_seconds may be."""

_LOCAL = re.compile(r"localhost|127(\.\d+){3}|\[?::1\]?")
_OF_AWS = re.compile(r"(?:^|\.)(xray|monitoring|logs)\.[a-z0-9-]+\.(?:vpce\.)?(?:amazonaws\.com(?:\.cn)?|api\.aws)$")
_UNREACHABLE = {
    "xray": "takes requests signed with Signature Version 4 alone, and an OTLP exporter signs none; use XRay() for "
    "traces",
    "monitoring": "takes requests that are signed with Signature Version 4, as those of an OTLP exporter are not, or "
    "have a bearer token; put 'Bearer …' into Secrets Manager and name the secret for Authorization in header_secrets, "
    "or use CloudWatchMetrics for metrics",
    "logs": "takes logs alone, and an OTLP exporter sends traces and metrics; what a function writes to its log is in "
    "CloudWatch Logs without it",
}
_TOKEN = re.compile(r"\$\{Token\[[^\]]*\]\}")


@dataclass(frozen=True, kw_only=True, slots=True)
class XRay:
    """Traces to AWS X-Ray, by way of the daemon that Lambda runs: no network call, and no collector."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CloudWatchMetrics:
    """Metrics to CloudWatch, as lines of the embedded metric format (EMF) in the function's log.

    The log group must be of the class STANDARD: the class INFREQUENT_ACCESS makes no metrics of lines.

    Args:
        namespace: The namespace of the metrics: 1 to 255 of A-Z a-z 0-9 . - _ / # : and not one of AWS's own.

    Raises:
        InvalidProps: It is no namespace.
            See https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html.
    """

    namespace: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"(?!AWS/)[0-9A-Za-z.\-_/#:]{1,255}", self.namespace):
            raise InvalidProps(
                "namespace of CloudWatch metrics has 1 to 255 of the characters A-Z a-z 0-9 . - _ / # : and does not "
                f"begin with AWS/, got {self.namespace!r}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Otlp:
    """Traces, metrics or both to any endpoint that takes OTLP over HTTP.

    Args:
        endpoint: The base URL; traces go to ``/v1/traces`` below it, metrics to ``/v1/metrics``. It is ``https``
            unless it is this machine, or no key is sent to it.
        headers: Headers without a key in them. Default: none.
        header_secrets: Headers whose value is a key, by name, and where each key is. Default: none.
        signals: What is sent. Default: traces and metrics.
        timeout_seconds: How long a request waits for the endpoint at most, all that it sends there taken together: more
            than 0, and 10 or less, which is this package's own bound. Reading a key has as long again, and each further
            endpoint its own. After a failure nothing is sent for 30 seconds or longer, so that the next requests do not
            wait. Default: 2.
        name: What the log calls it. Default: the host.

    Raises:
        InvalidProps: A value is out of range, a header carries a key in clear, the endpoint ends in the path of a
            signal, or it is one of AWS's own that nothing could be sent to: that of X-Ray takes requests signed with
            Signature Version 4 alone, that of CloudWatch's metrics these or a bearer token (an ``Authorization`` in
            header_secrets), and that of CloudWatch Logs takes logs
            (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-OTLPEndpoint.html).
    """

    endpoint: str
    headers: Mapping[str, str] = field(default_factory=dict)
    header_secrets: Mapping[str, SecretSource] = field(default_factory=dict)
    signals: Sequence[Signal] = SIGNALS
    timeout_seconds: float = 2
    name: str = ""

    def __post_init__(self) -> None:
        url = check_url(self.endpoint, "endpoint of an OTLP exporter")
        _check_base(self.endpoint, bearer="authorization" in {name.lower() for name in self.header_secrets})
        object.__setattr__(self, "endpoint", self.endpoint.rstrip("/"))
        object.__setattr__(self, "name", self.name or url)
        object.__setattr__(self, "signals", tuple(self.signals))
        object.__setattr__(self, "headers", MappingProxyType(dict(self.headers)))
        keys = {name: secret_field(source) for name, source in self.header_secrets.items()}
        object.__setattr__(self, "header_secrets", MappingProxyType(keys))
        if not self.signals or not set(self.signals) <= set(SIGNALS) or len(set(self.signals)) < len(self.signals):
            raise InvalidProps(f"signals of an OTLP exporter are traces, metrics or both, got {list(self.signals)}")
        check_timeout(self.timeout_seconds, f"timeout_seconds of OTLP exporter {self.name!r}")
        if self.header_secrets and not is_safe(self.endpoint):
            raise InvalidProps(f"OTLP exporter {self.name!r} would send a key in clear to {self.endpoint}; use https")
        self._check_headers()

    @property
    def secrets(self) -> dict[str, SecretField]:
        """The headers whose value is a key."""
        return {name: secret_field(source) for name, source in self.header_secrets.items()}

    def _check_headers(self) -> None:
        for name in (*self.headers, *self.header_secrets):
            if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
                raise InvalidProps(f"a header's name has no spaces or separators, got {name!r}")
        for name, value in self.headers.items():
            check_plain_header(name, value)
            if not (value.isascii() and value.isprintable()):
                raise InvalidProps(f"value of header {name!r} has characters that a header cannot have")
        names = [name.lower() for name in (*self.headers, *self.header_secrets)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InvalidProps(f"header {twice[0]!r} of OTLP exporter {self.name!r} is given twice")


@dataclass(frozen=True, kw_only=True, slots=True)
class Honeycomb:
    """Traces and metrics to Honeycomb, by OTLP.

    Honeycomb puts traces into the dataset of the service's name. It gets the traces that X-Ray gets: Lambda decides
    which requests are traced before the function runs.

    Args:
        api_key_secret: Where the API key is: a secret of Secrets Manager by name, ARN or construct, or a field in one.
        dataset: The dataset of the metrics. Default: the service's name.
        region: ``us`` or ``eu``. Default: us.
        signals: What is sent. Default: traces and metrics.
        timeout_seconds: As for `Otlp`. Default: 2.

    Raises:
        InvalidProps: A value is none of those, or the key itself is given.
    """

    api_key_secret: SecretSource
    dataset: str | None = None
    region: Literal["us", "eu"] = "us"
    signals: Sequence[Signal] = SIGNALS
    timeout_seconds: float = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "signals", tuple(self.signals))
        if self.region not in _HONEYCOMB:
            raise InvalidProps(f"region of Honeycomb is us or eu, got {self.region!r}")
        if self.dataset is not None and not (self.dataset.strip() and self.dataset.isprintable()):
            raise InvalidProps(
                f"dataset of Honeycomb is a name, got {self.dataset!r}; leave it out to take the service's"
            )
        self.otlp("service")

    def otlp(self, service_name: str) -> tuple[Otlp, ...]:
        """Return the same as OTLP exporters; the header that names a dataset is for metrics alone.

        Args:
            service_name: The service, whose name is that of the dataset unless one is given.
        """
        return tuple(
            Otlp(
                name="honeycomb",
                endpoint=_HONEYCOMB[self.region],
                headers={"x-honeycomb-dataset": self.dataset or service_name} if signal == "metrics" else {},
                header_secrets={"x-honeycomb-team": self.api_key_secret},
                signals=(signal,),
                timeout_seconds=self.timeout_seconds,
            )
            for signal in self.signals
        )


_HONEYCOMB = {"us": "https://api.honeycomb.io", "eu": "https://api.eu1.honeycomb.io"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Prometheus:
    """Metrics to Prometheus by remote write, through the collector layer; made by `managed` or `self_hosted`.

    Attributes:
        endpoint: The URL that takes remote write.
        workspace: Region and ID of a workspace of Amazon Managed Service for Prometheus, which is spoken to with the
            function's own credentials (Signature Version 4). Default: none, as for a server of one's own.

    Raises:
        InvalidProps: The endpoint is no URL of HTTP, or carries a user, a query or a fragment.
    """

    endpoint: str
    workspace: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        check_url(self.endpoint, "endpoint of Prometheus")

    @classmethod
    def managed(cls, *, workspace_id: str, region: str) -> Prometheus:
        """Return an exporter to a workspace of Amazon Managed Service for Prometheus in the function's account.

        Args:
            workspace_id: As ``ws-0a1b2c3d-…``, or a token.
            region: The Region of the workspace. A token is taken for a Region outside China.

        Raises:
            InvalidProps: One of them is of another form.
        """
        if not re.fullmatch(r"ws-[0-9a-zA-Z-]{1,64}", workspace_id) and "${Token[" not in workspace_id:
            raise InvalidProps(f"workspace_id of managed Prometheus begins with ws-, got {workspace_id!r}")
        if not re.fullmatch(r"[a-z]{2,3}(-[a-z]+)+-\d", region) and "${Token[" not in region:
            raise InvalidProps(f"region of managed Prometheus is a Region, as eu-west-1, got {region!r}")
        domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        url = f"https://aps-workspaces.{region}.{domain}/workspaces/{workspace_id}/api/v1/remote_write"
        return cls(endpoint=url, workspace=(region, workspace_id))

    @classmethod
    def self_hosted(cls, *, endpoint: str) -> Prometheus:
        """Return an exporter to a server that asks for no key, in the function's network, say.

        Args:
            endpoint: The URL that takes remote write, as ``http://prometheus.internal:9090/api/v1/write``.
        """
        return cls(endpoint=endpoint)


Exporter: TypeAlias = XRay | CloudWatchMetrics | Otlp | Honeycomb | Prometheus
"""Where traces or metrics go."""


def check_exporters(exporters: Sequence[Exporter]) -> None:
    """Refuse a set of exporters that cannot be.

    Raises:
        InvalidProps: There is none, or one is given twice.
    """
    if not exporters:
        raise InvalidProps("exporters say where traces and metrics go, got none; to turn tracing off use enabled=False")
    for single in (XRay, CloudWatchMetrics, Prometheus):
        if sum(isinstance(each, single) for each in exporters) > 1:
            raise InvalidProps(f"exporter {single.__name__} is given twice; a function has one")


def check_url(url: str, what: str) -> str:
    """Return the host of a URL to send to.

    Raises:
        InvalidProps: It is no URL of HTTP, or carries a user, a query or a fragment.
    """
    try:
        parts = urlsplit(_known(url))
        host = parts.hostname
        _ = parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"} or url != url.strip():
        # What may hold a user or a query is not repeated.
        got = "another text" if re.search("[@?#]", url) else repr(url)
        raise InvalidProps(f"{what} is a URL as https://otlp.example.com, got {got}")
    if parts.username is not None or parts.query or parts.fragment:
        raise InvalidProps(f"{what} has no user, query or fragment, got {host!r} with one")
    return "otlp" if "${Token[" in url else host


def _known(url: str) -> str:
    """A URL without its tokens: what only the deployment knows may be a host or a port, and the rest is known."""
    known = _TOKEN.sub("1", url)
    return known if known == url or "://" in known else f"https://{known}"


def _check_base(url: str, *, bearer: bool) -> None:
    parts = urlsplit(_known(url))
    if signal := re.search(r"/v1/(traces|metrics|logs)/*$", parts.path):
        raise InvalidProps(
            "endpoint of an OTLP exporter is the base URL, to which the signal's path is added; leave out "
            f"{signal[0].rstrip('/')} at its end"
        )
    if (aws := _OF_AWS.search(parts.hostname or "")) and not (bearer and aws[1] == "monitoring"):
        raise InvalidProps(
            f"endpoint of an OTLP exporter is AWS's own {parts.hostname!r}, which {_UNREACHABLE[aws[1]]}"
        )


def check_timeout(seconds: float, what: str) -> None:
    """Refuse a wait that is none, or too long for a request.

    Raises:
        InvalidProps: It is not more than 0 and at most 10.
    """
    if not 0 < seconds <= LONGEST_TIMEOUT_SECONDS:
        raise InvalidProps(f"{what} is more than 0 and at most {LONGEST_TIMEOUT_SECONDS}, got {seconds}")


def is_safe(url: str) -> bool:
    """Whether a key may be sent there: what is not this machine itself is encrypted."""
    parts = urlsplit(url)
    return parts.scheme == "https" or bool(_LOCAL.fullmatch(parts.hostname or "")) or url.startswith("${Token[")
