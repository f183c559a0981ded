"""What works where: each compute, each agent on it, and each place that the agent sends to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Status = Literal["works", "legacy", "not offered"]
"""Whether AWS offers it, still offers it (its end is announced, or another way is recommended), or does not."""

Compute = Literal["Lambda", "ECS on Fargate", "ECS on EC2", "EC2", "on premises", "Elastic Beanstalk"]
"""Where a program runs, in a `Support`."""
Agent = Literal["none", "CloudWatch agent", "ADOT collector", "X-Ray daemon"]
"""What receives from it there, in a `Support`."""
Exporter = Literal["X-Ray", "CloudWatch metrics", "managed Prometheus", "partner by OTLP"]
"""Where the agent sends, in a `Support`."""

EXPORTERS: tuple[Exporter, ...] = get_args(Exporter)


@dataclass(frozen=True, kw_only=True, slots=True)
class Support:
    """Whether an agent on a compute sends to a place.

    Attributes:
        compute: Where the program runs.
        agent: What receives from it there; ``none`` where its SDK sends by itself.
        exporter: Where the agent sends.
        status: Whether that works.
        by: The function that sets it up; empty where AWS does not offer it, or this package has no function for it.
    """

    compute: Compute
    agent: Agent
    exporter: Exporter
    status: Status
    by: str


# Whether AWS offers an agent on a compute, and what sets it up here.
_ON: Mapping[Compute, Mapping[Agent, tuple[Status, str]]] = {
    "Lambda": {
        "none": ("works", "instrument_lambda"),
        "CloudWatch agent": ("not offered", ""),
        "ADOT collector": ("legacy", "add_collector"),
        "X-Ray daemon": ("legacy", ""),
    },
    "ECS on Fargate": {
        "none": ("works", ""),
        "CloudWatch agent": ("works", "instrument_ecs"),
        "ADOT collector": ("works", "instrument_ecs"),
        "X-Ray daemon": ("legacy", "instrument_ecs"),
    },
    "ECS on EC2": {
        "none": ("works", ""),
        "CloudWatch agent": ("works", "instrument_ecs"),
        "ADOT collector": ("works", "instrument_ecs"),
        "X-Ray daemon": ("legacy", "instrument_ecs"),
    },
    "EC2": {
        "none": ("works", ""),
        "CloudWatch agent": ("works", "instrument_ec2"),
        "ADOT collector": ("works", ""),
        "X-Ray daemon": ("legacy", ""),
    },
    "on premises": {
        "none": ("works", ""),
        "CloudWatch agent": ("works", "instrument_server"),
        "ADOT collector": ("works", ""),
        "X-Ray daemon": ("legacy", ""),
    },
    "Elastic Beanstalk": {
        "none": ("works", ""),
        "CloudWatch agent": ("works", "instrument_beanstalk"),
        "ADOT collector": ("works", ""),
        "X-Ray daemon": ("legacy", "instrument_beanstalk"),
    },
}

# What an agent can send, wherever it runs.
_SENDS: Mapping[Agent, Mapping[Exporter, Status]] = {
    "none": {
        "X-Ray": "works",
        "CloudWatch metrics": "works",
        "managed Prometheus": "not offered",
        "partner by OTLP": "works",
    },
    "CloudWatch agent": {
        "X-Ray": "works",
        "CloudWatch metrics": "works",
        "managed Prometheus": "works",
        "partner by OTLP": "not offered",
    },
    "ADOT collector": {
        "X-Ray": "works",
        "CloudWatch metrics": "works",
        "managed Prometheus": "works",
        "partner by OTLP": "works",
    },
    "X-Ray daemon": {
        "X-Ray": "legacy",
        "CloudWatch metrics": "not offered",
        "managed Prometheus": "not offered",
        "partner by OTLP": "not offered",
    },
}

# What AWS offers, and the function that sets the agent up does not.
_NOT_HERE: Mapping[Agent, Mapping[Compute, tuple[Exporter, ...]]] = {
    "CloudWatch agent": {
        "ECS on Fargate": ("CloudWatch metrics", "managed Prometheus"),
        "ECS on EC2": ("CloudWatch metrics", "managed Prometheus"),
        "EC2": ("managed Prometheus",),
        "on premises": ("managed Prometheus",),
        "Elastic Beanstalk": ("managed Prometheus",),
    },
}

_BY_HAND = "by hand"

_WORST: tuple[Status, ...] = ("not offered", "legacy", "works")

SUPPORT: tuple[Support, ...] = tuple(
    Support(
        compute=compute,
        agent=agent,
        exporter=exporter,
        status=(status := min(offered, sends, key=_WORST.index)),
        by="" if status == "not offered" or exporter in _NOT_HERE.get(agent, {}).get(compute, ()) else by,
    )
    for compute, agents in _ON.items()
    for agent, (offered, by) in agents.items()
    for exporter, sends in _SENDS[agent].items()
)
"""Each compute with each agent and each place that it sends to."""


def support_table() -> str:
    """Return `SUPPORT` as a table of Markdown: a line for each agent on each compute, a column for each place."""
    lines = [
        f"| compute | agent | {' | '.join(EXPORTERS)} | set up by |",
        f"|---|---|{'---|' * len(EXPORTERS)}---|",
    ]
    for compute, agents in _ON.items():
        for agent in agents:
            row = [each for each in SUPPORT if (each.compute, each.agent) == (compute, agent)]
            by = {each.by for each in row if each.by}
            cells = [compute, agent, *map(_cell, row), " ".join(f"`{name}`" for name in by) or "—"]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(support: Support) -> str:
    return support.status if support.by or support.status == "not offered" else f"{support.status}, {_BY_HAND}"
