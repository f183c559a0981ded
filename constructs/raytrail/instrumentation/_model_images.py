"""What a container image needs in place of layers, as lines for its Dockerfile."""

from __future__ import annotations

from importlib import resources

from raytrail.instrumentation._model_environment import HANDLER_VARIABLE, WRAPPED_HANDLER
from raytrail.instrumentation._model_layers import Language

RUNTIME_FOLDER = str(resources.files("raytrail.instrumentation").joinpath("runtime"))
"""The folder of our own layer: what is in it belongs into ``/opt`` of an image."""

_REPOSITORIES: dict[Language, str] = {
    "python": "aws-otel-python-instrumentation",
    "nodejs": "aws-otel-js-instrumentation",
    "java": "aws-otel-java-instrumentation",
    "dotnet": "aws-otel-dotnet-instrumentation",
}


def image_instructions(
    language: Language, *, release: str = "latest", runtime: bool = False, handler: str | None = None
) -> tuple[str, ...]:
    """Return the lines that a function's Dockerfile needs, before its own ``CMD``.

    AWS documents them for its base images, which are of Amazon Linux 2023, at
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Application-Signals-Enable-LambdaMain.html.

    Args:
        language: The language of the function.
        release: The release of AWS's distribution, as ``v0.18.0``. Default: the latest when the image is built.
        runtime: Whether the function sends to partners by OTLP or reports errors, which takes our own layer: build
            the image with ``build_contexts={"raytrail": RUNTIME_FOLDER}``. Python alone. Default: it does not.
        handler: The function's handler, if its errors are reported; the image's ``CMD`` then is the last line.
            Default: they are not.
    """
    where = "latest/download" if release == "latest" else f"download/{release}"
    url = f"https://github.com/aws-observability/{_REPOSITORIES[language]}/releases/{where}/layer.zip"
    lines = [
        "RUN dnf install -y unzip wget",
        f"RUN wget {url} -O /tmp/layer.zip",
        "RUN mkdir -p /opt && unzip /tmp/layer.zip -d /opt/ && chmod -R 755 /opt/ && rm /tmp/layer.zip",
    ]
    if runtime or handler:
        lines.append("COPY --from=raytrail / /opt/")
    if handler:
        lines += [f"ENV {HANDLER_VARIABLE}={handler}", f'CMD ["{WRAPPED_HANDLER}"]']
    return tuple(lines)
