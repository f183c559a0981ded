"""EventBridge: CloudTrail's events on the default bus, and what becomes of a delivery.

What it emulates
    Each record that a trail selects goes to the default bus of its Region (global services: us-east-1) in AWS's
    envelope. A management event that only reads wakes only rules in state
    ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS, on every bus that it comes to. Targets: log groups, topics, queues,
    functions, event buses (in another Region or account, once), and what else ministack knows. A target that does not
    exist or whose policy does not let EventBridge in gets nothing: the event goes to its dead-letter queue with the
    attributes that AWS gives. The metrics of AWS/Events by rule.

What it is held against
    Whole EventBridge events of AWS accounts (their envelopes and ours have the same keys); the pages of AWS about
    events of CloudTrail, dead-letter queues and resource-based policies. Patterns are ministack's.

What differs from AWS
    - Deliveries are tried once: the failures told apart here are those that AWS does not retry either.
    - A queue or function that has no policy at all is delivered to, where AWS refuses; a topic's policy, which a topic
      always has, must let events.amazonaws.com in without a condition, as on AWS. Roles of targets are not checked.
    - A queue's policy is asked in the dead-letter queue's case, too; encryption keys are not.
    - A target of a service that is not emulated fails with INTERNAL_ERROR.
"""

from raytrail.localaws._cloudtrail import listeners
from raytrail.localaws._events._router import Router
from raytrail.localaws._world import World


def install(world: World) -> None:
    """Add this part to the embedded AWS."""
    listeners.append(Router().forward)
