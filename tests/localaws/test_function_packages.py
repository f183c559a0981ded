"""What a function can import on the embedded AWS: what it could on Lambda, and nothing of the server's own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.localaws.functions_kit import ADOT_LAYER, POWERTOOLS_LAYER, WRAPPER, Functions, package_files

from raytrail.localaws import LocalAws
from raytrail.localaws._functions._packages import ADOT, POWERTOOLS, RUNTIME, installed

pytestmark = pytest.mark.local

IMPORT = """
    import importlib, os
    def handler(event, context):
        return importlib.import_module(event).__name__
"""

WHERE = """
    import common
    def handler(event, context):
        return common.WHERE
"""


@pytest.fixture(scope="module")
def functions(local_aws: LocalAws) -> Iterator[Functions]:
    with Functions(local_aws) as made:
        yield made


@pytest.fixture(scope="module")
def bare(functions: Functions) -> str:
    """A function without layers that imports what it is told to."""
    return functions.deploy({"app.py": IMPORT})


def outcome(answer: dict[str, Any]) -> Any:
    payload = answer["Payload"]
    return payload["errorType"] if "FunctionError" in answer else payload


@pytest.mark.parametrize("name", ["boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3"])
def test_the_runtime_brings_the_aws_sdk(name: str, bare: str, functions: Functions) -> None:
    assert outcome(functions.invoke(bare, name)) == name


@pytest.mark.parametrize("name", ["sqlite3", "ctypes", "encodings.idna", "concurrent.futures", "zoneinfo", "_sqlite3"])
def test_the_runtime_brings_the_standard_library(name: str, bare: str, functions: Functions) -> None:
    assert outcome(functions.invoke(bare, name)) == name


@pytest.mark.parametrize(
    "name",
    [
        "opentelemetry",
        "amazon.opentelemetry",
        "aws_lambda_powertools",
        "aws_xray_sdk",
        "rollbar",
        "requests",
        "pydantic",
        "aws_cdk",
        "ministack",
        "pytest",
        "raytrail",
    ],
)
def test_nothing_that_is_only_installed_beside_the_server_can_be_imported(
    name: str, bare: str, functions: Functions
) -> None:
    # Not a test of names that nobody has: each is importable here.
    subprocess.run([sys.executable, "-c", f"import {name}"], check=True, capture_output=True)
    assert outcome(functions.invoke(bare, name)) == "ModuleNotFoundError"


def test_a_missing_layer_fails_the_function_at_its_start_as_on_lambda(functions: Functions) -> None:
    arn = functions.deploy({"app.py": "import aws_lambda_powertools\ndef handler(event, context): return 1\n"})
    answer = functions.invoke(arn)
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "Runtime.ImportModuleError"
    assert answer["Payload"]["errorMessage"] == "Unable to import module 'app': No module named 'aws_lambda_powertools'"


@pytest.mark.parametrize(
    ("layer", "names", "missing"),
    [
        (ADOT_LAYER, ["opentelemetry.sdk", "amazon.opentelemetry.distro", "otel_wrapper"], ["aws_lambda_powertools"]),
        (POWERTOOLS_LAYER, ["aws_lambda_powertools", "aws_xray_sdk", "pydantic"], ["opentelemetry", "rollbar"]),
        (POWERTOOLS_LAYER.replace("x86_64", "arm64"), ["aws_lambda_powertools"], ["opentelemetry"]),
        (ADOT_LAYER.replace("Python", "Js"), [], ["opentelemetry"]),
        (POWERTOOLS_LAYER.replace("017000801446", "017000801447"), [], ["aws_lambda_powertools"]),
    ],
)
def test_a_layer_of_aws_brings_its_own_packages_and_no_others(
    layer: str, names: list[str], missing: list[str], functions: Functions
) -> None:
    arn = functions.deploy({"app.py": IMPORT}, variables={"ORIG_HANDLER": "app.handler"}, Layers=[layer])
    assert [outcome(functions.invoke(arn, name)) for name in names] == names
    assert {outcome(functions.invoke(arn, name)) for name in missing} == {"ModuleNotFoundError"}


def test_entry_points_are_those_of_the_layers_alone(functions: Functions) -> None:
    code = """
        from importlib.metadata import distributions, entry_points
        def handler(event, context):
            names = sorted({each.name for each in entry_points(group="opentelemetry_traces_exporter")})
            return {"exporters": names, "distributions": sorted({each.name for each in distributions()})}
    """
    own = {
        "python/mine.py": "class Exporter: pass\n",
        "python/mine-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n",
        "python/mine-1.0.dist-info/entry_points.txt": "[opentelemetry_traces_exporter]\nmine = mine:Exporter\n",
    }
    plain = functions.invoke(functions.deploy({"app.py": code}))["Payload"]
    assert plain["exporters"] == []
    assert plain["distributions"] == sorted(each.name for each in installed(RUNTIME))
    layers = [functions.layer(own), ADOT_LAYER]
    both = functions.invoke(functions.deploy({"app.py": code}, Layers=layers))["Payload"]
    assert {"mine", "otlp_proto_http"} <= set(both["exporters"])
    assert "otlp_proto_grpc" not in both["exporters"]
    assert "mine" in both["distributions"]


def test_code_goes_before_layers_and_a_later_layer_before_an_earlier_one(functions: Functions) -> None:
    first, second = (functions.layer({"python/common.py": f"WHERE = '{name}'\n"}) for name in ("first", "second"))
    code = {"app.py": WHERE}
    assert functions.invoke(functions.deploy(code, Layers=[first, second]))["Payload"] == "second"
    assert functions.invoke(functions.deploy(code, Layers=[second, first]))["Payload"] == "first"
    own = {**code, "common.py": "WHERE = 'code'\n"}
    assert functions.invoke(functions.deploy(own, Layers=[first]))["Payload"] == "code"


def test_a_layer_may_bring_a_newer_package_than_the_runtime_does(functions: Functions) -> None:
    layer = functions.layer({"python/jmespath/__init__.py": "VERSION = 'of the layer'\n"})
    code = "import jmespath\ndef handler(event, context): return jmespath.VERSION\n"
    assert functions.invoke(functions.deploy({"app.py": code}, Layers=[layer]))["Payload"] == "of the layer"


def test_the_site_packages_of_a_layer_are_those_of_the_functions_runtime(functions: Functions) -> None:
    site = "python/lib/python3.{}/site-packages/common.py"
    layer = functions.layer({site.format(12): "WHERE = '3.12'\n", site.format(13): "WHERE = '3.13'\n"})
    assert functions.invoke(functions.deploy({"app.py": WHERE}, Layers=[layer]))["Payload"] == "3.13"
    other = functions.layer({site.format(10): "WHERE = '3.10'\n"})
    assert outcome(functions.invoke(functions.deploy({"app.py": WHERE}, Layers=[other]))) == "Runtime.ImportModuleError"


def test_the_root_of_a_layer_is_not_searched(functions: Functions) -> None:
    layer = functions.layer({"common.py": "WHERE = 'root'\n"})
    assert outcome(functions.invoke(functions.deploy({"app.py": WHERE}, Layers=[layer]))) == "Runtime.ImportModuleError"


def test_a_package_in_a_layer_of_ones_own_is_imported_from_there(functions: Functions) -> None:
    layer = functions.layer(package_files(["rollbar", "requests", "certifi", "idna", "charset-normalizer"]))
    code = "import rollbar\ndef handler(event, context): return rollbar.__file__\n"
    assert "/layer_0/python/rollbar/" in functions.invoke(functions.deploy({"app.py": code}, Layers=[layer]))["Payload"]


def test_with_the_wrapper_a_module_that_is_missing_is_told_as_the_layers_handler_tells_it(functions: Functions) -> None:
    arn = functions.deploy({"app.py": "import rollbar\n"}, variables=WRAPPER, Layers=[ADOT_LAYER])
    payload = functions.invoke(arn)["Payload"]
    assert payload["errorType"] == "Runtime.ImportModuleError"
    # What follows are the words of wrapt, with which OpenTelemetry wraps the handler.
    assert payload["errorMessage"].startswith("Unable to import module 'otel_wrapper': ")


def test_an_exporter_that_nobody_has_costs_the_traces_and_not_the_function(functions: Functions) -> None:
    variables = {**WRAPPER, "OTEL_TRACES_EXPORTER": "nobody_has_this"}
    code = "def handler(event, context): return 'answered'\n"
    arn = functions.deploy({"app.py": code}, variables=variables, Layers=[ADOT_LAYER])
    assert functions.invoke(arn)["Payload"] == "answered"
    assert any("nobody_has_this" in line for line in functions.log(arn))


def test_the_bundles_hold_what_their_distributions_need_and_no_grpc() -> None:
    assert {each.name for each in installed(RUNTIME)} == {
        "boto3",
        "botocore",
        "jmespath",
        "python-dateutil",
        "s3transfer",
        "six",
        "urllib3",
    }
    adot, powertools = ({each.name for each in installed(bundle)} for bundle in (ADOT, POWERTOOLS))
    assert {"aws-opentelemetry-distro", "opentelemetry-sdk", "protobuf", "requests"} <= adot
    assert not {"grpcio", "opentelemetry-exporter-otlp-proto-grpc", "aws-xray-sdk", "raytrail"} & adot
    assert {"aws_lambda_powertools", "aws-xray-sdk", "pydantic", "pydantic_core"} <= powertools


def test_the_module_that_stands_in_for_the_layers_knows_nothing_of_the_emulator(root: Path) -> None:
    text = (root / "constructs" / "raytrail" / "localaws" / "_functions" / "_otel_wrapper.py").read_text()
    assert "import raytrail" not in text
    assert "from raytrail" not in text
