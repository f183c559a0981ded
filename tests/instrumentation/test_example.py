"""The function of examples/honeycomb_and_rollbar.py, with partners on this machine in place of the real ones."""

from __future__ import annotations

import json
import re

import pytest
from tests.instrumentation.partners import METRICS, TRACES, partner, rollbar

from raytrail.instrumentation import CloudWatchMetrics, Otlp, Rollbar, XRay


@pytest.fixture
def code(root):
    text = (root / "examples" / "honeycomb_and_rollbar.py").read_text(encoding="utf-8")
    found = re.search(r'CODE = """(.*?)"""', text, re.DOTALL)
    assert found is not None
    return found[1]


def test_its_statement_is_a_span_its_counter_a_metric_and_its_error_a_report(function, code):
    token = "0123456789abcdef0123456789abcdef"
    function.code, function.secrets["rollbar"] = code, token
    with partner() as hive, partner(rollbar({token})) as bar:
        ran = function.run(
            exporters=[XRay(), CloudWatchMetrics(namespace="Shop"), Otlp(endpoint=hive.url)],
            errors=Rollbar(access_token_secret="rollbar", environment="prod", endpoint=bar.url + "/api/1/"),
            instrumentations=("sqlite3",),
            events=[{"item": "tea"}, {"item": "coffee"}],
        )
    assert ran.results == [{"result": {"cents": 350}}, {"error": "LookupError: no price for coffee"}]
    assert ran.warnings == []
    [placed, failed] = hive.at(TRACES)
    assert "select" in {span.name for span in placed.spans}
    assert {span.span_id for span in (*placed.spans, *failed.spans)} == {
        span.span_id for span in function.daemon.spans()
    }
    assert hive.at(METRICS)[0].metrics["orders.placed"].sum.data_points[0].as_int == 1
    assert {line["_aws"]["CloudWatchMetrics"][0]["Namespace"] for line in ran.log if "_aws" in line} == {"Shop"}
    [item] = [json.loads(request.body) for request in bar.requests]
    assert item["data"]["custom"]["trace_id"] == failed.spans[0].trace_id.hex()
