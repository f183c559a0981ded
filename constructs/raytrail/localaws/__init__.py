"""An AWS emulator on this machine, so that the very templates of ``cdk synth`` are deployed and exercised.

It is ministack (pinned), extended from outside where an observability kit needs more: see docs/localaws.md for
what each extension is held against and for what is not emulated. It is never AWS.
"""

from raytrail.localaws._cloudformation._recorded import recorded_types
from raytrail.localaws._server import LocalAws

__all__ = ["LocalAws", "recorded_types"]
