"""S3 buckets as templates describe them.

Emulates: the properties Tags, BucketEncryption, VersioningConfiguration, LifecycleConfiguration, OwnershipControls,
LoggingConfiguration, AccelerateConfiguration and ObjectLockConfiguration of ``AWS::S3::Bucket``, applied through the
emulator's own S3 operations and so read back with GetBucketTagging, GetBucketEncryption and their like; the tags
that CloudFormation puts on a bucket; the encryption headers of a bucket's default; and the refusal to delete a
bucket that is not empty.

Held against: botocore's model of S3, which checks each configuration and writes the XML that is stored.

Differs from AWS: lifecycle rules do not expire objects; server access logs are not written; objects are never
encrypted, only labelled; Analytics, Inventory, Metrics, IntelligentTiering, Replication and Metadata configurations
are checked against CloudFormation's schema and then not kept; bucket policies are kept and never evaluated.
"""

from __future__ import annotations

from raytrail.localaws._hooks import hook
from raytrail.localaws._s3 import _encryption
from raytrail.localaws._s3._buckets import BucketHandler
from raytrail.localaws._world import World


def install(world: World) -> None:
    """Add this part to the embedded AWS."""
    handlers = hook("ministack.services.cloudformation.provisioners:_RESOURCE_HANDLERS")
    emulated = handlers["AWS::S3::Bucket"]
    bucket = BucketHandler(emulated)
    handlers["AWS::S3::Bucket"] = {
        **emulated,
        "create": bucket.create,
        "update": bucket.update,
        "delete": bucket.delete,
    }
    hook("ministack.services.cloudformation.provisioners:_STACK_TAG_PROPERTY")["AWS::S3::Bucket"] = ("Tags", "list")
    _encryption.install()
