"""Keeping secrets out of what is printed, whoever put them there."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from raytrail.cli._doctor._credentials._loading import chain
from raytrail.cli._doctor._credentials._setup import Pair, Setup
from raytrail.cli._doctor._credentials._signed_in import login_token, sso_token
from raytrail.cli._doctor._model import Diagnosis, Finding, NotLookedAt

_VARIABLES = re.compile(r"(AWS|AMAZON)_(?!.*_FILE$).*(SECRET|TOKEN)")
_URLS = re.compile(r"AWS_ENDPOINT_URL.*|.*_PROXY", re.IGNORECASE)
_PERSON = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://)?(.+)@")
"""A name and a password in a URL."""
_SETTINGS = ("aws_secret_access_key", "aws_session_token", "aws_security_token")
SHORTEST = 8
"""Shorter values are no secrets of AWS's, and occur in words."""


def secrets_of(setup: Setup, pair: Pair | None) -> frozenset[str]:
    """Every secret that this command could have met."""
    found = {value for name, value in setup.environment.items() if _VARIABLES.match(name)}
    for section in setup.files.profiles.values():
        found.update(str(section[name]) for name in _SETTINGS if name in section)
    for profile in chain(setup):
        for token in (sso_token(setup, profile), login_token(setup, profile)):
            found.update(_texts(token.content or {}, within=("accessToken", "refreshToken", "clientSecret", "dpopKey")))
    if pair:
        found.update((pair.secret, pair.token))
    urls = (value for name, value in setup.environment.items() if _URLS.fullmatch(name))
    for url in (*urls, setup.endpoint or "", str(setup.section.get("endpoint_url", ""))):
        if person := _PERSON.match(url):
            found.update((person[1], person[1].partition(":")[2]))
    # AWS repeats what was signed with one blank for several.
    return frozenset(
        each for text in found for each in (text, text.strip(), " ".join(text.split())) if len(each) >= SHORTEST
    )


def without_secrets(diagnosis: Diagnosis, secrets: Iterable[str]) -> Diagnosis:
    """The same, with three dots for each secret: an answer of AWS's may repeat what was sent to it."""
    longest_first = sorted(secrets, key=len, reverse=True)

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            for secret in longest_first:
                value = value.replace(secret, "...")
            return value
        if isinstance(value, tuple):
            return tuple(clean(each) for each in value)
        if isinstance(value, (Finding, NotLookedAt)):
            changed = {field.name: clean(getattr(value, field.name)) for field in dataclasses.fields(value)}
            return dataclasses.replace(value, **changed)
        return value

    return Diagnosis(
        identity=diagnosis.identity,
        findings=clean(diagnosis.findings),
        looked_at=clean(diagnosis.looked_at),
        not_looked_at=clean(diagnosis.not_looked_at),
    )


def _texts(value: object, within: tuple[str, ...] = ()) -> Iterator[str]:
    """The texts of a JSON value; of its top those under some names."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            if not within or name in within:
                # Of an access token that is an object, the ID and the account are no secrets.
                yield from _texts(each) if name not in ("accessKeyId", "accountId", "expiresAt") else ()
