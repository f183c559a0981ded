"""What is compared: the handlers, and the ways to trace them, with the spans that each must make of one call."""

from __future__ import annotations

import os
import sys
import venv
from collections import ChainMap, Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raytrail.instrumentation._model_environment import variables
from raytrail.instrumentation._model_exporters import XRay
from raytrail.instrumentation._model_telemetry import Telemetry
from raytrail.localaws._functions._environment import (
    DISABLED_INSTRUMENTATIONS,
    adot_variables,
    runtime_variables,
)
from raytrail.localaws._functions._packages import Packages

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent

REGION = "us-east-1"
FUNCTION_NAME = "orders"
ORDER_ID = "0193b0f2-6f0e-7c0a-9d0e-3f1f2a8c4b11"

ADOT_LAYER = f"arn:aws:lambda:{REGION}:615299751070:layer:AWSOpenTelemetryDistroPython:29"
POWERTOOLS_LAYER = f"arn:aws:lambda:{REGION}:017000801446:layer:AWSLambdaPowertoolsPythonV3-python313-x86_64:27"
"""What the sample's stack gives to its function. The X-Ray SDK is in it."""

LAUNCHER = "import sys; from opentelemetry.instrumentation.auto_instrumentation import run; sys.exit(run())"
"""The command ``opentelemetry-instrument``."""


@dataclass(frozen=True, kw_only=True)
class Handler:
    """A handler that makes one GetItem to answer ``GET /orders/{id}``.

    Args:
        source: The file, from the root of the project.
    """

    source: str

    @property
    def title(self) -> str:
        """The file, the function in it and the request."""
        return f"{self.source}, handler, GET /orders/{{id}}"

    @property
    def folder(self) -> Path:
        """What would be /var/task."""
        return (ROOT / self.source).parent

    @property
    def setting(self) -> str:
        """The function's ``Handler``."""
        return f"{Path(self.source).stem}.handler"


HANDLERS = {
    "orders": Handler(source="lambda/orders/app.py"),
    "get_item": Handler(source="benchmarks/overhead/handlers/get_item.py"),
}

EVENT: dict[str, Any] = {
    "resource": "/orders/{id}",
    "path": f"/orders/{ORDER_ID}",
    "httpMethod": "GET",
    "headers": {
        "Accept": "application/json",
        "Host": "abcde12345.execute-api.us-east-1.amazonaws.com",
        "User-Agent": "curl/8.5.0",
        "X-Forwarded-For": "198.51.100.7",
        "X-Forwarded-Proto": "https",
    },
    "queryStringParameters": None,
    "pathParameters": {"id": ORDER_ID},
    "requestContext": {"requestId": "4f0c6c4e-6f0e-4d0a-9d0e-3f1f2a8c4b11", "stage": "v1", "httpMethod": "GET"},
    "body": None,
    "isBase64Encoded": False,
}
"""What API Gateway's proxy integration hands to the function."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One way to trace.

    Args:
        title: Its name in the report.
        spans: The names of the spans of each call. Default: none.
        loader: Which of function.py's ways loads the handler. Default: the one that traces nothing.
        adot: Whether the ADOT layer's script prepares the process. Default: no.
        variables: The function's own environment variables. Default: none.
    """

    title: str
    spans: tuple[str, ...] = ()
    loader: str = ""
    adot: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def lite(self) -> bool:
        """Whether the small SDK of the ADOT distribution is asked for."""
        return self.variables.get("OTEL_AWS_LAMBDA_FAST_START") == "true"

    @property
    def layers(self) -> list[str]:
        """The layers of the function."""
        return [POWERTOOLS_LAYER, ADOT_LAYER] if self.adot else [POWERTOOLS_LAYER]


BARE = Variant(title="bare")
XRAY_SDK = Variant(title="X-Ray SDK", loader="xray-sdk", spans=("dynamodb",))
POWERTOOLS = Variant(title="Powertools Tracer", loader="powertools", spans=("## handler", "dynamodb"))


def adot(title: str, *settings: Mapping[str, str], exported: bool = True) -> Variant:
    """The ADOT distribution, with these variables of the function; whether they let spans out."""
    spans = (FUNCTION_NAME, "DynamoDB.GetItem") if exported else ()
    return Variant(title=title, spans=spans, adot=True, variables=dict(ChainMap(*map(dict, settings))))


def of_the_kit(*, fast_start: bool) -> dict[str, str]:
    """The variables that `instrument_lambda` sets for traces to X-Ray: Application Signals is off."""
    return variables(
        Telemetry(language="python", service_name=FUNCTION_NAME, exporters=(XRay(),), fast_start=fast_start)
    )


LITE = {"OTEL_AWS_LAMBDA_FAST_START": "true"}
EVERY_LIBRARY = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "none"}
BOTOCORE_ALONE = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": f"{DISABLED_INSTRUMENTATIONS},urllib,urllib3"}
NO_SIGNALS = {"OTEL_AWS_APPLICATION_SIGNALS_ENABLED": "false"}

ADOT_LITE = adot("ADOT, lite mode", of_the_kit(fast_start=True))
ADOT = adot("ADOT, full", of_the_kit(fast_start=False))
ADOT_SIGNALS = adot("ADOT, full, Application Signals")
ADOT_ALL = adot("ADOT, full, every library", of_the_kit(fast_start=False), EVERY_LIBRARY)

VARIANTS = (BARE, XRAY_SDK, POWERTOOLS, ADOT_LITE, ADOT, ADOT_SIGNALS, ADOT_ALL)
"""What `make bench` compares: ADOT as `instrument_lambda` sets it up, and with more."""

SETTINGS = (
    BARE,
    XRAY_SDK,
    adot("lite, signals", LITE),
    adot("lite, no signals", LITE, NO_SIGNALS),
    adot("full, signals"),
    adot("full, no signals", NO_SIGNALS),
    adot("full, X-Ray propagator", {"OTEL_PROPAGATORS": "xray"}),
    adot("full, botocore alone", BOTOCORE_ALONE),
    adot("full, all three", NO_SIGNALS, {"OTEL_PROPAGATORS": "xray"}, BOTOCORE_ALONE),
    adot("full, no signals, no export", NO_SIGNALS, {"OTEL_TRACES_EXPORTER": "none"}, exported=False),
    adot("full, no signals, no sample", NO_SIGNALS, {"OTEL_TRACES_SAMPLER": "always_off"}, exported=False),
)
"""The distribution with documented settings, one after the other: whether one of them reaches the goal.

``signals`` is Application Signals.
The last two let no span out: what they cost, no exporter and no encoding can win back.
"""


class Environments:
    """How the processes of the variants are started: an empty Python, and folders of what Lambda would bring.

    Args:
        folder: Where to make them.
        handler: What is traced.
    """

    def __init__(self, folder: Path, handler: Handler) -> None:
        self._handler = handler
        self._packages = Packages(folder / "packages")
        venv.create(folder / "python", symlinks=True)
        self._python = folder / "python" / "bin" / "python"

    def command(self, variant: Variant) -> list[str]:
        """What starts the function; for ADOT, but for its lite mode, by the command that the layer's script runs."""
        # -P: the folder of a script is no part of a function's path.
        function = [str(self._python), "-P", str(HERE / "function.py"), variant.loader]
        return [str(self._python), "-c", LAUNCHER, *function] if variant.adot and not variant.lite else function

    def variables(self, variant: Variant, *, daemon: str, dynamodb: str) -> dict[str, str]:
        """The whole environment of the function.

        Args:
            variant: How it is traced.
            daemon: The address of the X-Ray daemon.
            dynamodb: The URL of DynamoDB.
        """
        config = {
            "FunctionName": FUNCTION_NAME,
            "Handler": self._handler.setting,
            "Runtime": f"python{sys.version_info.major}.{sys.version_info.minor}",
            "Layers": variant.layers,
        }
        search_path = self._packages.search_path(config)
        own = {"TABLE_NAME": "orders", "AWS_ENDPOINT_URL_DYNAMODB": dynamodb, **variant.variables}
        # Nothing is inherited but the path: a variable such as PYTHONDONTWRITEBYTECODE would slow each start.
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "en_US.UTF-8",
            "PYTHONPATH": os.pathsep.join(map(str, (self._handler.folder, *search_path))),
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "AWS_LAMBDA_FUNCTION_NAME": FUNCTION_NAME,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/22/[$LATEST]0123456789abcdef0123456789abcdef",
            "LAMBDA_TASK_ROOT": str(self._handler.folder),
            "POWERTOOLS_SERVICE_NAME": FUNCTION_NAME,
            "POWERTOOLS_METRICS_NAMESPACE": "raytrail",
            **runtime_variables(config, daemon, search_path),
            **own,
            **(adot_variables(own, config, REGION) if variant.adot else {}),
        }


def unproven(expected: Iterable[str], parent: str, received: Iterable[tuple[str, str, str]]) -> str | None:
    """Say what is wrong with the spans of one call, or return None when they are what they must be.

    Args:
        expected: The names of the spans.
        parent: The span that Lambda's trace header names as the parent.
        received: ID, parent's ID and name of each span that came with the trace's ID.
    """
    spans = list(received)
    names = Counter(name for _, _, name in spans)
    if names != Counter(expected):
        return f"expected the spans {sorted(expected)}, received {sorted(names.elements())}"
    ids = {span_id for span_id, _, _ in spans}
    above = {upper for _, upper, _ in spans}
    if spans and (parent not in above or above - ids - {parent}):
        return f"expected the spans below {parent}, received {spans} (ID, ID of the parent, name)"
    return None
