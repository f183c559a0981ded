"""The environment variables of an execution environment, beyond those that ministack sets."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from raytrail.localaws._functions._packages import ADOT_LAYER, layer_arns

ADOT_WRAPPER = "/opt/otel-instrument"

DISABLED_INSTRUMENTATIONS = (
    "aio-pika,aiohttp-client,aiohttp-server,aiopg,asgi,asyncio,asyncpg,boto,boto3,cassandra,celery,confluent_kafka,"
    "dbapi,django,elasticsearch,falcon,fastapi,flask,grpc_client,grpc_server,grpc_aio_client,grpc_aio_server,httpx,"
    "jinja2,kafka,logging,mysql,mysqlclient,pika,psycopg,psycopg2,pymemcache,pymongo,pymysql,pyramid,redis,remoulade,"
    "requests,sklearn,sqlalchemy,sqlite3,starlette,system_metrics,threading,tornado,tortoiseorm,wsgi,openai_agents,"
    "aws_openai_agents,aws_crewai,aws_langchain,aws_mcp,aws_llama-index"
)
"""What the layer turns off unless told otherwise: nearly all but botocore and HTTP, for the sake of cold starts."""


def runtime_variables(config: Mapping[str, Any], daemon_address: str, search_path: Iterable[Path]) -> dict[str, str]:
    """What Lambda's runtime defines for every function.

    Args:
        config: The function's configuration.
        daemon_address: Where the X-Ray daemon of the execution environment listens.
        search_path: Where a Python function finds what is not its own.
    """
    name = config["FunctionName"]
    group = config.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{name}"
    return {
        "_HANDLER": config["Handler"],
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config['Runtime']}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": group,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": daemon_address,
        "TZ": ":UTC",
        "_RAYTRAIL_PACKAGES": os.pathsep.join(map(str, search_path)),
    }


def is_instrumented(config: Mapping[str, Any]) -> bool:
    """Whether the function has the layer and names its script as the execution wrapper."""
    variables = config.get("Environment", {}).get("Variables", {})
    return variables.get("AWS_LAMBDA_EXEC_WRAPPER") == ADOT_WRAPPER and any(
        map(ADOT_LAYER.fullmatch, layer_arns(config))
    )


def adot_variables(variables: Mapping[str, str], config: Mapping[str, Any], region: str) -> dict[str, str]:
    """What the layer's ``otel-instrument`` script makes of the environment.

    Args:
        variables: The function's own variables, which win over the script's defaults.
        config: The function's configuration.
        region: Where the function is.

    The one thing that differs: with Application Signals off, the layer's script leaves the choice of the
    OpenTelemetry distribution to the order in which installed ones are found; here it is always AWS's.
    """
    name = config["FunctionName"]
    defaults = {
        "OTEL_SERVICE_NAME": name,
        "OTEL_PROPAGATORS": "baggage,xray,tracecontext",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_AWS_APPLICATION_SIGNALS_ENABLED": "true",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": DISABLED_INSTRUMENTATIONS,
        "OTEL_PYTHON_DISTRO": "aws_distro",
        "OTEL_PYTHON_CONFIGURATOR": "aws_configurator",
    }
    made = {key: variables.get(key) or value for key, value in defaults.items()}
    # The layer's own module instruments the handler, once the function's module can be loaded.
    made["OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"] += ",aws-lambda"
    resource = {
        "cloud.region": region,
        "cloud.platform": "aws_lambda",
        "cloud.provider": "aws",
        "faas.name": name,
        "faas.version": config.get("Version", "$LATEST"),
        "aws.log.group.names": config.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{name}",
    }
    own = variables.get("OTEL_RESOURCE_ATTRIBUTES")
    attributes = [f"{key}={value}" for key, value in resource.items()] + ([own] if own else [])
    return {
        **made,
        "OTEL_RESOURCE_ATTRIBUTES": ",".join(attributes),
        "OTEL_AWS_APPLICATION_SIGNALS_RUNTIME_ENABLED": "false",
        "ORIG_HANDLER": config["Handler"],
        "_HANDLER": "otel_wrapper.lambda_handler",
        "_RAYTRAIL_ADOT": "1",
    }
