"""The least CDK app: one parameter, and the rule pack that the kit's app carries. What `synth.py` measures against.

``--without-nag`` leaves the pack out.
"""

import sys

from aws_cdk import App, CfnParameter, Stack, Validations

app = App()
CfnParameter(Stack(app, "bare"), "Parameter")
if "--without-nag" not in sys.argv:
    from cdk_nag import AwsSolutionsChecks

    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
app.synth()
