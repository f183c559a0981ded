"""X-Ray sampling rules."""

from __future__ import annotations

import json
from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_xray as xray
from constructs import Construct

from raytrail.errors import InvalidProps
from raytrail.tracing._model import MAX_SAMPLING_RULES, PATTERNS, SamplingRule
from raytrail.tracing._model_rules import check_beside
from raytrail.tracing._owner import claim_name, claimed

_KIND = "sampling rule"


class SamplingRules(Construct):
    """Sampling rules of one account and Region, where each is held against all that the app makes.

    Rules that another app or somebody by hand has made are known here as far as ``existing`` says them; ours are held
    against them, and they are left as they are.

    Args:
        rules: The rules to define. Default: none yet; call `add_rule`.
        existing: The rules that the account and Region has already, without X-Ray's own, as
            ``aws xray get-sampling-rules`` lists them. Default: none is known.

    Attributes:
        rules: Each rule's L1 by name: the escape hatch for what this class does not model.

    Raises:
        InvalidProps: Two rules share a name or a priority, there are more than 25 with those that exist, or one could
            never decide because another is looked at first and matches all that it matches.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        rules: Sequence[SamplingRule] = (),
        existing: Sequence[SamplingRule] = (),
    ) -> None:
        super().__init__(scope, id)
        self._existing = tuple(existing)
        self.rules: dict[str, xray.CfnSamplingRule] = {}
        self._values: dict[str, SamplingRule] = {}
        for rule in rules:
            self.add_rule(rule)

    def add_rule(self, rule: SamplingRule) -> xray.CfnSamplingRule:
        """Define one more rule and return its L1.

        Args:
            rule: The rule.

        Raises:
            InvalidProps: It cannot stand beside the others: see the class.
        """
        check_beside(rule, self._values.values())
        self._check_beside_those_of_others(rule)
        claim_name(self, _KIND, rule.name, at_most=MAX_SAMPLING_RULES, value=_written(rule))
        boost = None
        if rule.boost:
            boost = xray.CfnSamplingRule.SamplingRateBoostProperty(
                max_rate=rule.boost.max_rate, cooldown_window_minutes=rule.boost.cooldown_minutes
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
                resource_arn=rule.resource_arn,
                attributes=dict(rule.attributes) or None,
                sampling_rate_boost=boost,
                version=1,
            ),
        )
        self.rules[rule.name] = resource
        self._values[rule.name] = rule
        return resource

    def _check_beside_those_of_others(self, rule: SamplingRule) -> None:
        if self._existing and len(self._existing) + len(claimed(self, _KIND)) >= MAX_SAMPLING_RULES:
            raise InvalidProps(
                f"sampling rule {rule.name!r} is one more than the {MAX_SAMPLING_RULES} that X-Ray allows, of which "
                f"{len(self._existing)} exist already; drop one, or have AWS raise the quota"
            )
        for other in self._existing:
            try:
                check_beside(rule, [other])
            except InvalidProps as error:
                raise InvalidProps(f"{error} ({other.name!r} exists already, and is not of this app)") from error
        for path, written in claimed(self, _KIND):
            other = SamplingRule(**json.loads(written))
            # Of one name there may be one: to claim it tells so.
            if other.name == rule.name:
                continue
            try:
                check_beside(rule, [other])
            except InvalidProps as error:
                raise InvalidProps(f"{error} ({other.name!r} is made by {path!r})") from error

    def metric_sampling_rate(
        self, rule_name: str, *, statistic: str = "Maximum", period: Duration | None = None
    ) -> cloudwatch.Metric:
        """The share, from 0 to 1, that a rule with a boost records at present.

        AWS publishes it for such rules alone
        (https://docs.aws.amazon.com/xray/latest/devguide/xray-adaptive-sampling.html).

        Args:
            rule_name: The name of a rule that was added here.
            statistic: What to make of it. Default: the highest.
            period: Of each value. Default: a minute, the longest that a boost lasts.

        Raises:
            InvalidProps: There is no such rule here, or it has no boost.
        """
        rule = self._values.get(rule_name)
        if rule is None or rule.boost is None:
            boosted = [name for name, each in self._values.items() if each.boost]
            raise InvalidProps(
                f"sampling rule {rule_name!r} has no boost, so X-Ray publishes no rate of it; "
                f"rules with one: {', '.join(boosted) or 'none'}"
            )
        return cloudwatch.Metric(
            namespace="AWS/X-Ray",
            metric_name="SamplingRate",
            dimensions_map={"RuleName": rule_name},
            statistic=statistic,
            period=period or Duration.minutes(1),
            label=f"Sampling rate of {rule_name}",
        )


def _written(rule: SamplingRule) -> str:
    """What `check_beside` asks of a rule, for the tree of the app, which keeps plain values."""
    kept = {name: getattr(rule, name) for name in ("name", "priority", "rate", *PATTERNS)}
    return json.dumps({**kept, "attributes": dict(rule.attributes)})
