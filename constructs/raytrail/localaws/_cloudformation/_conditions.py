"""Conditions of a template: the functions and pseudo parameters in them that the emulator leaves unread.

CDK's bootstrap template asks ``Fn::Join`` of a list parameter, and each CDK stack asks for ``AWS::Region``; read as
plain values, such conditions are always true or always false.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from raytrail.localaws._hooks import hook, wrap

Json = Any
Evaluate = Callable[[Mapping[str, Json], Mapping[str, Json]], dict[str, bool]]

_LOGIC = ("Fn::And", "Fn::Equals", "Fn::Not", "Fn::Or")
_USERS = ("engine", "stacks", "handlers", "changesets")
"""The modules of the emulator that hold the function under its name."""


def install() -> None:
    """Resolve every value in a condition before it is evaluated."""
    resolve = hook("ministack.services.cloudformation.engine:_resolve_refs")
    original: Evaluate = hook("ministack.services.cloudformation.engine:_evaluate_conditions")

    def evaluate(template: Mapping[str, Json], params: Mapping[str, Json]) -> dict[str, bool]:
        mappings = template.get("Mappings", {})

        def read(node: Json) -> Json:
            if not isinstance(node, Mapping) or "Condition" in node:
                return node
            for name in _LOGIC:
                if name in node:
                    return {name: [read(argument) for argument in node[name]]}
            return resolve(node, {}, params, {}, mappings, "", "")

        conditions = {name: read(expression) for name, expression in template.get("Conditions", {}).items()}
        return original({**template, "Conditions": conditions}, params)

    for module in _USERS:
        wrap(f"ministack.services.cloudformation.{module}:_evaluate_conditions", lambda _: evaluate)
