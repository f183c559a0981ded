"""Be told of suspicious API calls in an account that has a trail and people on call already.

    cdk deploy --app "python only_detections_on_existing_trail.py"

No second trail, no lake, no topic: the catalogue's rules hear what your trail records, and its pages go to your topic.
Neither of them is changed. The topic's owner adds what the output TopicStatements says, so that alarms on the alerts'
own way can publish there, and the owner of its key, if it has one, adds KeyStatements.
"""

from aws_cdk import App, CfnOutput, Environment, Stack
from aws_cdk import aws_sns as sns
from constructs import Construct

from raytrail.alerting import AlertChannel, key_statements, topic_statements
from raytrail.detection import ApiCallAlerts
from raytrail.findings import acknowledge
from raytrail.sigma import Vantage

ACCOUNT, REGION = "111122223333", "us-east-1"
ON_CALL = f"arn:aws:sns:{REGION}:{ACCOUNT}:on-call"
ON_CALL_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a1b2c3d-1111-2222-3333-444455556666"
# What the trail records, as `aws cloudtrail get-event-selectors` tells it: all management events and nothing else.
# Detections that it cannot feed are left out, and synth names them.
TRAIL = Vantage(management="all", excluded_sources=frozenset(), data=frozenset(), network=frozenset(), insights=False)


class DetectionsStack(Stack):
    """The catalogue's rules over the trail that is there, and the topic that is there."""

    def __init__(self, scope: Construct, id: str, *, env: Environment) -> None:
        super().__init__(scope, id, env=env)
        # The key is named so that who publishes is allowed to use it.
        on_call = sns.Topic.from_topic_attributes(self, "OnCall", topic_arn=ON_CALL, key_arn=ON_CALL_KEY)
        channel = AlertChannel(self, "Channel", display_name="API calls", topic=on_call)
        acknowledge(
            channel, {"Annotation::raytrail:alert-topic-policy": "its owner added the statements of the output"}
        )
        ApiCallAlerts(self, "Alerts", channel=channel, vantage=TRAIL)

        asked = {
            "TopicStatements": topic_statements(topic_arn=ON_CALL, account=self.account),
            "KeyStatements": key_statements(),
        }
        for output, statements in asked.items():
            CfnOutput(self, output, value=self.to_json_string([each.to_statement_json() for each in statements]))


if __name__ == "__main__":
    app = App()
    DetectionsStack(app, "api-call-detections", env=Environment(account=ACCOUNT, region=REGION))
    app.synth()
