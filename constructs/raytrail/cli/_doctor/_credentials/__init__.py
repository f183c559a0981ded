"""Whether there are credentials, whose they are, and if not, which of the many causes it is.

First what needs no network: the address that is asked (`_endpoints`), the files (`_files`), the environment
(`_environment`), the profile (`_unloadable`, `_signed_in`, `_wrong_values`). Then one call (`_call`). What AWS refuses
is told apart by what is known by then (`_refused`, `_unknown_key`), with a second call where only that decides; what it
grants is held against what the app expects (`_place`). Every call only reads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from raytrail.cli._aws import Aws, embedded, is_here
from raytrail.cli._doctor._credentials._call import Answer, time_of_aws, who_am_i
from raytrail.cli._doctor._credentials._endpoints import Target, find_target, without_password
from raytrail.cli._doctor._credentials._environment import look_at_environment
from raytrail.cli._doctor._credentials._files import read_files
from raytrail.cli._doctor._credentials._loading import Loaded, load
from raytrail.cli._doctor._credentials._network import why_unreachable
from raytrail.cli._doctor._credentials._place import account_of_refused, look_at_clock, look_at_identity
from raytrail.cli._doctor._credentials._refused import bad_header, why_refused
from raytrail.cli._doctor._credentials._secrets import secrets_of, without_secrets
from raytrail.cli._doctor._credentials._setup import Chosen, Expected, Pair, Setup
from raytrail.cli._doctor._credentials._unknown_key import by_form
from raytrail.cli._doctor._credentials._unloadable import why_unloadable
from raytrail.cli._doctor._credentials._wrong_values import wrong_value
from raytrail.cli._doctor._model import Finding, Identity, NotLookedAt
from raytrail.cli._refusals import code_of, off_by

__all__ = ["Checked", "Expected", "Setup", "examine_credentials", "read_files", "secrets_of", "without_secrets"]


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What came of it.

    Attributes:
        findings: In the order of the checks.
        looked_at: What is in order.
        not_looked_at: What could not be looked at.
        identity: Whose the credentials are; None where they are not good.
        aws: The account and Region to go on with; None where nothing more can be asked.
        pair: The credentials that were found, good or not.
    """

    findings: tuple[Finding, ...]
    looked_at: tuple[str, ...] = ()
    not_looked_at: tuple[NotLookedAt, ...] = ()
    identity: Identity | None = None
    aws: Aws | None = None
    pair: Pair | None = None


def examine_credentials(setup: Setup) -> Checked:
    """Find whose credentials these are, or what is wrong with them."""
    target = find_target(setup)
    of_files = [*setup.files.damages, *look_at_environment(setup)]
    if target.who in ("nobody", "no-url"):
        nothing = NotLookedAt(what="whether the credentials are good", reason="no call would reach AWS")
        return Checked(findings=(*target.findings, *of_files), not_looked_at=(nothing,))
    if target.endpoint and is_here(target.endpoint) and not setup.profile:
        return _of_this_machine(setup, target)
    setup = replace(setup, address=target.endpoint)
    region, of_region = _region(setup)
    loaded = load(setup, region.name)
    answer = _ask(loaded, region.name, target)
    before = [*target.findings, *of_files, *of_region]
    if loaded.pair is None or answer.identity is None or loaded.session is None:
        return _bad(setup, loaded, answer, region.name, before)
    about = [*look_at_identity(setup, answer.identity, loaded.session, loaded.pair)]
    if off := look_at_clock(answer.ahead):
        about.append(off)
    return Checked(
        findings=(*before, *about),
        looked_at=(f"credentials: {loaded.pair}", *_right_clock(answer)),
        identity=answer.identity,
        aws=Aws(session=loaded.session, region=region.name, endpoint=target.endpoint),
        pair=loaded.pair,
    )


def _of_this_machine(setup: Setup, target: Target) -> Checked:
    """An emulator on this machine, which is asked without profiles, as the other commands ask it."""
    aws = embedded(str(target.endpoint), setup.region)
    answer = who_am_i(aws.session, aws.region, endpoint=aws.endpoint)
    if answer.identity is None:
        reason = f"what answers at {without_password(str(target.endpoint))} does not answer as STS does"
        nothing = NotLookedAt(what="whose credentials they are", reason=reason)
        why = why_unreachable(setup, answer.error, aws.region) if answer.error else None
        return Checked(findings=(*target.findings, why or _unknown(answer.error)), not_looked_at=(nothing,))
    return Checked(
        findings=target.findings,
        looked_at=("credentials: the administrator's of the emulator",),
        identity=answer.identity,
        aws=aws,
    )


def _region(setup: Setup) -> tuple[Chosen, list[Finding]]:
    """The Region to ask in; that of the app where none is set."""
    chosen = setup.region_for_raytrail()
    if chosen.name:
        return chosen, []
    of_app, whose = next(iter(setup.expected.regions.items()), ("us-east-1", ""))
    finding = Finding(
        name="no-region",
        severity="warning",
        title="no Region is set",
        seen=f"neither --region, nor AWS_REGION, nor AWS_DEFAULT_REGION, nor region in the profile "
        f"{setup.chosen.name!r}; asked in {of_app}{f', by {whose}' if whose else ''}",
        means="boto3 programs stop without one, and the CDK CLI takes us-east-1 for stacks that name none",
        todo="set both variables: boto3 reads AWS_DEFAULT_REGION alone",
        command=(f"export AWS_REGION={of_app} AWS_DEFAULT_REGION={of_app}",),
    )
    return Chosen(name=of_app, by=whose), [finding]


def _ask(loaded: Loaded, region: str, target: Target) -> Answer:
    """Ask who one is; without credentials, what time it is, which also tells whether AWS answers at all."""
    if loaded.session is not None and loaded.pair is not None:
        return who_am_i(loaded.session, region, endpoint=target.endpoint)
    return time_of_aws(region, target.endpoint)


def _bad(setup: Setup, loaded: Loaded, answer: Answer, region: str, before: list[Finding]) -> Checked:
    """Say why there are no good credentials."""
    findings, error = list(before), loaded.error or answer.error
    unsent = bad_header(setup, loaded.pair, error) if loaded.pair else None
    unreachable = why_unreachable(setup, answer.error, region) if answer.error and not unsent else None
    if value := wrong_value(setup, error):
        findings.append(value)
    elif loaded.pair is None and error is not None and (local := why_unloadable(setup, error)):
        findings.append(local)
    elif isinstance(error, ClientError):
        findings.append(why_refused(setup, loaded.pair, error, region, answer.ahead))
    elif unsent:
        findings.append(unsent)
    elif unreachable is None and not setup.files.damages:
        findings.append(_unknown(error))
    if unreachable:
        findings.append(unreachable)
        # The ID of a key speaks without AWS.
        if loaded.pair and (form := by_form(setup, loaded.pair, "AWS was not reached")):
            findings.append(form)
    if loaded.pair and (other := account_of_refused(setup, loaded.pair)):
        findings.append(other)
    if not any(finding.name == "clock-skew" for finding in findings) and (off := look_at_clock(answer.ahead)):
        # A sign-in or a session that ended by a wrong clock may not have ended.
        findings.append(replace(off, severity="warning"))
    return Checked(findings=tuple(findings), looked_at=_right_clock(answer), pair=loaded.pair)


def _unknown(error: Exception | None) -> Finding:
    if isinstance(error, (ClientError, ResponseParserError)):
        code = f" ({code_of(error)})" if isinstance(error, ClientError) else ""
        return Finding(
            name="refused",
            severity="error",
            title="what answers does not answer as AWS does",
            seen=f"sts:GetCallerIdentity was not answered with who one is{code}",
            means="a proxy answers with a page of its own, or another program than AWS is behind the address; of the "
            "credentials nothing is said by this",
            todo="look at the endpoint or the proxy that the other findings and the environment name",
            command=("env | grep -i -E 'AWS_ENDPOINT_URL|_PROXY'",),
        )
    return Finding(
        name="credentials-unreadable",
        severity="error",
        title="the credentials cannot be had, for a reason that is not known here",
        # Its text may hold what it could not read.
        seen=f"botocore stopped with {type(error).__name__}",
        means="nothing of the account can be looked at",
        todo="let the AWS CLI say what it does",
        command=("aws sts get-caller-identity --debug",),
    )


def _right_clock(answer: Answer) -> tuple[str, ...]:
    if answer.ahead is None or look_at_clock(answer.ahead):
        return ()
    return (f"clock: {off_by(answer.ahead)} AWS's",)
