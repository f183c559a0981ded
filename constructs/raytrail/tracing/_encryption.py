"""X-Ray's encryption with a key of one's own."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import CustomResource, Duration, RemovalPolicy, Stack, Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from raytrail._shown import accept_streams
from raytrail.errors import InvalidProps
from raytrail.findings import acknowledge, place_of
from raytrail.tracing._owner import claim

_HANDLER = Path(__file__).with_name("encryption_handler") / "index.py"
# Lambda's longest is 15 minutes, which CloudFormation is told to wait.
_WAITED = Duration.minutes(15)
_LONGEST = Duration.minutes(14)
# What AWS's page asks of whoever gives X-Ray a key: X-Ray makes its grant with the caller's permissions.
_TO_GIVE_A_KEY = ("kms:CreateGrant", "kms:DescribeKey")


class TraceEncryption(Construct):
    """Encrypts the traces of an account and Region with a KMS key of one's own.

    X-Ray always encrypts; a key of one's own can be audited, rotated and taken away. It is one setting of the account
    and Region, which CloudFormation has no type for, so a small function sets it. Traces that are there already keep
    their encryption (https://docs.aws.amazon.com/xray/latest/devguide/xray-console-encryption.html). X-Ray stops to
    store traces when it loses the key.

    The setting has one owner. A deployment fails, and changes nothing, where somebody else has set a key; ``adopt``
    takes that over. When the stack goes, the setting goes back to what was found, unless somebody else has changed it
    since; then it is left alone. To give an earlier key back, the function needs rights on that key, too; where it is
    refused, the key of this stack stays in force and the function's log says so, so keep a key that is given. The
    function notes what it found in a tag of its own, ``raytrail:found``, so that a request that Lambda delivers twice
    is answered the same both times.

    Who reads traces needs the key too: see `grant_decrypt`. Who writes them does not.

    Args:
        key: A symmetric key of the stack's Region; an alias is none. Default: one is made, rotated each year, and kept
            when the stack goes, since traces of the last 30 days cannot be read without it.
        adopt: Whether to take over a key that somebody else has set; leave it so as long as the stack is there.
            Default: no.
        earlier_key: With ``adopt``, the key that was set before, for the rights to give it back. One of another account
            is to be given, and its policy is to allow the same. Default: any key of the account and Region, for
            grants that X-Ray makes on the function's behalf (``kms:ViaService``). AWS's page of X-Ray does not say
            whether it makes them so; name the key where it is known.
        log_group: For the function's lines. Default: one is made.
        log_retention: How long the log group that is made keeps them. Default: one month.

    Attributes:
        key: The key.
        handler: The function that sets it.
        resource: The custom resource.

    Raises:
        InvalidProps: A key is an alias or of another Region, an earlier key is given without ``adopt``, or the app sets
            the encryption of the same account and Region elsewhere.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        key: kms.IKey | None = None,
        adopt: bool = False,
        earlier_key: kms.IKey | None = None,
        log_group: logs.ILogGroup | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH,
    ) -> None:
        super().__init__(scope, id)
        claim(self, "X-Ray's encryption")
        self._check("key", key)
        self._check("earlier_key", earlier_key)
        if earlier_key is not None and not adopt:
            raise InvalidProps(
                f"earlier_key of {self.node.path} is what adopt takes over; give adopt=True, or leave earlier_key out"
            )
        self.key: kms.IKey = key or kms.Key(
            self,
            "Key",
            description="Encrypts traces in X-Ray",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        role = self._make_role()
        if adopt:
            self._let_it_give_back(role, earlier_key)
        log_group = log_group or logs.LogGroup(
            self, "LogGroup", retention=log_retention, removal_policy=RemovalPolicy.DESTROY
        )
        self.handler: lambda_.Function = self._make_handler(role, log_group)
        self.resource: CustomResource = CustomResource(
            self,
            "Resource",
            resource_type="Custom::XRayEncryption",
            service_token=self.handler.function_arn,
            service_timeout=_WAITED,
            properties={"KeyArn": self.key.key_arn, "Adopt": "true" if adopt else "false"},
        )
        self.resource.node.add_dependency(self.handler, self._let_it_note(role))
        if earlier_key is not None:
            # One of this app is there until it has been given back.
            self.resource.node.add_dependency(earlier_key)

    def grant_decrypt(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let somebody who may read traces use the key for it, and return the grant.

        https://docs.aws.amazon.com/xray/latest/devguide/security_iam_service-with-iam.html#xray-permissions-encryption

        Args:
            grantee: Who reads.
        """
        return self.key.grant_decrypt(grantee)

    def _check(self, what: str, key: kms.IKey | None) -> None:
        if key is None:
            return
        if ":alias/" in key.key_arn:
            raise InvalidProps(
                f"{what} of {self.node.path} is an alias, whose key may change unseen; give the key that it stands for"
            )
        theirs, ours = key.env.region, Stack.of(self).region
        if not Token.is_unresolved(theirs) and not Token.is_unresolved(ours) and theirs != ours:
            raise InvalidProps(
                f"{what} of {self.node.path} is of Region {theirs}, and X-Ray of {ours} takes a key of {ours} alone; "
                "give one of that Region (a replica, if it is a multi-Region key)"
            )

    def _make_role(self) -> iam.Role:
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        settings = ["xray:GetEncryptionConfig", "xray:PutEncryptionConfig"]
        role.add_to_policy(iam.PolicyStatement(actions=settings, resources=["*"]))
        # To tell a rollback from an update, on this stack alone.
        role.add_to_policy(
            iam.PolicyStatement(actions=["cloudformation:DescribeStacks"], resources=[Stack.of(self).stack_id])
        )
        self.key.grant(role, *_TO_GIVE_A_KEY)
        acknowledge(
            role,
            {"AwsSolutions-IAM5[Resource::*]": "X-Ray's encryption settings have no ARN; AWS documents * for them"},
        )
        return role

    def _let_it_give_back(self, role: iam.Role, earlier_key: kms.IKey | None) -> None:
        """Let the function give X-Ray the key that it took over: the one that is known, or else any of the account."""
        if earlier_key is not None:
            earlier_key.grant(role, *_TO_GIVE_A_KEY)
            return
        stack = Stack.of(self)
        keys = stack.format_arn(service="kms", resource="key", resource_name="*")
        via_x_ray = {"StringEquals": {"kms:ViaService": f"xray.{stack.region}.amazonaws.com"}}
        role.add_to_policy(iam.PolicyStatement(actions=["kms:CreateGrant"], resources=[keys], conditions=via_x_ray))
        # The function itself asks whether a key that X-Ray refuses could be used at all.
        role.add_to_policy(iam.PolicyStatement(actions=["kms:DescribeKey"], resources=[keys]))
        partition, region, account = place_of(self)
        found = f"AwsSolutions-IAM5[Resource::arn:{partition}:kms:{region}:{account}:key/*]"
        acknowledge(role, {found: "which key was set before is known at the deployment alone; grants are X-Ray's only"})

    def _let_it_note(self, role: iam.Role) -> iam.Policy:
        """Let the function write into its own tags; a policy apart, since the function waits for those of the role."""
        tags = iam.PolicyStatement(
            actions=["lambda:ListTags", "lambda:TagResource"], resources=[self.handler.function_arn]
        )
        return iam.Policy(self, "Notes", statements=[tags], roles=[role])

    def _make_handler(self, role: iam.Role, log_group: logs.ILogGroup) -> lambda_.Function:
        log_group.grant_write(role)
        accept_streams(role, log_group)
        return lambda_.Function(
            self,
            "Handler",
            description="Sets the key with which X-Ray encrypts",
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler="index.handler",
            # In the template, so that it needs no bucket of assets.
            code=lambda_.Code.from_inline(_HANDLER.read_text(encoding="utf-8")),
            timeout=_LONGEST,
            # A request that CloudFormation has given up must not be carried out after all.
            max_event_age=_WAITED,
            log_group=log_group,
            role=role,
        )
