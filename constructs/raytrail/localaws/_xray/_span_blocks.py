"""The blocks ``http``, ``aws`` and ``sql`` of a segment document, made of the attributes of a span.

By the rules of the collector's ``awsxray`` exporter; see `_span_segments`. Each function takes the attributes that it
uses out of the dictionary that it is given; what is left in the end becomes annotations and metadata.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from raytrail.localaws._xray._documents import Document

Attributes = dict[str, Any]

_HTTP = ("http.", "url.", "user_agent.")
"""Attributes that make a span one of HTTP, old and new. Where there is none, there is no block."""

_ANSWER_BYTES = ("http.response.body.size", "http.response_content_length")
_PORTS = {"http": "80", "https": "443"}

_SQL_SYSTEMS = frozenset(
    ["db2", "derby", "hive", "mariadb", "mssql", "mysql", "oracle", "postgresql", "sqlite", "teradata", "other_sql"]
)
_NEW_SYSTEM_NAMES = {"microsoft.sql_server": "mssql", "oracle.db": "oracle", "ibm.db2": "db2"}
"""Names of database systems that newer semantic conventions changed."""


def http_block(left: Attributes, events: Iterable[Attributes], *, server: bool) -> Document:
    """``http``: the request served (of a server span) or made, and its response."""

    def take(*keys: str) -> Any:
        return _first(left.pop(key, None) for key in keys)

    is_http = any(key.startswith(_HTTP) for key in left)
    method = take("http.request.method", "http.method")
    client_ip = take("client.address", "http.client_ip")
    user_agent = take("user_agent.original", "http.user_agent")
    full, scheme = take("url.full", "http.url"), take("url.scheme", "http.scheme") or "http"
    target = take("http.target") or _path(take("url.path"), take("url.query"))
    peer_ip = take("network.peer.address", "net.peer.ip", "net.sock.peer.addr")
    peer, peer_port = take("net.peer.name"), take("net.peer.port")
    local, local_port = take("http.server_name", "net.host.name", "host.name"), take("net.host.port")
    host = take("http.host")
    status = take("http.response.status_code", "http.status_code")
    if not is_http:
        return {}
    named, named_port = take("server.address"), take("server.port")
    size = take(*_ANSWER_BYTES) or _received_bytes([left, *events])
    names = (local, named) if server else (named, peer, peer_ip)
    port = _first([local_port, named_port] if server else [named_port, peer_port])
    address = host or _first(names)
    if not full and address:
        suffix = "" if host or not port or str(port) == _PORTS.get(str(scheme)) else f":{port}"
        full = f"{scheme}://{address}{suffix}{target or '/'}"
    request = {
        "method": method,
        "url": full,
        "user_agent": user_agent,
        "client_ip": client_ip or peer_ip,
        # Said by a header of the request, and not by its connection.
        "x_forwarded_for": True if client_ip else None,
    }
    parts = {"request": filled(request), "response": filled({"status": status, "content_length": size})}
    return filled(parts)


def aws_block(left: Attributes, resource: Mapping[str, Any]) -> Document:
    """``aws``: what was called, and what the caller runs on. Nothing for a resource of another cloud."""
    table = _first(left.pop(key, None) for key in ("aws.table_name", "aws.table.name"))
    queue = _first(left.pop(key, None) for key in ("aws.queue_url", "aws.queue.url"))
    called = {
        "operation": _first([left.pop("aws.operation", None), left.pop("rpc.method", None)]),
        "account_id": left.pop("aws.account_id", None) or resource.get("cloud.account.id"),
        "region": left.pop("aws.region", None),
        "request_id": _first([left.pop("aws.request_id", None), left.pop("aws.requestId", None)]),
        "queue_url": left.get("messaging.url") or queue,
    }
    # The attributes of the semantic conventions are read and stay, which makes them metadata as well.
    tables = left.get("aws.dynamodb.table_names")
    tables = [tables] if isinstance(tables, str) else tables if isinstance(tables, list) else []
    tables = tables or ([table] if table else [])
    if resource.get("cloud.provider", "aws") != "aws":
        return {}
    language, sdk = resource.get("telemetry.sdk.language"), resource.get("telemetry.sdk.name")
    xray = {
        "sdk": f"{sdk} for {language}" if sdk and language else sdk,
        "sdk_version": resource.get("telemetry.sdk.version"),
        "auto_instrumentation": "telemetry.auto.version" in resource,
    }
    return filled(
        {
            **called,
            "table_name": tables[0] if len(tables) == 1 else None,
            "table_names": tables if len(tables) > 1 else None,
            "cloudwatch_logs": _log_groups(resource),
            **_runs_on(resource),
            "xray": filled(xray),
        }
    )


def sql_block(left: Attributes, span_name: str, server: str | None) -> Document:
    """``sql``: a query to an SQL database. Other databases have none, and keep their attributes as metadata.

    The exporter's ``url`` is the name of the span, and its ``connection_string`` begins with ``localhost`` where no
    attribute names one. The newer names of the attributes, which it does not read in the version that was held
    against, count as the old ones, with the server's address for the connection.
    """
    system = str(left.get("db.system") or left.get("db.system.name") or "")
    system = _NEW_SYSTEM_NAMES.get(system, system)
    if system not in _SQL_SYSTEMS:
        return {}

    def take(*keys: str) -> str:
        return str(_first(left.pop(key, None) for key in keys) or "")

    take("db.system", "db.system.name")
    connection = take("db.connection_string") or server or "localhost"
    return filled(
        {
            "url": span_name,
            "connection_string": f"{connection}/{take('db.name', 'db.namespace')}",
            "database_type": system,
            "user": take("db.user"),
            "sanitized_query": take("db.statement", "db.query.text"),
        }
    )


def database_name(attributes: Mapping[str, Any]) -> str:
    """What a query's span is called: ``<database>@<host>``; empty where there is no database."""
    name = attributes.get("db.name") or attributes.get("db.namespace")
    if not name:
        return ""
    url = str(attributes.get("db.connection_string") or "").removeprefix("jdbc:")
    try:
        host = urlsplit(url).hostname if "://" in url else None
    except ValueError:
        # Half an address in brackets is none.
        host = None
    return f"{name}@{host}" if host else str(name)


def filled(block: Document) -> Document:
    """The block without what is empty."""
    return {key: value for key, value in block.items() if value not in (None, "", [], {})}


def _runs_on(resource: Mapping[str, Any]) -> Document:
    def some(**keys: str) -> Document:
        return filled({name: resource.get(key) for name, key in keys.items()})

    platform, found = resource.get("cloud.platform"), {}
    if platform == "aws_ec2" or resource.get("host.id"):
        found["ec2"] = some(
            instance_id="host.id",
            availability_zone="cloud.availability_zone",
            instance_size="host.type",
            ami_id="host.image.id",
        )
    if platform == "aws_ecs":
        found["ecs"] = some(
            container="container.name",
            container_id="container.id",
            availability_zone="cloud.availability_zone",
            container_arn="aws.ecs.container.arn",
            cluster_arn="aws.ecs.cluster.arn",
            task_arn="aws.ecs.task.arn",
            task_family="aws.ecs.task.family",
            launch_type="aws.ecs.launchtype",
        )
    deployment = str(resource.get("service.instance.id") or "")
    if platform == "aws_elastic_beanstalk" and deployment:
        number = int(deployment) if deployment.isdecimal() else 0
        named = some(environment_name="service.namespace", version_label="service.version")
        found["elastic_beanstalk"] = {**named, "deployment_id": number}
    if platform == "aws_eks" or resource.get("k8s.cluster.name"):
        found["eks"] = some(cluster_name="k8s.cluster.name", pod="k8s.pod.name", container_id="container.id")
    return found


def _log_groups(resource: Mapping[str, Any]) -> list[Document]:
    def listed(key: str) -> list[str]:
        value = resource.get(key)
        parts = value.split("&") if isinstance(value, str) else value if isinstance(value, list) else []
        return [part for part in parts if part and isinstance(part, str)]

    by_arn = [{"arn": arn, "log_group": [*arn.split(":"), *[arn] * 7][6]} for arn in listed("aws.log.group.arns")]
    return by_arn or [{"log_group": name} for name in listed("aws.log.group.names")]


def _received_bytes(sayings: Iterable[Mapping[str, Any]]) -> int | None:
    sizes = (
        said.get("messaging.message_payload_size_bytes") for said in sayings if said.get("message.type") == "RECEIVED"
    )
    return next((size for size in sizes if size), None)


def _path(path: Any, query: Any) -> str | None:
    return f"{path}?{query}" if path and query else path


def _first(values: Iterable[Any]) -> Any:
    return next((value for value in values if value not in (None, "")), None)
