"""Makes the assets of a release in ``dist/``: ``python -m tools.release``.

Besides the wheel and the sdist there is what needs no Python: the plain CloudFormation templates, the detections'
EventBridge patterns, and the saved queries, the detections and their table as Athena's SQL. The same source makes the
same files, byte for byte, with the same versions of the tools that are pinned.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tools._release_patterns import patterns
from tools._release_queries import queries
from tools._release_templates import templates

from raytrail.errors import RaytrailError

ROOT = Path(__file__).parents[1]
SUMS = "SHA256SUMS"
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip can say: the files in it have no time of their own."""


class NotReleased(RaytrailError):
    """The assets could not be made."""


def project_version() -> str:
    """The version in pyproject.toml."""
    version: str = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    return version


def make_assets(folder: Path, *, region: str = "us-east-1") -> None:
    """Write everything but the wheel and the sdist.

    Args:
        folder: Where to.
        region: The home Region of the templates, and where the SQL asks for events of it.

    Raises:
        RaytrailError: The app refuses the Region, or a template needs something that plain CloudFormation lacks.
    """
    version = project_version()
    license_ = {"LICENSE": (ROOT / "LICENSE").read_bytes()}
    for name, files in (
        (f"raytrail-templates-{version}", templates(version, region=region)),
        (f"raytrail-queries-{version}", queries(version, region=region)),
    ):
        _zip(folder / f"{name}.zip", {f"{name}/{path}": body for path, body in {**files, **license_}.items()})
    (folder / f"raytrail-eventbridge-patterns-{version}.json").write_text(patterns(version), encoding="utf-8")


def _zip(file: Path, files: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            entry.create_system = 3  # Unix, wherever it is made
            archive.writestr(entry, files[path], compresslevel=9)


def build_packages(folder: Path) -> None:
    """Write the wheel and the sdist; hatchling gives their files one time too."""
    uv = Path(sys.executable).with_name("uv")
    done = subprocess.run([uv, "build", "--quiet", "--out-dir", folder, ROOT], cwd=ROOT, check=False)
    if done.returncode:
        raise NotReleased("cannot build the wheel: is there a network, and does uv reach its index?")
    # uv keeps its folder out of git: that is no asset.
    (folder / ".gitignore").unlink(missing_ok=True)


def write_sums(folder: Path) -> None:
    """Write the checksums of all that is there, as ``sha256sum --check`` reads them."""
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(folder.iterdir())]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def main() -> int:
    """Make the assets. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.release", description="Make the assets of a release.")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="folder to write to (default: dist)")
    parser.add_argument("--region", default="us-east-1", help="home Region of the templates (default: us-east-1)")
    parser.add_argument("--tag", help="the git tag, which must be v and the version of pyproject.toml")
    asked = parser.parse_args()
    version = project_version()
    if asked.tag is not None and asked.tag != f"v{version}":
        sys.exit(f"raytrail: the tag is {asked.tag!r}, and pyproject.toml has version {version}: tag v{version}")
    try:
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder)
            make_assets(made, region=asked.region)
            build_packages(made)
            write_sums(made)
            replace(asked.output, made)
    except (RaytrailError, OSError) as error:
        sys.exit(f"raytrail: {error}")
    for file in sorted(asked.output.glob("raytrail-*")):
        sys.stdout.write(f"{file.name}  {file.stat().st_size:,} bytes\n")
    return 0


def replace(output: Path, made: Path) -> None:
    """Put new assets into the folder in place of older ones: what is there is what the checksums are of."""
    output.mkdir(parents=True, exist_ok=True)
    for old in output.glob("raytrail-*"):
        old.unlink()
    for file in made.iterdir():
        shutil.copyfile(file, output / file.name)


if __name__ == "__main__":
    sys.exit(main())
