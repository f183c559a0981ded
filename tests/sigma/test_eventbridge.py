"""Each construct of Sigma's language: the pattern it becomes, or why EventBridge cannot say it."""

from __future__ import annotations

import re

import pytest
from sigma.collection import SigmaCollection
from sigma.exceptions import SigmaFeatureNotSupportedByBackendError
from sigma.modifiers import modifier_mapping
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import FieldMappingTransformation, ValueListPlaceholderTransformation
from tests.sigma.sigma_kit import CLOUDTRAIL, complaint, detail, matches, patterns, rule

from raytrail.sigma.compiler import EventBridgeBackend

MISSING = {"exists": False}
NULL = [None, MISSING]
NOT_NULL = [{"prefix": ""}, True, False, {"numeric": [">=", 0]}, {"numeric": ["<", 0]}]
SAID = {
    # values
    "{eventName: CreateUser}": {"eventName": ["CreateUser"]},
    "{eventName: [CreateUser, DeleteUser]}": {"eventName": ["CreateUser", "DeleteUser"]},
    "{eventName: createuser}": {"eventName": [{"equals-ignore-case": "createuser"}]},
    "{userAgent: curl}": {"userAgent": [{"equals-ignore-case": "curl"}]},
    "{userAgent|cased: curl}": {"userAgent": ["curl"]},
    "{userAgent: '443'}": {"userAgent": ["443"]},
    "{userAgent: 443}": {"userAgent": ["443"]},
    "{requestParameters.x: 443}": {"requestParameters": {"x": [443, "443"]}},
    "{requestParameters.x: '443'}": {"requestParameters": {"x": [443, "443"]}},
    "{requestParameters.x: 1.5}": {"requestParameters": {"x": [1.5, "1.5"]}},
    "{requestParameters.x: '007'}": {"requestParameters": {"x": ["007"]}},
    "{requestParameters.x: '90071992547409931'}": {"requestParameters": {"x": ["90071992547409931"]}},
    "{requestParameters.x: true}": {"requestParameters": {"x": [True, {"equals-ignore-case": "true"}]}},
    "{requestParameters.x|cased: 'false'}": {"requestParameters": {"x": [False, "false"]}},
    "{requestParameters.x|cased: 'False'}": {"requestParameters": {"x": ["False"]}},
    "{readOnly: false}": {"readOnly": [False, "false"]},
    "{errorCode: null}": {"errorCode": NULL},
    "{errorCode|exists: false}": {"errorCode": NULL},
    "{errorCode|exists: true}": {"errorCode": [{"exists": True}]},
    "{errorCode: '*'}": {"errorCode": [{"exists": True}]},
    "{requestParameters.x|exists: true}": {"requestParameters": {"x": NOT_NULL}},
    "{userAgent: ''}": {"userAgent": [""]},
    # parts of texts
    "{eventName|startswith: Create}": {"eventName": [{"prefix": "Create"}]},
    "{eventName: Create*}": {"eventName": [{"prefix": "Create"}]},
    "{eventName|endswith: User}": {"eventName": [{"suffix": "User"}, {"suffix": "user"}]},
    "{eventName|contains: Associate}": {"eventName": [{"wildcard": "*Associate*"}, {"wildcard": "*associate*"}]},
    "{eventName: Create*Key}": {"eventName": [{"wildcard": "Create*Key"}, {"wildcard": "Create*key"}]},
    "{errorCode|contains: [AccessDenied]}": {
        "errorCode": [{"wildcard": "*AccessDenied*"}, {"wildcard": "*accessDenied*"}]
    },
    "{eventName|endswith|cased: User}": {"eventName": [{"suffix": "User"}]},
    "{eventName|contains|cased: Access}": {"eventName": [{"wildcard": "*Access*"}]},
    "{eventName|cased: Create*Key}": {"eventName": [{"wildcard": "Create*Key"}]},
    "{eventName|contains|cased: Access**Key}": {"eventName": [{"wildcard": "*Access*Key*"}]},
    "{eventSource|contains: cloud}": {"eventSource": [{"wildcard": "*cloud*"}]},
    "{userAgent|startswith: curl}": {"userAgent": [{"prefix": {"equals-ignore-case": "curl"}}]},
    "{userAgent|endswith: curl}": {"userAgent": [{"suffix": {"equals-ignore-case": "curl"}}]},
    "{userAgent|startswith|cased: curl}": {"userAgent": [{"prefix": "curl"}]},
    "{userAgent|contains|cased: curl}": {"userAgent": [{"wildcard": "*curl*"}]},
    r"{userAgent|contains|cased: 'a\*b\\c'}": {"userAgent": [{"wildcard": r"*a\*b\\c*"}]},
    "{userAgent|contains: '.../'}": {"userAgent": [{"wildcard": "*.../*"}]},
    "{sourceIPAddress|endswith: .amazonaws.com}": {"sourceIPAddress": [{"suffix": ".amazonaws.com"}]},
    # modifiers that make other values of a value
    "{userAgent|base64|cased: foo}": {"userAgent": ["Zm9v"]},
    "{userAgent|base64offset|contains|cased: bar}": {
        "userAgent": [{"wildcard": "*YmFy*"}, {"wildcard": "*Jhc*"}, {"wildcard": "*iYX*"}]
    },
    "{userAgent|wide|base64|cased: a}": {"userAgent": ["YQA="]},
    "{userAgent|windash|startswith|cased: '-x'}": {
        "userAgent": [{"prefix": f"{dash}x"} for dash in ("-", "/", "\u2013", "\u2014", "\u2015")]
    },
    # numbers and addresses
    "{requestParameters.x|lt: 5}": {"requestParameters": {"x": [{"numeric": ["<", 5]}]}},
    "{requestParameters.x|gte: 5, requestParameters.x|lte: 9}": {
        "requestParameters": {"x": [{"numeric": [">=", 5, "<=", 9]}]}
    },
    "{sourceIPAddress|cidr: [10.0.0.0/8, 2001:db8::/32]}": {
        "sourceIPAddress": [{"cidr": "10.0.0.0/8"}, {"cidr": "2001:db8::/32"}]
    },
    "{sourceIPAddress|cidr: 192.0.2.7/32}": {"sourceIPAddress": ["192.0.2.7"]},
    # several fields
    "{eventSource: iam.amazonaws.com, eventName: CreateUser, requestParameters.a.b: x, requestParameters.a.c: y}": {
        "eventSource": ["iam.amazonaws.com"],
        "eventName": ["CreateUser"],
        "requestParameters": {"a": {"b": [{"equals-ignore-case": "x"}], "c": [{"equals-ignore-case": "y"}]}},
    },
    "[{eventName: CreateUser}, {eventName: DeleteUser}]": {"eventName": ["CreateUser", "DeleteUser"]},
}


@pytest.mark.parametrize("selection", SAID)
def test_a_selection_becomes(selection):
    assert detail(f"{{selection: {selection}}}") == SAID[selection]
    assert complaint(patterns(f"{{selection: {selection}}}")[0]) is None


DENIED = {
    "{eventName: [CreateUser, DeleteUser]}": {"eventName": [{"anything-but": ["CreateUser", "DeleteUser"]}, MISSING]},
    "{userAgent: [curl, Wget]}": {"userAgent": [{"anything-but": {"equals-ignore-case": ["curl", "Wget"]}}, MISSING]},
    "{userAgent|startswith|cased: [a, b]}": {"userAgent": [{"anything-but": {"prefix": ["a", "b"]}}, MISSING]},
    "{userAgent|endswith|cased: a}": {"userAgent": [{"anything-but": {"suffix": "a"}}, MISSING]},
    "{userAgent|contains|cased: a}": {"userAgent": [{"anything-but": {"wildcard": "*a*"}}, MISSING]},
    "{userAgent|cased: ['a*', '*b', 'c*d', 'e']}": {
        "userAgent": [{"anything-but": {"wildcard": ["a*", "*b", "c*d", "e"]}}, MISSING]
    },
    "{errorCode: null}": {"errorCode": [{"exists": True}]},
    "{errorCode|exists: true}": {"errorCode": NULL},
    "{requestParameters.x: null}": {"requestParameters": {"x": NOT_NULL}},
    "{readOnly: true}": {"readOnly": [False, "false", *NULL]},
    "{requestParameters.x|gt: 5}": {
        "requestParameters": {"x": [{"numeric": ["<=", 5]}, {"prefix": ""}, True, False, *NULL]}
    },
    "{eventName: CreateUser, errorCode: null}": {
        "$or": [
            {"eventName": [{"anything-but": "CreateUser"}, MISSING]},
            {"errorCode": [{"exists": True}]},
        ]
    },
}


@pytest.mark.parametrize("selection", DENIED)
def test_the_contrary_of_a_selection_becomes(selection):
    text = f"{{selection: {selection}, condition: not selection}}"
    assert detail(text) == DENIED[selection]
    assert complaint(patterns(text)[0]) is None


def test_neq_is_a_negation():
    assert detail("{selection: {eventName|neq: CreateUser}}") == detail(
        "{selection: {eventName: CreateUser}, condition: not selection}"
    )


CONDITIONS = {
    "1 of them": ["CreateUser", "DeleteUser", "CreateRole"],
    "1 of user_*": ["CreateUser", "DeleteUser"],
    "user_one or role": ["CreateUser", "CreateRole"],
    "any of user_*": ["CreateUser", "DeleteUser"],
    "not (not user_one and not role)": ["CreateUser", "CreateRole"],
    "1 of them and not role": ["CreateUser", "DeleteUser"],
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_chooses_selections(condition):
    selections = "user_one: {eventName: CreateUser}, user_two: {eventName: DeleteUser}, role: {eventName: CreateRole}"
    assert detail(f"{{{selections}, condition: {condition}}}") == {"eventName": CONDITIONS[condition]}


def test_what_excludes_itself_has_no_pattern():
    assert patterns("{a: {eventName: CreateUser}, b: {eventName: DeleteUser}, condition: all of them}") == []


def test_several_conditions_each_have_their_patterns():
    found = patterns("{a: {eventName: CreateUser}, b: {eventName: DeleteUser}, condition: [a, b]}")
    assert [pattern["detail"] for pattern in found] == [{"eventName": ["CreateUser"]}, {"eventName": ["DeleteUser"]}]


REFUSED = {
    "{selection: [word, other]}": "keywords are searched in the whole record",
    "{selection: {userAgent|re: 'a.b'}}": "userAgent: EventBridge has no regular expressions",
    "{selection: {userAgent|re|i: 'a.b'}}": "userAgent: EventBridge has no regular expressions",
    "{selection: {requestParameters.a|fieldref: requestParameters.b}}": "compares fields with values",
    "{selection: {userAgent|contains: curl}}": "userAgent: is searched for a part without regard to case",
    "{selection: {userAgent: 'cu?l'}}": "no wildcard for one character",
    "{selection: {userAgent|expand: '%agents%'}}": "placeholder %agents% is filled by no processing pipeline",
    "{selection: {eventTime|hour: 3}}": "eventTime: EventBridge does not read times",
    "{selection: {requestParameters|contains: x}}": "requestParameters: is an object",
    "{selection: {responseElements: null}}": "responseElements: is an object",
    "{selection: {userAgent|gt: 3}}": "userAgent: is a text in CloudTrail",
    "{selection: {requestParameters.x: 9007199254740993}}": "EventBridge tells numbers apart only up to",
    "{selection: {requestParameters.x|lt: 9007199254740993}}": "EventBridge tells numbers apart only up to",
    "{selection: {requestParameters.x|startswith: '44'}}": "compares a part of what may be a number or boolean",
    "{selection: {requestParameters.x|endswith: e}}": "compares a part of what may be a number or boolean",
    "{selection: {sourceIPAddress|cidr: '2001:db8::1/128'}}": "IPv6 ranges of /0 to /127",
    "{selection: {sourceIPAddress|cidr: 10.0.0.0/8}, condition: not selection}": "cannot negate a range of addresses",
    "{selection: {eventName|contains: associate}}": "eventName: is searched for a part without regard to case",
    "{selection: {eventName: '*A1*B1*C1*D1*'}}": "eventName: is searched for a part without regard to case",
    "{selection: {userAgent|endswith: User}, condition: not selection}": "add |cased",
    "{selection: {requestParameters.x: 5}, condition: not selection}": "negates a number",
    "{selection: {userAgent|startswith: curl}, condition: not selection}": "add |cased",
    "{selection: {userAgent: curl, userAgent|startswith|cased: cu}, x: {userAgent|endswith|cased: rl}, "
    "condition: x and 1 of sel*}": "asks two things of one field",
    "{selection: {userAgent|contains|all|cased: [a, b]}}": "userAgent: asks two things of one field at once",
    "{a: {userAgent: curl}, b: {userAgent|contains|cased: b}, condition: not a and not b}": "add |cased",
    "{a: {requestParameters.a.items.x: 22}, b: {requestParameters.a.items.y: 22}, condition: a and b}": (
        "where EventBridge wants one element to answer all"
    ),
    "{selection: {requestParameters.x: 'true'}, condition: not selection}": "negates the text of a boolean",
    "{selection: {resources.type|all: [a, b]}}": "resources.type is asked twice of the array resources",
    "{selection: {resources.type: a}, condition: not selection}": "negates what is in the array resources",
    "{selection: {requestParameters.attributes.items.key: null}}": "negates what is in the array",
    "{selection: {requestParameters.a: x, requestParameters.a.b: x}}": "for its value and for a field below it",
    "{selection: {requestParameters.x|cased: '" + "x" * 2100 + "'}}": "has no alternatives that could be split",
}


@pytest.mark.parametrize("detection", REFUSED, ids=lambda text: text[:90])
def test_what_eventbridge_cannot_say_is_refused_with_the_reason(detection):
    with pytest.raises(SigmaFeatureNotSupportedByBackendError) as caught:
        patterns(detection)
    assert REFUSED[detection] in str(caught.value)


def test_every_modifier_of_pysigma_is_tried_here():
    tried = {"neq", *re.findall(r"\|(\w+)", " ".join([*SAID, *DENIED, *REFUSED]))}
    like_hour = {"minute", "day", "week", "month", "year"}
    like_i = {"ignorecase", "multiline", "dotall", "m", "s"}  # flags of regular expressions, which are refused
    like_wide = {"utf16", "utf16be"}
    assert set(modifier_mapping) - tried == like_hour | like_i | like_wide


def test_a_condition_on_an_array_is_expressed_where_it_is_positive():
    found = patterns("{selection: {requestParameters.ipPermissions.items.ipRanges.items.cidrIp: 0.0.0.0/0}}")
    ranges = [{"items": [{"cidrIp": "10.0.0.0/8"}, {"cidrIp": "0.0.0.0/0"}]}]
    items = [{"ipRanges": {}}, {"ipRanges": ranges[0]}]
    assert matches(found, {"requestParameters": {"ipPermissions": {"items": items}}})
    assert not matches(found, {"requestParameters": {"ipPermissions": {"items": items[:1]}}})


def test_what_one_map_asks_below_an_array_is_asked_of_one_element():
    """Sigma says nothing of arrays; this is what EventBridge does, and what a rule about a port and a range means."""
    found = patterns(
        """
        selection:
          eventName: AuthorizeSecurityGroupIngress
          requestParameters.ipPermissions.items.fromPort: [22, 3389]
          requestParameters.ipPermissions.items.ipRanges.items.cidrIp: 0.0.0.0/0
        """
    )
    everyone, nobody = ({"items": [{"cidrIp": cidr}]} for cidr in ("0.0.0.0/0", "10.0.0.0/8"))

    def permissions(*items):
        parameters = {"ipPermissions": {"items": [{"fromPort": port, "ipRanges": ranges} for port, ranges in items]}}
        return {"eventName": "AuthorizeSecurityGroupIngress", "requestParameters": parameters}

    assert matches(found, permissions((443, nobody), (22, everyone)))
    assert not matches(found, permissions((443, everyone), (22, nobody)))


def test_what_alternatives_have_in_common_is_said_once():
    text = """
    selection:
      - {eventSource: iam.amazonaws.com, eventName: CreateUser, errorCode: null}
      - {eventSource: s3.amazonaws.com, eventName: [PutBucketAcl, PutBucketPolicy], errorCode: null}
      - {eventSource: iam.amazonaws.com, eventName: DeleteUser, errorCode: null}
    """
    assert detail(text) == {
        "errorCode": NULL,
        "$or": [
            {"eventSource": ["iam.amazonaws.com"], "eventName": ["CreateUser", "DeleteUser"]},
            {"eventSource": ["s3.amazonaws.com"], "eventName": ["PutBucketAcl", "PutBucketPolicy"]},
        ],
    }


def test_groups_of_alternatives_that_share_no_field_are_not_multiplied():
    text = """
    what:
      - {eventSource: iam.amazonaws.com, eventName: CreateUser}
      - {eventSource: s3.amazonaws.com, eventName: PutBucketAcl}
    who:
      - {userIdentity.type: Root}
      - {userIdentity.sessionContext.attributes.mfaAuthenticated: false}
    how:
      - {userAgent: curl}
      - {sourceIPAddress: 192.0.2.7}
    condition: what and who and how
    """
    (pattern,) = patterns(text)
    assert pattern["detail"]["userIdentity"] == {
        "$or": [{"type": ["Root"]}, {"sessionContext": {"attributes": {"mfaAuthenticated": ["false"]}}}]
    }
    assert [set(branch) for branch in pattern["detail"]["$or"]] == [{"eventSource", "eventName"}] * 2
    assert [set(branch["detail"]) for branch in pattern["$or"]] == [{"userAgent"}, {"sourceIPAddress"}]


def test_more_groups_of_alternatives_than_there_are_levels_are_multiplied():
    groups = {name: [{f"{name}One": "x"}, {f"{name}Two": "y"}] for name in ("a", "b", "c")}
    (pattern,) = patterns({**groups, "condition": "all of them"})
    for record in ({"aOne": "x", "bTwo": "y", "cOne": "x"}, {"aTwo": "y", "bTwo": "y", "cTwo": "y"}):
        assert matches([pattern], record)
        for field in record:
            assert not matches([pattern], {**record, field: "z"})


def test_a_pattern_that_is_too_long_is_split_into_few():
    names = [f"DescribeSomethingOfSomeLength{number}" for number in range(150)]
    found = patterns({"selection": {"eventSource": "ec2.amazonaws.com", "eventName": names}})
    assert len(found) == 3  # 150 names of 33 characters
    assert [name for pattern in found for name in pattern["detail"]["eventName"]] == names
    assert all(pattern["detail"]["eventSource"] == ["ec2.amazonaws.com"] for pattern in found)


def test_alternatives_that_are_too_long_together_are_split():
    branches = [{"eventName": f"CreateThing{n}", f"requestParameters.p{n}": ["x" * 30, "y" * 30]} for n in range(40)]
    found = patterns({"selection": branches})
    assert len(found) > 2
    for n in range(40):
        assert matches(found, {"eventName": f"CreateThing{n}", "requestParameters": {f"p{n}": "y" * 30}})
        assert not matches(found, {"eventName": f"CreateThing{n}", "requestParameters": {f"p{n + 1}": "y" * 30}})


def test_a_field_with_the_name_of_an_operator_is_never_inside_an_or():
    """EventBridge would take ``$or`` for the name of a field, and the pattern would match nothing."""
    found = patterns("{selection: [{requestParameters.prefix: logs}, {requestParameters.bucketName: b}]}")
    assert len(found) == 2
    assert matches(found, {"requestParameters": {"prefix": "logs"}})
    assert matches(found, {"requestParameters": {"bucketName": "b"}})


def test_a_pattern_asks_for_every_kind_of_event_that_cloudtrail_sends():
    (pattern,) = patterns("{selection: {eventName: CreateUser}}")
    assert pattern["source"] == [{"prefix": "aws."}]
    assert pattern["detail-type"] == [{"suffix": " via CloudTrail"}]


def test_a_processing_pipeline_of_the_caller_is_applied():
    mapping = ProcessingItem(FieldMappingTransformation({"action": "eventName"}))
    fill = ProcessingItem(ValueListPlaceholderTransformation())
    pipeline = ProcessingPipeline(items=[mapping, fill], vars={"agents": ["curl", "wget"]})
    backend = EventBridgeBackend(processing_pipeline=pipeline)
    (found,) = patterns("{selection: {action: CreateUser, userAgent|expand: '%agents%'}}", backend)
    agents = [{"equals-ignore-case": "curl"}, {"equals-ignore-case": "wget"}]
    assert found["detail"] == {"eventName": ["CreateUser"], "userAgent": agents}


def test_errors_are_collected_when_pysigma_is_asked_to():
    backend = EventBridgeBackend(collect_errors=True)
    rules = [rule("{selection: {userAgent|re: a}}"), rule("{selection: {eventName: CreateUser}}")]
    found = backend.convert(SigmaCollection(rules))
    assert [pattern["detail"] for pattern in found] == [{"eventName": ["CreateUser"]}]
    ((refused, error),) = backend.errors
    assert refused is rules[0]
    assert "no regular expressions" in str(error)


def test_a_correlation_is_refused():
    correlation = {"type": "event_count", "rules": ["base"], "timespan": "1h", "condition": {"gte": 3}}
    base = {"title": "Base", "name": "base", "logsource": CLOUDTRAIL, "detection": {"a": {"x": "y"}, "condition": "a"}}
    collection = SigmaCollection.from_dicts([base, {"title": "Many", "correlation": correlation}])
    with pytest.raises(NotImplementedError):
        EventBridgeBackend().convert(collection)
