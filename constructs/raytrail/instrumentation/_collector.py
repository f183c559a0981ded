"""AWS's collector layer: for Prometheus, and for languages that have no layer of their own."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_lambda as lambda_

from raytrail.instrumentation._model_collector import CollectorConfig
from raytrail.instrumentation._model_exporters import Exporter, Prometheus
from raytrail.instrumentation._rights import allow
from raytrail.instrumentation._variables import add_variables

CONFIG_VARIABLE = "RAYTRAIL_COLLECTOR_CONFIG"


def configure_collector(function: lambda_.Function, config: CollectorConfig, exporters: Sequence[Exporter]) -> None:
    """Give the collector of a function its configuration, and the function what the collector's exporters need.

    The configuration is a variable of the function, which the collector reads as AWS documents at
    https://aws-otel.github.io/docs/components/confmap-providers.
    """
    text = Stack.of(function).to_json_string(dict(config.value))
    add_variables(function, {"OPENTELEMETRY_COLLECTOR_CONFIG_URI": f"env:{CONFIG_VARIABLE}", CONFIG_VARIABLE: text})
    for each in exporters:
        if isinstance(each, Prometheus) and each.workspace:
            region, workspace_id = each.workspace
            workspace = Stack.of(function).format_arn(
                service="aps",
                region=region,
                resource="workspace",
                resource_name=workspace_id,
                arn_format=ArnFormat.SLASH_RESOURCE_NAME,
            )
            allow(function, ["aps:RemoteWrite"], [workspace])
