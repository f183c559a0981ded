"""What a program's environment may not say already, or none of its spans would arrive.

See https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and
https://opentelemetry.io/docs/specs/otel/protocol/exporter/: an empty variable counts as one that is not set, and the
variable of one signal goes before that of all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from raytrail.errors import InvalidProps

_DISABLED = "OTEL_SDK_DISABLED"
_TRACES_EXPORTER = "OTEL_TRACES_EXPORTER"
_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"

OTLP_EXPORTERS = ("otlp", "otlp_proto_http", "otlp_proto_grpc")
"""What names an exporter of OTLP; the last two are Python's, each for its own protocol."""


def check_enabled(where: str, has: Mapping[str, Any]) -> None:
    """Refuse an SDK that is turned off.

    Raises:
        InvalidProps: ``OTEL_SDK_DISABLED`` is true.
    """
    if (value := _text(has, _DISABLED)).lower() == "true":
        raise InvalidProps(f"{where} has {_DISABLED}={value}: OpenTelemetry records nothing; leave the variable out")


def check_traces_exporter(where: str, has: Mapping[str, Any], allowed: Collection[str] = OTLP_EXPORTERS) -> None:
    """Refuse exporters of traces none of which sends to the agent.

    Raises:
        InvalidProps: ``OTEL_TRACES_EXPORTER`` names none of ``allowed``.
    """
    value = _text(has, _TRACES_EXPORTER)
    if value and not {each.strip() for each in value.split(",")} & {*allowed}:
        raise InvalidProps(
            f"{where} has {_TRACES_EXPORTER}={value}, which sends no traces by OTLP to where they are received; leave "
            "the variable out, or add otlp to it"
        )


def check_protocol(
    where: str,
    has: Mapping[str, Any],
    ours: str,
    *,
    signals: Collection[str],
    general: bool = False,
    props: Collection[str] = (),
) -> None:
    """Refuse a protocol by which nothing would reach the receiver.

    Args:
        where: Whose environment it is.
        has: What is in it.
        ours: The receiver's protocol.
        signals: The signals that are sent there.
        general: Whether something goes to the address for all signals.
        props: The values of the prop ``protocol`` that would choose another port. Default: there is no such prop.

    Raises:
        InvalidProps: A signal goes by another protocol.
    """
    names = [(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL", _PROTOCOL) for signal in sorted(signals, reverse=True)]
    for candidates in [*names, *([(_PROTOCOL,)] if general else [])]:
        name = next((each for each in candidates if _text(has, each)), None)
        # A port for HTTP takes protobuf and JSON.
        if name is None or (value := _text(has, name)).partition("/")[0] == ours.partition("/")[0]:
            continue
        fix = f"leave the variable out, or give protocol={value!r}" if value in props else "leave the variable out"
        raise InvalidProps(f"{where} has {name}={value}, and telemetry reaches its receiver by {ours} alone; {fix}")


def _text(has: Mapping[str, Any], name: str) -> str:
    """The value of a variable; nothing for one that is not known before the deployment."""
    value = has.get(name)
    return value.strip() if isinstance(value, str) and "${Token[" not in value else ""
