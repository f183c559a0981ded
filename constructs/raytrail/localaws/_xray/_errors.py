"""The errors that X-Ray's API answers with."""

from __future__ import annotations


class XRayError(Exception):
    """An error of the API: ``code`` as AWS names it, ``message`` in AWS's manner, the HTTP ``status``."""

    code = "InvalidRequestException"
    status = 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotFound(XRayError):
    """A name or ARN that names nothing, in every operation but those of tagging."""


class ResourceNotFound(XRayError):
    """An ARN that names nothing, in the tagging operations."""

    code = "ResourceNotFoundException"
    status = 404


class AccessDenied(XRayError):
    """X-Ray lacks a permission that an operation needs. The API's model does not list this error."""

    code = "AccessDeniedException"
    status = 403


class TooManyTags(XRayError):
    """More than 50 tags on one resource."""

    code = "TooManyTagsException"


class RuleLimitExceeded(XRayError):
    """More custom sampling rules than the quota allows."""

    code = "RuleLimitExceededException"


class MalformedPolicyDocument(XRayError):
    """A resource policy that is not JSON."""

    code = "MalformedPolicyDocumentException"


class PolicySizeLimitExceeded(XRayError):
    """A resource policy above 5 kB."""

    code = "PolicySizeLimitExceededException"


class PolicyCountLimitExceeded(XRayError):
    """A sixth resource policy."""

    code = "PolicyCountLimitExceededException"


class InvalidPolicyRevisionId(XRayError):
    """A resource policy was changed in between."""

    code = "InvalidPolicyRevisionIdException"
