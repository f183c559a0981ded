"""Who called which API: the trail, and the lake that reads it."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import CfnOutput
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from raytrail.audit import (
    AuditLake,
    AuditMetrics,
    AuditTrail,
    DataEvents,
    Insights,
    ManagementEvents,
    NetworkActivityEvents,
    Retention,
)
from raytrail.settings import DataEventsSettings, ExistingTrail, Settings
from stacks._kit import KitStack, blamed_on, log_retention


class AuditStack(KitStack):
    """The account's API calls, kept for years and ready to be asked about.

    Attributes:
        metrics: Counts over the trail's log group, or None where an existing trail has none.
        log_group: That log group, or None.
        events: What the trail records, or None where an existing trail does, of which that is not known.
        insights: What the trail looks at for unusual rates, or None.
        lake: The lake.
        regions: The Regions that it shows.
    """

    lake: AuditLake
    regions: tuple[str, ...]

    def __init__(self, scope: Construct, *, settings: Settings, tables: Sequence[dynamodb.ITable]) -> None:
        super().__init__(scope, "audit", settings=settings, description="Who called which API: trail and lake")
        self.metrics: AuditMetrics | None = None
        self.log_group: logs.ILogGroup | None = None
        self.events: tuple[ManagementEvents | DataEvents | NetworkActivityEvents, ...] | None = None
        self.insights: Insights | None = None
        existing = settings.audit.existing_trail
        if existing is None:
            self._make_trail(settings, tables)
        else:
            self._take_trail(settings, existing)

    def _make_trail(self, settings: Settings, tables: Sequence[dynamodb.ITable]) -> None:
        audit = settings.audit
        # What one setting allows and all of them together do not.
        with blamed_on("audit"):
            self.events = (
                ManagementEvents(),
                *([DataEvents.tables(*tables)] if tables else []),
                *(_data_events(each) for each in audit.data_events),
                *(NetworkActivityEvents(**dict(each)) for each in audit.network_activity),
            )
            self.insights = Insights(**dict(audit.insights)) if audit.insights else None
            trail = AuditTrail(
                self,
                "Trail",
                name=settings.name,
                events=self.events,
                insights=self.insights,
                organization_id=audit.organization_id,
                management_account=audit.management_account,
                prefix=audit.prefix,
                retention=Retention(
                    infrequent_after_days=audit.infrequent_after_days,
                    archive_after_days=audit.archive_after_days,
                    expire_after_days=audit.expire_after_days,
                ),
                log_retention=log_retention(audit.log_retention_days),
            )
            # The trail leaves out the results of the lake's queries, which may be one value too many.
            self._make_lake(settings, trail=trail)
        self._count(trail.log_group, settings)
        CfnOutput(self, "TrailName", value=settings.name)

    def _take_trail(self, settings: Settings, existing: ExistingTrail) -> None:
        files_key = kms.Key.from_key_arn(self, "FilesKey", existing.files_key_arn) if existing.files_key_arn else None
        bucket = s3.Bucket.from_bucket_attributes(
            self, "TrailBucket", bucket_name=existing.bucket_name, encryption_key=files_key
        )
        key = kms.Key.from_key_arn(self, "ResultsKey", existing.kms_key_arn) if existing.kms_key_arn else None
        self._make_lake(
            settings, bucket=bucket, key=key, prefix=existing.prefix, organization_id=existing.organization_id
        )
        if existing.log_group_name:
            self._count(logs.LogGroup.from_log_group_name(self, "TrailLogs", existing.log_group_name), settings)

    def _make_lake(
        self,
        settings: Settings,
        *,
        trail: AuditTrail | None = None,
        bucket: s3.IBucket | None = None,
        key: kms.IKey | None = None,
        prefix: str = "",
        organization_id: str | None = None,
    ) -> None:
        # The home Region may be one that a new account has not on, and so not among the defaults.
        self.regions = tuple(dict.fromkeys((*settings.audit.regions, settings.region)))
        self.lake = lake = AuditLake(
            self,
            "Lake",
            name=settings.name,
            trail=trail,
            bucket=bucket,
            prefix=prefix,
            organization_id=organization_id,
            accounts=settings.audit.accounts,
            regions=self.regions,
            start_date=settings.audit.start_date,
            encryption_key=key,
            results_expire_after_days=settings.audit.results_expire_after_days,
            query_limit_gb=settings.audit.query_limit_gb,
        )
        CfnOutput(self, "TrailBucketName", value=lake.bucket.bucket_name)
        CfnOutput(self, "DatabaseName", value=lake.database_name)
        CfnOutput(self, "EventsTableName", value=lake.table_name)
        CfnOutput(self, "WorkGroupName", value=lake.workgroup_name)

    def _count(self, log_group: logs.ILogGroup, settings: Settings) -> None:
        self.log_group = log_group
        self.metrics = AuditMetrics(self, "Metrics", log_group=log_group, namespace=f"{settings.name}/Audit")


def _data_events(asked: DataEventsSettings) -> DataEvents:
    if asked.all_of_type:
        return DataEvents.all_of(
            asked.resource_type,
            without_arn_prefixes=asked.without_arn_prefixes,
            read_only=asked.read_only,
            event_names=asked.event_names,
        )
    return DataEvents.of(
        asked.resource_type,
        *asked.arns,
        arn_prefixes=asked.arn_prefixes,
        without_arn_prefixes=asked.without_arn_prefixes,
        read_only=asked.read_only,
        event_names=asked.event_names,
    )
