"""The container images of ECS agents: pinned, each with where its version was read, and when. No registry was asked."""

from __future__ import annotations

import re

from raytrail.errors import InvalidProps
from raytrail.instrumentation._model_layers import Language

_ECR = "public.ecr.aws"

# The set that AWS itself releases together, as it stood on 2026-06-22:
# https://github.com/aws-observability/helm-charts/pull/321 (Release 6.3.0).
CLOUDWATCH_AGENT = f"{_ECR}/cloudwatch-agent/cloudwatch-agent:1.300070.0b1586"
FLUENT_BIT = f"{_ECR}/aws-observability/aws-for-fluent-bit:3.4.3"
AUTO_INSTRUMENTATION: dict[Language, str] = {
    "python": f"{_ECR}/aws-observability/adot-autoinstrumentation-python:v0.18.0",
    "java": f"{_ECR}/aws-observability/adot-autoinstrumentation-java:v2.28.2",
    "nodejs": f"{_ECR}/aws-observability/adot-autoinstrumentation-node:v0.12.0",
    "dotnet": f"{_ECR}/aws-observability/adot-autoinstrumentation-dotnet:v1.13.0",
}

# https://github.com/aws-observability/aws-otel-collector/pull/3220, 2026-07-10.
COLLECTOR = f"{_ECR}/aws-observability/aws-otel-collector:v0.49.0"

# https://github.com/aws/aws-xray-daemon/blob/master/CHANGELOG.md, 2025-08-28.
XRAY_DAEMON = f"{_ECR}/xray/aws-xray-daemon:3.5.0"


def check_image(image: str, what: str) -> None:
    """Refuse an image that may be another one tomorrow.

    Raises:
        InvalidProps: It has neither a tag but ``latest`` nor a digest.
    """
    if "${Token[" in image:
        return
    name = image.rpartition("/")[2]
    if not re.search(r"@sha256:[0-9a-f]{64}$|:[\w][\w.-]{0,127}$", name) or name.endswith(":latest"):
        raise InvalidProps(
            f"image of {what} has a tag other than latest, or a digest, so that a task does not change by itself, "
            f"got {image!r}"
        )
