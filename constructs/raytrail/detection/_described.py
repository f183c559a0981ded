"""What an alert says of its rule, and how EventBridge puts both together: plain values."""

from __future__ import annotations

import json
from typing import Any

from raytrail.sigma import CompiledRule, attack

LONGEST_TEMPLATE = 8_192
"""Characters of an input template
(https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_InputTransformer.html)."""

# Together they stay well below the longest template, whatever somebody's rule says.
_LONGEST_TEXT, _LONGEST_LINE, _MOST_LINES = 1_200, 300, 8

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
PATHS = {
    "actor": "$.detail.userIdentity.arn",
    "call": "$.detail.eventName",
    "service": "$.detail.eventSource",
    "address": "$.detail.sourceIPAddress",
    "region": "$.detail.awsRegion",
    "time": "$.detail.eventTime",
    "event": "$.detail.eventID",
    "account": "$.account",
    "error": "$.detail.errorCode",
}
"""Where the variables of `text_template` come from."""


def _variable(name: str) -> str:
    # Control characters, which no rule has in its texts: `_literal` makes angle brackets of them.
    return f"\x01{name}\x02"


_ACTOR, _CALL, _ADDRESS, _REGION, _TIME, _ERROR = map(
    _variable, ("actor", "call", "address", "region", "time", "error")
)

# The saved query of the lake that shows what else this actor did around it.
_QUERY = f"raytrail query actor_hour actor={_ACTOR} at={_TIME}"
QUERY_PATHS = {name: PATHS[name] for name in ("actor", "time")}
"""Where the variables of `alert_template` come from."""


def described(rule: CompiledRule) -> dict[str, Any]:
    """Return what an alert says of its rule; texts that are too long for EventBridge end in an ellipsis.

    Args:
        rule: The rule.
    """
    known = attack().techniques
    return {
        "name": rule.name,
        "title": _short(rule.title, _LONGEST_LINE),
        "level": rule.level,
        "meaning": _short(rule.description, _LONGEST_TEXT),
        # One that the table does not know, of somebody else's rule, goes by its id alone.
        "techniques": [{"id": id, "name": known[id].name if id in known else ""} for id in rule.techniques],
        "next_steps": _lines(rule.next_steps),
        "false_positives": _lines(rule.false_positives),
    }


def page_template(rule: CompiledRule) -> str:
    """Return the input template of what becomes a page: what is said of the rule, and the event, whole.

    It uses a variable of EventBridge's own, and so needs no paths.
    """
    return _with_event({"detection": described(rule)})


def alert_template(rule: CompiledRule) -> str:
    """Return the input template, with `QUERY_PATHS`, of an alert with the event, whole, and the query beside it."""
    return _with_event({"detection": described(rule), "query": _QUERY})


def _with_event(said: dict[str, Any]) -> str:
    return f'{_literal(said)[:-1]}, "event": <aws.events.event.json>}}'


def text_template(rule: CompiledRule) -> str:
    """Return the input template, with `PATHS`, of an alert without the event: for those who read it as it comes.

    A call that was refused is told too, since who tries is worth knowing: its error ends the summary, which is empty
    there when the call succeeded.
    """
    about = described(rule)
    return _literal(
        {
            "summary": f"{about['title']}: {_ACTOR} called {_CALL} from {_ADDRESS} in {_REGION}; error: {_ERROR}",
            "detection": about["name"],
            **{key: about[key] for key in ("title", "level", "techniques", "meaning", "next_steps")},
            "actor": _ACTOR,
            "call": _CALL,
            "service": _variable("service"),
            "source_address": _ADDRESS,
            "region": _REGION,
            "account": _variable("account"),
            "time": _TIME,
            "error": _ERROR,
            "event_id": _variable("event"),
            "query": _QUERY,
        }
    )


def _literal(value: Any) -> str:
    """JSON in which EventBridge finds the variables that are meant as such, and none in what a rule says."""
    text = json.dumps(value, ensure_ascii=False).replace("<", "\\u003c").replace(">", "\\u003e")
    return text.replace("\\u0001", "<").replace("\\u0002", ">")


def _lines(lines: tuple[str, ...]) -> list[str]:
    return [_short(line, _LONGEST_LINE) for line in lines[:_MOST_LINES]]


def _short(text: str, longest: int) -> str:
    """A text in one line, of which no more is left than ``longest`` characters hold as a literal."""
    text, room = " ".join(text.split()), longest
    if len(_literal(text)) - 2 <= longest:
        return text
    for at, character in enumerate(text):
        room -= len(_literal(character)) - 2
        if room < 0:
            return f"{text[:at]}…"
    return text
