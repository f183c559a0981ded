"""X-Ray groups and sampling rules."""

from __future__ import annotations

from aws_cdk import CfnOutput
from aws_cdk import aws_kms as kms
from constructs import Construct

from raytrail.settings import Settings, TracingSettings
from raytrail.tracing import (
    SamplingRule,
    SamplingRules,
    TraceEncryption,
    TraceGroup,
    TransactionSearch,
    error,
    fault,
    response_time,
    service,
)
from stacks._kit import KitStack, blamed_on


class TracingStack(KitStack):
    """What to record, and which traces belong together.

    Attributes:
        groups: The trace groups by what they hold: faults, errors, slow, service.
    """

    def __init__(self, scope: Construct, *, settings: Settings, service_name: str) -> None:
        super().__init__(scope, "tracing", settings=settings, description="X-Ray groups and sampling rules")
        tracing = settings.tracing
        expressions = {
            "faults": fault,
            "errors": error,
            "slow": response_time > tracing.slow_seconds,
            "service": service(service_name),
        }
        self.groups = {
            what: TraceGroup(self, what.title(), name=f"{settings.name}-{what}", filter_expression=expression)
            for what, expression in expressions.items()
        }
        self._sample(settings, service_name)
        self._set_for_the_region(tracing)
        CfnOutput(self, "ServiceGroup", value=self.groups["service"].group_name)

    def _sample(self, settings: Settings, service_name: str) -> None:
        tracing = settings.tracing
        # The stage of a REST API is the service "name/stage". Other applications of the account keep their sampling.
        of_the_service = f"{service_name}*"
        rules = SamplingRules(self, "Sampling")
        rules.add_rule(
            SamplingRule.for_debugging(
                name=f"{settings.name}-debug", url_path=tracing.debug_path, service_name=of_the_service
            )
        )
        # Either path may be the one to change where the first hides the second, and what hides the last rule without
        # the second is the second's.
        with blamed_on("tracing.debug_path or tracing.health_check_path"):
            rules.add_rule(
                SamplingRule.of_health_checks(
                    name=f"{settings.name}-health", url_path=tracing.health_check_path, service_name=of_the_service
                )
            )
        with blamed_on("tracing.health_check_path"):
            rules.add_rule(
                SamplingRule(
                    name=f"{settings.name}-default",
                    priority=9000,
                    service_name=of_the_service,
                    rate=tracing.sampling_rate,
                    reservoir_per_second=tracing.reservoir_per_second,
                )
            )

    def _set_for_the_region(self, tracing: TracingSettings) -> None:
        if tracing.encryption_key_arn:
            key = kms.Key.from_key_arn(self, "Key", tracing.encryption_key_arn)
            with blamed_on("tracing.encryption_key_arn"):
                TraceEncryption(self, "Encryption", key=key)
        if tracing.transaction_search_percent is not None:
            with blamed_on("tracing.transaction_search_percent"):
                TransactionSearch(self, "TransactionSearch", indexing_percentage=tracing.transaction_search_percent)
