"""Variables of a function: none that it has is overwritten, and all together are no more than Lambda takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsii
from aws_cdk import Stack, TreeInspector
from aws_cdk import aws_lambda as lambda_
from constructs import IValidation

from raytrail.errors import InvalidProps
from raytrail.instrumentation._model_environment import LONGEST_ENVIRONMENT, size_of
from raytrail.instrumentation._xray import resource_of

_WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
_PROPERTIES = "aws:cdk:cloudformation:props"


def add_variables(function: lambda_.Function, made: Mapping[str, str]) -> None:
    """Give a function variables.

    Raises:
        InvalidProps: It has one of them already, with another value.
    """
    stack, there = Stack.of(function), variables_of(function)
    for name, text in made.items():
        if name in there and there[name] != stack.resolve(text):
            # The value is not repeated, unless it can be no key.
            value = f" to {there[name]!r}" if name == _WRAPPER else ""
            raise InvalidProps(
                f"the environment of {function.node.path} sets {name}{value} already, and instrumentation needs "
                f"another value there; leave {name} out of the function's environment, or do not instrument it here"
            )
    for name, text in made.items():
        function.add_environment(name, text)


def variables_of(function: lambda_.Function) -> dict[str, Any]:
    """Return the variables of a function as they stand in the template: texts, or CloudFormation's functions."""
    # The property itself is out of reach: read in Python it is an empty structure in place of what will be rendered.
    inspector = TreeInspector()
    resource_of(function).inspect(inspector)
    rendered = Stack.of(function).resolve(inspector.attributes[_PROPERTIES].get("environment"))
    found: dict[str, Any] = (rendered or {}).get("variables") or {}
    return found


def bound_variables(function: lambda_.Function) -> None:
    """Refuse at synth more variables than Lambda takes, those of the function itself included."""
    function.node.add_validation(_Bound(function))


@jsii.implements(IValidation)
class _Bound:
    def __init__(self, function: lambda_.Function) -> None:
        self._function = function

    def validate(self) -> list[str]:
        size = size_of({name: _known(value) for name, value in variables_of(self._function).items()})
        if size <= LONGEST_ENVIRONMENT:
            return []
        return [
            f"the environment of {self._function.node.path} takes at most {LONGEST_ENVIRONMENT} bytes in all, as the "
            f"text of JSON that Lambda measures, and the function's variables and those of telemetry need {size} or "
            "more; use fewer or shorter ones"
        ]


def _known(value: Any) -> str:
    """What is known of a value before the deployment, which is no more than what it will be."""
    match value:
        case {"Fn::Join": [str(between), list(parts)]}:
            return between.join(_known(part) for part in parts)
        case dict():
            return ""
    return str(value)
