"""Plain Python's answers to the queries about what may be an attack or a danger."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tests.queries.plain_reader import (
    ADDRESS,
    ERROR,
    FILED_ACCOUNT,
    FILED_REGION,
    ID,
    NAME,
    PARAMETERS,
    SOURCE,
    TIME,
    Record,
    Values,
    actor,
    changed,
    column,
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
    scalar,
    span,
    text,
)

Rows = list[list[Any]]


def failed_sign_ins(records: Sequence[Record], values: Values) -> Rows:
    def who(record: Record) -> str | None:
        return first(identity(record, "userName"), identity(record, "arn"), "unknown")

    def answered(group: Sequence[Record], word: str) -> int:
        return distinct([each for each in group if scalar(each, "responseElements", "ConsoleLogin") == word])

    sign_ins = [each for each in records if SOURCE(each) == "signin.amazonaws.com" and NAME(each) == "ConsoleLogin"]
    rows = [
        (*key, answered(group, "Failure"), answered(group, "Success"), *span(group))
        for key, group in grouped(sign_ins, FILED_ACCOUNT, who, ADDRESS).items()
        if answered(group, "Failure") >= int(values["at_least"])
    ]
    return ordered(rows, -4, 1, 2, 3)


def policy_changes(records: Sequence[Record], _: Values) -> Rows:
    verbs = ("Add", "Attach", "Create", "Delete", "Detach", "Put", "Remove", "Set", "Update")
    things = ("Policy", "PolicyVersion", "Permission", "PermissionsBoundary", "Acl")
    others = ("SetDefaultPolicyVersion", "CreateGrant", "RevokeGrant", "RetireGrant")
    harmless = [f"{verb}{thing}Policy" for verb in ("Put", "Delete") for thing in ("Scaling", "Retention")]

    def wanted(record: Record) -> bool:
        name = NAME(record) or ""
        bare = name.rstrip("0123456789v_")
        of_policy = bare.startswith(verbs) and bare.endswith(things) and bare.isalpha()
        return changed(record) and (of_policy or name in others) and name not in [*harmless, "PutLifecyclePolicy"]

    def target(record: Record) -> str | None:
        of_iam = ("userName", "roleName", "groupName")
        of_others = ("bucketName", "functionName", "keyId", "repositoryName", "secretId", "topicArn", "queueUrl")
        return named(record, *of_iam, *of_others, "targetId", "resourceArn")

    def policy(record: Record) -> str | None:
        return named(record, "policyArn", "policyName", "policyId", "permissionsBoundary", "statementId")

    columns = (TIME, FILED_ACCOUNT, FILED_REGION, actor, SOURCE, NAME, target, policy, PARAMETERS, ID)
    return ordered(listed(records, wanted, *columns), -1, 10)


def public_exposures(records: Sequence[Record], _: Values) -> Rows:
    def parameter(record: Record, *path: str) -> Any:
        return get(field(record, "requestParameters"), *path)

    def shared_with_all(record: Record, permission: str) -> bool:
        items = parameter(record, permission, "add", "items")
        return isinstance(items, list) and any(get(item, "group") == "all" for item in items)

    def everybody_in(record: Record, name: str) -> bool:
        given = parameter(record, name)
        return isinstance(given, list) and "all" in given

    def to_all(record: Record) -> dict[tuple[str, str], bool]:
        """For each call that can share something, without the date in its name, whether this one shares with all."""
        snapshot, instance = everybody_in(record, "valuesToAdd"), named(record, "publiclyAccessible") == "true"
        address = named(record, "authType") == "NONE"
        return {
            ("ec2", "ModifySnapshotAttribute"): shared_with_all(record, "createVolumePermission"),
            ("ec2", "ModifyImageAttribute"): shared_with_all(record, "launchPermission"),
            ("rds", "ModifyDBSnapshotAttribute"): snapshot,
            ("rds", "ModifyDBClusterSnapshotAttribute"): snapshot,
            ("rds", "CreateDBInstance"): instance,
            ("rds", "ModifyDBInstance"): instance,
            ("lambda", "CreateFunctionUrlConfig"): address,
            ("lambda", "UpdateFunctionUrlConfig"): address,
            ("lambda", "AddPermission"): named(record, "principal") == "*",
            ("ssm", "ModifyDocumentPermission"): everybody_in(record, "accountIdsToAdd"),
        }

    def wanted(record: Record) -> bool:
        service, name = (SOURCE(record) or "").removesuffix(".amazonaws.com"), NAME(record) or ""
        call = (service, re.sub(r"\d{4,}(v\d+)?$", "", name))
        return ERROR(record) is None and to_all(record).get(call, False)

    def exposed(record: Record) -> str | None:
        of_rds = ("dBSnapshotIdentifier", "dBClusterSnapshotIdentifier", "dBInstanceIdentifier")
        return named(record, "snapshotId", "imageId", *of_rds, "functionName", "name")

    columns = (TIME, FILED_ACCOUNT, FILED_REGION, actor, SOURCE, NAME, exposed, PARAMETERS, ID)
    return ordered(listed(records, wanted, *columns), -1, 9)


def cross_account_role_use(records: Sequence[Record], _: Values) -> Rows:
    def caller_account(record: Record) -> str | None:
        return identity(record, "accountId")

    def wanted(record: Record) -> bool:
        owner = (named(record, "roleArn") or "").split(":")[4:5]
        assuming = SOURCE(record) == "sts.amazonaws.com" and NAME(record) == "AssumeRole"
        return assuming and bool(owner) and caller_account(record) is not None and owner != [caller_account(record)]

    def caller(record: Record) -> str | None:
        issuer = identity(record, "sessionContext", "sessionIssuer", "arn")
        return first(issuer, identity(record, "arn"), identity(record, "principalId"))

    def role(record: Record) -> str | None:
        return named(record, "roleArn")

    def call(record: Record) -> str | None:
        return first(column("sharedEventID")(record), ID(record))

    rows = [
        (*key, distinct(group, call), distinct(failed(group), call), distinct(group, ADDRESS), *span(group))
        for key, group in grouped([each for each in records if wanted(each)], caller_account, caller, role).items()
    ]
    return ordered(rows, -4, 1, 2, 3)


def assumed_role_chains(records: Sequence[Record], _: Values) -> Rows:
    taken: dict[tuple[str | None, ...], None] = {}
    for record in records:
        if SOURCE(record) == "sts.amazonaws.com" and (NAME(record) or "").startswith("AssumeRole"):
            given = scalar(record, "responseElements", "credentials", "accessKeyId")
            used, role = identity(record, "accessKeyId"), named(record, "roleArn")
            if ERROR(record) is None:
                taken[ID(record), TIME(record), actor(record), used, role, given] = None

    def after(link: tuple[str | None, ...]) -> list[tuple[str | None, ...]]:
        return [other for other in taken if link[5] is not None and other[3] == link[5]]

    rows = set()
    for one in taken:
        for two in after(one):
            thirds = after(two)
            ends = [(three[4], three) for three in thirds] if thirds else [(None, two)]
            for third, last in ends:
                rows.add((one[1], one[2], one[4], two[4], third, last[1], one[0], last[0]))
    return ordered(rows, -1, 7, 8)


def secret_reads(records: Sequence[Record], _: Values) -> Rows:
    parameters = ("GetParameter", "GetParameters", "GetParametersByPath", "GetParameterHistory")

    def wanted(record: Record) -> bool:
        if SOURCE(record) == "secretsmanager.amazonaws.com":
            return NAME(record) in ("GetSecretValue", "BatchGetSecretValue")
        decrypted = named(record, "withDecryption") == "true"
        return SOURCE(record) == "ssm.amazonaws.com" and NAME(record) in parameters and decrypted

    def secret(record: Record) -> str | None:
        given = field(record, "requestParameters")
        lists = [text(get(given, name)) for name in ("names", "secretIdList")]
        return first(named(record, "secretId", "name", "path"), *lists)

    rows = [
        (*key, distinct(group), distinct(failed(group)), distinct(group, ADDRESS), *span(group))
        for key, group in grouped(
            [each for each in records if wanted(each)], actor, FILED_ACCOUNT, FILED_REGION, NAME, secret
        ).items()
    ]
    return ordered(rows, -6, 1, 2, 3, 4, 5)


ANSWERS = (
    assumed_role_chains,
    cross_account_role_use,
    failed_sign_ins,
    policy_changes,
    public_exposures,
    secret_reads,
)
