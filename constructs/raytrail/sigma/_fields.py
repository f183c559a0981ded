"""What is known of CloudTrail's fields: how AWS spells their values, and what is an array, an object or text.

The record's fields: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from itertools import islice, product
from typing import TypeVar

_Other = TypeVar("_Other")

_VERBS = (
    "Accept|Add|Associate|Attach|Authorize|Batch|Cancel|Change|Copy|Create|Delete|Deregister|Describe|Detach|Disable"
    "|Disassociate|Enable|Get|Import|List|Modify|Put|Register|Reject|Remove|Replace|Reset|Restore|Revoke|Run|Send|Set"
    "|Start|Stop|Tag|Terminate|Untag|Update|Upload"
)
_SPELLINGS = {
    "eventSource": re.compile(r"\.?[a-z0-9-]+(\.[a-z0-9-]+)*\.?"),
    # `CreateUser`; never `createuser`, `CREATEUSER` or `Createuser`: a verb is followed by a capital.
    "eventName": re.compile(rf"(?!(?:{_VERBS})[a-z])(?=.*[a-z])[A-Z][A-Za-z0-9_]*"),
    "eventType": re.compile(
        "AwsApiCall|AwsServiceEvent|AwsConsoleAction|AwsConsoleSignIn|AwsCloudTrailInsight|AwsVpceEvent"
    ),
    "eventCategory": re.compile("Management|Data|NetworkActivity|Insight"),
    "awsRegion": re.compile("[a-z0-9-]+"),
    "errorCode": re.compile(r"(?:(?=.*[a-z])[A-Z][A-Za-z0-9]*)(?:[.:](?=.*[a-z])[A-Z][A-Za-z0-9]*)*"),
    "userIdentity.type": re.compile(
        "Root|IAMUser|AssumedRole|Role|FederatedUser|Directory|AWSAccount|AWSService|SAMLUser|WebIdentityUser"
        "|IdentityCenterUser|Unknown"
    ),
    # Services that call for somebody. Addresses have letters too, which AWS writes small.
    "sourceIPAddress": re.compile(r"[0-9a-f:.]+|(\.?[a-z0-9-]+)*\.?amazonaws\.com"),
    "userIdentity.invokedBy": re.compile(r"(\.?[a-z0-9-]+)*\.?amazonaws\.com"),
    "readOnly": re.compile("true|false"),
    "managementEvent": re.compile("true|false"),
    "sessionCredentialFromConsole": re.compile("true|false"),
    "userIdentity.sessionContext.attributes.mfaAuthenticated": re.compile("true|false"),
}


_WITHOUT_CAPITALS = frozenset(["eventSource", "awsRegion", "sourceIPAddress", "userIdentity.invokedBy"])
"""Of these fields, those whose values, where they are spelled so, have no capitals in any place."""


_MOST_SPELLINGS = 8
"""Of one text with wildcards; more would make the pattern long for what nobody asks."""


def as_written(field: str, value: str) -> bool:
    """Whether AWS writes the values of ``field`` in one spelling only, and ``value`` is written in it.

    Such a value is compared letter by letter, which is what EventBridge does fastest, with wildcards too, and what
    lets Athena skip files. Every other is compared without regard to case, as Sigma says.

    Args:
        field: As ``userIdentity.type``.
        value: The text of the rule, without Sigma's wildcards. What values begin with is judged like a whole value:
            ``UpdateFunctionCode20`` is as written, ``function`` is not.
    """
    spelling = _SPELLINGS.get(field)
    return spelling is not None and spelling.fullmatch(value) is not None


def spellings(field: str, parts: Sequence[str | _Other]) -> list[tuple[str | _Other, ...]] | None:
    """The ways in which AWS may write a text with wildcards. None: in capitals and small letters as it likes.

    Where values do not begin with it, AWS may write a word small that the rule writes with a capital:
    ``DisassociateAddress`` has ``Associate`` in it.

    Args:
        field: As for `as_written`.
        parts: The runs of characters, and anything else for wildcards, in their order.
    """
    ways: list[tuple[str | _Other, ...]] = []
    for place, part in enumerate(parts):
        if not isinstance(part, str):
            ways.append((part,))
        elif not as_written(field, part):
            return None
        elif place == 0 or field in _WITHOUT_CAPITALS:
            ways.append((part,))
        else:
            ways.append(tuple(dict.fromkeys((part, part[:1].lower() + part[1:]))))
    found = list(islice(product(*ways), _MOST_SPELLINGS + 1))
    return found if len(found) <= _MOST_SPELLINGS else None


_TEXT = frozenset(
    [
        "eventVersion",
        "eventTime",
        "eventSource",
        "eventName",
        "awsRegion",
        "sourceIPAddress",
        "userAgent",
        "errorCode",
        "errorMessage",
        "requestID",
        "eventID",
        "eventType",
        "apiVersion",
        "recipientAccountId",
        "sharedEventID",
        "vpcEndpointId",
        "vpcEndpointAccountId",
        "eventCategory",
        "userIdentity.type",
        "userIdentity.principalId",
        "userIdentity.arn",
        "userIdentity.accountId",
        "userIdentity.accessKeyId",
        "userIdentity.userName",
        "userIdentity.invokedBy",
        "userIdentity.sessionContext.sessionIssuer.type",
        "userIdentity.sessionContext.sessionIssuer.principalId",
        "userIdentity.sessionContext.sessionIssuer.arn",
        "userIdentity.sessionContext.sessionIssuer.accountId",
        "userIdentity.sessionContext.sessionIssuer.userName",
        "userIdentity.sessionContext.attributes.creationDate",
        "userIdentity.sessionContext.attributes.mfaAuthenticated",
        "userIdentity.sessionContext.sourceIdentity",
        "resources.ARN",
        "resources.accountId",
        "resources.type",
        "tlsDetails.tlsVersion",
        "tlsDetails.cipherSuite",
        "tlsDetails.clientProvidedHostHeader",
        "tlsDetails.keyExchange",
    ]
)

_OBJECTS = frozenset(
    [
        "userIdentity",
        "userIdentity.sessionContext",
        "userIdentity.sessionContext.sessionIssuer",
        "userIdentity.sessionContext.attributes",
        "userIdentity.sessionContext.webIdFederationData",
        "userIdentity.sessionContext.webIdFederationData.attributes",
        "userIdentity.inScopeOf",
        "userIdentity.invokedByDelegate",
        "userIdentity.onBehalfOf",
        "requestParameters",
        "responseElements",
        "additionalEventData",
        "serviceEventDetails",
        "resources",
        "tlsDetails",
        "addendum",
        "edgeDeviceDetails",
        "insightDetails",
        "eventContext",
    ]
)

NAMES = _TEXT | _OBJECTS | {"readOnly", "managementEvent", "sessionCredentialFromConsole"}
"""Fields that are known by name: all at the top of a record, and those of them whose parts AWS documents."""

_CLOSED = frozenset(["userIdentity", "resources", "tlsDetails"])
"""Objects whose parts AWS documents: which of these are objects in turn is known."""

_ARRAYS = frozenset(
    {
        *("items", "resources", "records", "statement", "tags", "tagset", "tagkeys", "tagspecifications", "filters"),
        *("values", "rules", "entries", "targets", "groups", "messages", "keys", "userids", "resourcearns"),
        *("resourceids", "features"),
    }
)
"""Names of arrays, in lower case, besides those of `_lists`: CloudTrail's own, and parameters that are lists mostly."""

_LISTS_OF_TEXTS = frozenset(["publicaccesscidrs", "securitygroupids", "subnetids"])
"""Parameters that are lists of texts in every API of AWS that has them."""


@cache
def _lists() -> frozenset[str]:
    """Parameters that are lists in every API of AWS that has them: see tools/list_parameters.py."""
    return frozenset(resources.files("raytrail.sigma").joinpath("arrays.txt").read_text(encoding="utf-8").split())


def is_text(field: str) -> bool:
    """Whether AWS always writes the field as a text, never as a number or a boolean."""
    return field in _TEXT


def is_object(field: str) -> bool:
    """Whether the field is an object (or an array of objects), which has no value of its own to compare with."""
    return field in _OBJECTS


def is_open(field: str) -> bool:
    """Whether the field is part of what calls bring along, and so may be a value, a list or an object."""
    return "." in field and field.partition(".")[0] not in _CLOSED


def is_list_of_texts(field: str) -> bool:
    """Whether the field is an array of texts: where it holds none, nothing of it is there for EventBridge."""
    return field.rpartition(".")[2].lower() in _LISTS_OF_TEXTS


def array_in(field: str) -> str | None:
    """The path down to the first array in the field's that is known, as ``requestParameters.ipPermissions.items``.

    EC2 writes its lists as ``{"items": [...]}``, so that the word before ``items`` is no array there; where it is
    one by itself, as in Lambda's ``layers``, the word is known. None: no part is known to be an array. A parameter
    that is a list in one API and something else in another is not known, nor are the answers of calls.
    """
    parts = field.split(".")
    for index, part in enumerate(parts):
        known = part.lower() in _ARRAYS or (index > 0 and part.lower() in _lists())
        if known and parts[index + 1 : index + 2] != ["items"]:
            return ".".join(parts[: index + 1])
    return None
