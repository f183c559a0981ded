"""Uses every public name of the rooms that know no CDK and read what is there, for type checkers: it is never run."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Any, assert_type

from raytrail.errors import (
    EvidenceMissing,
    InvalidFilter,
    InvalidProps,
    InvalidSettings,
    LocalAwsError,
    MissingHook,
    RaytrailError,
)
from raytrail.integrity import (
    HARMED,
    HASH_ALGORITHM,
    SIGNATURE_ALGORITHM,
    ChainName,
    Covered,
    Digest,
    Finding,
    FolderSource,
    Link,
    NamedLog,
    Outcome,
    PublicKeys,
    RsaKey,
    Source,
    Status,
    content_hash,
    padded,
    read_digest,
    signing_string,
    verify,
)
from raytrail.queries import (
    CLOUDTRAIL_COLUMNS,
    DIGESTS,
    EVENTS,
    EVENTS_VIEW,
    INPUT_FORMAT,
    INSIGHTS,
    LAKE_TABLES,
    NETWORK_ACTIVITY,
    OUTPUT_FORMAT,
    PARTITION_KEYS,
    SERDE,
    Column,
    LakeTable,
    QueryParameter,
    SavedQuery,
    ViewColumn,
    ViewDefinition,
    check_organization_id,
    parse_query,
    projection_parameters,
    saved_queries,
    saved_query,
    table_location,
    view_definition,
)
from raytrail.records import (
    Aside,
    LogFile,
    RecordLine,
    Refusal,
    group_into_files,
    missing_field,
    object_key,
    place_of,
    read_bytes,
    read_line,
    read_records,
)
from raytrail.records import Outcome as Read
from raytrail.settings import (
    DEFAULT_REGIONS,
    AuditSettings,
    DashboardsSettings,
    DataEventsSettings,
    DetectionSettings,
    ExistingTopic,
    ExistingTrail,
    InsightsSettings,
    NetworkActivitySettings,
    RetentionDays,
    SampleSettings,
    Settings,
    SuppressionSettings,
    TracingSettings,
    json_schema,
    read_context,
    read_settings,
)
from raytrail.traces import (
    Edge,
    Filter,
    ServiceId,
    ServiceNode,
    Span,
    Trace,
    annotation,
    as_filter,
    availability_zone,
    destination,
    duration,
    edge,
    element,
    error,
    fault,
    group,
    http,
    inferred,
    instance_id,
    ok,
    parse_filter,
    partial,
    resource_arn,
    response_time,
    root_cause,
    root_causes,
    service,
    service_id,
    source,
    throttle,
    user,
)
from raytrail.traces import InvalidFilter as Unreadable

# Traces
trace = Trace.from_documents(["{}", {"id": "1"}])
assert_type(trace.root, Span)
assert_type(trace.services, tuple[ServiceNode, ...])
assert_type(trace.edges, tuple[Edge, ...])
assert_type([cause["Services"] for cause in root_causes(trace, "fault")], list[Any])
words: list[Filter] = [
    *(ok, error, throttle, fault, partial, inferred, as_filter("ok"), parse_filter("fault")),
    *(response_time > 5, duration < 9.5, user == "ana", instance_id == "i-0123456789abcdef0"),
    *(availability_zone.is_set, resource_arn.is_set, http.method == "GET", group.arn != "arn"),
    *(annotation["tenant"] == 7, source.annotation["tenant"] == "x", destination.annotation["tenant"] == "x"),
    *(edge("a", "b"), service("a").http.status >= 500, root_cause.json({"ClientImpacting": True})),
    root_cause.fault.exception(element.message.contains("denied")),
]
assert_type(service_id(type="AWS::Lambda::Function"), ServiceId)
assert_type(words[0].matches(trace, groups={"slow": response_time > 5}), bool)
try:
    as_filter("fault and ok")
except Unreadable as problem:
    assert_type(problem.expected, str)
user > "ana"  # type: ignore[operator]  # noqa: B015 - strings have no order

# Records
for read in read_records("logs"):
    assert_type(read, RecordLine | Aside | Refusal)
    if isinstance(read, RecordLine):
        assert_type(missing_field(read.record), str | None)
every: list[Iterator[Read]] = [read_bytes(b"{}"), read_line("{}", "logs", 1)]
account, area, moment = place_of({})
assert_type(moment, datetime)
assert_type(group_into_files([{}]), list[LogFile])
assert_type(object_key(account_id=account, region=area, time=moment, unique="a1"), str)
object_key(account, area, moment, "a1")  # type: ignore[call-arg]  # texts are told apart by name

# Queries
assert_type(saved_queries(), tuple[SavedQuery, ...])
assert_type(saved_query("root_use").bind({"from": "2026-11-01", "to": "2026-11-02"}), list[str])
assert_type(parse_query("mine", "-- title: …").parameters, tuple[QueryParameter, ...])
tables: tuple[LakeTable, ...] = (*LAKE_TABLES, DIGESTS, EVENTS, INSIGHTS, NETWORK_ACTIVITY)
columns: tuple[Column, ...] = (*CLOUDTRAIL_COLUMNS, *PARTITION_KEYS)
view = view_definition(database="mine", table=EVENTS.name)
assert_type(view, ViewDefinition)
assert_type(view.columns, tuple[ViewColumn, ...])
check_organization_id("o-exampleorgid")
texts: list[str] = [EVENTS_VIEW, INPUT_FORMAT, OUTPUT_FORMAT, SERDE, table_location(bucket="mine")]
projected = projection_parameters(bucket="mine", accounts=[], regions=["eu-west-1"], start_date=date(2026, 1, 1))
assert_type(projected, dict[str, str])

# Integrity
copy: Source = FolderSource(Path("logs"))
keys = PublicKeys.read([("keys.json", "{}")])
assert_type(keys.get("ab"), RsaKey | None)
for outcome in verify(copy, keys, since=datetime(2026, 1, 1, tzinfo=UTC)):
    known: Outcome = outcome
    if isinstance(outcome, Covered):
        assert_type(outcome.chain, ChainName)
    else:
        assert_type(outcome, Finding)
        harmed: bool = outcome.status in HARMED or outcome.status is Status.ALTERED
digest = read_digest(b"{}")
assert_type(digest, Digest)
assert_type(digest.previous, Link | None)
assert_type(digest.logs, tuple[NamedLog, ...])
stream: IO[bytes] = io.BytesIO()
texts += [content_hash(stream), HASH_ALGORITHM, SIGNATURE_ALGORITHM]
signed = signing_string(end_time="", bucket="", key="", content_hash="", previous_signature=None)
assert_type(padded(signed, 256), bytes)

# Settings
settings = read_settings(read_context(Path("cdk.json")).get("raytrail"), '{"region": "eu-west-1"}')
assert_type(settings, Settings)
assert_type(settings.audit, AuditSettings)
assert_type(settings.audit.query_limit_gb, int)
assert_type(settings.audit.existing_trail, ExistingTrail | None)
assert_type(settings.detection.existing_topic, ExistingTopic | None)
assert_type(settings.audit.data_events, tuple[DataEventsSettings, ...])
assert_type(settings.audit.network_activity, tuple[NetworkActivitySettings, ...])
assert_type(settings.audit.insights, InsightsSettings | None)
assert_type(settings.detection, DetectionSettings)
assert_type(settings.detection.suppressions, tuple[SuppressionSettings, ...])
assert_type(settings.dashboards, DashboardsSettings)
assert_type(settings.sample, SampleSettings)
assert_type(settings.tracing, TracingSettings)
days: RetentionDays = settings.sample.log_retention_days
regions: tuple[str, ...] = DEFAULT_REGIONS
assert_type(json_schema(), dict[str, Any])
settings.colour  # type: ignore[attr-defined]  # noqa: B018 - no such setting

# Errors
errors: list[RaytrailError] = [
    InvalidProps("a broken value"),
    InvalidSettings("an unknown key"),
    InvalidFilter("no filter", column=1),
    LocalAwsError("it did not start"),
    MissingHook("another version"),
    EvidenceMissing("no trace"),
]
caught: ValueError = InvalidProps("which is one, too")
