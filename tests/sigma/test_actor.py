"""Who calls of one actor are grouped under: the role behind sessions whose names anybody chooses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sigma.athena_kit import TABLE, Record, at, compiled, completing, correlated, located, record
from tests.sigma.sigma_kit import written

from raytrail.cli._replay._windows import slot_of
from raytrail.localaws.athena import LINE, Records, ask
from raytrail.queries import EVENTS
from raytrail.sigma import ACTOR, CompiledRule
from raytrail.sigma._actor import correlated_place
from raytrail.sigma.compiler import InvalidRule, compile_rules

ACCOUNT = "111122223333"
PERMISSION_SET = (
    f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Operators_0123456789abcdef"
)


def session(name: str, *, role: str = f"arn:aws:iam::{ACCOUNT}:role/deploy", **further: Any) -> dict[str, Any]:
    """An identity as of https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html."""
    delivery = further.pop("ec2RoleDelivery", None)
    context = {"sessionIssuer": {"type": "Role", "arn": role, "userName": role.rpartition("/")[2]}}
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLE:{name}",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/{name}",
        "accountId": ACCOUNT,
        "sessionContext": {**context, **({"ec2RoleDelivery": delivery} if delivery else {})},
        **further,
    }


def actors(*identities: Any) -> list[str | None]:
    """What each identity is grouped under."""
    records = [record(userIdentity=identity) for identity in identities]
    sql = f"SELECT {LINE}, {correlated_place(ACTOR).scalar} AS actor FROM {EVENTS.name}"
    run = ask(sql, table=TABLE, files=Records(records=located(records)))
    by_line = {int(str(line)): actor for line, actor in run.rows}
    return [by_line[number] for number in range(1, len(records) + 1)]


@pytest.mark.parametrize(
    ("identity", "actor"),
    [
        (session("a"), f"arn:aws:iam::{ACCOUNT}:role/deploy"),
        ({**session("a"), "sessionContext": {}}, f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy"),
        # Names that their users do not choose: Identity Center's, EC2's, and what a service gave credentials to.
        (session("ana@example.com", role=PERMISSION_SET), session("ana@example.com", role=PERMISSION_SET)["arn"]),
        (session("i-0a1", ec2RoleDelivery="2.0"), session("i-0a1")["arn"]),
        (session("hook", inScopeOf={"credentialsIssuedTo": "arn:aws:lambda:x"}), session("hook")["arn"]),
        # A role that only looks like a permission set is no better than others.
        (
            session("a", role=f"arn:aws:iam::{ACCOUNT}:role/AWSReservedSSO_Operators_0"),
            f"arn:aws:iam::{ACCOUNT}:role/AWSReservedSSO_Operators_0",
        ),
        ({"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root"}, f"arn:aws:iam::{ACCOUNT}:root"),
        (
            {
                "type": "FederatedUser",
                "arn": f"arn:aws:sts::{ACCOUNT}:federated-user/x",
                "sessionContext": {"sessionIssuer": {"arn": f"arn:aws:iam::{ACCOUNT}:user/ana"}},
            },
            f"arn:aws:iam::{ACCOUNT}:user/ana",
        ),
        ({"type": "AWSAccount", "principalId": "AROAX:monday", "accountId": "444455556666"}, "AROAX"),
        ({"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"}, "ANONYMOUS_PRINCIPAL"),
        ({"type": "WebIdentityUser", "principalId": "accounts.google.com:app:ana"}, "accounts.google.com:app:ana"),
        ({"type": "IdentityCenterUser", "onBehalfOf": {"userId": "544894e8"}, "accountId": ACCOUNT}, "544894e8"),
        ({"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"}, "autoscaling.amazonaws.com"),
        ({}, None),
    ],
)
def test_an_actor_is_the_role_unless_nobody_chooses_the_sessions_name(identity: Any, actor: str | None) -> None:
    assert actors(identity) == [actor]


CALLED = compiled("called", "eventname = 'CreateUser'", own=False)


def by_actor(**asked: Any) -> CompiledRule:
    return correlated(asked.pop("type", "event_count"), "called", seconds=600, group_by=[ACTOR], count=3, **asked)


def calls(*identities: Any) -> list[Record]:
    return [at(30 * place, userIdentity=identity) for place, identity in enumerate(identities)]


def test_a_new_session_for_each_call_does_not_help() -> None:
    assert completing([CALLED, by_actor()], calls(session("a"), session("b"), session("c"))) == [2]


def test_two_roles_are_two_actors() -> None:
    other = session("c", role=f"arn:aws:iam::{ACCOUNT}:role/build")
    assert completing([CALLED, by_actor()], calls(session("a"), session("b"), other)) == []


def test_two_people_of_one_permission_set_are_two_actors() -> None:
    people = [session(name, role=PERMISSION_SET) for name in ("ana", "ana", "bob", "ana")]
    assert completing([CALLED, by_actor()], calls(*people[:3])) == []
    assert completing([CALLED, by_actor()], calls(*people)) == [3]


def test_actors_can_be_counted() -> None:
    many = correlated("value_count", "called", seconds=600, group_by=["awsRegion"], count=2, value_field=ACTOR)
    other = session("c", role=f"arn:aws:iam::{ACCOUNT}:role/build")
    assert completing([CALLED, many], calls(session("a"), session("b"), other)) == [2]
    assert completing([CALLED, many], calls(session("a"), session("b"))) == []


NAMES = st.sampled_from([None, "", "a", "b"])
ARNS = st.sampled_from(
    [None, "", "arn:aws:sts::1:assumed-role/r/a", "arn:aws:sts::1:assumed-role/r/b", "arn:aws:iam::1:user/r"]
)
IDENTITIES = st.fixed_dictionaries(
    {
        "arn": ARNS,
        "principalId": st.sampled_from([None, "", "AROAX:a", "AROAX:b", "AIDAX", "idp:a", "idp:b"]),
        "userName": NAMES,
        "invokedBy": NAMES,
        "accountId": NAMES,
        "onBehalfOf": st.fixed_dictionaries({"userId": NAMES}),
        "inScopeOf": st.fixed_dictionaries({"credentialsIssuedTo": NAMES}),
        # Sessions of one ARN are of one role.
        "sessionContext": st.sampled_from([{}, {"ec2RoleDelivery": "1.0"}]),
    }
)


@settings(max_examples=15, deadline=None)
@given(st.lists(IDENTITIES, min_size=20, max_size=20), st.sampled_from([None, PERMISSION_SET, "arn:aws:iam::1:role/r"]))
def test_a_replay_looks_at_whatever_the_lake_takes_for_one_actor(identities: list[Any], role: str | None) -> None:
    issued = [
        {**each, "sessionContext": {**each["sessionContext"], "sessionIssuer": {"arn": role}}} for each in identities
    ]
    correlation = by_actor().correlation
    assert correlation is not None
    found: dict[str, set[int]] = {}
    for identity, actor in zip(issued, actors(*issued), strict=True):
        if actor is not None:
            found.setdefault(actor, set()).add(slot_of(record(userIdentity=identity), "c", correlation).group)
    assert all(len(groups) == 1 for groups in found.values()), found


def test_a_rule_about_single_events_cannot_ask_for_it(tmp_path: Path) -> None:
    rule = """
title: A rule
logsource: {product: aws, service: cloudtrail}
detection: {selection: {actor: ana, eventName: CreateUser}, condition: selection}
"""
    with pytest.raises(InvalidRule, match="actor is what correlations group by: no record has such a field"):
        compile_rules([written(tmp_path, "rule.yml", rule)], strict=False)
