"""Checks the files of one account."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from raytrail.integrity._chain import Chain, Judged, Read
from raytrail.integrity._content import Damaged, Followed, content, content_hash
from raytrail.integrity._coverage import Named, Times
from raytrail.integrity._digest import HASH_ALGORITHM, Digest, NamedLog, read_digest
from raytrail.integrity._findings import Covered, Finding, Outcome, Status, hindrance
from raytrail.integrity._keys import PublicKeys
from raytrail.integrity._names import DIGEST_FOLDER, LOG_FOLDER, ChainName, read_digest_name, read_log_place
from raytrail.integrity._source import Source
from raytrail.integrity._walk import AccountFolder, Unlisted, children, files_back, join

_NO_NAME = "CloudTrail puts no file of this name here"


@dataclass(kw_only=True, slots=True)
class _Tally:
    """What one chain has said so far."""

    start: datetime
    end: datetime
    digests: int = 0
    logs: int = 0


class Account:
    """One account's check: first its digests, with the log files that they name, then the files that none names."""

    def __init__(
        self,
        source: Source,
        keys: PublicKeys,
        since: datetime | None,
        pool: Executor,
        named: Named,
        unlisted: Unlisted,
    ) -> None:
        self._source = source
        self._keys = keys
        self._since = since
        self._pool = pool
        self._named = named
        self._unlisted = unlisted
        self._times: dict[str, Times] = {}
        self._kinds: set[tuple[str, str]] = set()
        """Regions and folders of which digests name files."""

    def check(self, folder: AccountFolder) -> Iterator[Outcome]:
        """Check what lies in the account's folder."""
        if folder.has_digests:
            below = join(folder.path, DIGEST_FOLDER)
            names, strays = children(self._source, below, self._unlisted)
            for region in names:
                yield from self._digests(join(below, region), region)
            yield from (_extra("digest", join(below, name)) for name in strays)
        for kind in folder.log_folders:
            below = join(folder.path, kind)
            names, strays = children(self._source, below, self._unlisted)
            for region in names:
                yield from self._unnamed(join(below, region), region, kind)
            yield from (_extra("log", join(below, name)) for name in strays)

    def _digests(self, folder: str, region: str) -> Iterator[Outcome]:
        chains: dict[ChainName, Chain] = {}
        tallies: dict[ChainName, _Tally] = {}
        for path in files_back(self._source, folder, self._since, self._unlisted):
            name = read_digest_name(path.rpartition("/")[2])
            if name is None or name.chain.region != region:
                yield _extra("digest", path)
                continue
            if self._since is not None and name.end <= self._since:
                continue
            chain = chains.setdefault(name.chain, Chain(self._keys))
            content, signature = self._read(path)
            found = Read(path=path, name=name, content=content, signature=signature, bucket=self._source.bucket)
            for judged in chain.take(found):
                yield judged.finding
                if judged.digest is not None:
                    tally = tallies.setdefault(name.chain, _Tally(start=judged.digest.start, end=judged.digest.end))
                    yield from self._speak(name.chain, tally, path, judged, judged.digest)
        for chain_name, chain in chains.items():
            yield from (judged.finding for judged in chain.missing(self._source.bucket, self._since))
            if found_tally := tallies.get(chain_name):
                yield Covered(
                    chain=chain_name,
                    start=found_tally.start,
                    end=found_tally.end,
                    digests=found_tally.digests,
                    logs=found_tally.logs,
                )

    def _read(self, path: str) -> tuple[Digest | Damaged | Followed | OSError, str | None]:
        signature = None
        try:
            stream, signature = self._source.open_signed(path)
            with stream:
                return read_digest(content(stream)), signature
        except (Damaged, Followed, OSError) as error:
            return error, signature

    def _speak(self, chain: ChainName, tally: _Tally, path: str, judged: Judged, digest: Digest) -> Iterator[Finding]:
        """Check the log files that a digest names."""
        tally.start, tally.end = min(tally.start, digest.start), max(tally.end, digest.end)
        tally.digests += 1
        tally.logs += len(digest.logs)
        if not chain.backfill:
            self._times.setdefault(chain.region, Times()).add(digest.start, digest.end)
        # What stands before the path in the digest's own key stands before those of its log files.
        lead = digest.key.removesuffix(path)
        places = [_place(log, digest, lead) for log in digest.logs]
        for place in places:
            if place is not None:
                self._named.add(place)
                self._kinds |= {(chain.region, part) for part in place.split("/") if part.startswith(LOG_FOLDER)}
        results = self._pool.map(self._compare, digest.logs, places)
        for log, place, (status, reason) in zip(digest.logs, places, results, strict=True):
            sure = judged.signed or status is not Status.VERIFIED
            yield Finding(
                status=status if sure else Status.UNVERIFIED,
                kind="log",
                path=place or log.key,
                reason=reason if sure else "it is as its digest states, which is unverified itself",
                chain=chain,
            )

    def _compare(self, log: NamedLog, place: str | None) -> tuple[Status, str]:
        """Compare a log file with what a digest states. Called by several threads."""
        if place is None:
            return Status.UNVERIFIED, "it lies in another bucket, or outside of what was read: verify that too"
        if log.hash_algorithm != HASH_ALGORITHM:
            return Status.UNVERIFIED, f"its hash is {log.hash_algorithm}, of which only {HASH_ALGORITHM} is known"
        try:
            with self._source.open(place) as stream:
                found = content_hash(stream)
        except (Damaged, Followed, OSError) as error:
            return hindrance(error)
        return (Status.VERIFIED, "") if found == log.hash else (Status.ALTERED, "its digest states another hash")

    def _unnamed(self, folder: str, region: str, kind: str) -> Iterator[Finding]:
        """Name the files that no digest names."""
        times = self._times.get(region, Times())
        for path in files_back(self._source, folder, self._since, self._unlisted):
            if path in self._named:
                continue
            *days, name = path.removeprefix(f"{folder}/").split("/")
            minute = read_log_place([region, *days], name)
            if minute is None:
                yield _extra("log", path)
            elif self._since is not None and minute < self._since:
                continue
            elif not times.hold_minute(minute):
                reason = "no digest that counts covers the time of its delivery"
                yield Finding(status=Status.UNVERIFIED, kind="log", path=path, reason=reason)
            elif kind != LOG_FOLDER and (region, kind) not in self._kinds:
                reason = f"the digests of {region} name no file of {kind}"
                yield Finding(status=Status.UNVERIFIED, kind="log", path=path, reason=reason)
            else:
                reason = "the digests that cover the time of its delivery do not name it"
                yield Finding(status=Status.EXTRA, kind="log", path=path, reason=reason)


def _place(log: NamedLog, digest: Digest, lead: str) -> str | None:
    """The path of a log file, or None when it lies in another bucket or outside of what is read."""
    return log.key.removeprefix(lead) if log.bucket == digest.bucket and log.key.startswith(lead) else None


def _extra(kind: Literal["digest", "log"], path: str) -> Finding:
    return Finding(status=Status.EXTRA, kind=kind, path=path, reason=_NO_NAME)
