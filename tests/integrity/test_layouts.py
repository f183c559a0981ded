"""Whose files lie where: accounts, Regions, trails, organizations, prefixes, and parts of a bucket."""

from __future__ import annotations

import tracemalloc
from datetime import timedelta
from pathlib import Path

import pytest
from tests.integrity.delivered import BUCKET, HOUR, START, Trail, public_keys

from raytrail.errors import InvalidProps
from raytrail.integrity import Covered, Finding, FolderSource, Outcome, PublicKeys, Status, verify


def check(folder: Path, **options: object) -> list[Outcome]:
    return list(verify(FolderSource(folder), public_keys(), **options))  # type: ignore[arg-type] # since alone


def not_verified(outcomes: list[Outcome]) -> dict[str, Status]:
    found = [outcome for outcome in outcomes if isinstance(outcome, Finding)]
    return {finding.path: finding.status for finding in found if finding.status is not Status.VERIFIED}


def chain(folder: Path, hours: int = 3, logs: int = 2, **given: object) -> Trail:
    trail = Trail(folder, **given)  # type: ignore[arg-type] # the fields of a Trail
    for _ in range(hours):
        trail.hour(logs)
    trail.sign_newest()
    return trail


@pytest.mark.parametrize("prefix", ["", "audit", "a/b"])
@pytest.mark.parametrize("organization", ["", "o-abcde12345"])
def test_any_part_of_a_bucket_may_be_what_was_downloaded(tmp_path: Path, prefix: str, organization: str) -> None:
    trail = chain(tmp_path, prefix=prefix, organization=organization)
    above = trail.above.split("/")
    for depth in range(len(above) + 1):
        outcomes = check(tmp_path.joinpath(*above[:depth]))
        assert not_verified(outcomes) == {}
        assert len(outcomes) == 3 + 6 + 1


def test_each_chain_is_judged_alone_and_told_with_what_it_covers(tmp_path: Path) -> None:
    trails = [
        chain(tmp_path),
        chain(tmp_path, region="eu-central-1"),
        chain(tmp_path, name="another", hours=2),
        chain(tmp_path, account="444455556666"),
    ]
    outcomes = check(tmp_path)
    assert not_verified(outcomes) == {}
    covered = {(c.chain.account, c.chain.region, c.chain.trail): c for c in outcomes if isinstance(c, Covered)}
    assert set(covered) == {(trail.account, trail.region, trail.name) for trail in trails}
    first = covered["111122223333", "us-east-1", "audit_all"]
    assert (first.start, first.end, first.digests, first.logs) == (START, START + 3 * HOUR, 3, 6)

    (tmp_path / trails[1].digests[1]).unlink()
    harmed = [finding for finding in check(tmp_path) if isinstance(finding, Finding)]
    named = {finding.path for finding in harmed if finding.status is not Status.VERIFIED}
    assert all("eu-central-1" in path for path in named)
    assert trails[1].digests[1] in named


def test_of_a_part_of_a_bucket_what_is_missing_is_named_as_it_would_lie_there(tmp_path: Path) -> None:
    trail = chain(tmp_path, prefix="audit")
    for key in (trail.digests[1], trail.logs[0]):
        (tmp_path / key).unlink()
    found = not_verified(check(tmp_path / "audit" / "AWSLogs"))
    missing = {path for path, status in found.items() if status is Status.MISSING}
    assert missing == {key.removeprefix("audit/AWSLogs/") for key in (trail.digests[1], trail.logs[0])}


def test_empty_hours_are_covered_too(tmp_path: Path) -> None:
    trail = chain(tmp_path, logs=0)
    assert not_verified(check(tmp_path)) == {}
    key = trail.log_key(START + HOUR, "added")
    trail.write(key, b"")
    assert not_verified(check(tmp_path)) == {key: Status.EXTRA}


def test_a_file_of_the_minute_in_which_the_newest_digest_ends_may_belong_to_the_next(tmp_path: Path) -> None:
    trail = chain(tmp_path)
    within, at_the_end, later = (
        trail.log_key(trail.start + timedelta(minutes=minutes), "added") for minutes in (-1, 0, 5)
    )
    for key in (within, at_the_end, later):
        trail.write(key, b"")
    expected = {within: Status.EXTRA, at_the_end: Status.UNVERIFIED, later: Status.UNVERIFIED}
    assert not_verified(check(tmp_path)) == expected


def test_a_region_without_digests_is_unverified(tmp_path: Path) -> None:
    trail = chain(tmp_path)
    other = Trail(tmp_path, region="sa-east-1").log_key(START + HOUR, "alone")
    trail.write(other, b"")
    assert not_verified(check(tmp_path)) == {other: Status.UNVERIFIED}


def test_the_time_between_a_stop_and_a_start_is_named(tmp_path: Path) -> None:
    trail = Trail(tmp_path)
    trail.hour()
    trail.hour()
    stopped = trail.start
    trail.restart(timedelta(hours=9))
    trail.hour()
    trail.hour()
    trail.sign_newest()
    # The last digest before the stop is named by none after it.
    (period,) = [finding for finding in check(tmp_path) if isinstance(finding, Finding) and finding.kind == "period"]
    assert period.status is Status.UNVERIFIED
    assert period.path == f"{stopped:%Y-%m-%dT%H:%M:%SZ}/{stopped + 9 * HOUR:%Y-%m-%dT%H:%M:%SZ}"
    expected = [period.path, trail.digests[1], *trail.logs[2:4]]
    assert not_verified(check(tmp_path)) == dict.fromkeys(expected, Status.UNVERIFIED)


def test_digests_that_name_each_other_leave_no_time_between_them(tmp_path: Path) -> None:
    trail = Trail(tmp_path)
    trail.hour()
    trail.start += timedelta(seconds=1)
    trail.hour()
    trail.sign_newest()
    assert not_verified(check(tmp_path)) == {"2026-01-31T22:01:31Z/2026-01-31T22:01:32Z": Status.BROKEN}


def test_from_a_time_on_nothing_older_is_missed(tmp_path: Path) -> None:
    trail = chain(tmp_path, hours=6)
    for key in [*trail.digests[:3], *trail.logs[:6]]:
        (tmp_path / key).unlink()
    assert not_verified(check(tmp_path)) == {trail.digests[2]: Status.MISSING}
    outcomes = check(tmp_path, since=START + 3 * HOUR)
    assert not_verified(outcomes) == {}
    assert len(outcomes) == 3 + 6 + 1
    assert not_verified(check(tmp_path, since=START + 3 * HOUR - timedelta(seconds=1))) == {
        trail.digests[2]: Status.MISSING
    }


def test_backfill_digests_are_a_chain_of_their_own_and_name_what_the_first_left_out(tmp_path: Path) -> None:
    trail = chain(tmp_path, hours=4)
    backfill = Trail(tmp_path, backfill=True, start=START)
    for _ in range(2):
        backfill.hour(1)
        backfill.start += HOUR
    backfill.sign_newest()
    assert not_verified(check(tmp_path)) == {}
    (tmp_path / backfill.digests[0]).unlink()
    found = not_verified(check(tmp_path))
    assert found[backfill.digests[0]] is Status.MISSING
    assert trail.digests[0] not in found


def test_files_of_insights_are_judged_when_the_digests_name_such_files(tmp_path: Path) -> None:
    trail = Trail(tmp_path)
    first = trail.log(START + timedelta(minutes=5), "one", "CloudTrail-Insight")
    trail.hour(0, logFiles=[])
    key = f"{first['s3Object']}"
    found = {k: s for k, s in not_verified(check(tmp_path)).items() if k == key}
    assert found == {key: Status.UNVERIFIED}

    trail.hour(0, logFiles=[first])
    trail.sign_newest()
    added = trail.log_key(START + timedelta(minutes=9), "two", "CloudTrail-Insight")
    trail.write(added, b"")
    assert not_verified(check(tmp_path)) == {added: Status.EXTRA}


def test_a_log_file_in_another_bucket_is_not_looked_for_here(tmp_path: Path) -> None:
    trail = Trail(tmp_path)
    named = {**trail.log(START + timedelta(minutes=5), "one"), "s3Bucket": f"{BUCKET}-before"}
    trail.hour(0, logFiles=[named])
    trail.sign_newest()
    found = [finding for finding in check(tmp_path) if isinstance(finding, Finding)]
    assert "in another bucket" in next(finding.reason for finding in found if finding.kind == "log")


def test_a_chain_that_goes_on_in_another_bucket_is_not_missed_here(tmp_path: Path) -> None:
    trail = Trail(tmp_path)
    trail.hour()
    trail._previous |= {"S3Bucket": f"{BUCKET}-before"}
    (tmp_path / trail.digests[0]).unlink()
    trail.hour()
    trail.sign_newest()
    assert not_verified(check(tmp_path))[trail.digests[0]] is Status.UNVERIFIED


def test_logs_of_other_services_and_hidden_files_are_passed_over(tmp_path: Path) -> None:
    trail = chain(tmp_path)
    trail.write(f"{trail.above}/elasticloadbalancing/us-east-1/2026/01/31/some.log.gz", b"")
    trail.write("AWSLogs/aws-account-logs/CloudTrail/us-east-1/x", b"")
    trail.write(f"{trail.above}/CloudTrail/us-east-1/2026/01/31/.DS_Store", b"")
    assert not_verified(check(tmp_path)) == {}


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trail = chain(tmp_path)
    source = FolderSource(tmp_path)
    closed = f"{trail.above}/CloudTrail/us-east-1/2026/01/31"
    listed = source.children

    def children(folder: str) -> tuple[list[str], list[str]]:
        if folder == closed:
            raise PermissionError(13, "Permission denied", folder)
        return listed(folder)

    monkeypatch.setattr(source, "children", children)
    outcomes = list(verify(source, public_keys()))
    assert not_verified(outcomes) == {closed: Status.UNVERIFIED}


def test_a_place_without_anything_of_cloudtrails_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "AWSLogs" / "elsewhere").mkdir(parents=True)
    assert check(tmp_path) == []


def test_a_place_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidProps, match="is no folder"):
        FolderSource(tmp_path / "none")


def test_memory_does_not_grow_with_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Peak of Python's own memory over a few hours of digests, and over days."""
    # How many threads hold a piece of a file at the moment of the peak is chance.
    monkeypatch.setattr("raytrail.integrity._verify.THREADS", 1)

    def peak(folder: Path, hours: int) -> int:
        chain(folder, hours=hours, logs=5)
        tracemalloc.start()
        for _ in verify(FolderSource(folder), PublicKeys()):
            pass
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(tmp_path / "warm", 2)
    assert peak(tmp_path / "days", 4 * 24) < 1.2 * peak(tmp_path / "hours", 8)
