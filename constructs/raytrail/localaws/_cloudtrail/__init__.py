"""CloudTrail: every API call becomes a record, and trails deliver what they select.

What it emulates
    A record of each signed API call, made after the call from the request and its answer: who called (with a role of
    its own for each Lambda function), what was asked and answered, errors, and whether it was a management or a data
    event. Trails take what their basic or advanced selectors take, in the Regions that they cover, while they log;
    a call is judged by the trails as they stood before it, so StopLogging is recorded and what follows is not.
    Delivery to the bucket under the true keys, to a CloudWatch Logs group and an SNS topic; GetTrailStatus and
    LookupEvents (management events only); Insights selectors are kept, and an Insights event that is brought in goes
    to EventBridge. A trail with validation writes digests, an hour each, chained and signed with a key pair for each
    Region that ListPublicKeys tells; the last one of a trail that is stopped or deleted within seconds, and others at
    once on ``POST /digests``. CreateTrail, UpdateTrail and ``AWS::CloudTrail::Trail`` refuse a bucket whose policy
    does not let CloudTrail in, as AWS does.

What it is held against
    botocore's models decode each request and answer and name each operation; real records of AWS accounts give the
    key paths of requestParameters, responseElements and userIdentity that the tests compare with ours; the record
    reference and the pages of IAM, S3 and Lambda about CloudTrail say the rest (event names, readOnly, data events).
    The AWS CLI's ``cloudtrail validate-logs`` checks the digests, and finds what was tampered with.

What differs from AWS
    - The 12-digit key of the CDK CLI and of an administrator is shown as ``assumed-role/Administrator/operator``,
      though STS's GetCallerIdentity calls it root: else every deployment would look like the use of root.
    - No ``tlsDetails`` and ``CipherSuite`` (there is no TLS); no events of AWS's own (``AwsServiceEvent``, console
      sign-in, AssumeRole by services); what CloudFormation does on one's behalf has no record; an unsigned call, too.
    - EC2's requests follow its XML for the common operations and one rule for the rest; binary members are left out.
    - Files come each second or so (`LocalAwsConfig.delivery_seconds`) and not each five minutes; no Insights events
      are found, and those that are brought in come to no bucket or log group; no aggregated events; roles and keys of
      a delivery are not checked.
    - Digests are written of the home Region, and of those accounts and Regions whose files came; AWS writes those of
      every Region that a trail covers. No backfill digests; a Region's key stays the same.
    - A key that nobody holds is accepted by the server, and its caller is ``Unknown``; AWS refuses it unrecorded.
"""

from raytrail.localaws._cloudtrail._delivery import Delivery
from raytrail.localaws._cloudtrail._digests import Digests
from raytrail.localaws._cloudtrail._history import History
from raytrail.localaws._cloudtrail._identity import Callers, give_functions_their_own_keys
from raytrail.localaws._cloudtrail._insights import Insights
from raytrail.localaws._cloudtrail._load import SIGNING_NAME, handler
from raytrail.localaws._cloudtrail._pipeline import Listener, Recorded, Recorder, listeners
from raytrail.localaws._cloudtrail._put import ObjectWriter
from raytrail.localaws._cloudtrail._resource import TrailResource
from raytrail.localaws._cloudtrail._signing import RegionKeys
from raytrail.localaws._cloudtrail._trails import Trails
from raytrail.localaws._world import World

__all__ = ["Listener", "Recorded", "install", "listeners"]


def install(world: World) -> None:
    """Add this part to the embedded AWS."""
    give_functions_their_own_keys()
    trails = Trails()
    TrailResource(trails)
    writer = ObjectWriter()
    digests = Digests(trails, writer, RegionKeys())
    delivery = Delivery(trails, writer, digests, world.config.delivery_seconds)
    callers = Callers()
    recorder = Recorder(trails, delivery, History(), callers)
    world.before_dispatch.append(callers.notice)
    world.observers.append(recorder.observe)
    world.services[SIGNING_NAME] = handler(recorder, delivery, digests, Insights(trails))
    # Run in reverse: first the recorder empties its queue, then what it made is delivered.
    world.on_stop += [delivery.stop, recorder.stop]
    delivery.start()
    recorder.start()
