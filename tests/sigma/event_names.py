"""Which event names exist: the operations of botocore's models, and what CloudTrail has besides."""

from __future__ import annotations

import re
from functools import cache

import botocore.loaders

from raytrail.sigma import Call

_MODELS = {
    "access-analyzer": ["accessanalyzer"],
    "apigateway": ["apigateway", "apigatewayv2"],
    "appconfig": ["appconfig", "appconfigdata"],
    "dynamodb": ["dynamodb", "dynamodbstreams"],
    "bedrock": [
        *("bedrock", "bedrock-runtime", "bedrock-agent", "bedrock-agent-runtime"),
        *("bedrock-agentcore", "bedrock-agentcore-control"),
    ],
    "elasticfilesystem": ["efs"],
    "elasticloadbalancing": ["elb", "elbv2"],
    "es": ["es", "opensearch"],
    "monitoring": ["cloudwatch"],
    "rds": ["rds", "docdb", "neptune"],
    "rdsdata": ["rds-data"],
    "s3": ["s3", "s3control"],
    "s3express": ["s3"],
    "sagemaker": ["sagemaker", "sagemaker-runtime"],
    "servicequotas": ["service-quotas"],
    "ses": ["ses", "sesv2"],
    "sms-voice": ["pinpoint-sms-voice-v2"],
    "sso": ["sso", "sso-admin", "sso-oidc"],
    "sso-directory": ["identitystore"],
    "states": ["stepfunctions"],
    "tagging": ["resourcegroupstaggingapi"],
}
"""Models of botocore by the event source that CloudTrail records their calls under, where that has another name."""

_SIGN_IN = "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html"
_IDENTITY_SIGN_IN = "https://docs.aws.amazon.com/singlesignon/latest/userguide/understanding-sign-in-events.html"
_S3 = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html"
_READS = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-management-event-list.html"
_ACTIONS = "https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html"

BESIDES: dict[str, dict[str, str]] = {
    "signin": {
        _SIGN_IN: "ConsoleLogin CheckMfa GetSigninToken",
        _IDENTITY_SIGN_IN: "CredentialChallenge CredentialVerification UserAuthentication",
    },
    "s3": {
        _S3: (
            "GetAccelerateConfiguration PutAccelerateConfiguration GetBucketObjectLockConfiguration "
            "PutBucketObjectLockConfiguration GetBucketPublicAccessBlock PutBucketPublicAccessBlock "
            "DeleteBucketPublicAccessBlock GetAccountPublicAccessBlock PutAccountPublicAccessBlock "
            "DeleteAccountPublicAccessBlock"
        )
    },
    "athena": {_READS: "CheckQueryCompatibility"},
    "cloudshell": {_READS: "RedeemCode"},
    "codeartifact": {_READS: "ReadFromRepository"},
    "codebuild": {_READS: "BatchPutCodeCoverages BatchPutTestCases RequestBadge"},
    "codecommit": {_READS: "GitPull"},
    "cognito-idp": {_READS: "IntrospectToken"},
    "ecr": {_READS: "DryRunEvent PolicyExecutionEvent"},
    "eks": {_READS: "AccessKubernetesApi"},
    "elasticfilesystem": {_READS: "NewClientConnection UpdateClientConnection"},
    "events": {_READS: "TestScheduleExpression"},
    "glue": {_READS: "QueryJobs QueryJobRuns QueryJobRunsAggregated"},
    "rds": {_READS: "DownloadCompleteDBLogFile"},
    "ssm": {_READS: "ExecuteApi"},
    # Of the console, and so no operation of an SDK.
    "bedrock": {_ACTIONS: "PutFoundationModelEntitlement"},
    "ssmmessages": {_ACTIONS: "CreateControlChannel OpenControlChannel CreateDataChannel OpenDataChannel"},
    "sso": {_ACTIONS: "AssociateDirectory DisassociateDirectory PutMfaDeviceManagementForDirectory"},
    "sso-directory": {
        _READS: "IsMemberInGroup",
        _ACTIONS: (
            "AddMemberToGroup "
            "CreateExternalIdPConfigurationForDirectory UpdateExternalIdPConfigurationForDirectory "
            "EnableExternalIdPConfigurationForDirectory DisableExternalIdPConfigurationForDirectory "
            "ImportExternalIdPCertificate"
        ),
    },
}
"""Names that CloudTrail has and botocore has not, by source and by the page that names them."""

CONSOLE = {(service, name) for service, pages in BESIDES.items() for name in pages.get(_ACTIONS, "").split()}
"""Those that are actions of IAM."""


@cache
def operations(service: str) -> frozenset[str]:
    """What botocore knows under an event source, given without ``.amazonaws.com``; empty: no such service."""
    loader = botocore.loaders.Loader()
    found: set[str] = set()
    for model in _MODELS.get(service, [service]):
        if model in _models():
            found |= set(loader.load_service_model(model, "service-2")["operations"])
    return frozenset(found)


@cache
def _models() -> frozenset[str]:
    return frozenset(botocore.loaders.Loader().list_available_services("service-2"))


def names(source: str) -> frozenset[str]:
    """Every event name that is known of a source; empty: the source is not."""
    service = source.removesuffix(".amazonaws.com")
    besides = {name for listed in BESIDES.get(service, {}).values() for name in listed.split()}
    return operations(service) | besides


def exists(call: Call) -> bool:
    """Whether some event that is known is one of ``call``. A source with an asterisk is not asked about."""
    if "*" in call.source:
        return True
    known = names(call.source)
    if call.source == "lambda.amazonaws.com":
        # The name with its date, or how a name with a date begins.
        dated = re.fullmatch(r"(\w+?)(20\d{6}(v\d)?|20\*|20\d{6}\*)", call.name)
        if dated:
            return dated[1] in known
    pattern = ".*".join(map(re.escape, call.name.split("*")))
    return any(re.fullmatch(pattern, name) for name in known)
