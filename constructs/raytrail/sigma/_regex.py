"""RE2, by which pySigma judges regular expressions, without what its library writes to standard error by itself."""

from __future__ import annotations

import re

from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RE2RegexEngine, RegexPattern

_FLAGS = {re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s"}


class _QuietRE2(RE2RegexEngine):
    """The engine that pySigma takes by default, but for its log."""

    def compile(self, pattern: str, flags: int = 0) -> RegexPattern:
        """Compile an expression; one that is none is an `error`, whose reason is text, where RE2's own are bytes."""
        options = self._re2.Options()
        options.log_errors = False
        letters = "".join(letter for flag, letter in _FLAGS.items() if flags & flag)
        try:
            compiled: RegexPattern = self._re2.compile(f"(?{letters}){pattern}" if letters else pattern, options)
        except self.error as error:
            raise self.error(b"".join(error.args).decode(errors="replace")) from error
        return compiled

    def __deepcopy__(self, memo: object) -> _QuietRE2:
        """Itself: rules are copied, and a module, which it holds, cannot be."""
        return self


POLICY = SigmaPolicy(regex_engine=_QuietRE2())
"""pySigma's settings for rules that others wrote."""
