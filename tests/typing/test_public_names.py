from __future__ import annotations

import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import raytrail

IMPORTER = Path(__file__).resolve().parent / "importer.py"

# As in the project's own run, so that both share what mypy keeps of aws_cdk, but without its path to the sources.
CONFIG = """
[mypy]
strict = True
plugins = pydantic.mypy
python_version = 3.11
namespace_packages = True
explicit_package_bases = True
"""

# What is run, not imported: the command, the demo and the embedded AWS.
NOT_FOR_IMPORTERS = {"cli", "demo", "localaws"}


def test_an_importer_is_typed_by_the_installed_package(root, tmp_path):
    config = tmp_path / "mypy.ini"
    config.write_text(CONFIG)
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", config, "--cache-dir", root / ".mypy_cache", IMPORTER],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_importer_uses_each_room():
    modules = {module.name for module in pkgutil.iter_modules(raytrail.__path__) if not module.name.startswith("_")}
    used = set(re.findall(r"^from raytrail\.(\w+) import", IMPORTER.read_text(), re.MULTILINE))
    assert used == modules - NOT_FOR_IMPORTERS
