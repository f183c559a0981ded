"""The answers to the saved queries, computed in plain Python from the records: no SQL, nothing of the package.

Each function takes the records of the partitions that its query selects, a delivered duplicate included, and returns
the rows in the query's order, as text.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

Record = dict[str, Any]
Row = tuple[Any, ...]


def get(record: Any, *path: str | int) -> Any:
    for step in path:
        if isinstance(step, int):
            record = record[step] if isinstance(record, list) and step < len(record) else None
        else:
            record = record.get(step) if isinstance(record, dict) else None
    return record


def text(value: Any) -> str | None:
    """A column of strings: JSON as it is written without blanks."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def scalar(record: Record, column: str, *path: str | int) -> str | None:
    """A scalar somewhere in a column of JSON; a column that is no JSON has none."""
    value = field(record, column)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    found = get(value, *path)
    return None if isinstance(found, (dict, list)) else text(found)


def field(record: Any, *path: str) -> Any:
    """A field of a struct: the SerDe reads its name in any case."""
    for step in path:
        names = {name.lower(): value for name, value in record.items()} if isinstance(record, dict) else {}
        record = names.get(step.lower())
    return record


def identity(record: Record, *path: str) -> str | None:
    return text(field(record, "userIdentity", *path))


def first(*values: str | None) -> str | None:
    return next((value for value in values if value is not None), None)


def actor(record: Record) -> str | None:
    return first(
        identity(record, "sessionContext", "sessionIssuer", "arn"),
        identity(record, "arn"),
        identity(record, "invokedBy"),
        identity(record, "accountId"),
        "unknown",
    )


def column(name: str) -> Callable[[Record], str | None]:
    return lambda record: text(field(record, name))


TIME, ACCOUNT, SOURCE, NAME = (
    column("eventTime"),
    column("recipientAccountId"),
    column("eventSource"),
    column("eventName"),
)
ADDRESS, AGENT, ERROR, ID = column("sourceIPAddress"), column("userAgent"), column("errorCode"), column("eventID")
REGION, PARAMETERS = column("awsRegion"), column("requestParameters")


def ordered(rows: Iterable[Row], *keys: int) -> list[list[str | None]]:
    """Sort by places from 1, a negative one from the greatest; NULL comes last either way."""
    result = list(rows)
    for key in reversed(keys):
        place = abs(key) - 1
        known = sorted((row for row in result if row[place] is not None), key=lambda row: row[place], reverse=key < 0)
        result = known + [row for row in result if row[place] is None]
    return [[None if value is None else str(value) for value in row] for row in result]


def listed(records: Sequence[Record], wanted: Callable[[Record], bool], *columns: Callable[[Record], Any]) -> set[Row]:
    return {tuple(make(record) for make in columns) for record in records if wanted(record)}


def grouped(records: Sequence[Record], *columns: Callable[[Record], Any]) -> dict[Row, list[Record]]:
    groups: dict[Row, list[Record]] = defaultdict(list)
    for record in records:
        groups[tuple(make(record) for make in columns)].append(record)
    return groups


def distinct(records: Sequence[Record], value: Callable[[Record], Any] = ID) -> int:
    return len({value(record) for record in records} - {None})


def span(records: Sequence[Record]) -> tuple[str | None, str | None]:
    times = [time for record in records if (time := TIME(record)) is not None]
    return (min(times), max(times)) if times else (None, None)


def failed(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if ERROR(record) is not None]


def root_use(records: Sequence[Record]) -> list[list[str | None]]:
    def wanted(record: Record) -> bool:
        service = field(record, "eventType") in (None, "AwsServiceEvent")
        return identity(record, "type") == "Root" and identity(record, "invokedBy") is None and not service

    return ordered(listed(records, wanted, TIME, ACCOUNT, SOURCE, NAME, ADDRESS, AGENT, ERROR, ID), -1, 8)


def console_sign_ins_without_mfa(records: Sequence[Record]) -> list[list[str | None]]:
    def wanted(record: Record) -> bool:
        return (
            SOURCE(record) == "signin.amazonaws.com"
            and NAME(record) == "ConsoleLogin"
            and scalar(record, "responseElements", "ConsoleLogin") == "Success"
            and identity(record, "type") in ("IAMUser", "Root")
            and scalar(record, "additionalEventData", "MFAUsed") != "Yes"
        )

    def who(record: Record) -> str | None:
        return first(identity(record, "userName"), identity(record, "arn"))

    def kind(record: Record) -> str | None:
        return identity(record, "type")

    return ordered(listed(records, wanted, TIME, ACCOUNT, kind, who, ADDRESS, AGENT, ID), -1, 7)


def denied_calls_by_actor(records: Sequence[Record]) -> list[list[str | None]]:
    pattern = re.compile(r"(?i)access_?denied|unauthorized|forbidden|not_?authorized")
    denied = [record for record in records if pattern.search(ERROR(record) or "")]
    rows = [
        (*key, distinct(group), distinct(group, ADDRESS), *span(group))
        for key, group in grouped(denied, actor, SOURCE, NAME).items()
    ]
    return ordered(rows, -4, 1, 2, 3)


def new_principals_and_keys(records: Sequence[Record]) -> list[list[str | None]]:
    made = {
        *("CreateUser", "CreateRole", "CreateAccessKey", "CreateLoginProfile", "UpdateLoginProfile"),
        *("CreateServiceSpecificCredential", "UploadSigningCertificate", "UploadSSHPublicKey", "CreateSAMLProvider"),
        *("CreateOpenIDConnectProvider", "UpdateAssumeRolePolicy", "AddUserToGroup"),
        *("PutUserPolicy", "PutRolePolicy", "PutGroupPolicy"),
    }
    mighty = (":policy/AdministratorAccess", ":policy/IAMFullAccess", ":policy/PowerUserAccess")

    def wanted(record: Record) -> bool:
        if SOURCE(record) != "iam.amazonaws.com" or ERROR(record) is not None:
            return False
        attached = NAME(record) in ("AttachUserPolicy", "AttachRolePolicy", "AttachGroupPolicy")
        policy = scalar(record, "requestParameters", "policyArn") or ""
        return NAME(record) in made or (attached and policy.endswith(mighty))

    def principal(record: Record) -> str | None:
        return first(*(scalar(record, "requestParameters", key) for key in ("userName", "roleName", "groupName")))

    def thing(record: Record) -> str | None:
        key = scalar(record, "responseElements", "accessKey", "accessKeyId")
        return first(key, *(scalar(record, "requestParameters", name) for name in ("policyArn", "policyName")))

    return ordered(listed(records, wanted, TIME, ACCOUNT, actor, NAME, principal, thing, ID), -1, 7)


def trail_and_detection_tampering(records: Sequence[Record]) -> list[list[str | None]]:
    calls = {
        "cloudtrail": "StopLogging DeleteTrail UpdateTrail PutEventSelectors DeleteEventDataStore "
        "StopEventDataStoreIngestion",
        "config": "StopConfigurationRecorder DeleteConfigurationRecorder DeleteDeliveryChannel",
        "ec2": "DeleteFlowLogs",
        "events": "DeleteRule DisableRule RemoveTargets",
        "guardduty": "DeleteDetector UpdateDetector DisassociateFromAdministratorAccount CreateIPSet",
        "logs": "DeleteLogGroup DeleteLogStream DeleteMetricFilter PutRetentionPolicy",
        "monitoring": "DeleteAlarms DisableAlarmActions",
        "s3": "PutBucketLogging",
        "securityhub": "DisableSecurityHub",
    }

    def wanted(record: Record) -> bool:
        service = (SOURCE(record) or "").removesuffix(".amazonaws.com")
        return NAME(record) in calls.get(service, "").split()

    def outcome(record: Record) -> str | None:
        return first(ERROR(record), "done")

    rows = listed(records, wanted, TIME, ACCOUNT, REGION, actor, SOURCE, NAME, outcome, PARAMETERS, ADDRESS, ID)
    return ordered(rows, -1, 10)


def security_groups_opened(records: Sequence[Record]) -> list[list[str | None]]:
    def wanted(record: Record) -> bool:
        parameters = PARAMETERS(record) or ""
        return (
            SOURCE(record) == "ec2.amazonaws.com"
            and NAME(record) in ("AuthorizeSecurityGroupIngress", "ModifySecurityGroupRules")
            and ERROR(record) is None
            and ('"0.0.0.0/0"' in parameters or '"::/0"' in parameters)
        )

    def group(record: Record) -> str | None:
        return first(
            scalar(record, "requestParameters", "groupId"),
            scalar(record, "requestParameters", "groupName"),
            scalar(record, "requestParameters", "ModifySecurityGroupRulesRequest", "GroupId"),
        )

    def port(record: Record) -> str | None:
        return first(
            scalar(record, "requestParameters", "ipPermissions", "items", 0, "fromPort"),
            scalar(record, "requestParameters", "fromPort"),
        )

    rows = listed(records, wanted, TIME, ACCOUNT, REGION, actor, NAME, group, port, PARAMETERS, ID)
    return ordered(rows, -1, 9)


def public_s3(records: Sequence[Record]) -> list[list[str | None]]:
    def everybody(principal: Any) -> bool:
        named = get(principal, "AWS")
        return "*" in (principal, named) or (isinstance(named, list) and "*" in named)

    def lets_all_in(record: Record) -> bool:
        statements = get(record, "requestParameters", "bucketPolicy", "Statement")
        statements = statements if isinstance(statements, list) else [statements]
        return any(get(each, "Effect") == "Allow" and everybody(get(each, "Principal")) for each in statements)

    def wanted(record: Record) -> bool:
        name, parameters = NAME(record) or "", PARAMETERS(record) or ""
        if SOURCE(record) != "s3.amazonaws.com" or ERROR(record) is not None:
            return False
        if name in ("PutBucketPublicAccessBlock", "PutAccountPublicAccessBlock"):
            return bool(re.search(r'"(Block|Ignore|Restrict)Public(Acls|Policy|Buckets)": ?"?false', parameters))
        if name in ("PutBucketAcl", "PutObjectAcl", "CreateBucket"):
            return bool(re.search(r'groups/global/(AllUsers|AuthenticatedUsers)|"public-read', parameters))
        removed = name in ("DeleteBucketPublicAccessBlock", "DeleteAccountPublicAccessBlock")
        return removed or (name == "PutBucketPolicy" and lets_all_in(record))

    def bucket(record: Record) -> str | None:
        return first(scalar(record, "requestParameters", "bucketName"), "the whole account")

    return ordered(listed(records, wanted, TIME, ACCOUNT, actor, NAME, bucket, ADDRESS, PARAMETERS, ID), -1, 8)


def application_calls(records: Sequence[Record]) -> list[list[str | None]]:
    def wanted(record: Record) -> bool:
        scope = identity(record, "inScopeOf", "issuerType")
        by_lambda = scope == "AWS::Lambda::Function" or "exec-env/AWS_Lambda_" in (AGENT(record) or "")
        return identity(record, "type") == "AssumedRole" and by_lambda

    def function(record: Record) -> str | None:
        parts = (identity(record, "principalId") or "").split(":")
        return parts[1] if len(parts) > 1 else None

    def role(record: Record) -> str | None:
        return identity(record, "sessionContext", "sessionIssuer", "userName")

    groups = grouped([record for record in records if wanted(record)], function, role, SOURCE, NAME)
    rows = [(*key, distinct(group), distinct(failed(group)), span(group)[1]) for key, group in groups.items()]
    return ordered(rows, 1, -5, 3, 4)


def deletions(records: Sequence[Record]) -> list[list[str | None]]:
    def wanted(record: Record) -> bool:
        name = NAME(record) or ""
        deleting = re.match(r"(Batch|Schedule)?(Delete|Terminate|Purge|Destroy)", name)
        named = name in ("ScheduleKeyDeletion", "PutBucketLifecycle")
        return text(field(record, "readOnly")) == "false" and ERROR(record) is None and bool(deleting or named)

    groups = grouped([record for record in records if wanted(record)], actor, ACCOUNT, REGION, SOURCE, NAME)
    rows = [(*key, distinct(group), *span(group)) for key, group in groups.items()]
    return ordered(rows, -6, 1, 2, 3, 4, 5)


def access_key_activity(records: Sequence[Record]) -> list[list[str | None]]:
    rows = []
    for (key,), group in grouped(records, lambda record: identity(record, "accessKeyId")).items():
        if key is None:
            continue
        names = [
            first(identity(record, "userName"), identity(record, "sessionContext", "sessionIssuer", "userName"))
            for record in group
        ]
        dated = sorted(
            (f"{TIME(record)}{ID(record)}", f"{SOURCE(record)} {NAME(record)}")
            for record in group
            if TIME(record) is not None and ID(record) is not None
        )
        begin, end = span(group)
        first_call, last_call = (dated[0][1], dated[-1][1]) if dated else (None, None)
        owner = max((name for name in names if name is not None), default=None)
        services, addresses = distinct(group, SOURCE), distinct(group, ADDRESS)
        rows.append((key, owner, begin, first_call, end, last_call, distinct(group), services, addresses))
    return ordered(rows, -7, 1)


def activity_by_user_agent(records: Sequence[Record]) -> list[list[str | None]]:
    rows = []
    for (agent,), group in grouped(records, lambda record: first(AGENT(record), "none")).items():
        services = sorted({SOURCE(record) for record in group} - {None}, key=str)
        shown = ", ".join(str(service) for service in services[:5])
        rows.append((agent, distinct(group), distinct(group, actor), shown, *span(group)))
    return ordered(rows, 2, 1)[:200]


def error_rate_by_service(records: Sequence[Record]) -> list[list[str | None]]:
    events = []
    for group in grouped(records, ID).values():
        source = max((SOURCE(record) or "" for record in group), default="")
        error = max((str(ERROR(record)) for record in failed(group)), default=None)
        events.append((source, error))
    rows = []
    for source in {source for source, _ in events}:
        errors = [error for each, error in events if each == source]
        known = [error for error in errors if error is not None]
        share = round(100 * len(known) / len(errors) + 1e-9, 2)
        rows.append((source, len(errors), len(known), share, len(set(known))))
    return ordered(rows, -4, -3, 1)


def calls_by_actor(records: Sequence[Record]) -> list[list[str | None]]:
    groups = grouped(records, actor, lambda record: identity(record, "type"), SOURCE, NAME)
    rows = [(*key, distinct(group), distinct(failed(group)), span(group)[1]) for key, group in groups.items()]
    return ordered(rows, -5, 1, 2, 3, 4)


DAYS = {"root_use": 30, "trail_and_detection_tampering": 30}
"""Days that a query looks back, where it is not 7."""

ANSWERS: dict[str, Callable[[Sequence[Record]], list[list[str | None]]]] = {
    answer.__name__: answer
    for answer in (
        access_key_activity,
        activity_by_user_agent,
        application_calls,
        calls_by_actor,
        console_sign_ins_without_mfa,
        deletions,
        denied_calls_by_actor,
        error_rate_by_service,
        new_principals_and_keys,
        public_s3,
        root_use,
        security_groups_opened,
        trail_and_detection_tampering,
    )
}
