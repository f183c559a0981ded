"""``raytrail traces`` as people type it, against traces that were put by X-Ray's public API."""

from __future__ import annotations

import json
import os
import pty
import re
import secrets
import struct
import subprocess
import sys
import termios
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fcntl import ioctl
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command import Gatekeeper, Refusal, Said, environment_with, raytrail

from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local

REGION = "eu-north-1"
SQL = "SELECT total FROM ledger WHERE order_id = ?"

Document = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Shop:
    """An X-Ray with a handful of traces in it, oldest first: worker (in progress), order (fault), limited (429)."""

    endpoint: str
    worker: str
    order: str
    limited: str


def segment(**fields: Any) -> Document:
    now = time.time()
    made = {"id": secrets.token_hex(8), "name": "shop", "start_time": now - 1, "end_time": now}
    return {**made, "trace_id": f"1-{int(now):08x}-{secrets.token_hex(12)}", **fields}


def below(parent: Document, name: str, start: float, end: float, **fields: Any) -> Document:
    """A subsegment, with its times in seconds after the parent's start."""
    began = parent["start_time"]
    return {"id": secrets.token_hex(8), "name": name, "start_time": began + start, "end_time": began + end, **fields}


def failed_order() -> list[Document]:
    """What API Gateway, Lambda and OpenTelemetry send of an order that failed."""
    began = time.time() - 10
    request = {"method": "POST", "url": "https://a1.execute-api.eu-north-1.amazonaws.com/v1/orders?dry=1"}
    stage = segment(
        name="shop/v1",
        origin="AWS::ApiGateway::Stage",
        start_time=began,
        end_time=began + 0.5,
        http={"request": request, "response": {"status": 500}},
        fault=True,
        metadata={"raytrail": {"emulated": True}},
    )
    invoke = below(stage, "Lambda", 0.05, 0.45, namespace="aws", fault=True)
    invoke["aws"] = {"function_name": "orders", "operation": "Invoke"}
    stage["subsegments"] = [invoke]
    function = segment(
        name="orders",
        origin="AWS::Lambda::Function",
        trace_id=stage["trace_id"],
        parent_id=invoke["id"],
        start_time=began + 0.1,
        end_time=began + 0.4,
        fault=True,
        cause={"exceptions": [{"id": "a" * 16, "type": "PaymentProviderDown", "message": "the provider is down"}]},
        annotations={"order_id": "o-17"},
    )
    table = below(function, "DynamoDB", 0.05, 0.1, namespace="aws", http={"response": {"status": 200}})
    table["aws"] = {"operation": "PutItem", "table_name": "orders-table", "region": REGION}
    query = below(function, "ledger@db", 0.15, 0.2, namespace="remote")
    query["sql"] = {"sanitized_query": SQL, "database_type": "postgresql"}
    function["subsegments"] = [table, query]
    return [stage, function]


@pytest.fixture(scope="module")
def shop(local_aws: LocalAws) -> Shop:
    xray = local_aws.client("xray", region=REGION)
    worker = segment(name="worker", start_time=time.time() - 20, in_progress=True)
    del worker["end_time"]
    order = failed_order()
    request = {"method": "GET", "url": "http://shop.example/orders/17"}
    limited = segment(name="api", error=True, throttle=True, http={"request": request, "response": {"status": 429}})
    documents = [json.dumps(document) for document in (worker, *order, limited)]
    assert xray.put_trace_segments(TraceSegmentDocuments=documents)["UnprocessedTraceSegments"] == []
    return Shop(
        endpoint=local_aws.endpoint,
        worker=worker["trace_id"],
        order=order[0]["trace_id"],
        limited=limited["trace_id"],
    )


@pytest.fixture
def traces(shop: Shop, here: Callable[..., Said]) -> Callable[..., Said]:
    def run(*arguments: str, **environment: str) -> Said:
        return here("traces", "--endpoint", shop.endpoint, "--region", REGION, *arguments, **environment)

    return run


# The list


def ids(said: Said) -> list[str]:
    """The traces of a list."""
    assert said.status == 0, said.err
    return re.findall(r"\b1-[0-9a-f]{8}-[0-9a-f]{24}\b", said.out)


def test_traces_are_listed_the_newest_last_with_status_path_and_services(traces, shop):
    said = traces()
    assert (said.status, said.err) == (0, "")
    heading, *lines = said.out.splitlines()
    assert heading.split() == ["TIME", "TRACE", "MS", "STATUS", "METHOD", "PATH", "SERVICES"]
    worker, order, limited = [re.split(r"\s{2,}", line, maxsplit=6) for line in lines]
    assert worker[1:] == [shop.worker, "...", "OK", "-", "-", "worker"]
    nodes = "shop/v1 > orders > orders-table > ledger@db"
    assert order[1:] == [shop.order, "500", "FAULT 500", "POST", "/v1/orders", nodes]
    assert limited[1:] == [shop.limited, "1000", "THROTTLE 429", "GET", "/orders/17", "api"]
    assert re.fullmatch(r"(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d", order[0])


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"http": {"response": {"status": 200}}}, "OK 200"),
        ({"http": {"response": {"status": 404}}, "error": True, "retried": False}, "ERROR 404"),
        ({"http": {"response": {"status": 429}}, "error": True, "retried": False}, "THROTTLE 429"),
        ({"http": {"response": {"status": 400}}, "error": True, "throttle": True}, "THROTTLE 400"),
        ({"http": {"response": {"status": 503}}, "fault": True}, "FAULT 503"),
    ],
)
def test_a_request_is_throttled_if_it_failed_so_and_not_if_a_call_below_it_was_tried_again(
    here, local_aws, fields, shown
):
    """X-Ray tells of a throttled call wherever it was, and of errors and faults at the entry point alone."""
    region = "eu-central-2"
    first = segment(**{key: value for key, value in fields.items() if key != "retried"})
    if fields.get("retried", True):
        call = below(first, "DynamoDB", 0.1, 0.2, namespace="aws", error=True, throttle=True)
        first["subsegments"] = [call, below(first, "DynamoDB", 0.3, 0.4, namespace="aws")]
    xray = local_aws.client("xray", region=region)
    assert xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(first)])["UnprocessedTraceSegments"] == []
    said = here("traces", "--endpoint", local_aws.endpoint, "--region", region)
    (line,) = [line for line in said.out.splitlines() if first["trace_id"] in line]
    assert re.split(r"\s{2,}", line)[3] == shown


def test_a_limit_keeps_the_newest_and_says_so(traces, shop):
    said = traces("--limit", "1")
    assert ids(said) == [shop.limited]
    assert "--limit" in said.err


def test_json_is_for_programs(traces, shop):
    found = json.loads(traces("--json").out)
    assert [each["id"] for each in found] == [shop.worker, shop.order, shop.limited]
    assert found[0]["duration_seconds"] is None
    assert found[1] == {
        "id": shop.order,
        "start": found[1]["start"],
        "duration_seconds": 0.5,
        "status": "FAULT",
        "method": "POST",
        "url": "https://a1.execute-api.eu-north-1.amazonaws.com/v1/orders?dry=1",
        "http_status": 500,
        "services": ["shop/v1", "orders", "orders-table", "ledger@db"],
    }
    assert datetime.fromisoformat(found[1]["start"]).utcoffset() == timedelta()


def test_the_endpoint_of_the_environment_is_taken(here, shop):
    said = here("traces", "--json", "--limit", "1", AWS_ENDPOINT_URL=shop.endpoint, AWS_REGION=REGION)
    assert [each["id"] for each in json.loads(said.out)] == [shop.limited]


def test_a_filter_selects_as_x_ray_does(traces, shop):
    assert ids(traces("--filter", 'service("orders") { fault }')) == [shop.order]
    nothing = traces("--filter", 'http.url CONTAINS "/nowhere"')
    assert (nothing.status, nothing.out) == (0, "")
    assert "no trace that matches" in nothing.err


def test_the_mistake_in_a_filter_is_pointed_at_before_anybody_is_asked(here):
    expression = 'service("orders") AND durration > 5'
    said = here("traces", "--endpoint", "http://127.0.0.1:9", "--filter", expression)
    assert said.status == 2
    sentence, shown, caret, *_ = said.err.splitlines()
    assert sentence.startswith("raytrail: --filter: ")
    assert shown == f"  {expression}"
    assert caret.rstrip() == "  " + " " * expression.index("durration") + "^"


def test_a_group_selects_and_joins_a_filter(traces, shop, local_aws):
    name = f"faults-{uuid.uuid4().hex[:8]}"
    xray = local_aws.client("xray", region=REGION)
    xray.create_group(GroupName=name, FilterExpression="fault OR throttle")
    assert ids(traces("--group", name)) == [shop.order, shop.limited]
    assert ids(traces("--group", name, "--filter", 'service("api")')) == [shop.limited]
    unknown = traces("--group", "no-such-group")
    assert unknown.status == 1
    assert f"there is no group 'no-such-group' in Region {REGION}" in unknown.err
    assert name in unknown.err


def test_more_than_six_hours_are_asked_in_pieces_that_x_ray_takes(traces, shop):
    now = datetime.now(UTC)
    earlier = (now - timedelta(days=20)).isoformat()
    for window in (["--since", "29d"], ["--from", earlier, "--to", (now + timedelta(minutes=1)).isoformat()]):
        assert ids(traces(*window)) == [shop.worker, shop.order, shop.limited]
    before = traces("--from", earlier, "--to", (now - timedelta(hours=1)).isoformat())
    assert (before.out, before.status) == ("", 0)


def test_pages_are_followed(here, local_aws):
    xray = local_aws.client("xray", region="eu-south-1")
    documents = [json.dumps(segment()) for _ in range(250)]
    for start in range(0, 250, 50):
        xray.put_trace_segments(TraceSegmentDocuments=documents[start : start + 50])
    at = ["--endpoint", local_aws.endpoint, "--region", "eu-south-1"]
    assert len(json.loads(here("traces", *at, "--json", "--limit", "1000").out)) == 250


# One trace


def test_a_trace_is_a_tree_with_times_calls_sql_and_the_exception(traces, shop):
    said = traces(shop.order)
    assert said.status == 0
    first, heading, *lines = said.out.splitlines()
    assert first == f"trace {shop.order}  500.0 ms, 7 spans, FAULT"
    assert heading.split() == ["SPAN", "AT", "MS", "MS", "STATUS"]
    text = [line.strip() for line in lines]
    stage, url, call, invoked, function, raised, order_id, dynamodb, put, table, ledger, sql, database = text
    assert stage.startswith("shop/v1 (AWS::ApiGateway::Stage, made by the emulator)")
    assert stage.split()[-2:] == ["FAULT", "500"]
    assert "0.0  500.0" in stage
    assert url == "│  POST https://a1.execute-api.eu-north-1.amazonaws.com/v1/orders?dry=1"
    assert "└─ Lambda (AWS call)" in call
    assert "50.0  400.0" in call
    assert invoked == "│  Invoke orders"
    assert "orders (AWS::Lambda::Function)" in function
    assert raised == "│  PaymentProviderDown: the provider is down"
    assert order_id == "│  order_id=o-17"
    assert "├─ DynamoDB (AWS call)" in dynamodb
    assert put == "│  │  PutItem orders-table"
    assert "orders-table (AWS::DynamoDB::Table, as its caller saw it)" in table
    assert "└─ ledger@db (call)" in ledger
    assert sql == f"│  {SQL} [postgresql]"
    assert "ledger@db" in database
    # Each bar begins where the one of its parent does, or later, and none is empty.
    bars = [line.index("━") for line in lines if "━" in line]
    assert len(bars) == 7
    assert bars == sorted(bars)


def test_a_trace_is_found_by_its_w3c_id_too(traces, shop):
    assert traces(shop.order[2:].replace("-", "").upper()).out == traces(shop.order).out


def test_work_in_progress_without_http_is_shown_as_such(traces, shop):
    said = traces(shop.worker)
    assert said.out.splitlines()[0] == f"trace {shop.worker}  in progress, 1 span, OK"
    assert "..." in said.out


def test_a_trace_in_json_is_its_documents(traces, shop):
    found = json.loads(traces("--json", shop.order).out)
    assert (found["id"], found["duration_seconds"]) == (shop.order, 0.5)
    assert {document["name"] for document in found["segments"]} >= {"shop/v1", "orders"}


def test_what_others_named_is_not_obeyed_by_the_terminal(here, local_aws):
    wicked = segment(name="shop", http={"request": {"method": "GET", "url": "http://h/[bold]\x1b[31m\r\nred"}})
    wicked["cause"] = {"exceptions": [{"id": "b" * 16, "type": "E[/]", "message": "a\x9b31mb\x07\nc"}]}
    client = local_aws.client("xray", region="eu-south-2")
    client.put_trace_segments(TraceSegmentDocuments=[json.dumps(wicked)])
    at = ["--endpoint", local_aws.endpoint, "--region", "eu-south-2"]
    said = here("traces", *at, wicked["trace_id"])
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", said.out)
    assert "E[/]: a 31mb c" in said.out
    assert "[bold]" in here("traces", *at).out


def test_it_is_a_program_whose_answer_a_pipe_can_read(shop):
    at = ["--endpoint", shop.endpoint, "--region", REGION]
    said = raytrail("traces", *at)
    assert (said.status, said.err) == (0, "")
    assert ids(said) == [shop.worker, shop.order, shop.limited]
    assert not any(line.endswith(" ") for line in said.out.splitlines())
    wrong = raytrail("traces", *at, "--since", "soon")
    assert (wrong.status, wrong.out) == (2, "")


def test_a_terminal_that_knows_only_ascii_gets_only_ascii(shop):
    at = ["--endpoint", shop.endpoint, "--region", REGION]
    tree, drawn = (raytrail("traces", *at, *what, PYTHONIOENCODING="ascii") for what in ([shop.order], ["--map"]))
    assert (tree.status, drawn.status) == (0, 0)
    assert "`- Lambda" in tree.out
    assert "-> orders" in drawn.out
    assert (tree.out + drawn.out).isascii()


@pytest.mark.parametrize("columns", [40, 120])
def test_a_terminal_gets_colours_and_no_line_longer_than_itself(columns, shop):
    leader, follower = pty.openpty()
    ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    shown = [sys.executable, "-c", "from raytrail.cli import main; main()"]
    process = subprocess.Popen(
        [*shown, "traces", "--endpoint", shop.endpoint, "--region", REGION, shop.order],
        stdout=follower,
        stderr=follower,
        stdin=follower,
        # What whoever runs the tests says of their own terminal would count for more than this one's size.
        env=environment_with(TERM="xterm-256color", COLUMNS=None, LINES=None, NO_COLOR=None, PYTHONIOENCODING="utf-8"),
    )
    os.close(follower)
    written = b""
    try:
        while piece := os.read(leader, 65536):
            written += piece
    except OSError:
        # How Linux says that the other side is closed.
        pass
    os.close(leader)
    text = written.decode()
    assert process.wait(30) == 0, text
    assert "\x1b[1;31m" in text
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip("\r") for line in text.split("\n")]
    assert max(map(len, lines)) <= columns
    assert "PaymentProviderDown" in "".join(re.sub(r"[\s│]", "", line) for line in lines)


# The map


def nodes(found: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(node["name"], node["type"]): node for node in found["nodes"]}


def test_the_map_has_nodes_with_counts_and_shares_and_edges(traces):
    said = traces("--map")
    assert said.status == 0
    lines = [re.split(r"\s{2,}", line.strip()) for line in said.out.splitlines()]
    assert lines[0] == ["NODE", "TYPE", "REQUESTS", "ERRORS", "FAULTS", "AVERAGE MS"]
    assert ["shop/v1", "AWS::ApiGateway::Stage", "1", "0", "1 (100%)", "500.0"] in lines
    assert ["└▶ orders-table", "AWS::DynamoDB::Table", "1", "0", "0", "50.0"] in lines
    assert ["api", "1", "1 (100%)", "0", "1000.0"] in lines
    callers = [line[0] for line in lines if not line[0].startswith("└▶")]
    assert callers.index("shop/v1") < callers.index("orders") < callers.index("orders-table")


def test_the_map_of_one_trace_has_its_services_alone(traces, shop):
    found = json.loads(traces("--map", "--json", shop.order).out)
    assert ("orders", "AWS::Lambda::Function") in nodes(found)
    assert not any(name == "api" for name, _ in nodes(found))
    edges = {(edge["from"]["name"], edge["to"]["name"]) for edge in found["edges"]}
    assert {("shop/v1", "orders"), ("orders", "orders-table"), ("orders", "ledger@db")} <= edges


def test_the_map_of_a_long_time_counts_each_request_once(traces):
    short, long = (json.loads(traces("--map", "--json", *window).out) for window in ([], ["--since", "3d"]))
    assert nodes(long) == nodes(short)


# What is typed wrong, is one sentence with status 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["1-zz"], "a trace ID is 1-, 8 and 24 hexadecimal digits"),
        (["--since", "soon"], "--since takes a length such as 90s, 15m, 2h or 1d12h, got 'soon'"),
        (["--since", "0m"], "--since takes more than nothing"),
        (["--since", "31d"], "at most 30 days"),
        (["--since", "9999999999d"], "at most 30 days"),
        (["--from", "yesterday"], "--from takes a time such as 2026-11-22T14:30"),
        (["--from", "2020-01-01"], "X-Ray keeps traces for 30 days"),
        (["--to", "2020-01-01", "--from", "2020-01-02"], "not before its end"),
        (["--since", "1h", "--from", "2026-11-22"], "--since and --from both say where to start"),
        (["--map", "--filter", "fault"], "X-Ray draws no map of a filter"),
        (["1-67891233-abcdef012345678912345678", "--since", "1h"], "leave out --since"),
        (["--why", "f", "--map"], "leave out --map"),
        (["--why", "no such name"], "--why takes the name or the ARN"),
        (["--endpoint", "127.0.0.1:4566"], "an endpoint is a URL"),
        (["--limit", "0"], "--limit"),
    ],
)
def test_a_wrong_word_is_one_sentence_and_status_2(here, arguments, sentence):
    said = here("traces", *arguments, AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert (said.status, said.out) == (2, "")
    assert sentence in said.err


# What X-Ray does not have


@pytest.mark.parametrize(
    ("age", "why"),
    [
        (timedelta(days=40), "X-Ray keeps traces for 30 days"),
        (timedelta(hours=1), "it was not sampled, or is in another Region or account"),
        (timedelta(seconds=5), "try again"),
        (timedelta(days=-1), "in the future"),
    ],
)
def test_a_trace_that_is_not_there_is_explained_by_its_age(traces, age, why):
    id = f"1-{int(time.time() - age.total_seconds()):08x}-{secrets.token_hex(12)}"
    for arguments in ([id], ["--map", id]):
        said = traces(*arguments)
        assert (said.status, said.out) == (1, "")
        assert f"there is no trace {id} in Region {REGION}" in said.err
        assert why in said.err


# What AWS refuses


@pytest.fixture
def profiles(tmp_path: Path) -> dict[str, str]:
    """An AWS configuration with one profile of keys that are nobody's, and one that is broken."""
    credentials = tmp_path / "credentials"
    credentials.write_text(
        "[work]\naws_access_key_id = ASIAQQQQQQQQQQQQWXYZ\naws_secret_access_key = s\naws_session_token = t\n"
        "[half]\naws_access_key_id = AKIAQQQQQQQQQQQQWXYZ\n",
        encoding="utf-8",
    )
    (tmp_path / "config").write_text("[profile work]\n[profile half]\n", encoding="utf-8")
    return {"AWS_SHARED_CREDENTIALS_FILE": str(credentials), "AWS_CONFIG_FILE": str(tmp_path / "config")}


def refused(
    here: Callable[..., Said], shop: Shop, profiles: dict[str, str], region: str, code: str, message: str, **more: Any
) -> Said:
    refusal = Refusal(service="xray", matching="TraceSummaries", code=code, message=message, **more)
    with Gatekeeper(shop.endpoint, refusal) as gate:
        at = ["--endpoint", gate.endpoint, "--profile", "work", "--region", region]
        return here("traces", *at, **profiles)


INVALID = ("UnrecognizedClientException", "The security token included in the request is invalid.")
KEY = "the access key ASIA...WXYZ with a session token (from the credentials file, profile 'work')"


@pytest.mark.parametrize(
    ("region", "code", "message", "sentences"),
    [
        (
            "eu-west-1",
            "ExpiredTokenException",
            "The security token included in the request is expired",
            ["has expired", "sign in again"],
        ),
        ("eu-west-1", *INVALID, ["AWS does not know", "its session has ended: sign in again"]),
        ("eu-south-1", *INVALID, ["eu-south-1 must be enabled in the account", "AWS_STS_REGIONAL_ENDPOINTS=regional"]),
        ("cn-north-1", *INVALID, ["another partition, which knows only keys of its own"]),
        (
            "eu-west-1",
            "AccessDeniedException",
            "User: u is not authorized",
            ["may not call GetTraceSummaries", "let them"],
        ),
        ("eu-west-1", "OptInRequired", "not subscribed", ["enable the Region"]),
        ("eu-west-1", "SignatureDoesNotMatch", "does not match", ["the secret does not belong to"]),
    ],
)
def test_a_refusal_says_whose_credentials_what_it_means_and_what_to_do(
    here, shop, profiles, region, code, message, sentences
):
    said = refused(here, shop, profiles, region, code, message)
    assert (said.status, said.out) == (1, "")
    assert len(said.err.splitlines()) == 1
    assert KEY in said.err
    for sentence in (code, *sentences) if code != "AccessDeniedException" else sentences:
        assert sentence in said.err


def test_a_throttled_call_is_tried_again(here, shop):
    throttled = Refusal(
        service="xray", matching="TraceSummaries", code="ThrottledException", message="slow", status=429, times=2
    )
    with Gatekeeper(shop.endpoint, throttled) as gate:
        said = here("traces", "--endpoint", gate.endpoint, "--region", REGION, "--limit", "1")
    assert ids(said) == [shop.limited]


def test_a_clock_that_is_wrong_is_found_by_that_of_aws(here, shop, profiles):
    theirs = (datetime.now(UTC) + timedelta(minutes=47)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    said = refused(
        here, shop, profiles, "eu-west-1", "InvalidSignatureException", "Signature expired", headers={"date": theirs}
    )
    assert "this machine's clock is 47 minutes behind AWS's" in said.err


def test_keys_of_the_environment_must_be_of_one_session(here, shop):
    refusal = Refusal(service="xray", matching="TraceSummaries", code=INVALID[0], message=INVALID[1])
    keys = {"AWS_ACCESS_KEY_ID": "AKIAQQQQQQQQQQQQWXYZ", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}
    with Gatekeeper(shop.endpoint, refusal) as gate:
        # A name for this machine that the command does not take for the embedded AWS.
        other = gate.endpoint.replace("127.0.0.1", "127.1")
        said = here("traces", "--endpoint", other, "--region", "eu-west-1", AWS_PROFILE=None, **keys)
    assert "the access key AKIA...WXYZ with a session token (from the environment)" in said.err
    assert "AWS_SESSION_TOKEN must be of one session" in said.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--profile", "nobody", "--region", "eu-west-1"], "the AWS configuration is not usable"),
        (["--profile", "half", "--region", "eu-west-1"], "the AWS configuration is not usable"),
        (["--endpoint", "http://127.0.0.1:9"], "nothing answers at http://127.0.0.1:9"),
    ],
)
def test_what_keeps_it_from_asking_is_one_sentence(here, profiles, arguments, sentence):
    said = here("traces", *arguments, **profiles)
    assert (said.status, said.out) == (1, "")
    assert sentence in said.err
    assert len(said.err.splitlines()) == 1


def test_no_credentials_and_no_region_are_one_sentence_each(here, profiles):
    nobody = {**profiles, "AWS_PROFILE": None, "AWS_SESSION_TOKEN": None, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    said = here("traces", "--region", "eu-west-1", **nobody)
    assert said.status == 1
    assert said.err.startswith("raytrail: no credentials were found: give --profile")
    said = here("traces", **nobody)
    assert said.status == 2
    assert said.err == "raytrail: no Region is known: give --region, set AWS_REGION, or give the profile one\n"
