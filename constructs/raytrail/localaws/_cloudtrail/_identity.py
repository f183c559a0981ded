"""Who called: ``userIdentity``, from ministack's IAM and STS, and keys of their own for Lambda functions."""

from __future__ import annotations

import hashlib
import re
import time
from datetime import UTC, datetime
from typing import Any

from raytrail.localaws._hooks import hook, wrap

ADMINISTRATOR_ROLE = "Administrator"
ADMINISTRATOR_SESSION = "operator"

_ACCOUNT_KEY = re.compile(r"\d{12}")
_ASSUMED = re.compile(r"arn:aws:sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/(?P<session>.+)")


class Callers:
    """Names the caller behind each access key.

    A key is looked up before the call is dispatched too (`notice`), as a call may delete the very key it is
    signed with.
    """

    def __init__(self) -> None:
        self._sessions = hook("ministack.services.sts:_sessions")
        self._access_keys = hook("ministack.services.iam:_access_keys")
        self._users = hook("ministack.services.iam:_users")
        self._roles = hook("ministack.services.iam:_roles")
        self._started = time.time()
        self._known: dict[str, dict[str, Any]] = {}

    def notice(self, headers: dict[str, str], path: str) -> dict[str, str]:
        """Remember who holds the key that a request is signed with. A `World.before_dispatch` function."""
        key = re.search(r"Credential=([^/,\s]+)/", headers.get("authorization", ""))
        if key:
            self.identity(key[1], "")
        return headers

    def identity(self, access_key_id: str, account_id: str) -> dict[str, Any]:
        """The ``userIdentity`` of a caller.

        Args:
            access_key_id: The key that signed the request.
            account_id: The account to name for a key that nobody holds.
        """
        found = self._find(access_key_id)
        if found is not None:
            self._known[access_key_id] = found
            return found
        unknown = {"type": "Unknown", "principalId": "", "accountId": account_id, "accessKeyId": access_key_id}
        return self._known.get(access_key_id, unknown)

    def _find(self, key: str) -> dict[str, Any] | None:
        if _ACCOUNT_KEY.fullmatch(key):
            return self._administrator(key)
        session = self._sessions.get(key)
        if session is not None:
            return self._session(key, session)
        for (account, stored), held in list(self._access_keys.to_dict().items()):
            if stored == key:
                return self._user(account, str(held["UserName"]), key)
        return None

    def _administrator(self, account: str) -> dict[str, Any]:
        principal = _stable_id("AROA", f"{account}:{ADMINISTRATOR_ROLE}")
        return {
            "type": "AssumedRole",
            "principalId": f"{principal}:{ADMINISTRATOR_SESSION}",
            "arn": f"arn:aws:sts::{account}:assumed-role/{ADMINISTRATOR_ROLE}/{ADMINISTRATOR_SESSION}",
            "accountId": account,
            "accessKeyId": _stable_id("ASIA", f"{account}:{ADMINISTRATOR_SESSION}")[:20],
            "sessionContext": _context(account, ADMINISTRATOR_ROLE, None, principal, self._started),
        }

    def _user(self, account: str, name: str, key: str) -> dict[str, Any]:
        user = self._users.get_scoped(account, None, name) or {}
        return {
            "type": "IAMUser",
            "principalId": user.get("UserId", ""),
            "arn": user.get("Arn", f"arn:aws:iam::{account}:user/{name}"),
            "accountId": account,
            "accessKeyId": key,
            "userName": name,
        }

    def _session(self, key: str, session: dict[str, Any]) -> dict[str, Any]:
        arn = str(session.get("Arn", ""))
        issued = float(session.get("IssuedAt") or self._started)
        assumed = _ASSUMED.fullmatch(arn)
        account = assumed["account"] if assumed else str(session.get("AccountId") or arn.split(":")[4])
        if assumed:
            role = self._roles.get_scoped(account, None, assumed["role"])
            principal = str((role or {}).get("RoleId") or str(session.get("UserId", "")).partition(":")[0])
            identity = {
                "type": "AssumedRole",
                "principalId": f"{principal}:{assumed['session']}",
                "arn": arn,
                "accountId": account,
                "accessKeyId": key,
                "sessionContext": _context(account, assumed["role"], role, principal, issued),
            }
            if session.get(FUNCTION_ARN):
                function = str(session[FUNCTION_ARN])
                identity["inScopeOf"] = {
                    "sourceArn": function,
                    "sourceAccount": account,
                    "issuerType": "AWS::Lambda::Function",
                    "credentialsIssuedTo": function,
                }
            return identity
        if ":user/" in arn:
            user = self._user(account, arn.rpartition("/")[2], key)
            return {**user, "sessionContext": {"attributes": _attributes(issued)}}
        if arn.endswith(":root"):
            return self._administrator(account)
        return {
            "type": "FederatedUser",
            "principalId": str(session.get("UserId", "")),
            "arn": arn,
            "accountId": account,
            "accessKeyId": key,
            "sessionContext": {"attributes": _attributes(issued)},
        }


def _context(account: str, role: str, stored: Any, principal: str, issued: float) -> dict[str, Any]:
    return {
        "sessionIssuer": {
            "type": "Role",
            "principalId": principal,
            "arn": (stored or {}).get("Arn", f"arn:aws:iam::{account}:role/{role}"),
            "accountId": account,
            "userName": role,
        },
        "attributes": _attributes(issued),
    }


def _attributes(issued: float) -> dict[str, str]:
    return {
        "creationDate": datetime.fromtimestamp(issued, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "mfaAuthenticated": "false",
    }


def _stable_id(prefix: str, seed: str) -> str:
    return prefix + hashlib.sha256(seed.encode()).hexdigest()[:17].upper()


FUNCTION_ARN = "raytrail:FunctionArn"
"""Where a session of ours notes the Lambda function that it belongs to."""


def give_functions_their_own_keys() -> None:
    """Let each Lambda function call as its role, as on AWS; ministack gives it the account's own key.

    Without it every call of a function would be the administrator's.
    """
    register = hook("ministack.services.sts:register_session")
    roles = hook("ministack.services.iam:_roles")

    def make(original: Any) -> Any:
        def execution_credentials(config: dict[str, Any]) -> dict[str, str]:
            role_arn, function_arn = str(config.get("Role", "")), str(config.get("FunctionArn", ""))
            match = re.fullmatch(r"arn:aws:iam::(\d{12}):role/(?:.+/)?([^/]+)", role_arn)
            if match is None or not function_arn:
                credentials: dict[str, str] = original(config)
                return credentials
            account, role = match[1], match[2]
            name = str(config.get("FunctionName", "function"))[:64]
            digest = hashlib.sha256(f"{function_arn}|{role_arn}".encode()).hexdigest()
            key, secret, token = "ASIA" + digest[:16].upper(), digest[16:56], digest
            stored = roles.get_scoped(account, None, role) or {}
            register(
                key,
                {
                    "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{name}",
                    "UserId": f"{stored.get('RoleId') or _stable_id('AROA', role_arn)}:{name}",
                    "SecretAccessKey": secret,
                    "SessionToken": token,
                    "AccountId": account,
                    "PrincipalType": "AssumedRole",
                    FUNCTION_ARN: function_arn,
                },
            )
            return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}

        return execution_credentials

    # The name is imported into the Lambda service too, so both places are replaced.
    wrap("ministack.core.lambda_runtime:execution_credentials", make)
    wrap("ministack.services.lambda_svc:execution_credentials", make)
