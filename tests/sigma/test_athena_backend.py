"""Each construct of Sigma's language as Athena SQL: which records it matches, asked of a real engine."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import PythonRegexEngine
from sigma.rule import SigmaRule
from tests.sigma.athena_kit import Record, athena_of, holds, matching, record
from tests.sigma.sigma_kit import CLOUDTRAIL, rule
from tests.trino_grammar import grammar_errors

from raytrail.sigma._athena_backend import predicate
from raytrail.sigma._errors import NotExpressible


class Case(NamedTuple):
    """A selection, records that it matches, and records that it does not."""

    selection: Any
    match: list[Record]
    miss: list[Record]
    condition: str = "selection"


ISSUER = "userIdentity__sessionContext__sessionIssuer__arn"
BUCKET = {"ARN": "arn:aws:s3:::logs", "accountId": "111122223333", "type": "AWS::S3::Bucket"}
CASES = {
    "text without regard to case": Case(
        {"userAgent": "AWS-cli/2.1"}, [record(), record(userAgent="aws-CLI/2.1")], [record(userAgent="aws-cli/2.10")]
    ),
    "text with regard to case": Case({"userAgent|cased": "aws-cli/2.1"}, [record()], [record(userAgent="AWS-cli/2.1")]),
    "what AWS spells in one way": Case(
        {"eventName": "CreateUser"}, [record()], [record(eventName="DeleteUser"), record(eventName=None)]
    ),
    "a name that AWS does not write so": Case(
        {"eventName": "createuser"}, [record()], [record(eventName="CreateUsers")]
    ),
    "one of a list": Case(
        {"eventName": ["CreateUser", "DeleteUser"]},
        [record(), record(eventName="DeleteUser")],
        [record(eventName="GetUser")],
    ),
    "part of a struct": Case(
        {"userIdentity.sessionContext.sessionIssuer.arn|endswith": ":role/Admin"},
        [record(**{ISSUER: "arn:aws:iam::1:role/admin"})],
        [record(), record(**{ISSUER: "arn:aws:iam::1:role/admin2"})],
    ),
    "key of a map": Case(
        {"userIdentity.sessionContext.webIdFederationData.attributes.accounts.google.com:aud": "app"},
        [
            record(
                userIdentity__sessionContext__webIdFederationData={
                    "federatedProvider": "accounts.google.com",
                    "attributes": {"accounts.google.com:aud": "app"},
                }
            )
        ],
        [record()],
    ),
    "any element of an array": Case(
        {"resources.ARN|startswith": "arn:aws:s3:::"},
        [record(resources=[{"ARN": "arn:aws:kms:x"}, BUCKET])],
        [record(), record(resources=[]), record(resources=[{"ARN": "arn:aws:kms:x"}])],
    ),
    "a name in JSON": Case(
        {"requestParameters.userName": "bob"},
        [record(requestParameters={"userName": "Bob"}), record(requestParameters={"userName": ["al", "bob"]})],
        [
            record(),
            record(requestParameters={}),
            record(requestParameters={"username": "bob"}),
            record(requestParameters={"userName": {"bob": "bob"}}),
            record(requestParameters={"other": {"userName": "bob"}}),
        ],
    ),
    "through arrays in JSON": Case(
        {"requestParameters.ipPermissions.items.ipRanges.items.cidrIp": "0.0.0.0/0"},
        [
            record(
                requestParameters={
                    "ipPermissions": {
                        "items": [
                            {"fromPort": 1},
                            {"ipRanges": {"items": [{"cidrIp": "10.0.0.0/8"}, {"cidrIp": "0.0.0.0/0"}]}},
                        ]
                    }
                }
            )
        ],
        [record(requestParameters={"ipPermissions": {"items": [{"ipRanges": {"items": []}}]}})],
    ),
    "a name with other characters": Case(
        {"requestParameters.x-amz-acl.a b|contains": "public"},
        [record(requestParameters={"x-amz-acl": {"a b": "all-Public-read"}})],
        [record(requestParameters={"x-amz-acl": "public"})],
    ),
    "a number": Case(
        {"requestParameters.port": 443},
        [record(requestParameters={"port": 443}), record(requestParameters={"port": "443"})],
        [record(requestParameters={"port": 4430}), record(requestParameters={"port": True})],
    ),
    "a boolean": Case(
        {"requestParameters.force": True},
        [record(requestParameters={"force": True}), record(requestParameters={"force": "True"})],
        [record(requestParameters={"force": False}), record(requestParameters={"force": 1}), record()],
    ),
    "a boolean that a column has as text": Case({"readOnly": False}, [record()], [record(readOnly=True)]),
    "one of numbers, booleans and texts": Case(
        {"requestParameters.x": [5, True, "Q*"]},
        [record(requestParameters={"x": value}) for value in (5, True, "quick")],
        [record(requestParameters={"x": value}) for value in (6, False, "aq")],
    ),
    "more, and less": Case(
        {"requestParameters.days|gte": 3, "requestParameters.days|lt": 30.5},
        [record(requestParameters={"days": value}) for value in (3, 30, "7", 29.9)],
        [record(requestParameters={"days": value}) for value in (2, 31, "x", "NaN", "Infinity", None, " 7")],
    ),
    "contains": Case({"userAgent|contains": "CLI"}, [record()], [record(userAgent="console"), record(userAgent=None)]),
    "contains all": Case(
        {"userAgent|contains|all": ["cli", "2.1"]}, [record()], [record(userAgent="aws-cli/1"), record(userAgent="2.1")]
    ),
    "all, by different elements": Case(
        {"requestParameters.names|contains|all": ["al", "bo"]},
        [record(requestParameters={"names": ["al", "bob"]})],
        [record(requestParameters={"names": ["al"]})],
    ),
    "a part of a name that AWS writes small where it does not begin it": Case(
        {"eventName|contains": "Associate"},
        [record(eventName="AssociateAddress"), record(eventName="DisassociateAddress")],
        [record(eventName="AttachVolume")],
    ),
    "the end of such a name": Case(
        {"eventName|endswith": "Graph"},
        [record(eventName="GetServiceGraph"), record(eventName="GetMetadataphotograph")],
        [record(eventName="GetGraphs")],
    ),
    "wildcards inside": Case(
        {"eventName": "Create*Ver?ion"},
        [record(eventName="CreatePolicyVersion")],
        [record(eventName="CreatePolicyVerion"), record(eventName="XCreatePolicyVersion")],
    ),
    "what LIKE takes for wildcards": Case(
        {"userAgent|contains": "a_b%c\\d"},
        [record(userAgent="xa_b%c\\dx")],
        [record(userAgent="xaxb%c\\dx"), record(userAgent="xa_bxc\\dx"), record(userAgent="xa_b%cd")],
    ),
    "wildcards that are meant": Case(
        {"userAgent": "a\\*b\\?c*"},
        [record(userAgent="a*b?cde")],
        [record(userAgent="axb?cde"), record(userAgent="a*bxc")],
    ),
    "quotes and comments": Case(
        {"userAgent": "x' OR 1=1 --", "requestParameters.a": 'say "hi" /* \\ ?'},
        [record(userAgent="x' or 1=1 --", requestParameters={"a": 'say "hi" /* \\ z'})],
        [record(userAgent="x"), record(userAgent="x' or 1=1 --", requestParameters={"a": "hi"})],
    ),
    "letters beyond ASCII": Case(
        {"requestParameters.name|startswith": "Zürich"},
        [record(requestParameters={"name": "ZÜRICH 1"})],
        [record(requestParameters={"name": "Zurich"})],
    ),
    "the empty text": Case({"userAgent": ""}, [record(userAgent="")], [record(), record(userAgent=None)]),
    "anything at all": Case({"errorCode": "*"}, [record(errorCode="AccessDenied")], [record(), record(errorCode=None)]),
    "null": Case({"errorCode": None}, [record(), record(errorCode=None)], [record(errorCode="AccessDenied")]),
    "null in JSON": Case(
        {"requestParameters.a": None},
        [
            record(),
            record(requestParameters={}),
            record(requestParameters={"a": None}),
            record(requestParameters={"a": []}),
        ],
        [
            record(requestParameters={"a": ""}),
            record(requestParameters={"a": False}),
            record(requestParameters={"a": {}}),
        ],
    ),
    "null of an array": Case({"resources.ARN": None}, [record(), record(resources=[])], [record(resources=[BUCKET])]),
    "null or a value": Case(
        {"errorCode": [None, "ThrottlingException"]},
        [record(), record(errorCode="ThrottlingException")],
        [record(errorCode="AccessDenied")],
    ),
    "exists": Case(
        {"requestParameters.a|exists": True, "responseElements|exists": False},
        [record(requestParameters={"a": 0})],
        [
            record(),
            record(requestParameters={"a": None}),
            record(requestParameters={"a": 0}, responseElements={"b": 1}),
        ],
    ),
    "not exists": Case(
        {"requestParameters.a|exists": True},
        [record(), record(requestParameters={"a": None})],
        [record(requestParameters={"a": 0})],
        "not selection",
    ),
    "not, over what is missing": Case(
        {"errorCode": "AccessDenied"},
        [record(), record(errorCode="Other")],
        [record(errorCode="AccessDenied")],
        "not selection",
    ),
    "not, over JSON that is missing": Case(
        {"requestParameters.names|startswith": "al"},
        [record(), record(requestParameters={"names": []}), record(requestParameters={"names": ["bob", None]})],
        [record(requestParameters={"names": ["bob", "al"]})],
        "not selection",
    ),
    "not, over several fields": Case(
        {"errorCode": "AccessDenied", "userAgent": "x"},
        [record(errorCode="AccessDenied"), record(userAgent="x"), record()],
        [record(errorCode="AccessDenied", userAgent="X")],
        "not selection",
    ),
    "not not": Case(
        {"errorCode": "AccessDenied"}, [record(errorCode="AccessDenied")], [record()], "not (not selection)"
    ),
    "neq": Case(
        {"errorCode|neq": "AccessDenied"}, [record(), record(errorCode="x")], [record(errorCode="AccessDenied")]
    ),
    "selections in a list": Case(
        [{"eventName": "GetUser", "errorCode": "AccessDenied"}, {"eventName": "CreateUser"}],
        [record(), record(eventName="GetUser", errorCode="AccessDenied")],
        [record(eventName="GetUser")],
    ),
    "a regular expression": Case(
        {"userAgent|re": r"^aws-(cli|sdk)/[0-9]+\.\d$"},
        [record()],
        [record(userAgent="AWS-cli/2.1"), record(userAgent="x")],
    ),
    "a regular expression anywhere, of any case": Case(
        {"requestParameters.doc|re|i": r'"aws"\s*:\s*"\*"'},
        [record(requestParameters={"doc": '{"Principal": {"AWS" : "*"}}'})],
        [record(requestParameters={"doc": '{"Principal": {"AWS": "1"}}'}), record()],
    ),
    "an address of a network": Case(
        {"sourceIPAddress|cidr": ["10.0.0.0/9", "2001:db8::/33"]},
        [record(), record(sourceIPAddress="10.127.255.255"), record(sourceIPAddress="2001:db8:7fff::1")],
        [
            record(sourceIPAddress="10.128.0.0"),
            record(sourceIPAddress="2001:db8:8000::"),
            record(sourceIPAddress="cloudtrail.amazonaws.com"),
        ],
    ),
    "no address of a network": Case(
        {"sourceIPAddress|cidr": "10.0.0.0/8"},
        [record(sourceIPAddress="cloudtrail.amazonaws.com"), record(sourceIPAddress="11.0.0.1")],
        [record()],
        "not selection",
    ),
    "the same as another field": Case(
        {"requestParameters.userName|fieldref": "userIdentity.userName"},
        [record(requestParameters={"userName": "Ana"})],
        [record(requestParameters={"userName": "bob"}), record(), record(userIdentity__userName=None)],
    ),
    "the same as another field in JSON": Case(
        {"requestParameters.from|fieldref": "requestParameters.to"},
        [record(requestParameters={"from": ["a", "b"], "to": "B"})],
        [record(requestParameters={"from": "a", "to": "b"}), record(requestParameters={"from": "a"})],
    ),
    "another field inside": Case(
        {"requestParameters.arn|fieldref|contains": "recipientAccountId"},
        [record(requestParameters={"arn": "arn:aws:logs:eu-west-1:111122223333:destination:d"})],
        [record(requestParameters={"arn": "arn:aws:logs:eu-west-1:999988887777:destination:d"})],
    ),
    "the hour": Case(
        {"eventTime|hour": 10},
        [record(), record(eventTime="2026-01-01T10:00:00Z")],
        [record(eventTime="2026-11-22T11:00:00Z")],
    ),
    "base64": Case(
        {"requestParameters.userData|base64offset|contains": "curl evil"},
        [record(requestParameters={"userData": "IyEvYmluL3NoCmN1cmwgZXZpbA=="})],
        [record(requestParameters={"userData": "IyEvYmluL3NoCg=="})],
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_construct_matches_what_it_says_and_nothing_else(case: Case) -> None:
    condition = athena_of({"selection": case.selection, "condition": case.condition})
    assert matching(condition, [*case.match, *case.miss]) == list(range(len(case.match)))


# What the kit's plain evaluation does not know.
NOT_EVALUATED = ("fieldref", "hour", "base64", "neq", "webIdFederationData")
EVALUATED = {
    name: case for name, case in CASES.items() if not any(word in str(case.selection) for word in NOT_EVALUATED)
}


@pytest.mark.parametrize("case", EVALUATED.values(), ids=EVALUATED.keys())
def test_the_words_of_sigma_evaluated_directly_say_the_same(case: Case) -> None:
    detection = {"selection": case.selection, "condition": case.condition}
    assert all(holds(detection, each) for each in case.match)
    assert not any(holds(detection, each) for each in case.miss)


def test_an_independent_trino_grammar_takes_every_condition() -> None:
    conditions = [athena_of({"selection": each.selection, "condition": each.condition}) for each in CASES.values()]
    errors = grammar_errors([f"SELECT 1 FROM t WHERE {condition}" for condition in conditions])
    assert [found for found in zip(conditions, errors, strict=True) if found[1]] == []


class TestConditions:
    FIRST, SECOND, THIRD = record(eventName="A"), record(eventName="B"), record(eventName="C")

    @pytest.mark.parametrize(
        ("condition", "found"),
        [
            ("a and b", []),
            ("a or b", [0, 1]),
            ("a or b and not c", [0, 1]),
            ("(a or b) and not a", [1]),
            ("not (a or b)", [2]),
            ("not a and not b", [2]),
            ("1 of them", [0, 1, 2]),
            ("all of them", []),
            ("1 of a*", [0]),
        ],
    )
    def test_conditions_bind_as_in_sigma(self, condition: str, found: list[int]) -> None:
        names = {name: {"eventName|cased": name.upper()} for name in "abc"}
        sql = athena_of({**names, "condition": condition})
        assert matching(sql, [self.FIRST, self.SECOND, self.THIRD]) == found

    def test_several_conditions_are_alternatives(self) -> None:
        names = {name: {"eventName|cased": name.upper()} for name in "abc"}
        sql = athena_of({**names, "condition": ["a", "b and not c"]})
        assert matching(sql, [self.FIRST, self.SECOND, self.THIRD]) == [0, 1]

    def test_a_rule_that_only_a_correlation_uses_has_its_condition_too(self) -> None:
        made = rule({"selection": {"eventName": "CreateUser"}})
        made.disable_output()
        assert predicate(made) == "eventname = 'CreateUser'"


class TestText:
    def test_what_is_cheap_comes_first(self) -> None:
        sql = athena_of(
            {
                "selection": {
                    "requestParameters.a": "x",
                    "resources.ARN": "y",
                    "userAgent": "z",
                    "eventName": "CreateUser",
                },
            }
        )
        places = [sql.index(word) for word in ("eventname", "useragent", "resources", "requestparameters")]
        assert places == sorted(places)

    def test_values_of_one_field_are_looked_for_in_one_reading_of_its_json(self) -> None:
        sql = athena_of({"selection": {"requestParameters.a|startswith": ["x", "y", "z"]}})
        assert sql.count("json_query") == 1

    def test_a_value_that_aws_writes_in_one_way_is_compared_as_written(self) -> None:
        assert athena_of({"selection": {"eventSource": "iam.amazonaws.com"}}) == "eventsource = 'iam.amazonaws.com'"
        assert "lower(" in athena_of({"selection": {"userAgent": "curl"}})


@pytest.mark.filterwarnings("ignore:Possible nested set", "ignore:Possible set intersection")
@pytest.mark.parametrize(
    ("detection", "reason"),
    [
        ({"selection": ["mimikatz"]}, "in the whole record"),
        ({"selection": {"requestParameters": "x"}}, "is an object"),
        ({"selection": {"userIdentity": "x"}}, "is an object"),
        ({"selection": {"eventName|fieldref": "userIdentity"}}, "is an object"),
        (
            {"selection": {"requestParameters.tags.key|fieldref": "requestParameters.tags.value"}},
            "compared with requestParameters.tags.value in the same array requestParameters.tags",
        ),
        ({"selection": {"resources.ARN|fieldref|contains": "resources.accountId"}}, "in the same array resources"),
        ({"selection": {"evntName": "x"}}, "no column for the field 'evntName'.*did you mean 'eventname'"),
        ({"selection": {"userIdentity.user": "x"}}, "no part 'user'"),
        ({"selection": {"eventName|expand": "%names%"}}, "placeholder 'names'"),
        ({"selection": {"userAgent|re": "(?P<name>x)y"}}, "not every engine"),
        ({"selection": {"userAgent|re": "[[:alpha:]]"}}, "not every engine"),
        ({"selection": {"userAgent|re": "[a-z&&b]"}}, "not every engine"),
        ({"selection": {"userAgent|re": "(?=x)y"}}, "not every engine"),
        ({"selection": {"userAgent|re": r"(a)\1"}}, "not every engine"),
        ({"selection": {"userAgent|re": "a++b"}}, "not every engine"),
        ({"selection": {"requestParameters.time|hour": 3}}, "part of a time"),
        ({"selection": {'requestParameters.a"b': 3}}, "has a quote"),
    ],
)
def test_what_cannot_be_said_exactly_is_refused_with_the_reason(detection: dict[str, Any], reason: str) -> None:
    made = SigmaRule.from_dict(
        {"title": "A rule", "logsource": CLOUDTRAIL, "detection": {**detection, "condition": "selection"}},
        # RE2, the default, would refuse some of the expressions before the backend sees them.
        policy=SigmaPolicy(regex_engine=PythonRegexEngine()),
    )
    with pytest.raises(NotExpressible, match=reason):
        predicate(made)
