"""A page: what a person, and a machine, is told of an alert."""

from __future__ import annotations

import json
import shlex
import textwrap
from dataclasses import dataclass
from typing import Any

from raytrail.detection.handlers.pager.alert import Alert

LONGEST_SUBJECT = 99
"""https://docs.aws.amazon.com/sns/latest/api/API_Publish.html: ASCII, fewer than 100 characters."""
_WIDTH = 88
LONGEST_FACT = 500
"""Of what the caller may have chosen, as an error message that repeats what was sent."""


@dataclass(frozen=True)
class Earlier:
    """The last hour before this one in which the same actor set off the same detection."""

    hour: str
    alerts: int


def query_of(alert: Alert) -> str:
    """The command that shows what else the actor did around it."""
    actor, at = shlex.quote(alert.principal), shlex.quote(alert.time)
    return f"raytrail query actor_hour actor={actor} at={at}"


def summary_of(alert: Alert) -> str:
    """One sentence."""
    record = alert.record
    call = f"{alert.actor} called {record.get('eventName')} from {record.get('sourceIPAddress')}"
    error = record.get("errorCode")
    refused = f"; it was refused: {error}" if error else ""
    return f"{alert.detection['title']}: {call} in {record.get('awsRegion')}{refused}"


def document_of(alert: Alert, earlier: Earlier | None) -> dict[str, Any]:
    """The page for machines."""
    record, detection = alert.record, alert.detection
    return {
        "summary": summary_of(alert),
        "detection": alert.name,
        **{key: detection.get(key) for key in ("title", "level", "techniques", "meaning", "next_steps")},
        "false_positives": detection.get("false_positives", []),
        "actor": alert.actor,
        "principal": alert.principal,
        "call": record.get("eventName"),
        "service": record.get("eventSource"),
        "source_address": record.get("sourceIPAddress"),
        "region": record.get("awsRegion"),
        "account": alert.account,
        "time": alert.time,
        "error": record.get("errorCode") or "",
        "error_message": record.get("errorMessage") or "",
        "event_id": alert.event_id,
        "query": query_of(alert),
        "hour": alert.hour,
        "earlier": {"hour": earlier.hour, "alerts": earlier.alerts} if earlier else None,
    }


def subject_of(alert: Alert) -> str:
    """The subject of a mail."""
    text = f"[{alert.detection['level']}] {alert.detection['title']} ({alert.account})"
    plain = " ".join("".join(each if " " <= each <= "~" else " " if each.isspace() else "?" for each in text).split())
    return plain if len(plain) <= LONGEST_SUBJECT else f"{plain[: LONGEST_SUBJECT - 3]}..."


def mail_of(alert: Alert, earlier: Earlier | None, *, grouped: bool) -> str:
    """The page for people."""
    document = document_of(alert, earlier)
    techniques = [f"{each['id']} {each['name']}" for each in document["techniques"] or []]
    facts = {
        "level": document["level"],
        "who": document["actor"],
        "call": f"{document['call']} ({document['service']})",
        "from": document["source_address"],
        "where": f"account {document['account']}, {document['region']}",
        "when": document["time"],
        "refused": " ".join(filter(None, (document["error"], document["error_message"]))),
        "ATT&CK": ", ".join(techniques),
        "event": document["event_id"],
        "detection": document["detection"],
    }
    parts = [
        _wrapped(str(document["title"])),
        "\n".join(f"{name:<10} {_one_line(value)}" for name, value in facts.items() if value),
        _section("What it means", [document["meaning"]] if document["meaning"] else []),
        _section("What to do", [f"{n}. {step}" for n, step in enumerate(document["next_steps"] or [], 1)]),
        _section("What it may be instead", [f"- {each}" for each in document["false_positives"]]),
        f"What else they did in the half hour before and after:\n  {document['query']}",
        _about_the_hour(alert, earlier, grouped=grouped),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def message_of(alert: Alert, earlier: Earlier | None, *, grouped: bool) -> dict[str, str]:
    """What is published: text to those who read mail, JSON to everybody else.

    https://docs.aws.amazon.com/sns/latest/dg/sns-send-custom-platform-specific-payloads-mobile-devices.html
    """
    document = json.dumps(document_of(alert, earlier))
    mail = mail_of(alert, earlier, grouped=grouped)
    return {
        "Subject": subject_of(alert),
        "MessageStructure": "json",
        "Message": json.dumps({"default": document, "email": mail}),
    }


def _about_the_hour(alert: Alert, earlier: Earlier | None, *, grouped: bool) -> str:
    if not grouped:
        return ""
    begun = f"{alert.hour.replace('T', ' ')}:00 UTC"
    told = f"More of the same by the same actor in the hour from {begun} is counted and not sent."
    if earlier:
        count = f"{earlier.alerts} alert{'s' if earlier.alerts != 1 else ''}"
        told += f" In the hour from {earlier.hour.replace('T', ' ')}:00 UTC there were {count}."
    return _wrapped(told)


def _one_line(value: object) -> str:
    """A value that the caller may have chosen, without what would make it look like another part of the page."""
    text = " ".join("".join(each if each.isprintable() else " " for each in str(value)).split())
    return text if len(text) <= LONGEST_FACT else f"{text[: LONGEST_FACT - 3]}..."


def _section(title: str, lines: list[str]) -> str:
    return "\n".join([f"{title}:", *(_wrapped(line, indent="  ") for line in lines)]) if lines else ""


def _wrapped(text: str, *, indent: str = "") -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
