"""The table of docs/computes.md that shows one service with each kind of agent, side by side: from templates."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Stack
from tests.instrumentation.ecs_kit import containers, fargate, on_ec2
from tests.synth import bare_stack, template_of

from raytrail.instrumentation import (
    AutoInstrumentation,
    CloudWatchAgentContainer,
    CollectorContainer,
    XRayDaemonContainer,
    instrument_ecs,
)

Make = Callable[[Stack], Any]

PYTHON = AutoInstrumentation(language="python", app_path="/app")
COLUMNS: dict[str, tuple[Make, dict[str, Any]]] = {
    "CloudWatch agent, Application Signals, init container": (
        fargate,
        {"agent": CloudWatchAgentContainer(application_signals=True), "auto": PYTHON},
    ),
    "collector": (fargate, {"agent": CollectorContainer()}),
    "X-Ray daemon, awsvpc": (fargate, {"agent": XRayDaemonContainer()}),
    "X-Ray daemon, bridge": (on_ec2, {"agent": XRayDaemonContainer()}),
}


@pytest.fixture(scope="module")
def side_by_side(context) -> list[dict[str, dict[str, Any]]]:
    """The containers of one service for each column, by name."""
    made = []
    for task, asked in COLUMNS.values():
        stack = bare_stack(context)
        instrument_ecs(task(stack), service_name="shop", **asked)
        made.append(containers(template_of(stack)))
    return made


def test_the_table_of_one_service_with_each_agent_is_that_of_its_templates(root, side_by_side):
    page = (root / "docs" / "computes.md").read_text(encoding="utf-8")
    shown = page.partition("<!-- agents side by side -->\n")[2].partition("\n\n")[0]
    assert shown.splitlines() == table(side_by_side)


def table(columns: list[dict[str, dict[str, Any]]]) -> list[str]:
    agents = [next(name for name in column if name not in ("app", "init")) for column in columns]
    rows = {
        "`app` variables": [variables(column["app"]["Environment"]) for column in columns],
        "`app` waits for": [
            ", ".join(f"`{each['ContainerName']}` {each['Condition']}" for each in column["app"].get("DependsOn", []))
            for column in columns
        ],
        "`app` links": [" ".join(f"`{link}`" for link in column["app"].get("Links", [])) for column in columns],
        "agent": [described(column[name]) for column, name in zip(columns, agents, strict=True)],
        "its ports in the template": [ports(column[name]) for column, name in zip(columns, agents, strict=True)],
        "its configuration": [
            configuration(column[name]["Environment"]) for column, name in zip(columns, agents, strict=True)
        ],
        "`init` copies": [copied(column.get("init")) for column in columns],
    }
    lines = [["", *COLUMNS], ["---"] * (len(COLUMNS) + 1), *([name, *cells] for name, cells in rows.items())]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def variables(given: dict[str, str]) -> str:
    """What the application is told, with the folders of a path left out."""
    shown = {name: "…" if name == "PYTHONPATH" else value for name, value in given.items()}
    return " ".join(f"`{name}={value}`" for name, value in sorted(shown.items()))


def described(container: dict[str, Any]) -> str:
    memory = f"{container['MemoryReservation']} to {container['Memory']} MiB"
    check = container.get("HealthCheck", {}).get("Command", [])
    words = ["essential" if container["Essential"] else "not essential", memory]
    return f"`{container['Name']}`, " + ", ".join([*words, *([f"health check `{check[-1]}`"] if check else [])])


def ports(container: dict[str, Any]) -> str:
    found = [
        f"{each['ContainerPort']}/{each['Protocol']}" + (", host port 0" if each.get("HostPort") == 0 else "")
        for each in container.get("PortMappings", [])
    ]
    return " ".join(found) or "none"


def configuration(given: dict[str, str]) -> str:
    """The one variable that holds it: the agent's whole, of the collector the names of what it is made of."""
    for name in ("CW_CONFIG_CONTENT", "AOT_CONFIG_CONTENT"):
        if name not in given:
            continue
        value = json.loads(given[name])
        if name == "CW_CONFIG_CONTENT":
            return f"`{name}={json.dumps(value, separators=(',', ':'))}`"
        parts = (f"{part}: {', '.join(value[part])}" for part in ("receivers", "processors", "exporters"))
        return f"`{name}`: " + "; ".join(parts)
    return "none"


def copied(container: dict[str, Any] | None) -> str:
    if container is None:
        return ""
    command = " ".join(container["Command"])
    source, target = re.findall(r"/\S+", command)[-2:]
    return f"`{source}` to `{target}`"
