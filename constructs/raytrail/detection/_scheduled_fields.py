"""Where the values of a row of the lake belong in CloudTrail's record: plain values."""

from __future__ import annotations

# Where a row's values belong in CloudTrail's record: first those that every row has, in their order, of which the
# detection and the actor are not the record's; then what these expressions over the lake's columns give.
OWN_FIELDS: tuple[str | None, ...] = (
    *(None, "eventID", "eventTime", "recipientAccountId", "awsRegion", None, "eventSource", "eventName"),
    *("sourceIPAddress", "errorCode"),
)
FURTHER_FIELDS = {
    "userIdentity.type": "useridentity.type",
    "userIdentity.principalId": "useridentity.principalid",
    "userIdentity.arn": "useridentity.arn",
    "userIdentity.accountId": "useridentity.accountid",
    "userIdentity.userName": "useridentity.username",
    "userIdentity.invokedBy": "useridentity.invokedby",
    "userIdentity.onBehalfOf.userId": "useridentity.onbehalfof.userid",
    "userIdentity.sessionContext.sessionIssuer.type": "useridentity.sessioncontext.sessionissuer.type",
    "userIdentity.sessionContext.sessionIssuer.arn": "useridentity.sessioncontext.sessionissuer.arn",
    "userIdentity.sessionContext.sessionIssuer.accountId": "useridentity.sessioncontext.sessionissuer.accountid",
    "userIdentity.sessionContext.sessionIssuer.userName": "useridentity.sessioncontext.sessionissuer.username",
    "errorMessage": "errormessage",
    "userAgent": "useragent",
}
