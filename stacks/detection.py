"""EventBridge rules over API calls, and their alerts."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from aws_cdk import Annotations, CfnOutput
from aws_cdk import aws_logs as logs
from constructs import Construct

from raytrail.alerting import AlertChannel
from raytrail.audit import InsightAlert
from raytrail.detection import (
    GLOBAL_REGION,
    ApiCallAlerts,
    CisAlarms,
    GlobalEventForwarder,
    ScheduledDetections,
    Suppression,
    reader_role,
    rule_of_api_call,
    unseen,
    vantage_of,
)
from raytrail.errors import InvalidSettings
from raytrail.settings import Settings
from raytrail.sigma import CompiledRule, Vantage, catalog, unreachable
from stacks._kit import KitStack, alert_channel, blamed_on, log_retention
from stacks.audit import AuditStack


class DetectionStack(KitStack):
    """Somebody is told about suspicious API calls.

    Args:
        audit: The trail and the lake. Default: they are not the app's.

    Attributes:
        channel: Who is told.
        alerts: The rules.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        settings: Settings,
        audit: AuditStack | None = None,
    ) -> None:
        super().__init__(scope, "detection", settings=settings, description="Alerts on suspicious API calls")
        self.channel = alert_channel(self, "alerts", settings=settings)
        self.alerts = ApiCallAlerts(
            self,
            "Alerts",
            channel=self.channel,
            suppressions=_suppressions(settings),
            group_alerts=settings.detection.group_alerts,
            vantage=replace(
                _seen(audit),
                region=settings.region,
                forwarded="all" if settings.detection.forward_reads else "write",
            ),
            log_group_name=f"/aws/events/{settings.name}-alerts",
            log_retention=log_retention(settings.detection.log_retention_days),
            log_policy=settings.detection.log_policy,
            without=settings.detection.leave_out,
            most_rules=settings.detection.most_rules,
            metric_namespace=f"{settings.name}/Alerts",
        )
        own = _compiled(self, [Path(each) for each in settings.detection.sigma_dirs])
        self._add_rules(own)
        for call in settings.detection.api_calls:
            if rule_of_api_call(call).name in self.alerts.detections:
                raise InvalidSettings(f"detection.api_calls: {call!r} is told already, by a rule of the kit; remove it")
            self.alerts.on_api_call(call)
        if settings.audit.enabled and settings.audit.insights:
            InsightAlert(self, "InsightAlert", topic=self.channel.topic, dead_letters=self.alerts.undelivered)
        if audit and settings.detection.schedule_minutes:
            self._ask_the_lake(settings, settings.detection.schedule_minutes, audit, own)
        if settings.detection.cis_alarms:
            self._add_cis_alarms(settings, audit.log_group if audit else None)
        CfnOutput(self, "AlertTopicArn", value=self.channel.topic.topic_arn)
        if settings.detection.existing_topic is None:
            CfnOutput(self, "AlertInboxUrl", value=self.channel.inbox.queue_url)
        CfnOutput(self, "AlertLogGroup", value=self.alerts.log_group.log_group_name)
        CfnOutput(self, "PagerLogGroup", value=self.alerts.pager.log_group.log_group_name)
        CfnOutput(self, "PagerQueueUrl", value=self.alerts.pager.queue.queue_url)
        CfnOutput(self, "UndeliveredUrl", value=self.alerts.undelivered.queue_url)

    def _add_cis_alarms(self, settings: Settings, trail_logs: logs.ILogGroup | None) -> None:
        if trail_logs is None:
            raise InvalidSettings(
                "detection.cis_alarms: needs the trail's log group; set audit.existing_trail.log_group_name, or let "
                "the audit stack make a trail"
            )
        CisAlarms(
            self,
            "CisAlarms",
            log_group=trail_logs,
            channel=self.channel,
            namespace=f"{settings.name}/CIS",
            controls=settings.detection.cis_controls or None,
            spare_services=not settings.detection.cis_counts_services,
        )

    def _add_rules(self, own: Sequence[CompiledRule]) -> None:
        deployed = [rule for rule in own if rule.alerts and rule.patterns]
        for rule in deployed:
            self.alerts.add_rule(rule)
        if deployed:
            CfnOutput(self, "SigmaRules", value=",".join(rule.name for rule in deployed))

    def _ask_the_lake(self, settings: Settings, minutes: int, audit: AuditStack, own: Sequence[CompiledRule]) -> None:
        known = (*catalog(), *own)
        by_name = {rule.name: rule for rule in known}
        left_out = [rule for rule in known if rule.name in settings.detection.leave_out and rule.predicate]
        wanted = [*unseen(known), *left_out]
        dead = {
            rule.name: obstacles
            for rule in wanted
            if (obstacles := unreachable(rule, _seen(audit), among=by_name, engine="athena"))
        }
        for rule in own:
            if rule.name in dead:
                raise InvalidSettings(f"detection.sigma_dirs: {rule.name} can never fire: {dead[rule.name][0]}")
        for name, obstacles in dead.items():
            said = f"{name} cannot fire here and is not asked of the lake: {obstacles[0]}"
            Annotations.of(self).add_info_v2(f"raytrail:not-asked-{name}", said)
        ScheduledDetections(
            self,
            "Scheduled",
            lake=audit.lake,
            pager=self.alerts.pager,
            channel=self.channel,
            regions=audit.regions,
            accounts=settings.audit.accounts,
            rules=[rule for rule in wanted if rule.name not in dead],
            # EventBridge tells of its own Region at once; the lake has the others.
            told=[rule for rule in self.alerts.detections.values() if rule.alerts],
            home_region=settings.region,
            among=known,
            # Made beside the lake, whose rights are written there.
            role=reader_role(audit, "ScheduledReader", lake=audit.lake),
            period_minutes=minutes,
        )


class GlobalEventsStack(KitStack):
    """In us-east-1: brings events of global services to a home Region elsewhere, and tells when it cannot.

    Args:
        rules: Those at home: what none of them is about stays. Default: every event of global services is brought.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        settings: Settings,
        rules: Iterable[CompiledRule] | None = None,
    ) -> None:
        super().__init__(
            scope,
            "global-events",
            settings=settings,
            description=f"Brings events of global services to {settings.region}",
            region=GLOBAL_REGION,
        )
        GlobalEventForwarder(
            self,
            "Forwarder",
            home_region=settings.region,
            read_only=settings.detection.forward_reads,
            calls=None if rules is None else [call for rule in rules for call in rule.calls],
            # A topic that the account has is one of the home Region, which no alarm here can reach.
            channel=AlertChannel(
                self, "Channel", display_name=f"{settings.name} forwarding", emails=settings.detection.emails
            ),
        )


def _suppressions(settings: Settings) -> list[Suppression]:
    with blamed_on("detection.suppressions"):
        return [Suppression(**dict(each)) for each in settings.detection.suppressions]


def _seen(audit: AuditStack | None) -> Vantage:
    # Of an existing trail, or of one that the account may have without ours, nothing is known.
    return vantage_of(audit.events, insights=audit.insights) if audit and audit.events else Vantage()


def _compiled(scope: Construct, folders: Sequence[Path]) -> tuple[CompiledRule, ...]:
    if not folders:
        return ()
    # pySigma takes a quarter of a second to import, and is there only where somebody wants it.
    from raytrail.sigma.compiler import RuleWarning, compile_rules

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", RuleWarning)
        rules = compile_rules(folders, strict=False)
    for number, warning in enumerate(said, 1):
        Annotations.of(scope).add_info_v2(f"raytrail:sigma-{number}", str(warning.message))
    return rules
