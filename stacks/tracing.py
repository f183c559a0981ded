"""X-Ray groups and sampling rules."""

from __future__ import annotations

from aws_cdk import CfnOutput
from aws_cdk import aws_kms as kms
from constructs import Construct

from raytrail.settings import Settings
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
from stacks._kit import KitStack


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
        # The stage of a REST API is the service "name/stage". Other applications of the account keep their sampling.
        of_the_service = f"{service_name}*"
        SamplingRules(
            self,
            "Sampling",
            rules=[
                SamplingRule.for_debugging(
                    name=f"{settings.name}-debug", url_path=tracing.debug_path, service_name=of_the_service
                ),
                SamplingRule.of_health_checks(
                    name=f"{settings.name}-health", url_path=tracing.health_check_path, service_name=of_the_service
                ),
                SamplingRule(
                    name=f"{settings.name}-default",
                    priority=9000,
                    service_name=of_the_service,
                    rate=tracing.sampling_rate,
                    reservoir_per_second=tracing.reservoir_per_second,
                ),
            ],
        )
        if tracing.encryption_key_arn:
            TraceEncryption(self, "Encryption", key=kms.Key.from_key_arn(self, "Key", tracing.encryption_key_arn))
        if tracing.transaction_search_percent is not None:
            TransactionSearch(self, "TransactionSearch", indexing_percentage=tracing.transaction_search_percent)
        CfnOutput(self, "ServiceGroup", value=self.groups["service"].group_name)
