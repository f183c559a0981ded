"""What raytrail looks for in templates: alarms that reach nobody, trails without guards, rules that never match.

Plain values: nothing here needs the CDK, and a template or a cloud assembly of any app can be checked
(`check_template`, `check_assembly`). `raytrail.checks.plugin` runs the same at each synth, as a policy-validation
plugin of the CDK. What is not known before the deployment is never held against anybody. docs/checks.md has a section
for each check.
"""

from raytrail.checks._acknowledged import ACKNOWLEDGMENT_INVALID
from raytrail.checks._assembly import InvalidAssembly, check_assembly
from raytrail.checks._catalogue import CHECKS, check_template
from raytrail.checks._model import Check, Finding, Floors, Level

__all__ = [
    "ACKNOWLEDGMENT_INVALID",
    "CHECKS",
    "Check",
    "Finding",
    "Floors",
    "InvalidAssembly",
    "Level",
    "check_assembly",
    "check_template",
]
