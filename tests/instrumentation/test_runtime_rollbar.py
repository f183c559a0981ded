"""Errors that a function reports with Rollbar's own package, in a process with the real OpenTelemetry."""

from __future__ import annotations

import json

import pytest
from tests.instrumentation.partners import partner, rollbar

from raytrail.instrumentation import Rollbar, SecretField, XRay

TOKEN = "0123456789abcdef0123456789abcdef"
FAILED = [{"error": "ValueError: out of stock"}]


@pytest.fixture
def tokens(function):
    """The tokens that Rollbar takes, of which the first is in the function's secret."""
    function.secrets["rollbar"] = TOKEN
    return {TOKEN}


@pytest.fixture
def collector(tokens):
    with partner(rollbar(tokens)) as made:
        yield made


def errors(to, **changes):
    given = {"access_token_secret": "rollbar", "environment": "test", "endpoint": f"{to.url}/api/1/"}
    return Rollbar(**{**given, "timeout_seconds": 10, **changes})


def items(collector):
    assert {request.path for request in collector.requests} <= {"/api/1/item/"}
    return [json.loads(request.body) for request in collector.requests]


def test_an_error_is_reported_with_its_trace_and_raised_again(function, collector):
    ran = function.run(
        exporters=[XRay()], errors=errors(collector, code_version="4f2c1e9"), events=[{}, {"fail": "out of stock"}]
    )
    assert ran.results == [{"result": {"placed": True}}, *FAILED]
    assert ran.warnings == []
    [item] = items(collector)
    assert item["access_token"] == TOKEN
    data = item["data"]
    assert (data["environment"], data["level"], data["code_version"]) == ("test", "error", "4f2c1e9")
    assert data["server"]["root"] == str(function.folder)
    assert data["body"]["trace"]["exception"] == {"class": "ValueError", "message": "out of stock"}
    assert data["body"]["trace"]["frames"][-1]["filename"] == str(function.folder / "app.py")
    custom = data["custom"]
    assert custom["xray_trace_id"] == "1-692237c0-" + "0" * 23 + "1"
    assert custom["trace_id"] == "692237c0" + "0" * 23 + "1"
    assert custom["lambda"]["request_id"] == "request-1"
    assert custom["span_id"] in {span.span_id.hex() for span in function.daemon.spans()}


def test_the_frames_are_the_functions_own(function, collector):
    function.run(exporters=[XRay()], errors=errors(collector), events=[{"fail": "out of stock"}])
    [item] = items(collector)
    files = [frame["filename"] for frame in item["data"]["body"]["trace"]["frames"]]
    assert files == [str(function.folder / "app.py")]


def test_neither_the_report_nor_the_reading_of_its_token_is_in_the_trace(function, collector):
    events = [{"fail": "out of stock"}]
    function.run(exporters=[XRay()], errors=errors(collector), events=events, instrumentations=("requests",))
    assert len(items(collector)) == 1
    assert {span.name for span in function.daemon.spans()} == {"orders", "step 0"}


def test_the_values_of_variables_stay_at_home_unless_asked_for(function, collector):
    function.run(exporters=[XRay()], errors=errors(collector), events=[{"fail": "out of stock", "card": "4242"}])
    function.run(
        exporters=[XRay()],
        errors=errors(collector, local_variables=True),
        events=[{"fail": "out of stock", "card": "4242"}],
    )
    without, with_them = (json.dumps(item["data"]["body"]) for item in items(collector))
    assert "4242" not in without
    assert "4242" in with_them


def test_the_token_is_read_at_the_first_error_and_kept(function, collector):
    ran = function.run(exporters=[XRay()], errors=errors(collector), events=[{}, {}])
    assert function.secrets_manager.requests == []
    failing = [{"fail": "out of stock"}] * 3
    ran = function.run(exporters=[XRay()], errors=errors(collector), events=failing)
    assert ran.results == FAILED * 3
    assert len(function.secrets_manager.requests) == 1
    assert len(items(collector)) == 3


def test_a_chain_of_errors_is_reported_whole(function, collector):
    function.code = """
def handler(event, context):
    try:
        {}["order"]
    except KeyError as error:
        raise ValueError("no such order") from error
"""
    function.run(exporters=[XRay()], errors=errors(collector))
    [item] = items(collector)
    assert [trace["exception"]["class"] for trace in item["data"]["body"]["trace_chain"]] == ["ValueError", "KeyError"]


def test_a_token_that_was_replaced_is_read_again_when_the_old_one_is_refused(function, collector, tokens):
    tokens.clear()
    tokens.add("f" * 32)
    refuse = collector.answer

    def answer(request):
        function.secrets["rollbar"] = "f" * 32
        return refuse(request)

    collector.answer = answer
    ran = function.run(exporters=[XRay()], errors=errors(collector), events=[{"fail": "out of stock"}] * 2)
    assert ran.warnings == []
    assert [item["access_token"] for item in items(collector)] == [TOKEN, "f" * 32, "f" * 32]
    assert len(function.secrets_manager.requests) == 2


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((401, b'{"err": 1, "message": "invalid access token"}'), "HTTP 401"),
        ((500, b"oops"), "HTTP 500"),
        ((429, b'{"err": 1, "message": "too many"}'), "Rollbar: over rate limit, data was dropped."),
    ],
)
def test_what_rollbar_refuses_is_one_line_in_the_log_and_a_pause(function, collector, answer, why):
    collector.answer = lambda request: answer
    ran = function.run(exporters=[XRay()], errors=errors(collector), events=[{"fail": "out of stock"}] * 3)
    assert ran.results == FAILED * 3
    assert len(collector.requests) == 1
    assert ran.warnings == [f"an error was not sent to Rollbar: {why}; nothing is sent there for 30 seconds"]
    assert TOKEN not in ran.output


def test_a_rollbar_that_never_answers_holds_up_one_failing_request_and_no_more(function, collector):
    collector.answer = collector.never
    to = errors(collector, timeout_seconds=0.3)
    ran = function.run(exporters=[XRay()], errors=to, events=[{"fail": "out of stock"}] * 3)
    assert ran.results == FAILED * 3
    assert len(collector.requests) == 1
    [warning] = ran.warnings
    assert warning.startswith("an error was not sent to Rollbar: ")


def test_a_token_that_is_missing_is_a_line_in_the_log(function, collector):
    to = errors(collector, access_token_secret=SecretField(secret="partners", field="rollbar"))
    ran = function.run(exporters=[XRay()], errors=to, events=[{"fail": "out of stock"}])
    assert ran.results == FAILED
    [warning] = ran.warnings
    assert "secret 'partners' cannot be read: ResourceNotFoundException" in warning


def test_a_function_without_rollbars_package_says_so_once(function, collector):
    (function.folder / "rollbar.py").write_text("raise ImportError('no such package')\n")
    ran = function.run(exporters=[XRay()], errors=errors(collector), events=[{"fail": "out of stock"}] * 2)
    assert ran.results == FAILED * 2
    [warning] = ran.warnings
    assert "the package rollbar is neither in the function's code nor in a layer of its own" in warning


def test_a_variable_that_was_edited_by_hand_is_a_line_in_the_log(function, collector):
    ran = function.run(
        exporters=[XRay()],
        errors=errors(collector),
        events=[{"fail": "out of stock"}],
        environment={"RAYTRAIL_ROLLBAR": "{}"},
    )
    assert ran.results == FAILED
    [warning] = ran.warnings
    assert "RAYTRAIL_ROLLBAR is not what instrument_lambda writes: KeyError('token')" in warning


def test_a_module_that_cannot_be_imported_is_reported_too(function, collector):
    function.code = "import no_such_module\n"
    with pytest.raises(AssertionError, match="No module named 'no_such_module'"):
        function.run(exporters=[XRay()], errors=errors(collector))
    [item] = items(collector)
    assert item["data"]["body"]["trace"]["exception"]["class"] == "ModuleNotFoundError"


def test_a_handler_may_ask_for_it_itself(function, collector):
    function.code = """
from raytrail_runtime.errors import report_errors


@report_errors
def handler(event, context):
    raise ValueError("out of stock")
"""
    ran = function.run(exporters=[XRay()], errors=errors(collector), environment={"_HANDLER": "app.handler"})
    assert ran.results == FAILED
    assert len(items(collector)) == 1
