"""``actor``: what correlations group by where it does not matter under which session somebody calls.

Who assumes a role chooses the session's name, and a new one for each call is one parameter more: grouped by
``userIdentity.arn`` such calls are never counted together. So the role is the actor. Where the caller cannot choose the
name, the session is: a person of Identity Center's, a machine of EC2, what a service gave credentials to. Many of those
share one role, and are not one actor for it.

The name is raytrail's: CloudTrail has no such field, so a rule about single events cannot ask for it.
"""

from __future__ import annotations

from raytrail.sigma._athena_columns import Place, place_of

ACTOR = "actor"
"""The name, in ``group-by`` and as the field of ``value_count``."""

_CONTEXT = "useridentity.sessioncontext"
_ROLE = f"{_CONTEXT}.sessionissuer.arn"
_ARN = "useridentity.arn"
# Roles below this path are made by Identity Center alone, and nobody else can assume them.
# https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
_NAMED_BY_AWS = " OR ".join(
    (
        f"{_ROLE} LIKE 'arn:%:role/aws-reserved/sso.amazonaws.com/%'",
        # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
        f"{_CONTEXT}.ec2roledelivery <> ''",
        "useridentity.inscopeof.credentialsissuedto <> ''",
    )
)
_ALTERNATIVES = (
    f"IF({_ROLE} <> '' AND ({_NAMED_BY_AWS}), {_ARN})",
    _ROLE,
    f"regexp_extract({_ARN}, '^(.*:assumed-role/.*)/', 1)",
    _ARN,
    "useridentity.onbehalfof.userid",
    # "AROA...:session" of a caller in another account.
    "regexp_extract(useridentity.principalid, '^(AROA[^:]*):', 1)",
    "useridentity.principalid",
    "useridentity.username",
    "useridentity.invokedby",
    "useridentity.accountid",
)
_SQL = "coalesce(" + ", ".join(f"nullif({each}, '')" for each in _ALTERNATIVES) + ")"


def correlated_place(field: str) -> Place:
    """Return where a field is that a correlation groups by or counts: `ACTOR`, or one of CloudTrail's.

    Raises:
        NotExpressible: As for `place_of`.
    """
    if field == ACTOR:
        return Place(ACTOR, "text", _SQL, scalar=_SQL, values=f"ARRAY[{_SQL}]")
    return place_of(field)
