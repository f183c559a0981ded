"""Where errors of a function go."""

from __future__ import annotations

from dataclasses import dataclass

from raytrail.errors import InvalidProps
from raytrail.instrumentation._model_exporters import check_timeout, check_url, is_safe
from raytrail.instrumentation._model_secrets import SecretField, SecretSource, secret_field


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollbar:
    """Errors of a Python function to Rollbar, with the ID of the trace in the report.

    What the handler raises is reported within the invocation and raised again; so is a module that cannot be imported.
    A function that Lambda ends, because its time or memory is used up, reports nothing. The package ``rollbar`` is
    in the function's code, or in a layer of its own; without it the log says so.

    Args:
        access_token_secret: Where the access token of the project is: a secret of Secrets Manager by name, ARN or
            construct, or a field in one. It is read at the first error.
        environment: What Rollbar shows as the environment: 1 to 255 characters.
        code_version: The version of the code, a commit say: at most 40 characters. Default: none.
        endpoint: The base URL of Rollbar's API. Default: https://api.rollbar.com/api/1/.
        timeout_seconds: How long the request that failed waits for Rollbar at most: more than 0, at most 10. Reading
            the token has as long again. After a failure nothing is sent for 30 seconds or longer. Default: 2.
        local_variables: Whether the values of local variables are in the report; they may be personal data. Default:
            they are not.

    Raises:
        InvalidProps: A value is out of range, or the token itself is given.
            See https://docs.rollbar.com/reference/create-item.
    """

    access_token_secret: SecretSource
    environment: str
    code_version: str | None = None
    endpoint: str = "https://api.rollbar.com/api/1/"
    timeout_seconds: float = 2
    local_variables: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "access_token_secret", secret_field(self.access_token_secret))
        if not 1 <= len(self.environment) <= 255:
            raise InvalidProps(f"environment of Rollbar has 1 to 255 characters, got {len(self.environment)}")
        if self.code_version is not None and not 1 <= len(self.code_version) <= 40:
            raise InvalidProps(f"code_version of Rollbar has 1 to 40 characters, got {len(self.code_version)}")
        check_url(self.endpoint, "endpoint of Rollbar")
        if not is_safe(self.endpoint):
            raise InvalidProps(f"the token would be sent to Rollbar in clear at {self.endpoint}; use https")
        object.__setattr__(self, "endpoint", self.endpoint.rstrip("/") + "/")
        check_timeout(self.timeout_seconds, "timeout_seconds of Rollbar")

    @property
    def token(self) -> SecretField:
        """Where the access token is."""
        return secret_field(self.access_token_secret)
