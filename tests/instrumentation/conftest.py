"""A function that is instrumented as the construct would, run in a process of its own against stand-ins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.instrumentation.partners import Daemon, Partner, daemon, partner, secrets_manager

from raytrail.instrumentation import RUNTIME_FOLDER
from raytrail.instrumentation._model_environment import (
    HANDLER_VARIABLE,
    WRAPPED_HANDLER,
    runtime_variables,
    to_json,
    variables,
)
from raytrail.instrumentation._model_layers import python_off_by_default
from raytrail.instrumentation._model_secrets import SecretField
from raytrail.instrumentation._model_telemetry import Telemetry

CODE = """
import logging

from opentelemetry import metrics, trace

placed = metrics.get_meter("orders").create_counter("orders.placed")


def handler(event, context):
    for number in range(event.get("spans", 1)):
        with trace.get_tracer("orders").start_as_current_span(f"step {number}") as span:
            span.set_attribute("note", "x" * event.get("size", 1))
    placed.add(1)
    if event.get("fail"):
        raise ValueError(event["fail"])
    return {"placed": True}
"""


@dataclass(frozen=True)
class Ran:
    """What became of some invocations, and the log."""

    results: list[dict[str, Any]]
    output: str
    log: list[dict[str, Any]] = field(default_factory=list)

    @property
    def warnings(self) -> list[str]:
        """The messages of the runtime layer's own lines."""
        return [line["message"] for line in self.log if line.get("logger") == "raytrail"]


@dataclass
class Function:
    """A function of Python with the ADOT layer and ours."""

    folder: Path
    secrets: dict[str, str]
    secrets_manager: Partner
    daemon: Daemon
    code: str = CODE

    def run(
        self,
        *,
        exporters: Sequence[Any],
        errors: Any = None,
        events: Sequence[Any] = ({},),
        environment: dict[str, str] | None = None,
        **more: Any,
    ) -> Ran:
        """Invoke the function once for each event, one after the other in one execution environment."""
        telemetry = Telemetry(
            language="python", service_name="orders", exporters=tuple(exporters), errors=errors, **more
        )
        ours = runtime_variables(telemetry, _id)
        (self.folder / "app.py").write_text(self.code, encoding="utf-8")
        results = self.folder / "results.json"
        invocations = [event if "event" in event else {"event": event} for event in events]
        ran = subprocess.run(
            [sys.executable, Path(__file__).parent / "driver.py", results],
            input=json.dumps({"invocations": invocations, "off_by_default": python_off_by_default()}),
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join([str(self.folder), f"{RUNTIME_FOLDER}/python"]),
                "PYTHONDONTWRITEBYTECODE": "1",
                "_HANDLER": WRAPPED_HANDLER if errors else "app.handler",
                **({HANDLER_VARIABLE: "app.handler"} if errors else {}),
                "AWS_LAMBDA_FUNCTION_NAME": "orders",
                "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/22/[$LATEST]0123456789abcdef",
                "AWS_REGION": "us-east-1",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
                "AWS_SECRET_ACCESS_KEY": "example",
                "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.secrets_manager.url,
                "AWS_XRAY_DAEMON_ADDRESS": self.daemon.address,
                "LAMBDA_TASK_ROOT": str(self.folder),
                **variables(telemetry),
                **{name: to_json(value) for name, value in ours.items()},
                **(environment or {}),
            },
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        output = ran.stdout + ran.stderr
        assert ran.returncode == 0, output
        return Ran(json.loads(results.read_text()), output, [*_json_lines(ran.stdout)])


@pytest.fixture
def function(tmp_path: Path) -> Iterator[Function]:
    """A function, and the secrets that it may read."""
    secrets = {"honeycomb": "the-key"}
    with partner(secrets_manager(secrets)) as manager, daemon() as xray:
        yield Function(tmp_path, secrets, manager, xray)


def _id(key: SecretField) -> str:
    assert isinstance(key.secret, str)
    return key.secret


def _json_lines(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        if line.startswith("{"):
            yield json.loads(line)
