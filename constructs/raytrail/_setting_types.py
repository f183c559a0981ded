"""The texts that settings allow, each by a pattern for machines and by words for people."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

IN_WORDS: dict[str, str] = {}
"""What each pattern allows: the message of a wrong setting says this instead of the pattern."""


def _matching(pattern: str, words: str) -> Any:
    IN_WORDS[pattern] = words
    return Field(pattern=pattern)


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    for index, value in enumerate(values):
        if value in values[:index]:
            raise PydanticCustomError("distinct", "should name each once, {value} is there twice", {"value": value})
    return values


DISTINCT = AfterValidator(_distinct)
"""Refuses a list that names something twice."""

RetentionDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]
"""Days that a CloudWatch log group can keep events (AWS::Logs::LogGroup, RetentionInDays)."""

Name = Annotated[
    str,
    _matching(
        r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        "lower-case letters and digits, with single dashes between them, beginning with a letter",
    ),
]
"""Lower-case letters and digits, with single dashes between them, beginning with a letter."""
Region = Annotated[str, _matching(r"^[a-z]{2}(-[a-z]+)+-\d$", "a Region, as eu-west-1")]
"""A Region, as ``eu-west-1``."""
RegionFolder = Annotated[
    str, _matching(r"^[a-z]{2,8}(-[a-z]+)+-\d[a-z]?$", "a Region as the keys of log files name it, as eu-west-1")
]
"""A Region as the keys of log files name it, where logs of others may be anonymised."""

AccountId = Annotated[str, _matching(r"^\d{12}$", "an account id: 12 digits")]
"""An account id: 12 digits."""
BucketName = Annotated[
    str,
    _matching(
        r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", "a bucket's name: 3 to 63 lower-case letters, digits, dots and dashes"
    ),
]
"""A bucket's name: 3 to 63 lower-case letters, digits, dots and dashes
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html)."""
KeyPrefix = Annotated[str, _matching(r"^([^/](.*[^/])?)?$", "a prefix without a slash at either end")]
"""A prefix without a slash at either end."""
OrganizationId = Annotated[
    str, _matching(r"^o-[a-z0-9]{10,32}$", "an organization id: o- and 10 to 32 lower-case letters and digits")
]
"""An organization id: ``o-`` and 10 to 32 lower-case letters and digits
(https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html)."""
KeyArn = Annotated[
    str,
    _matching(
        r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+$",
        "the ARN of a KMS key, as arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    ),
]
"""The ARN of a KMS key; not of an alias."""
TopicArn = Annotated[
    str,
    _matching(
        r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$",
        "the ARN of a standard topic, as arn:aws:sns:eu-west-1:111122223333:oncall",
    ),
]
"""The ARN of a standard topic of SNS."""
LayerArn = Annotated[
    str,
    _matching(
        r"^arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:layer:[^:]+:\d+$",
        "the ARN of a version of a Lambda layer, as arn:aws:lambda:eu-west-1:111122223333:layer:Name:1",
    ),
]
"""The ARN of a version of a Lambda layer."""
SecretName = Annotated[
    str,
    _matching(
        r"^[A-Za-z0-9/_+=.@-]{1,512}$", "the name of a secret in Secrets Manager, 1 to 512 letters, digits and /_+=.@-"
    ),
]
"""The name of a secret in Secrets Manager: 1 to 512 letters, digits and ``/_+=.@-``
(https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html)."""
Email = Annotated[str, _matching(r"^[^@\s]+@[^@\s]+\.[^@\s]+$", "a mail address")]
"""A mail address."""
ApiCall = Annotated[
    str,
    _matching(r"^[a-z0-9-]+:[A-Z][A-Za-z0-9]+$", "a service and an operation, as secretsmanager:DeleteSecret"),
]
"""A service, by its prefix in IAM, and an operation of its API, as ``secretsmanager:DeleteSecret``."""

# A part of an ARN may stand for all that begin so, but CloudTrail's selectors know no wildcard.
_WORDS_OF_ARN = "an ARN without a wildcard, as arn:aws:s3:::my-bucket/"
Arn = Annotated[str, _matching(r"^arn:aws[a-z-]*:[a-z0-9-]+:[^*?\s]+$", _WORDS_OF_ARN)]
"""An ARN, or how one begins."""

ResourceType = Annotated[
    str, _matching(r"^AWS::[A-Za-z0-9]+::[A-Za-z0-9]+$", "a resource type as CloudTrail names it, as AWS::S3::Object")
]
"""A resource type as CloudTrail names it, as ``AWS::S3::Object``."""
ApiName = Annotated[str, _matching(r"^[A-Z][A-Za-z0-9]+$", "the name of an API call, as PutObject")]
"""The name of an API call, as ``PutObject``."""
EventSource = Annotated[
    str, _matching(r"^[a-z0-9-]+\.amazonaws\.com$", "a service as CloudTrail names it, as s3.amazonaws.com")
]
"""A service as CloudTrail names it, as ``s3.amazonaws.com``."""
EndpointId = Annotated[str, _matching(r"^vpce-[0-9a-f]{8,32}$", "the id of a VPC endpoint, as vpce-0123456789abcdef0")]
"""The id of a VPC endpoint, as ``vpce-0123456789abcdef0``."""
CisControlNumber = Annotated[
    str, _matching(r"^4\.([1-9]|1[0-5])$", "a control of the CIS Benchmark's section on monitoring, 4.1 to 4.15")
]
"""A control of the CIS Benchmark's section on monitoring: ``4.1`` to ``4.15``."""
