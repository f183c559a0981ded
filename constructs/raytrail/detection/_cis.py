"""Alarms over the trail's log group: the monitoring controls of the CIS AWS Foundations Benchmark."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_logs as logs
from constructs import Construct

from raytrail.alerting import AlertChannel
from raytrail.detection._cis_controls import CIS_CONTROLS, SPARING_SERVICES, UNAUTHORIZED_CALLS, CisControl
from raytrail.errors import InvalidProps

_BY_NUMBER = {control.number: control for control in CIS_CONTROLS}


class CisAlarms(Construct):
    """A metric filter and an alarm for each monitoring control of the CIS AWS Foundations Benchmark, section 4.

    They see the trail's log group, so every Region of the trail and each event that it records, minutes after it
    happened. An alarm says that something happened, not who did it: for that there are `ApiCallAlerts`. Each alarm
    tells the channel as soon as its filter matched once in five minutes. A filter that matches nothing reports
    nothing, which is no breach; so its metric is paid for in the hours alone in which it matched.

    Security Hub checks for these filters letter by letter and fails a control whose filter has a term more
    (https://docs.aws.amazon.com/securityhub/latest/userguide/cloudwatch-controls.html): see ``spare_services``.

    Args:
        log_group: The trail's log group, of the Standard class: the other takes no metric filters.
        channel: Who is told.
        namespace: The namespace of the metrics. Default: ``CIS``.
        controls: Numbers of the controls, as ``4.3``. Default: all, 4.1 to 4.15.
        spare_services: Whether 4.1 leaves out refused calls that AWS services make for themselves, of which there can
            be thousands a day. The alarm's description says so. Default: yes, and Security Hub's CloudWatch.2 fails.

    Attributes:
        alarms: Each alarm by the number of its control.
        metrics: Each metric by the number of its control: matches, summed over five minutes.

    Raises:
        InvalidProps: A number is none of the controls', or none is given.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        log_group: logs.ILogGroup,
        channel: AlertChannel,
        namespace: str = "CIS",
        controls: Iterable[str] | None = None,
        spare_services: bool = True,
    ) -> None:
        super().__init__(scope, id)
        self.alarms: dict[str, cloudwatch.Alarm] = {}
        self.metrics: dict[str, cloudwatch.Metric] = {}
        for control in _chosen(controls):
            spared = control is UNAUTHORIZED_CALLS and spare_services
            made = replace(control, pattern=SPARING_SERVICES) if spared else control
            self._add(made, log_group, channel, namespace)

    def _add(self, control: CisControl, log_group: logs.ILogGroup, channel: AlertChannel, namespace: str) -> None:
        place = Construct(self, control.metric)
        self.metrics[control.number] = logs.MetricFilter(
            place,
            "Filter",
            log_group=log_group,
            metric_namespace=namespace,
            metric_name=control.metric,
            metric_value="1",
            filter_pattern=logs.FilterPattern.literal(control.pattern),
        ).metric(statistic="Sum", period=Duration.minutes(5))
        alarm = cloudwatch.Alarm(
            place,
            "Alarm",
            alarm_description=_description(control),
            metric=self.metrics[control.number],
            threshold=1,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(channel.topic))
        self.alarms[control.number] = alarm


def _chosen(numbers: Iterable[str] | None) -> list[CisControl]:
    if numbers is None:
        return list(CIS_CONTROLS)
    wanted = set(numbers)
    if not wanted or not wanted <= set(_BY_NUMBER):
        raise InvalidProps(
            f"controls are some of {', '.join(_BY_NUMBER)}, got {', '.join(sorted(wanted - set(_BY_NUMBER))) or 'none'}"
        )
    return [control for control in CIS_CONTROLS if control.number in wanted]


def _description(control: CisControl) -> str:
    text = f"CIS {control.number}: {control.title}"
    if control.security_hub:
        text += f" (Security Hub: {control.security_hub})"
    if control.pattern == SPARING_SERVICES:
        text += (
            f". Calls that AWS services make for themselves are left out, so that {control.security_hub}, which asks "
            "for the filter without that, fails"
        )
    return text
