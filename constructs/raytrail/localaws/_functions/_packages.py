"""What a Python function can import that is not its own: the runtime's packages, and those of AWS's layers.

A function must not find what happens to be installed beside the emulator: a layer that is missing has to fail here as
it fails on Lambda. So each bundle of packages is a folder of links to the installed ones, and a function's process
searches those folders alone (`raytrail.localaws._functions._bootstrap.set_search_path`).
"""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path
from typing import Any

ADOT_LAYER = re.compile(r"arn:aws[^:]*:lambda:[^:]+:\d+:layer:AWSOpenTelemetryDistroPython:\d+")
"""A version of the layer that carries OpenTelemetry for Python without a collector."""

POWERTOOLS_LAYER = re.compile(
    r"arn:aws[^:]*:lambda:[^:]+:017000801446:layer:AWSLambdaPowertoolsPythonV3-python3\d+-(x86_64|arm64):\d+"
)
"""A version of the layer that carries Powertools for AWS Lambda, as its documentation names it."""

_REQUIREMENT = re.compile(r"([\w.-]+)\s*(?:\[[^\]]*\])?[^;]*(?:;(.*))?")
_EXTRA = re.compile(r"""extra\s*==\s*["']([\w.-]+)["']""")


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """Distributions that come together, with what they need."""

    name: str
    roots: tuple[str, ...]
    extra: str = ""
    """The optional requirements of the roots that are in it."""
    without: tuple[str, ...] = ()
    modules: Mapping[str, Path] | None = None
    """Modules that no distribution has, by file name."""


RUNTIME = Bundle(name="runtime", roots=("boto3",))
"""https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html: the AWS SDK for Python and its dependencies."""

ADOT = Bundle(
    name="adot",
    roots=("aws-opentelemetry-distro",),
    # The layer's build takes it out: no gRPC on Lambda.
    without=("opentelemetry-exporter-otlp-proto-grpc",),
    modules={"otel_wrapper.py": Path(__file__).with_name("_otel_wrapper.py")},
)
POWERTOOLS = Bundle(name="powertools", roots=("aws-lambda-powertools",), extra="all")

_LAYERS = ((ADOT_LAYER, ADOT), (POWERTOOLS_LAYER, POWERTOOLS))


class Packages:
    """The bundles as folders below ``folder``, each made when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def search_path(self, config: Mapping[str, Any]) -> list[Path]:
        """The folders that a function of this configuration searches: its AWS layers, the last first; the runtime."""
        layers = [bundle for arn in layer_arns(config) for pattern, bundle in _LAYERS if pattern.fullmatch(arn)]
        return [self._made(bundle) for bundle in (*reversed(layers), RUNTIME)]

    def _made(self, bundle: Bundle) -> Path:
        place = self._folder / bundle.name
        with self._lock:
            if not place.is_dir():
                distributions = list(installed(bundle))
                place.mkdir(parents=True)
                for distribution in distributions:
                    _link(distribution, place)
                for name, source in (bundle.modules or {}).items():
                    shutil.copyfile(source, place / name)
        return place


def layer_arns(config: Mapping[str, Any]) -> list[str]:
    """The layer versions of a function's configuration, in its order."""
    return [layer["Arn"] if isinstance(layer, Mapping) else layer for layer in config.get("Layers") or ()]


def installed(bundle: Bundle) -> Iterable[Distribution]:
    """The bundle's distributions and all that they need, of what is installed here.

    Raises:
        PackageNotFoundError: A root of the bundle is not installed.
    """
    found = {name: importlib.metadata.distribution(name) for name in bundle.roots}
    left = [(distribution, bundle.extra) for distribution in found.values()]
    while left:
        for name in _requirements(*left.pop()):
            if name in found or name in bundle.without:
                continue
            try:
                found[name] = importlib.metadata.distribution(name)
            except PackageNotFoundError:
                continue  # for another platform or Python, or an optional one that is not here
            left.append((found[name], ""))
    return found.values()


def _requirements(distribution: Distribution, extra: str) -> Iterator[str]:
    for requirement in distribution.requires or ():
        if matched := _REQUIREMENT.fullmatch(requirement):
            asked = _EXTRA.search(matched[2] or "")
            if asked is None or asked[1] == extra:
                yield re.sub(r"[-_.]+", "-", matched[1]).lower()


def _link(distribution: Distribution, place: Path) -> None:
    # Distributions may share a folder (`opentelemetry`): then the link brings them all, and their metadata,
    # by which entry points are found, still comes one by one.
    for name in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
        link = place / name
        if not link.exists():
            link.symlink_to(Path(str(distribution.locate_file(name))).resolve())
