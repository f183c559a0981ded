"""The documentation says what is so: its tables are those of the code, its links and its commands exist."""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from tools.catalog import rows
from typer.main import get_command

from raytrail.audit import saved_queries
from raytrail.cli._main import app as command_line
from raytrail.demo import LOCAL_ROWS
from raytrail.instrumentation import services_table, support_table
from raytrail.localaws import recorded_types
from raytrail.localaws._hooks import hook
from raytrail.localaws._serve import PARTS
from raytrail.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README = ROOT / "README.md"
LOCALAWS = ROOT / "docs" / "localaws.md"

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


@each_page
def test_every_relative_link_leads_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent != ROOT], ids=lambda page: page.stem)
def test_every_page_of_the_docs_is_reached_from_another(page):
    linked = {
        (other.parent / link.partition("#")[0]).resolve()
        for other in PAGES
        if other != page
        for link in re.findall(r"\]\(([^)\s:]+)\)", other.read_text(encoding="utf-8"))
    }
    assert page in linked


@each_page
def test_every_make_word_is_a_target(page):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE)) <= targets


@each_page
def test_every_command_of_raytrail_exists_with_the_options_given(page):
    commands: dict[str, Any] = get_command(command_line).commands
    uses = re.findall(r"(?:bin/|`)raytrail ([a-z]+)((?: [^`\n]*)?)", page.read_text(encoding="utf-8"))
    for name, rest in uses:
        known = {option for parameter in commands[name].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z]+", rest)) <= known


def test_the_demo_page_explains_each_option():
    demo = get_command(command_line).commands["demo"]
    options = {f"`{parameter.opts[0]}`" for parameter in demo.params}
    assert {row[0] for row in table(ROOT / "docs" / "demo.md", header="option")} == options


def test_the_settings_are_those_of_the_model_with_their_defaults():
    assert table(README, mark="settings") == list(settings_rows())


def test_the_detections_are_those_of_the_catalogue():
    assert table(ROOT / "docs" / "catalog.md", mark="catalog") == rows()


def test_the_saved_queries_are_those_of_the_package():
    expected = [[query.title, query.question, query.technique or ""] for query in saved_queries()]
    assert table(ROOT / "docs" / "audit.md", mark="saved queries") == expected


def test_each_row_of_the_demo_is_explained_in_its_order():
    rows = [row[0].strip("`") for row in table(ROOT / "docs" / "demo.md", mark="rows")]
    assert rows == [*LOCAL_ROWS, "destroy"]


def test_the_report_has_the_fields_that_are_explained(tmp_path):
    from raytrail.demo import Report

    written = Report(target="here").write(tmp_path)
    fields = [f"`{field}`" for field in json.loads(written.read_text(encoding="utf-8"))]
    assert [row[0] for row in table(ROOT / "docs" / "demo.md", header="field")] == fields


def test_each_part_of_the_embedded_aws_is_explained_in_its_order():
    assert [row[0].strip("`") for row in table(LOCALAWS, mark="parts")] == list(PARTS)


def test_the_recorded_types_are_those_of_the_embedded_aws():
    assert table(LOCALAWS, mark="recorded types") == [[f"`{name}`", why] for name, why in recorded_types().items()]


def test_the_emulated_types_are_those_of_the_templates(synth):
    assert table(LOCALAWS, mark="emulated types") == emulated_rows(synth())


def test_the_version_of_ministack_is_the_pinned_one():
    assert f"ministack {importlib.metadata.version('ministack')}, pinned" in LOCALAWS.read_text(encoding="utf-8")


@each_page
def test_an_embedded_example_is_the_whole_file(page):
    for name, code in re.findall(
        r"<!-- (examples/\S+) -->\n```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S
    ):
        assert code == (ROOT / name).read_text(encoding="utf-8")


@each_page
def test_every_piece_of_python_and_json_can_be_read(page):
    for language, code in re.findall(r"^ *```(python|json)\n(.*?)```", page.read_text(encoding="utf-8"), re.S | re.M):
        compile(code, str(page), "exec") if language == "python" else json.loads(code)


def test_the_settings_that_are_shown_are_allowed():
    shown = re.findall(r"^```json\n(.*?)```", README.read_text(encoding="utf-8"), re.S | re.M)
    assert shown
    for text in shown:
        Settings.model_validate_json(text)


def settings_rows(model: type[BaseModel] = Settings, path: str = "") -> Iterator[list[str]]:
    """A row for each setting: its key, its default as in cdk.json, what it is."""
    for name, field in model.model_fields.items():
        key = f"{path}{name}"
        kinds = (field.annotation, *get_args(field.annotation))
        section = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
        if section is None or field.description:
            yield [f"`{key}`", default_of(field), field.description or ""]
        if section is not None:
            yield from settings_rows(section, f"{key}.")


def default_of(field: Any) -> str:
    if field.is_required():
        return "(needed)"
    if field.default is None:
        return "none"
    values = json.loads(json.dumps(field.default, default=str))
    if isinstance(values, list) and len(values) > 3:
        return f"{len(values)} of them, from `{values[0]}` to `{values[-1]}`"
    return f"`{json.dumps(values)}`"


def emulated_rows(templates: dict[str, Any]) -> list[list[str]]:
    """A row for each type of the templates that is not only recorded, with whose emulation it is."""
    used = {each["Type"] for template in templates.values() for each in template["Resources"].values()}
    # In this process nothing of ours is installed.
    stock = hook("ministack.services.cloudformation.provisioners:_RESOURCE_HANDLERS")
    return [
        [f"`{kind}`", "ministack, completed by raytrail" if kind in stock else "raytrail"]
        for kind in sorted(used - set(recorded_types()))
    ]


def table(page: Path, *, mark: str = "", header: str = "") -> list[list[str]]:
    """The rows of the table after a mark, or of the one whose first column has a header."""
    start = rf"<!-- {re.escape(mark)} -->\n\|[^\n]*\n" if mark else rf"^\| {re.escape(header)} \|[^\n]*\n"
    found = re.search(start + r"\|[-| ]*\n((?:\|.*\n)*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert found, f"{page.name} has no table {mark or header}"
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in found[1].splitlines()]


def without_code(page: Path) -> str:
    return re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings make."""
    headings = re.findall(r"^#+ (.+)$", without_code(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("table_of", [support_table, services_table])
def test_the_tables_of_the_other_computes_are_those_of_the_code(table_of):
    assert table_of() in (ROOT / "docs" / "computes.md").read_text(encoding="utf-8")
