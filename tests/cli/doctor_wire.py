"""What answers as AWS does, at AWS's own host names: a proxy with an authority of its own, and STS behind it.

botocore is neither patched nor pointed elsewhere: HTTPS_PROXY leads it here, AWS_CA_BUNDLE makes it trust what it
finds, and it signs, sends and parses as ever. STS here knows keys, and refuses as AWS is documented to refuse;
signatures are checked with botocore's own signer. Its words are those of AWS's real answers, as people reported them.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import trustme
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

INVALID = ("InvalidClientTokenId", "The security token included in the request is invalid.")
EXPIRED = ("ExpiredToken", "The security token included in the request is expired")
UNSIGNED = ("MissingAuthenticationToken", "Request is missing Authentication Token")
WRONG_SIGNATURE = (
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details.",
)
OPT_IN = ("af-south-1", "eu-south-1")
HOSTS = (
    *("*.amazonaws.com", "*.amazonaws.com.cn", "*.sso.us-east-1.amazonaws.com"),
    *(f"*.{region}.amazonaws.com" for region in ("us-east-1", "eu-west-1", "us-gov-west-1", *OPT_IN)),
    "*.cn-north-1.amazonaws.com.cn",
)
MFA_CODE = "123456"
WINDOW = timedelta(minutes=15)
"""How old a signature may be that STS takes, as it says in its refusals."""


@dataclass(frozen=True, kw_only=True)
class KeyAtAws:
    """An access key as AWS has it."""

    secret: str
    arn: str = "arn:aws:iam::609629065308:user/alice"
    token: str = ""
    active: bool = True
    ended: bool = False
    only_default_regions: bool = False


@dataclass(kw_only=True)
class Cloud:
    """What AWS knows, and which calls came."""

    keys: dict[str, KeyAtAws] = field(default_factory=dict)
    trusting: dict[str, str] = field(default_factory=dict)
    """The ARN of each role, and that of whom it trusts."""
    regions: dict[str, str] = field(default_factory=lambda: dict.fromkeys(OPT_IN, "DISABLED"))
    tells_regions: bool = True
    sso_token: str = ""
    """A sign-in that is good, of somebody who has no role."""
    ahead: timedelta = timedelta()
    """How far AWS's clock is ahead of this machine's."""
    repeats_token: bool = False
    """Whether a refused signature is explained with all that was signed, as older endpoints do."""
    calls: list[str] = field(default_factory=list)
    signers: list[str] = field(default_factory=list)
    """The access key IDs with which they were signed."""

    @property
    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Wire:
    """A proxy on 127.0.0.1 that is AWS to whoever trusts its authority. A context manager."""

    def __init__(self, folder: Path) -> None:
        self.cloud = Cloud()
        self.authority = folder / "certificate.pem"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.authority))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*HOSTS).configure_cert(context)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _proxy(self, context))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def proxy(self) -> str:
        """The URL of the proxy, without the name and the password that it does not ask for."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """What leads botocore here."""
        return {
            "HTTPS_PROXY": f"http://someone:proxy-password@127.0.0.1:{self._server.server_port}",
            "AWS_CA_BUNDLE": str(self.authority),
        }

    def __enter__(self) -> Wire:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _proxy(wire: Wire, context: ssl.SSLContext) -> type[BaseHTTPRequestHandler]:
    class Proxy(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_CONNECT(self) -> None:
            if not any(_matches(host, self.path.split(":")[0]) for host in HOSTS):
                # No host of this name.
                self.send_error(502)
                return
            self.send_response_only(200)
            self.end_headers()
            try:
                with context.wrap_socket(self.connection, server_side=True) as secure:
                    _aws(wire, self.path.split(":")[0])(secure, self.client_address, self.server)
            except OSError:
                # A client that does not trust the authority hangs up.
                pass
            self.close_connection = True

    return Proxy


def _matches(pattern: str, host: str) -> bool:
    return re.fullmatch(pattern.replace(".", r"\.").replace("*", "[^.]+"), host, re.IGNORECASE) is not None


def _aws(wire: Wire, host: str) -> type[BaseHTTPRequestHandler]:
    class Aws(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Headers and body in one packet: otherwise each answer waits 40 ms for the client's kernel.
        wbufsize = -1

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            request = Request(method=self.command, host=host, path=self.path, headers=dict(self.headers), body=body)
            status, kind, text = answer(wire.cloud, request)
            self.send_response_only(status)
            date = wire.cloud.now.strftime("%a, %d %b %Y %H:%M:%S GMT")
            for name, value in (("date", date), ("content-type", kind), ("content-length", str(len(text.encode())))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = _serve  # noqa: N815 - named by the method

    return Aws


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as it came."""

    method: str
    host: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str:
        """A header; empty where it is missing."""
        return next((value for each, value in self.headers.items() if each.lower() == name), "")


def answer(cloud: Cloud, request: Request) -> tuple[int, str, str]:
    """Answer as AWS does: the status, the type of the content, the content."""
    if request.host.startswith("portal.sso."):
        return _sso(cloud, request.header("x-amz-sso_bearer_token"))
    form = {name: values[0] for name, values in parse_qs(request.body.decode(errors="replace")).items()}
    scope = re.search(r"Credential=([^/,]+)/\d+/([\w-]+)/([\w-]+)/aws4_request", request.header("authorization"))
    service = scope[3] if scope else request.host.split(".")[0]
    cloud.signers += [scope[1]] if scope else []
    cloud.calls.append(f"{service}:{form.get('Action', request.path)} {scope[2] if scope else ''}".strip())
    if form.get("Action") == "AssumeRoleWithWebIdentity":
        return _error(*(_OLD_IDENTITY if form["WebIdentityToken"] == "old token" else _OTHER_IDENTITY))
    if refusal := _refusal(cloud, request, scope):
        return _error(*refusal)
    assert scope is not None
    return _granted(cloud, cloud.keys[scope[1]], service, form, request)


def _granted(
    cloud: Cloud, caller: KeyAtAws, service: str, form: Mapping[str, str], request: Request
) -> tuple[int, str, str]:
    """The answer to good credentials, which may do little."""
    action = form.get("Action", request.path)
    if service == "account" and cloud.tells_regions:
        region = json.loads(request.body)["RegionName"]
        status = cloud.regions.get(region, "ENABLED_BY_DEFAULT")
        return 200, "application/json", json.dumps({"RegionName": region, "RegionOptStatus": status})
    if action == "GetCallerIdentity":
        return 200, "text/xml", _identity(caller.arn)
    if action == "AssumeRole":
        return _assumed(cloud, caller, form)
    return _error("AccessDenied", f"User: {caller.arn} is not authorized to perform: {service}:{action}")


_OLD_IDENTITY = ("ExpiredTokenException", "Token expired: current date/time must be before the expiration date/time")
_OTHER_IDENTITY = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")


def _sso(cloud: Cloud, token: str) -> tuple[int, str, str]:
    if token != cloud.sso_token:
        said = {"message": "Session token not found or invalid", "__type": "UnauthorizedException"}
        return 401, "application/json", json.dumps(said)
    return 403, "application/json", json.dumps({"message": "No access", "__type": "ForbiddenException"})


def _refusal(cloud: Cloud, request: Request, scope: re.Match[str] | None) -> tuple[str, str] | None:
    """Why credentials are refused, in this order: the key, the time, the signature, the session."""
    if scope is None:
        return UNSIGNED
    key, token = cloud.keys.get(scope[1]), request.header("x-amz-security-token")
    if scope[2] != scope[2].lower():
        return "SignatureDoesNotMatch", "Credential should be scoped to a valid region."
    if key is None or not _known_there(cloud, key, request, scope[2]) or token != key.token:
        return INVALID
    stamp = request.header("x-amz-date")
    signed = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if abs(cloud.now - signed) > WINDOW:
        return "SignatureDoesNotMatch", _words_of_time(stamp, signed, cloud.now)
    if f"Signature={_signature(request, scope, key.secret)}" not in request.header("authorization"):
        code, said = WRONG_SIGNATURE
        return code, f"{said} The Canonical String was x-amz-security-token:{token}" if cloud.repeats_token else said
    return EXPIRED if key.ended else None


def _known_there(cloud: Cloud, key: KeyAtAws, request: Request, region: str) -> bool:
    partition = "aws-cn" if request.host.endswith(".cn") else "aws"
    off = cloud.regions.get(region) in ("DISABLED", "ENABLING") or (
        key.only_default_regions and region in cloud.regions
    )
    return key.active and not off and key.arn.split(":")[1] == partition


def _words_of_time(stamp: str, signed: datetime, now: datetime) -> str:
    def text(time: datetime) -> str:
        return f"{time:%Y%m%dT%H%M%SZ}"

    if signed < now:
        return f"Signature expired: {stamp} is now earlier than {text(now - WINDOW)} ({text(now)} - 15 min.)"
    return f"Signature not yet current: {stamp} is still later than {text(now + WINDOW)} ({text(now)} + 15 min.)"


def _signature(request: Request, scope: re.Match[str], secret: str) -> str:
    names = re.search(r"SignedHeaders=([^,]+)", request.header("authorization"))
    assert names is not None
    signer = SigV4Auth(Credentials(scope[1], secret), scope[3], scope[2])
    signed = {name: request.header(name) for name in names[1].split(";")}
    again = AWSRequest(
        method=request.method, url=f"https://{request.host}{request.path}", headers=signed, data=request.body
    )
    again.context["timestamp"] = request.header("x-amz-date")
    return str(signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again))


def _assumed(cloud: Cloud, caller: KeyAtAws, form: Mapping[str, str]) -> tuple[int, str, str]:
    role = form["RoleArn"]
    if form.get("TokenCode", MFA_CODE) != MFA_CODE:
        return _error("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code.")
    if cloud.trusting.get(role) != caller.arn:
        said = f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {role}"
        return _error("AccessDenied", said)
    arn = role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/session"
    cloud.keys["ASIAROLEROLEROLEROLE"] = KeyAtAws(secret="r" * 40, token="role-token-" * 20, arn=arn)
    ends = (cloud.now + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        200,
        "text/xml",
        '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
        f"<AccessKeyId>ASIAROLEROLEROLEROLE</AccessKeyId><SecretAccessKey>{'r' * 40}</SecretAccessKey>"
        f"<SessionToken>{'role-token-' * 20}</SessionToken><Expiration>{ends}</Expiration></Credentials>"
        f"<AssumedRoleUser><Arn>{arn}</Arn><AssumedRoleId>AROA:session</AssumedRoleId></AssumedRoleUser>"
        "</AssumeRoleResult></AssumeRoleResponse>",
    )


def _identity(arn: str) -> str:
    return (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
        f"<Arn>{arn}</Arn><UserId>AIDAEXAMPLE</UserId><Account>{arn.split(':')[4]}</Account>"
        "</GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>"
        "</GetCallerIdentityResponse>"
    )


def _error(code: str, said: str) -> tuple[int, str, str]:
    return (
        403,
        "text/xml",
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">\n  <Error>\n    <Type>Sender</Type>\n'
        f"    <Code>{code}</Code>\n    <Message>{said}</Message>\n  </Error>\n  <RequestId>1</RequestId>\n"
        "</ErrorResponse>",
    )
