"""What a service refused, in the words in which CloudFormation passes it on."""

from __future__ import annotations

import ast
import json
import logging
import re

logger = logging.getLogger(__name__)

_RAW_ANSWER = re.compile(r"b(['\"]).*\1$", re.DOTALL)


def refusal(type_name: str, error: Exception) -> Exception:
    """The error to fail a resource with: never the raw answer of a service, and never the words of a traceback."""
    if isinstance(error, KeyError | TypeError | AttributeError | IndexError):
        logger.error("the handler of %s failed", type_name, exc_info=error)
        return ValueError(f"Internal Failure ({type_name} is emulated, and its handler met {error!r})")
    found = _RAW_ANSWER.search(str(error))
    if found is None:
        return error
    code, message = _code_and_message(ast.literal_eval(found[0]).decode(errors="replace"))
    service = type_name.split("::")[1]
    return ValueError(f"{message} (Service: {service}; Error Code: {code})") if message else error


def _code_and_message(answer: str) -> tuple[str, str]:
    if answer.lstrip().startswith("{"):
        document = json.loads(answer)
        code = str(document.get("__type") or document.get("code") or "")
        return code.rpartition("#")[2], str(document.get("message") or document.get("Message") or "")
    parts = [re.search(f"<{name}>(.*?)</{name}>", answer, re.DOTALL) for name in ("Code", "Message")]
    code, message = (part[1] if part else "" for part in parts)
    return code, message
