"""Whom the calls would reach: AWS, the embedded AWS, or an address that was left over from a local run."""

from __future__ import annotations

import http.client
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal
from urllib.parse import urlsplit

from botocore.session import get_session

from raytrail.cli._aws import THIS_MACHINE
from raytrail.cli._doctor._credentials._loading import profile_with
from raytrail.cli._doctor._credentials._setup import Setup
from raytrail.cli._doctor._model import Finding

Who = Literal["aws", "embedded", "other", "nobody", "no-url"]

PROBE_SECONDS = 2

_DEPLOYING = ("sts", "cloudformation", "s3", "ssm", "ecr")
"""Services that the CDK CLI itself calls for a deployment (read in the sources of the pinned one); what CloudFormation
makes of other services it makes from within AWS."""
_SIGNING_IN = ("sso", "sso_oidc", "signin")

# VPC endpoints and FIPS endpoints of AWS's own.
_OF_AWS = re.compile(r"\.(amazonaws\.com(\.cn)?|api\.aws|amazonaws\.eu|api\.amazonwebservices\.(com\.cn|eu))$")
_OF_CUSTOMERS = re.compile(r"\.(compute(-1)?|elb|execute-api)\.")
"""Names under those that lead to what a customer runs: instances, load balancers, APIs of API Gateway."""
_OF_A_VPC = re.compile(r"^((bucket|accesspoint|control)\.)?vpce-[^.]+\.")
"""What stands before the service in the name of a VPC endpoint; the words are those of S3's
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/privatelink-interface-endpoints.html)."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An address that replaces AWS's own.

    Attributes:
        url: The address.
        by: What says so: an option, a variable, or a place in a file.
        service: The service that it is for, in lower case; empty for all.
        who: Who answers there.
        cdk_alone: Whether the CDK CLI alone follows it, since a setting of the profile keeps boto3 from it.
    """

    url: str
    by: str
    service: str = ""
    who: Who = "aws"
    cdk_alone: bool = False

    @property
    def shown(self) -> str:
        """The address, without a password that may be in it."""
        return without_password(self.url)


@dataclass(frozen=True, kw_only=True)
class Target:
    """Whom this command asks.

    Attributes:
        endpoint: The address that every call of this command goes to; None for AWS's own addresses.
        who: Who answers there.
        findings: What is to be said of this and other addresses.
    """

    endpoint: str | None
    who: Who
    findings: tuple[Finding, ...] = ()


def find_target(setup: Setup) -> Target:
    """Find whom the calls of this command would reach, and ask each address that replaces AWS's own who it is."""
    asked: dict[str, Who] = {}
    found = [replace(each, who=asked.setdefault(each.url, _who(each.url))) for each in configured(setup)]
    # This command gives the first to every call; a service's own counts only where there is no such.
    followed = [each for each in found if not each.cdk_alone]
    general = next((each for each in followed if not each.service and each.by.startswith(("--", "AWS_"))), None)
    of_sts = next((each for each in followed if each.service in ("", "sts") and each is not general), None)
    decides = general or of_sts
    findings = [
        _of_cdk_alone(finding, setup) if each.cdk_alone else finding
        for each in found
        if (finding := _finding(each, general, setup))
    ]
    return Target(
        endpoint=general.url if general and general.who != "no-url" else None,
        who=decides.who if decides else "aws",
        findings=tuple(findings),
    )


def configured(setup: Setup) -> Iterator[Endpoint]:
    """Every address that replaces AWS's own, in the order in which botocore looks."""
    if setup.endpoint:
        yield Endpoint(url=setup.endpoint, by="--endpoint")
    ignored = _ignored(setup, setup.section)
    if ignored and _ignored(setup, setup.section_of_cdk_endpoints):
        return
    for name, url in sorted(setup.environment.items()):
        if url and name.startswith("AWS_ENDPOINT_URL_"):
            service = name.removeprefix("AWS_ENDPOINT_URL_").lower()
            if not ignored or service in _DEPLOYING:
                yield Endpoint(url=url, by=name, service=service, cdk_alone=ignored)
    if url := setup.variable("AWS_ENDPOINT_URL"):
        yield Endpoint(url=url, by="AWS_ENDPOINT_URL", cdk_alone=ignored)
    if ignored:
        return
    name = str(setup.section.get("services", ""))
    for service, settings in setup.files.services.get(name, {}).items():
        if isinstance(settings, dict) and settings.get("endpoint_url"):
            yield Endpoint(url=settings["endpoint_url"], by=f"[services {name}], {service}", service=service)
    if url := str(setup.section.get("endpoint_url", "")):
        yield Endpoint(url=url, by=f"endpoint_url of the profile {setup.chosen.name!r}")


def _ignored(setup: Setup, section: Mapping[str, Any]) -> bool:
    """Whether the variable, or without it a profile, says that configured addresses do not count."""
    said = section.get("ignore_configured_endpoint_urls", "")
    return str(setup.environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", said)).lower() == "true"


def without_password(url: str) -> str:
    """A URL without the name and password that may be in it; one of a proxy may do without a scheme."""
    return re.sub(r"^([A-Za-z][A-Za-z0-9+.-]*://)?.*@", r"\1", url)


def _who(url: str) -> Who:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "no-url"
    if parts.scheme not in ("http", "https") or not host or not url.isprintable() or " " in url:
        return "no-url"
    of_aws = _OF_AWS.search(host) and not _OF_CUSTOMERS.search(host) and parts.port in (None, 443)
    return "aws" if of_aws else _answering(url, host)


def _is_of_one_service(url: str) -> bool:
    """Whether a host of AWS's is by its name that of a service which the installed botocore knows."""
    name = _OF_A_VPC.sub("", urlsplit(url).hostname or "").replace("-fips.", ".", 1)
    return name.startswith(_prefixes())


@cache
def _prefixes() -> tuple[str, ...]:
    """What the names of the hosts of AWS's services begin with, as ``sts.``."""
    partitions: Any = get_session().get_data("endpoints")["partitions"]
    return tuple({f"{prefix}." for each in partitions for prefix in each["services"]})


def _answering(url: str, host: str) -> Who:
    """Who answers at an address that is not AWS's by its name."""
    # What is on this machine is not behind its proxy.
    opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if host in THIS_MACHINE else []))
    try:
        with opener.open(f"{url.rstrip('/')}/_ministack/health", timeout=PROBE_SECONDS) as answer:
            body = json.loads(answer.read(100_000))
            return "embedded" if isinstance(body, dict) and "services" in body else "other"
    except urllib.error.HTTPError:
        return "other"
    except OSError:
        return "nobody"
    except (ValueError, RecursionError, http.client.HTTPException):
        # Something answers, if not in JSON, or not even in HTTP.
        return "other"


def _finding(each: Endpoint, general: Endpoint | None, setup: Setup) -> Finding | None:
    if each.who == "no-url":
        return _no_url(each)
    if each.who == "nobody":
        return _dead(each, setup)
    if each.who == "aws" and not each.service and _is_of_one_service(each.url):
        return _one_service(each)
    if each.who == "embedded" and each is general:
        return _embedded(each)
    if each.who == "aws" or (general and general.url == each.url and each is not general):
        return None
    return _elsewhere(each, general)


def _remove(each: Endpoint) -> tuple[str, tuple[str, ...]]:
    if each.by == "--endpoint":
        return "leave out --endpoint to ask AWS", ()
    if each.by.startswith("AWS_"):
        return f"to ask AWS, unset {each.by}; to go on here, start the embedded AWS again", (f"unset {each.by}",)
    return "to ask AWS, take the setting out of the AWS configuration file", (
        "export AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true",
    )


def _of_cdk_alone(finding: Finding, setup: Setup) -> Finding:
    read = setup.variable("AWS_PROFILE") or "default"
    return replace(
        finding,
        means=f"boto3 ignores it, as the profile {setup.chosen.name!r} says (ignore_configured_endpoint_urls), and the "
        f"CDK CLI does not: it reads that setting of the profile {read!r} alone, and would send its calls there",
        todo=f"{finding.todo.split(';')[0]}; or let both ignore it by the variable",
        command=(*finding.command, "export AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true"),
    )


def _dead(each: Endpoint, setup: Setup) -> Finding:
    what = f"calls to {each.service}" if each.service else "calls"
    todo, command = _remove(each)
    signs_in = each.service in _SIGNING_IN and profile_with(setup, "sso_session", "sso_start_url", "login_session")
    if each.service and each.service not in _DEPLOYING and not signs_in:
        return _dead_aside(each, what)
    return Finding(
        name="endpoint-dead",
        severity="error",
        title=f"{what} are sent to an address where nothing answers",
        seen=f"{each.by} is {each.shown}; nothing answered there within {PROBE_SECONDS} seconds",
        means="every call of this command would go there"
        if each.by == "--endpoint"
        else "no credentials matter while this stands; boto3, the AWS CLI and the CDK CLI all follow it",
        todo="start the embedded AWS, or leave out --endpoint to ask AWS" if each.by == "--endpoint" else todo,
        command=command,
        decided="an address on this machine is what a local run leaves behind"
        if each.by != "--endpoint" and urlsplit(each.url).hostname in THIS_MACHINE
        else "",
    )


def _dead_aside(each: Endpoint, what: str) -> Finding:
    """A dead address of a service that neither a sign-in nor a deployment calls."""
    _, command = _remove(each)
    return Finding(
        name="endpoint-dead",
        severity="warning",
        title=f"{what} are sent to an address where nothing answers",
        seen=f"{each.by} is {each.shown}; nothing answered there within {PROBE_SECONDS} seconds",
        means=f"`cdk deploy` does not call {each.service}, though a lookup at synthesis may, so this does not stop it; "
        "boto3 and the AWS CLI do not reach that service, and what this command would look at in it is not looked at",
        todo="start what answered there, or take the setting away",
        command=command,
    )


def _one_service(each: Endpoint) -> Finding:
    """A host of AWS's for every service: each service has one of its own."""
    todo, command = _remove(each)
    return Finding(
        name="endpoint-of-one-service",
        severity="error",
        title="the calls of every service are sent to one host of AWS",
        seen=f"{each.by} is {each.shown}",
        means="a host of AWS answers for one service alone, so the calls of all others are refused or not understood",
        todo=f"{todo.split(';')[0]}; an address for one service is set by a variable such as AWS_ENDPOINT_URL_STS",
        command=command,
    )


def _embedded(each: Endpoint) -> Finding:
    todo, command = _remove(each)
    return Finding(
        name="embedded-aws",
        severity="note",
        title="this is the embedded AWS that answers, not AWS",
        seen=f"{each.by} is {each.shown}, where ministack answers",
        means="all that is said here is of the emulator on this machine; it says nothing of an account of AWS",
        todo=todo.split(";")[0],
        command=command,
        decided="it answers at the path of ministack's health check, which AWS does not have",
    )


def _elsewhere(each: Endpoint, general: Endpoint | None) -> Finding:
    todo, command = _remove(each)
    whom = "the embedded AWS" if each.who == "embedded" else "what is not AWS by its name"
    rest = "" if not each.service else "; the other services are asked elsewhere, so the two sides do not fit together"
    return Finding(
        name="endpoint-elsewhere",
        severity="note" if each.by == "--endpoint" else "warning",
        title=f"{f'calls to {each.service}' if each.service else 'calls'} go to {whom}",
        seen=f"{each.by} is {each.shown}, which answers",
        means="this command sends every call there"
        if each.by == "--endpoint"
        else f"boto3, the AWS CLI and the CDK CLI send {each.service or 'every'} call there{rest}",
        todo=todo.split(";")[0],
        command=command,
    )


def _no_url(each: Endpoint) -> Finding:
    todo, command = _remove(each)
    return Finding(
        name="endpoint-invalid",
        severity="error",
        title="an endpoint is no URL",
        seen=f"{each.by} is {each.shown!r}",
        means="no call can be made; a URL is such as http://127.0.0.1:4566",
        todo=todo.split(";")[0],
        command=command,
    )
