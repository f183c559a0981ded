"""A person's home, with AWS files, an app and an environment, in which ``raytrail doctor`` is run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli.command import Said
from tests.cli.doctor_wire import Cloud, KeyAtAws, Wire

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
SECRET = "Rk3/0YpXz9+wq8Lm2vNn4bTcJd7GhAsE6uVyBxQo"
OTHER_SECRET = "Zz1/8YpXz9+wq8Lm2vNn4bTcJd7GhAsE6uVyBxQo"
TOKEN = "IQoJb3JpZ2luX2VjEPT//////////wEaCXVzLWVhc3QtMSJHMEUCIQDw" * 6
OTHER_TOKEN = "IQoJb3JpZ2luX2VjEAA//////////wEaCXVzLWVhc3QtMSJHMEUCIQDw" * 6
SECRETS = (SECRET, OTHER_SECRET, TOKEN, OTHER_TOKEN, "proxy-password", "role-token-", "r" * 40, "OfIdentityCenter")
OURS, THEIRS = "111122223333", "444455556666"


def key_of(account: str, prefix: str = "AKIA", end: str = "WXYZ22") -> str:
    """An access key ID that encodes an account."""
    bits = (1 << 49) | (int(account) << 9)
    return prefix + "".join(LETTERS[bits >> shift & 31] for shift in range(45, -5, -5)) + end


AKIA, ASIA = key_of(OURS), key_of(OURS, "ASIA")
ALICE = f"arn:aws:iam::{OURS}:user/alice"


@dataclass
class Doctor:
    """Runs the command in a home of its own, and reads what it found.

    Attributes:
        here: Runs any command of ``raytrail``.
        diagnose: Runs ``raytrail doctor`` for the app, with ``--json``.
        home: The home; the folder ``app`` in it is the app's.
        wire: AWS.
    """

    here: Callable[..., Said]
    diagnose: Callable[..., Said]
    home: Path
    wire: Wire

    @property
    def cloud(self) -> Cloud:
        """What AWS knows."""
        return self.wire.cloud

    def write(
        self, *, config: str = "", credentials: str = "", cdk: Any = None, sso: dict[str, Any] | None = None
    ) -> None:
        """Write the files of a person, with the token of the SSO session ``corp``, and the cdk.json of an app."""
        cache = self.home / ".aws" / "sso" / "cache"
        cache.mkdir(parents=True, exist_ok=True)
        if sso is not None:
            name = hashlib.sha1(b"corp", usedforsecurity=False).hexdigest()
            (cache / f"{name}.json").write_text(json.dumps(sso), encoding="utf-8")
        for name, text in (("config", config), ("credentials", credentials)):
            if text:
                (self.home / ".aws" / name).write_text(text, encoding="utf-8")
        if cdk is not None:
            (self.home / "app" / "cdk.json").write_text(json.dumps(cdk), encoding="utf-8")

    def environment(self, **environment: str | None) -> dict[str, str | None]:
        """The environment of the command: the wire, the home, and what is given; nothing else of AWS's."""
        nothing = dict.fromkeys(("AWS_PROFILE", "AWS_SESSION_TOKEN", "NO_PROXY", "no_proxy", "https_proxy"))
        region = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
        return {**nothing, **region, "HOME": str(self.home), **self.wire.environment, **environment}

    def run(self, *arguments: str, **environment: str | None) -> dict[str, Any]:
        """What it found, as JSON."""
        said = self.diagnose(*arguments, **self.environment(**environment))
        assert said.err == ""
        for secret in SECRETS:
            assert secret not in said.out
        found: dict[str, Any] = json.loads(said.out)
        assert found["status"] == said.status
        return found

    def names(self, *arguments: str, **environment: str | None) -> list[str]:
        """The names of what it found, the worst first."""
        return [each["name"] for each in self.run(*arguments, **environment)["findings"]]

    def finding(self, name: str, *arguments: str, **environment: str | None) -> dict[str, Any]:
        """The one finding of a name."""
        found = self.run(*arguments, **environment)["findings"]
        assert name in [each["name"] for each in found]
        return next(each for each in found if each["name"] == name)


def new_cloud() -> Cloud:
    """AWS with a long-term and a temporary key of Alice."""
    temporary = KeyAtAws(secret=SECRET, token=TOKEN, arn=ALICE)
    return Cloud(keys={AKIA: KeyAtAws(secret=SECRET, arn=ALICE), ASIA: temporary})


def environment_key(key: str, secret: str = SECRET, token: str | None = None) -> dict[str, str | None]:
    """A key in the environment."""
    return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}


def section(name: str, **settings: str) -> str:
    """A section of a file."""
    return f"[{name}]\n" + "".join(f"{setting} = {value}\n" for setting, value in settings.items())


def key_section(name: str, key: str = AKIA, secret: str = SECRET, **settings: str) -> str:
    """A profile with a key."""
    return section(name, aws_access_key_id=key, aws_secret_access_key=secret, **settings)


SSO_TOKEN = "aoaAAAAAGVf2QExampleOfAnAccessTokenOfIdentityCenter" * 4
SSO_REFRESH = "aorAAAAAGVf2QExampleOfARefreshTokenOfIdentityCenter" * 4
SSO_CLIENT = "ExampleOfAClientSecretThatIsLong" * 3
START_URL = "https://corp.awsapps.com/start"
SSO_PROFILE = section("sso-session corp", sso_start_url=START_URL, sso_region="us-east-1") + section(
    "profile work", sso_session="corp", sso_account_id=OURS, sso_role_name="Deployer"
)


def sso_token(ends: str) -> dict[str, Any]:
    """What ``aws sso login`` leaves on the disk; the registration of the client has ended, so nothing is renewed."""
    return {
        "startUrl": START_URL,
        "region": "us-east-1",
        "accessToken": SSO_TOKEN,
        "expiresAt": ends,
        "clientId": "client",
        "clientSecret": SSO_CLIENT,
        "registrationExpiresAt": "2026-02-01T00:00:00Z",
        "refreshToken": SSO_REFRESH,
    }
