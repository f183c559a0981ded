"""X-Ray sampling rules."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_xray as xray
from constructs import Construct

from raytrail.errors import InvalidProps
from raytrail.tracing._model import MAX_SAMPLING_RULES, SamplingRule


class SamplingRules(Construct):
    """Sampling rules of one account and Region.

    Args:
        rules: The rules to define. Default: none yet; call `add_rule`.

    Attributes:
        rules: Each rule's L1 by name: the escape hatch for what this class does not model.

    Raises:
        InvalidProps: Two rules share a name or a priority, or there are more than 25.
    """

    def __init__(self, scope: Construct, id: str, *, rules: Sequence[SamplingRule] = ()) -> None:
        super().__init__(scope, id)
        self.rules: dict[str, xray.CfnSamplingRule] = {}
        self._by_priority: dict[int, str] = {}
        for rule in rules:
            self.add_rule(rule)

    def add_rule(self, rule: SamplingRule) -> xray.CfnSamplingRule:
        """Define one more rule and return its L1.

        Raises:
            InvalidProps: Its name or priority is taken, or there are 25 already.
        """
        if rule.name in self.rules:
            raise InvalidProps(f"sampling rule {rule.name!r} is defined twice; rename one")
        if rule.priority in self._by_priority:
            raise InvalidProps(
                f"sampling rules {self._by_priority[rule.priority]!r} and {rule.name!r} share priority "
                f"{rule.priority}; which one decides would be chance, so give one another"
            )
        if len(self.rules) == MAX_SAMPLING_RULES:
            raise InvalidProps(
                f"sampling rule {rule.name!r} is one more than the {MAX_SAMPLING_RULES} that X-Ray allows; drop one"
            )
        resource = xray.CfnSamplingRule(
            self,
            rule.name,
            sampling_rule=xray.CfnSamplingRule.SamplingRuleProperty(
                rule_name=rule.name,
                priority=rule.priority,
                fixed_rate=rule.rate,
                reservoir_size=rule.reservoir_per_second,
                service_name=rule.service_name,
                service_type=rule.service_type,
                host=rule.host,
                http_method=rule.http_method,
                url_path=rule.url_path,
                # The X-Ray SDKs ignore a rule whose ARN is not the wildcard.
                resource_arn="*",
                version=1,
            ),
        )
        self.rules[rule.name] = resource
        self._by_priority[rule.priority] = rule.name
        return resource
