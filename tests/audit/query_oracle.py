"""The answers to the saved queries, computed in plain Python from the records: no SQL, nothing of the package.

Each function takes the records of the partitions that its query selects, a delivered duplicate included, and the
values that the query is asked with, and returns the rows in the query's order. The answers about one actor or resource
are in `tests.queries.inquiries`, those about risks in `tests.queries.risks`, those over a history in
`tests.queries.histories`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tests.queries import histories, inquiries, risks
from tests.queries.plain_reader import (
    ACCOUNT,
    ADDRESS,
    AGENT,
    ERROR,
    ID,
    NAME,
    PARAMETERS,
    REGION,
    SOURCE,
    TIME,
    Answer,
    Record,
    Values,
    actor,
    distinct,
    failed,
    field,
    first,
    get,
    grouped,
    identity,
    listed,
    named,
    ordered,
    outcome,
    scalar,
    span,
    text,
)


def root_use(records: Sequence[Record], _: Values) -> list[list[Any]]:
    def wanted(record: Record) -> bool:
        service = field(record, "eventType") in (None, "AwsServiceEvent")
        return identity(record, "type") == "Root" and identity(record, "invokedBy") is None and not service

    return ordered(listed(records, wanted, TIME, ACCOUNT, SOURCE, NAME, ADDRESS, AGENT, ERROR, ID), -1, 8)


def console_sign_ins_without_mfa(records: Sequence[Record], _: Values) -> list[list[Any]]:
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


def denied_calls_by_actor(records: Sequence[Record], _: Values) -> list[list[Any]]:
    pattern = re.compile(r"(?i)access_?denied|unauthorized|forbidden|not_?authorized")
    denied = [record for record in records if pattern.search(ERROR(record) or "")]
    rows = [
        (*key, distinct(group), distinct(group, ADDRESS), *span(group))
        for key, group in grouped(denied, actor, SOURCE, NAME).items()
    ]
    return ordered(rows, -4, 1, 2, 3)


def new_principals_and_keys(records: Sequence[Record], _: Values) -> list[list[Any]]:
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


def trail_and_detection_tampering(records: Sequence[Record], _: Values) -> list[list[Any]]:
    calls = {
        "cloudtrail": "StopLogging DeleteTrail UpdateTrail PutEventSelectors PutInsightSelectors "
        "DeleteEventDataStore StopEventDataStoreIngestion",
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

    rows = listed(records, wanted, TIME, ACCOUNT, REGION, actor, SOURCE, NAME, outcome, PARAMETERS, ADDRESS, ID)
    return ordered(rows, -1, 10)


def security_groups_opened(records: Sequence[Record], _: Values) -> list[list[Any]]:
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


def public_s3(records: Sequence[Record], _: Values) -> list[list[Any]]:
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


def application_calls(records: Sequence[Record], _: Values) -> list[list[Any]]:
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


def deletions(records: Sequence[Record], _: Values) -> list[list[Any]]:
    def wanted(record: Record) -> bool:
        name = NAME(record) or ""
        deleting = re.match(r"(Batch|Schedule)?(Delete|Terminate|Purge|Destroy)", name)
        named = name in ("ScheduleKeyDeletion", "PutBucketLifecycle")
        return text(field(record, "readOnly")) == "false" and ERROR(record) is None and bool(deleting or named)

    def resource(record: Record) -> str | None:
        touched = [text(field(each, "arn")) for each in field(record, "resources") or []]
        names = (
            *("bucketName", "functionName", "roleName", "userName", "groupName", "policyArn", "groupId", "tableName"),
            *("topicArn", "queueUrl", "keyId", "secretId", "logGroupName", "instanceId", "vpcId"),
            *("dBInstanceIdentifier", "stackName", "roleArn", "name"),
        )
        return first(*touched[:1], named(record, *names), PARAMETERS(record))

    rows = []
    for key, group in grouped(list(filter(wanted, records)), actor, ACCOUNT, REGION, SOURCE, NAME).items():
        named_ones = sorted({resource(record) for record in group} - {None}, key=str)
        shown = ", ".join(str(each) for each in named_ones[:10]) or None
        rows.append((*key, distinct(group), len(named_ones), shown, *span(group)))
    return ordered(rows, -6, 1, 2, 3, 4, 5)


def access_key_activity(records: Sequence[Record], _: Values) -> list[list[Any]]:
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


def activity_by_user_agent(records: Sequence[Record], _: Values) -> list[list[Any]]:
    rows = []
    for (agent,), group in grouped(records, lambda record: first(AGENT(record), "none")).items():
        services = sorted({SOURCE(record) for record in group} - {None}, key=str)
        shown = ", ".join(str(service) for service in services[:5])
        rows.append((agent, distinct(group), distinct(group, actor), shown, *span(group)))
    return ordered(rows, 2, 1)[:200]


def error_rate_by_service(records: Sequence[Record], _: Values) -> list[list[Any]]:
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


def calls_by_actor(records: Sequence[Record], _: Values) -> list[list[Any]]:
    groups = grouped(records, actor, lambda record: identity(record, "type"), SOURCE, NAME)
    rows = [(*key, distinct(group), distinct(failed(group)), span(group)[1]) for key, group in groups.items()]
    return ordered(rows, -5, 1, 2, 3, 4)


ANSWERS: dict[str, Answer] = {
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
        *inquiries.ANSWERS,
        *risks.ANSWERS,
        *histories.ANSWERS,
    )
}
