"""Records that are almost those which the queries look for, and one for each name in a query's lists.

Without them a query could lose a condition, or a name of a list, and still give the right rows.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.audit.own_records import event, later_records, own_records
from tests.queries.plain_reader import Record

IAM_CALLS = (
    "CreateRole CreateLoginProfile UpdateLoginProfile CreateServiceSpecificCredential UploadSigningCertificate "
    "UploadSSHPublicKey CreateSAMLProvider CreateOpenIDConnectProvider UpdateAssumeRolePolicy AddUserToGroup "
    "PutGroupPolicy PutUserPolicy AttachGroupPolicy"
)
LIST_CALLS = {
    "cloudtrail": "UpdateTrail PutEventSelectors PutInsightSelectors DeleteEventDataStore StopEventDataStoreIngestion",
    "config": "StopConfigurationRecorder DeleteConfigurationRecorder DeleteDeliveryChannel",
    "ec2": "DeleteFlowLogs ModifySecurityGroupRules",
    "events": "DeleteRule DisableRule RemoveTargets",
    "guardduty": "DeleteDetector UpdateDetector DisassociateFromAdministratorAccount CreateIPSet",
    "kms": "RevokeGrant RetireGrant ScheduleKeyDeletion",
    "logs": "DeleteLogStream DeleteMetricFilter PutRetentionPolicy DeleteRetentionPolicy",
    "monitoring": "DeleteAlarms DisableAlarmActions",
    "s3": "PutBucketLogging PutBucketLifecycle PutBucketAcl PutObjectAcl DeleteAccountPublicAccessBlock",
    "securityhub": "DisableSecurityHub",
    "secretsmanager": "BatchGetSecretValue",
    "ssm": "GetParametersByPath GetParameterHistory",
    "autoscaling": "DeleteScalingPolicy",
    "ecr": "PutLifecyclePolicy",
    "iam": "SetDefaultPolicyVersion",
    "rds": "ModifyDBClusterSnapshotAttribute ModifyDBInstance",
    "lambda": "UpdateFunctionUrlConfig",
}
NAMES_OF_RESOURCES = (
    *("bucketName", "functionName", "roleName", "userName", "groupName", "groupId", "tableName", "topicArn"),
    *("queueUrl", "keyId", "logGroupName", "instanceId", "vpcId", "subnetId", "routeTableId", "dBInstanceIdentifier"),
    *("name", "repositoryName", "secretId", "targetId", "resourceArn", "policyArn", "policyName", "policyId"),
    *("permissionsBoundary", "statementId", "imageId", "snapshotId", "dBSnapshotIdentifier"),
    *("dBClusterSnapshotIdentifier", "path", "stackName", "roleArn"),
)


def near_misses() -> Iterator[Record]:
    """Each of the latest own records, with one thing changed."""
    for record in [*own_records(), *later_records()]:
        yield {**record, "eventSource": "imitation.amazonaws.com"}
        yield {**record, "eventName": f"Imitate{record['eventName']}"}
        yield {**record, "errorCode": "AccessDenied"}
        yield {**record, "readOnly": not record["readOnly"]}
        yield {**record, "userIdentity": {}}


def every_name() -> Iterator[Record]:
    """A record for each name of an operation, and for each name of a resource in a request."""
    everybody: Record = {
        "grant": "http://acs.amazonaws.com/groups/global/AllUsers",
        "cidrIpv6": "::/0",
        "valuesToAdd": ["all"],
        "publiclyAccessible": True,
        "authType": "NONE",
        "withDecryption": True,
    }
    for source, names in {**LIST_CALLS, "iam": f"{LIST_CALLS['iam']} {IAM_CALLS}"}.items():
        for name in names.split():
            yield event(name, source, requestParameters={"groupName": "g", "name": "n", **everybody})
    by_code = "APN/1.0 Pulumi/1.0"
    for name in NAMES_OF_RESOURCES:
        request: Record = {name: f"a {name}"}
        yield event("TagResource", "tagging", days=20, userAgent=by_code, requestParameters=request)
        yield event("TagResource", "tagging", userAgent=by_code, requestParameters=request)
        yield event("TagResource", "tagging", requestParameters=request)
        yield event("TagResource", "tagging", requestParameters=request, readOnly=True)
        yield event("TagResource", "tagging", requestParameters=request, errorCode="AccessDenied")
        yield event("PutResourcePolicy", "tagging", requestParameters=request)
        yield event("DeleteResource", "tagging", requestParameters=request)
        yield event("GetSecretValue", "secretsmanager", requestParameters=request, readOnly=True)
        yield event("CreateDBInstance", "rds", requestParameters={**request, "publiclyAccessible": True})
        yield event("AuthorizeSecurityGroupIngress", "ec2", requestParameters={**request, "cidrIp": "0.0.0.0/0"})
        snapshot = request | _shared("createVolumePermission")
        yield event("ModifySnapshotAttribute", "ec2", requestParameters=snapshot)
    for permission in ("createVolumePermission", "launchPermission"):
        yield event("ModifySnapshotAttribute", "ec2", requestParameters=_shared(permission))
        yield event("ModifyImageAttribute", "ec2", requestParameters=_shared(permission))


def _shared(permission: str) -> Record:
    return {permission: {"add": {"items": [{"group": "all"}]}}}
