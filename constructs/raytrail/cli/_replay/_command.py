"""What ``raytrail replay`` does with its options."""

from __future__ import annotations

import errno
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from raytrail.cli._aws import Aws, connect
from raytrail.cli._errors import Unanswered, WrongUse
from raytrail.cli._output import check_output, to_output
from raytrail.cli._replay._correlate import Correlations
from raytrail.cli._replay._inputs import SCHEME, Inputs, check_location, find_inputs
from raytrail.cli._replay._lake import ask_lake
from raytrail.cli._replay._pieces import Piece, jobs
from raytrail.cli._replay._pool import run as run_jobs
from raytrail.cli._replay._progress import Bar, progress
from raytrail.cli._replay._refusals import Refusals
from raytrail.cli._replay._rules import Rules, find_rules
from raytrail.cli._replay._setup import setup_of
from raytrail.cli._replay._show import json_line, show_refusals, show_report, show_summary
from raytrail.cli._replay._work import Done, Setup
from raytrail.cli._signals import Stopped
from raytrail.cli._terminal import clean, listed
from raytrail.errors import RaytrailError
from raytrail.records import Refusal
from raytrail.replay import Match, Report, navigator_layer

PARTLY = 3
"""The status when there is an answer, and some file or line could not be read for it."""
ENGINES = ("eventbridge", "athena", "both")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options as they were typed."""

    paths: tuple[str, ...]
    engine: str
    templates: Path | None
    sigma: tuple[Path, ...]
    json: bool
    navigator: Path | None
    app_folder: Path
    athena: str | None
    database: str | None
    endpoint: str | None
    profile: str | None
    region: str | None


@dataclass(kw_only=True)
class _Replay:
    """A replay under way: what was counted, and who is told each match."""

    report: Report = field(default_factory=Report)
    refusals: Refusals = field(default_factory=Refusals)
    as_json: bool

    def take(self, matches: Iterable[Match]) -> None:
        for match in matches:
            self.report.add(match)
            if self.as_json:
                with to_output():
                    sys.stdout.write(json_line(match))


def run(asked: Asked) -> int:
    """Do what was asked, and return the status to end with: 0, or `PARTLY`.

    Raises:
        RaytrailError: It cannot be done; `Unanswered` when there is nothing to replay, `WrongUse` when what was typed
            is to blame.
    """
    check_output()
    _check(asked)
    rules = find_rules(templates=asked.templates, app_folder=asked.app_folder, sigma=asked.sigma, engine=asked.engine)
    with_aws = asked.athena is not None or any(path.startswith(SCHEME) for path in asked.paths)
    aws = connect(endpoint=asked.endpoint, profile=asked.profile, region=asked.region) if with_aws else None
    replayed = _Replay(as_json=asked.json)
    with progress() as bar, _stopping():
        bar.say("looking for logs")
        inputs = find_inputs(asked.paths, aws)
        _replay(asked, rules, inputs, replayed, bar)
    if asked.athena is not None and aws is not None:
        _replay_lake(asked, rules, inputs, replayed, aws)
    return _tell(asked, rules, inputs, replayed)


@contextmanager
def _stopping() -> Iterator[None]:
    """Say what it is that ends a replay.

    While DuckDB works, it puts an error of its own in the place of what Ctrl-C raises.
    """
    try:
        yield
    except (RuntimeError, RaytrailError) as error:
        if "interrupted" in str(error).lower():
            raise Stopped from error
        raise
    except OSError as error:
        # Of files that are read it is said where they are; what is left are those that are written.
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise RaytrailError(
            f"there is no room for temporary files in {tempfile.gettempdir()}; set TMPDIR to a folder that has some"
        ) from error


def _check(asked: Asked) -> None:
    if asked.engine not in ENGINES:
        raise WrongUse(f"--engine is {listed(ENGINES, 'or')}, got {asked.engine!r}")
    if asked.athena is not None and asked.engine == "eventbridge":
        raise WrongUse("--athena asks Athena; leave it out with --engine eventbridge")
    if asked.database is not None and asked.athena is None:
        raise WrongUse("--database is for --athena WORKGROUP; leave it out")
    for path in asked.paths:
        if path.startswith(SCHEME):
            check_location(path)
    of_aws = ("endpoint", "profile", "region")
    given = [f"--{name}" for name in of_aws if getattr(asked, name) is not None]
    if given and asked.athena is None and not any(path.startswith(SCHEME) for path in asked.paths):
        raise WrongUse(f"files are replayed without AWS; leave out {listed(given)}, or give s3://BUCKET or --athena")


def _replay(asked: Asked, rules: Rules, inputs: Inputs, replayed: _Replay, bar: Bar) -> None:
    """Run the records through the engines of this machine."""
    here = asked.athena is None and asked.engine != "eventbridge"
    correlations = rules.correlations if here else []
    setup = setup_of(rules, athena=here)
    bar.start(inputs.stored)
    with Correlations(correlations, rules.for_athena) as correlated:
        for done in run_jobs(setup, jobs(_readable(inputs, replayed)), size=inputs.size):
            _count(done, replayed)
            correlated.keep(done.kept)
            replayed.take(done.matches)
            bar.advance(done.stored, replayed.report.records)
        if correlations:
            bar.say("correlating")
        replayed.take(correlated.matches())


def _readable(inputs: Inputs, replayed: _Replay) -> Iterator[Piece]:
    for each in inputs.pieces():
        if isinstance(each, Refusal):
            replayed.refusals.add([each])
        else:
            yield each


def _count(done: Done, replayed: _Replay) -> None:
    report = replayed.report
    report.places.update(done.places)
    report.asides.update(done.asides)
    replayed.refusals.add(done.refusals)
    replayed.refusals.read(done.files)


def _replay_lake(asked: Asked, rules: Rules, inputs: Inputs, replayed: _Replay, aws: Aws) -> None:
    """Ask Athena about the accounts, Regions and days that were read, and look its events up in what was read."""
    assert asked.athena is not None
    with progress() as bar:
        found = ask_lake(
            rules,
            aws=aws,
            workgroup=asked.athena,
            database=asked.database,
            app_folder=asked.app_folder,
            places=replayed.report.places,
            say=bar.say,
        )
        if found.events:
            bar.start(inputs.stored)
            located = set()
            setup = Setup(locate=found.events)
            for done in run_jobs(setup, jobs(_readable(inputs, _Replay(as_json=False))), size=inputs.size):
                located |= {match.event_id for match in done.matches}
                replayed.take(done.matches)
                bar.advance(done.stored, 0)
            if elsewhere := len(found.events.keys() - located):
                sys.stderr.write(f"{elsewhere} events that Athena matched on these days are not in what was read\n")
    sys.stderr.writelines(f"{line}\n" for line in found.summary)


def _tell(asked: Asked, rules: Rules, inputs: Inputs, replayed: _Replay) -> int:
    report = replayed.report
    report.refused = replayed.refusals.total
    with to_output():
        sys.stdout.flush()
    show_refusals(replayed.refusals)
    if not report.records:
        raise Unanswered(f"there is no CloudTrail record in {listed(asked.paths)}{_instead(report, inputs)}")
    if asked.navigator is not None:
        about = f"Replay of {report.records} records of {clean(listed(asked.paths))}"
        layer = navigator_layer(report, description=about)
        try:
            asked.navigator.write_text(json.dumps(layer, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise WrongUse(f"--navigator {asked.navigator} cannot be written: {error.strerror or error}") from error
    if not asked.json:
        with to_output():
            show_report(report)
            sys.stdout.flush()
    show_summary(report, rules, inputs, asked)
    return PARTLY if report.refused else 0


def _instead(report: Report, inputs: Inputs) -> str:
    """What is there where no records are."""
    found = [f"{count} {kind}s" for kind, count in report.asides.items()]
    if inputs.left:
        found.append(f"{len(inputs.left)} files whose names are not those of logs")
    if inputs.others:
        found.append(f"{inputs.others} digests, Insights or others")
    return f", only {listed(found)}" if found else ""
