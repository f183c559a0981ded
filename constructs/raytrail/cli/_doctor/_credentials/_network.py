"""Why AWS does not answer at all."""

from __future__ import annotations

from shlex import quote
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed does not know it

from botocore import exceptions as boto

from raytrail.cli._doctor._credentials._endpoints import without_password
from raytrail.cli._doctor._credentials._setup import Chosen, Setup
from raytrail.cli._doctor._model import Finding
from raytrail.cli._regions import known_regions, meant_region
from raytrail.cli._terminal import listed

_NO_REGION = (boto.InvalidRegionError, boto.UnknownRegionError, boto.EndpointResolutionError, boto.UnknownEndpointError)


def why_unreachable(setup: Setup, error: Exception, region: str) -> Finding | None:
    """What keeps a call from being answered; None where it was answered."""
    if not isinstance(error, (boto.HTTPClientError, boto.ConnectionError, OSError, *_NO_REGION)):
        return None
    if region not in known_regions():
        return unknown_region(setup.region_for_raytrail(), region)
    if isinstance(error, boto.ProxyConnectionError) or (_proxies(setup) and isinstance(_inner(error), ValueError)):
        return _proxy(setup)
    if isinstance(error, boto.SSLError) or isinstance(_inner(error), FileNotFoundError):
        return _certificates(setup)
    return _no_network(setup, error)


def _inner(error: Exception) -> object:
    """What botocore wraps: a ValueError where a proxy's URL is none, FileNotFoundError where there is no bundle."""
    return getattr(error, "kwargs", {}).get("error")


_ADDRESSES = ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT")


def _other_addresses(setup: Setup) -> list[str]:
    """Settings that choose other names of hosts, which not every Region and service has."""
    named = [name for name in _ADDRESSES if setup.variable(name).lower() == "true"]
    in_profile = [name for name in _ADDRESSES if str(setup.section.get(name[4:].lower(), "")).lower() == "true"]
    return named + [f"{name[4:].lower()} of the profile" for name in in_profile if not setup.variable(name)]


def _without_them(setup: Setup) -> tuple[str, ...]:
    named = [name for name in _other_addresses(setup) if name in _ADDRESSES]
    return (f"unset {' '.join(named)}",) if named else ()


def _of_addresses(setup: Setup) -> str:
    named = listed(_other_addresses(setup))
    return f"; {named} chooses other host names, which not every Region has" if _other_addresses(setup) else ""


def unknown_region(chosen: Chosen, region: str) -> Finding:
    """A Region that does not exist, or that the installed botocore does not know yet."""
    near = meant_region(region)
    comment = "; a comment behind a value becomes a part of it" if "#" in region else ""
    return Finding(
        name="region-unknown",
        severity="error",
        title=f"there is no Region {region!r}",
        seen=f"{chosen.by or 'the app'} says {region}{comment}",
        means="the names of AWS's hosts are made of the Region's, so nothing answers",
        todo=f"did you mean {near}?" if near else "name a Region such as eu-west-1",
        command=(f"export AWS_REGION={near} AWS_DEFAULT_REGION={near}",) if near else ("aws ec2 describe-regions",),
        decided="the installed botocore does not list it, and nothing answered for it; a Region newer than this "
        "botocore would have answered",
    )


def _proxies(setup: Setup) -> list[str]:
    names = ("HTTPS_PROXY", "https_proxy")
    return [f"{name} is {without_password(setup.variable(name))}" for name in names if setup.variable(name)]


def _unread_proxies(setup: Setup) -> list[str]:
    """Variables that other programs take for a proxy's, and botocore does not."""
    return [
        f"{name} is {without_password(setup.variable(name))}, which boto3 does not read"
        for name in ("ALL_PROXY", "all_proxy")
        if setup.variable(name)
    ]


def _bypass(setup: Setup, url: str) -> str:
    """The variable by which a proxy that is set is not asked for this address; empty where it is asked."""
    # Of the two the lower case wins, as in Python's urllib, which botocore asks.
    name = next((name for name in ("no_proxy", "NO_PROXY") if setup.variable(name)), "")
    return name if name and _proxies(setup) and _covers(setup.variable(name), url) else ""


def _covers(entries: str, url: str) -> bool:
    return bool(proxy_bypass_environment(urlsplit(url).hostname or "", {"no": entries}))


def _without_aws(setup: Setup, name: str, url: str) -> str:
    """What to type to leave in the variable the other addresses alone."""
    rest = [each.strip() for each in setup.variable(name).split(",") if not _covers(each.strip(), url)]
    return f"export {name}={quote(','.join(rest))}" if rest else f"unset {name}"


def _proxy(setup: Setup) -> Finding:
    return Finding(
        name="proxy-fails",
        severity="error",
        title="the proxy does not let the calls through",
        seen=("; ".join(_proxies(setup)) or "a proxy of the system's settings is used") + _of_addresses(setup),
        means="every call to AWS goes through it; it does not answer, or refuses the connection",
        todo="correct the proxy, or unset the variable; addresses that need none are listed in NO_PROXY",
        command=("unset HTTPS_PROXY https_proxy", *_without_them(setup)),
    )


def _bundle(setup: Setup) -> str:
    names = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
    variable = next((f"{name} is {setup.variable(name)}" for name in names if setup.variable(name)), "")
    setting = str(setup.section.get("ca_bundle", ""))
    return variable or (f"ca_bundle of the profile is {setting}" if setting else "")


def _certificates(setup: Setup) -> Finding:
    return Finding(
        name="tls-fails",
        severity="error",
        title="AWS's certificate is not trusted here",
        seen="; ".join([_bundle(setup) or "no bundle of certificates is named", *_proxies(setup)]),
        means="either something between this machine and AWS opens the connections (a company's proxy, whose authority "
        "must be trusted), or the bundle of certificates is missing or out of date",
        todo="name the file of your authority in AWS_CA_BUNDLE, and in NODE_EXTRA_CA_CERTS for the CDK CLI; never "
        "switch the check off",
        command=("export AWS_CA_BUNDLE=/path/to/authority.pem NODE_EXTRA_CA_CERTS=/path/to/authority.pem",),
    )


def _no_network(setup: Setup, error: Exception) -> Finding:
    url = str(getattr(error, "kwargs", {}).get("endpoint_url") or "AWS")
    bypass = _bypass(setup, url)
    slow = isinstance(error, (boto.ConnectTimeoutError, boto.ReadTimeoutError))
    return Finding(
        name="no-network",
        severity="error",
        title="AWS does not answer",
        seen=f"{without_password(url)} {'did not answer in time' if slow else 'could not be connected to'}"
        + _of_addresses(setup),
        means="the network, its name service or a firewall is in the way; of the credentials nothing is said by this",
        todo=f"take the name out of {bypass}, so that the proxy is asked"
        if bypass
        else "connect, or name a proxy in HTTPS_PROXY; in a VPC without a way out, an interface endpoint for STS is "
        "needed",
        command=(
            *((_without_aws(setup, bypass, url),) if bypass else ()),
            *_without_them(setup),
            f"curl -sS -o /dev/null -w '%{{http_code}}\\n' {quote(without_password(url))}",
        ),
        decided="; ".join(
            [
                *(_proxies(setup) or ["no variable names a proxy for boto3"]),
                *_unread_proxies(setup),
                *([f"{bypass} is {setup.variable(bypass)}"] if bypass else []),
            ]
        ),
    )
