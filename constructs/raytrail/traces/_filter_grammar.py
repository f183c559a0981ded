"""The grammar of X-Ray's filter expressions, and the parser of their text.

The grammar knows the shape; what each keyword may be compared with, and where it stands, the values check that are
made of it. Beyond https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html:

- Keywords, operators and ``true`` and ``false`` are read in upper and lower case: AWS prints ``responseTime`` and
  ``responsetime``, ``AND`` and ``and``.
- Conditions side by side are joined by AND, as AWS prints once: ``ok !partial duration <3``.
- Parentheses are read. AWS prints none; people write them, and with them a mix of AND and OR has one meaning. Without
  them it is refused.
- ``annotation.key`` is read as ``annotation[key]``: AWS prints it in places still. With further dots it is refused.
- A string stands in double quotes, as AWS says, though AWS prints ``name = traces`` once.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from raytrail.errors import InvalidFilter, InvalidProps
from raytrail.traces._filter_keywords import Scope
from raytrail.traces._filter_model import Filter
from raytrail.traces._filter_problems import unreadable
from raytrail.traces._filter_reader import Reader

if TYPE_CHECKING:
    from lark import Lark

_GRAMMAR = r"""
expression: _term (joint? _term)*
!joint: AND | OR
_term: negation | _atom
negation: "!" _atom
_atom: condition | block | service | edge | parenthesis
parenthesis: "(" expression ")"

condition: (NAME | ANNOTATION) [OPERATOR value]
value: STRING | NUMBER | WORD | json
json: "#[" object "]"
block: NAME _braces
service: SERVICE "(" [reference] ")" [_braces] | SERVICE _braces
edge: EDGE "(" reference "," reference ")" [_braces] | EDGE _braces
_braces: "{" expression "}"
reference: STRING | "id"i "(" field ("," field)* ")"
field: FIELD ":" STRING

object: "{" [_pair ("," _pair)*] "}"
_pair: JSON_STRING ":" _json
_json: object | "[" [_json ("," _json)*] "]" | JSON_STRING | NUMBER | JSON_WORD

AND.2: /and(?![\w.])/i
OR.2: /or(?![\w.])/i
SERVICE.2: /service(?![\w.])/i
EDGE.2: /edge(?![\w.])/i
ANNOTATION.3: /((source|destination)\s*\.\s*)?annotation\s*(\[[^\]\n]*\]|\.[\w.:]+)/i
OPERATOR.2: /(contains|beginswith|endswith)(?![\w.])|[!<>]=|<>|==|=~|[=<>]/i
NAME: /[a-z_]\w*(\.\w+)*/i
WORD: /[a-z_]\w*(\.\w+)*/i
FIELD: /[a-z_]\w*(\.\w+)*/i
JSON_WORD: /true|false|null/
STRING: /"([^"\\\n]|\\.)*"/
JSON_STRING: /"([^"\\\n]|\\.)*"/
NUMBER: /[-+]?(\d+(\.\d+)?|\.\d+)(e[-+]?\d+)?(?![\w.])/i

%import common.WS
%ignore WS
"""


@functools.cache
def _parser() -> Lark:
    from lark import Lark  # at the first expression: a CDK app that has none does not pay for it

    return Lark(_GRAMMAR, start="expression", parser="lalr", propagate_positions=True)


def parse_filter(text: str) -> Filter:
    """Read an expression of X-Ray's filter language, and return the filter that it is.

    ``str()`` of the filter is the expression in one way of writing: keywords in lower case, AND where conditions stand
    side by side, no parentheses but where AND and OR meet.

    Args:
        text: The expression, as X-Ray's console and GetTraceSummaries take it.

    Raises:
        InvalidFilter: It is not of the language, or says what X-Ray is not documented to understand. ``column`` is
            where, counted from 1 over the whole text; ``expected`` is what may stand there.
    """
    if not text.strip():
        raise InvalidFilter("a filter expression is empty; every trace is selected without one", column=1)
    from lark.exceptions import UnexpectedInput

    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        raise unreadable(text, error) from None
    return Reader(text).expression(tree, Scope.TRACE)


def as_filter(given: str | Filter) -> Filter:
    """The filter that a text says, or one that was built, if it may stand alone.

    Args:
        given: An expression, or a filter.

    Raises:
        InvalidFilter: The text is not of the language.
        InvalidProps: The filter has a keyword that stands in braces only, or it is no filter.
    """
    if isinstance(given, str):
        return parse_filter(given)
    if not isinstance(given, Filter):
        raise InvalidProps(f"a filter is an expression or made by the builder, got {given!r}; compare the word")
    given.check()
    return given
