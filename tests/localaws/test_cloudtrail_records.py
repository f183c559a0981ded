"""Records of API calls, held against real records and against what AWS documents."""

from __future__ import annotations

import io
import json
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from raytrail.localaws import LocalAws
from raytrail.records import RecordLine, read_records

pytestmark = pytest.mark.local

ACCOUNT = "111122223333"
CODE = "import boto3\ndef handler(event, context):\n    return boto3.client('sts').get_caller_identity()['Arn']\n"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}],
    }
)
ALLOW_NOTHING_MUCH = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}]}
)


def wait_for(find: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = find()
        if found:
            return found
        time.sleep(0.05)
    pytest.fail(f"did not find {what}")


def last(aws: LocalAws, name: str, has: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
    """The newest management record of an event name."""

    def find() -> dict[str, Any] | None:
        answer = aws.client("cloudtrail").lookup_events(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}]
        )
        records = [json.loads(event["CloudTrailEvent"]) for event in answer["Events"]]
        return next((record for record in records if has(record)), None)

    record: dict[str, Any] = wait_for(find, f"a record of {name}")
    return record


def zipped(text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", text)
    return buffer.getvalue()


def paths(value: Any, prefix: str = "") -> set[str]:
    """Every key path of a JSON value; the items of a list count as one."""
    if isinstance(value, dict):
        own = {f"{prefix}{key}" for key in value}
        return own.union(*(paths(inner, f"{prefix}{key}.") for key, inner in value.items()))
    if isinstance(value, list):
        return set().union(*(paths(inner, f"{prefix}[].") for inner in value))
    return set()


@pytest.fixture(scope="module")
def role(local_aws: LocalAws) -> Iterator[str]:
    iam = local_aws.client("iam")
    name = f"role-{uuid.uuid4().hex[:8]}"
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    yield arn
    iam.delete_role(RoleName=name)


@pytest.fixture(scope="module")
def function(local_aws: LocalAws, role: str) -> Iterator[str]:
    client = local_aws.client("lambda")
    name = f"function-{uuid.uuid4().hex[:8]}"
    client.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=role,
        Handler="index.handler",
        Code={"ZipFile": zipped(CODE)},
        Environment={"Variables": {"PASSWORD": "hunter2"}},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    yield name
    client.delete_function(FunctionName=name)


@pytest.fixture(scope="module")
def user(local_aws: LocalAws) -> Iterator[dict[str, str]]:
    iam = local_aws.client("iam")
    name = f"user-{uuid.uuid4().hex[:8]}"
    created = iam.create_user(UserName=name)["User"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    yield {"name": name, "id": created["UserId"], "key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=name)


class Calls:
    """One call for each event name, as the real records were made: the same parameters given, other values."""

    def __init__(self, aws: LocalAws, user: dict[str, str], role: str, function: str) -> None:
        self.aws = aws
        self.user = user
        self.role = role
        self.function = function
        self.tag = uuid.uuid4().hex[:8]

    def client(self, service: str) -> Any:
        return self.aws.client(service, access_key_id=self.user["key"], secret_access_key=self.user["secret"])

    def bucket(self) -> str:
        name = f"records-{self.tag}"
        self.client("s3").create_bucket(Bucket=name, ACL="private")
        return name

    def make(self, event: str) -> None:
        getattr(self, event)()

    def CreateRole(self) -> None:
        self.client("iam").create_role(
            Path="/",
            RoleName=f"made-{self.tag}",
            AssumeRolePolicyDocument=TRUST,
            MaxSessionDuration=3600,
            Tags=[{"Key": "a", "Value": "b"}],
        )

    def PutRolePolicy(self) -> None:
        document = ALLOW_NOTHING_MUCH
        name = self.role.rpartition("/")[2]
        self.client("iam").put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=document)
        self.aws.client("iam").delete_role_policy(RoleName=name, PolicyName="inline")

    def CreateInstanceProfile(self) -> None:
        self.client("iam").create_instance_profile(
            InstanceProfileName=f"profile-{self.tag}", Path="/", Tags=[{"Key": "a", "Value": "b"}]
        )

    def GetRole(self) -> None:
        self.client("iam").get_role(RoleName=self.role.rpartition("/")[2])

    def CreateBucket(self) -> None:
        self.bucket()

    def PutBucketPolicy(self) -> None:
        bucket = self.bucket()
        statement = {
            "Sid": "A",
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{bucket}/*",
            "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)

    def PutBucketTagging(self) -> None:
        bucket = self.bucket()
        self.client("s3").put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "true"}]})

    def GetBucketAcl(self) -> None:
        self.client("s3").get_bucket_acl(Bucket=self.bucket())

    def GetAccelerateConfiguration(self) -> None:
        self.client("s3").get_bucket_accelerate_configuration(Bucket=self.bucket())

    def GetBucketLifecycle(self) -> None:
        with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
            self.client("s3").get_bucket_lifecycle_configuration(Bucket=self.bucket())

    def GetBucketObjectLockConfiguration(self) -> None:
        with pytest.raises(ClientError, match="ObjectLockConfigurationNotFoundError"):
            self.client("s3").get_object_lock_configuration(Bucket=self.bucket())

    def GetCallerIdentity(self) -> None:
        self.client("sts").get_caller_identity()

    def AssumeRole(self) -> None:
        self.client("sts").assume_role(RoleArn=self.role, RoleSessionName="session", DurationSeconds=900)

    def GetFederationToken(self) -> None:
        self.client("sts").get_federation_token(Name="fed", Policy=ALLOW_NOTHING_MUCH)

    def AuthorizeSecurityGroupIngress(self) -> None:
        group = self.aws.client("ec2").create_security_group(GroupName=f"g-{self.tag}", Description="d")["GroupId"]
        self.client("ec2").authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
        )

    def CreateVpc(self) -> str:
        tags = [{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "v"}]}]
        answer = self.client("ec2").create_vpc(
            CidrBlock="10.0.0.0/16",
            InstanceTenancy="default",
            AmazonProvidedIpv6CidrBlock=False,
            TagSpecifications=tags,
        )
        return str(answer["Vpc"]["VpcId"])

    def CreateSubnet(self) -> None:
        self.client("ec2").create_subnet(
            VpcId=self.CreateVpc(),
            CidrBlock="10.0.128.0/24",
            AvailabilityZone="us-east-1a",
            TagSpecifications=[{"ResourceType": "subnet", "Tags": [{"Key": "Name", "Value": "s"}]}],
        )

    def DescribeSecurityGroups(self) -> None:
        filters = [{"Name": "group-name", "Values": ["default"]}, {"Name": "vpc-id", "Values": ["vpc-1"]}]
        self.client("ec2").describe_security_groups(Filters=filters)

    def DescribeInstances(self) -> None:
        with pytest.raises(ClientError):
            self.client("ec2").describe_instances(InstanceIds=["i-00000000000000000"])

    def CreateFlowLogs(self) -> None:
        self.client("ec2").create_flow_logs(
            ResourceIds=[self.CreateVpc()],
            ResourceType="VPC",
            TrafficType="REJECT",
            MaxAggregationInterval=600,
            LogDestinationType="cloud-watch-logs",
            LogDestination=f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:x",
            DeliverLogsPermissionArn=self.role,
            TagSpecifications=[{"ResourceType": "vpc-flow-log", "Tags": [{"Key": "a", "Value": "true"}]}],
        )

    def CreateSecret(self) -> None:
        self.client("secretsmanager").create_secret(
            Name=f"secret-{self.tag}", Description="", ForceOverwriteReplicaSecret=False, SecretString="hunter2"
        )

    def PutSecretValue(self) -> None:
        arn = self.aws.client("secretsmanager").create_secret(Name=f"other-{self.tag}")["ARN"]
        self.client("secretsmanager").put_secret_value(SecretId=arn, SecretString="hunter2")

    def PutParameter(self) -> None:
        self.client("ssm").put_parameter(
            Name=f"/p/{self.tag}",
            Value="hunter2",
            Type="SecureString",
            Overwrite=False,
            AllowedPattern="",
            Tags=[{"Key": "a", "Value": "b"}],
            Tier="Standard",
        )

    def GetParameter(self) -> None:
        self.aws.client("ssm").put_parameter(Name=f"/q/{self.tag}", Value="x", Type="String")
        self.client("ssm").get_parameter(Name=f"/q/{self.tag}", WithDecryption=True)

    def CreateLogGroup(self) -> None:
        self.client("logs").create_log_group(logGroupName=f"/g/{self.tag}", tags={"StratusRedTeam": "true"})

    def AddPermission20150331v2(self) -> None:
        self.client("lambda").add_permission(
            FunctionName=self.function, StatementId=self.tag, Action="lambda:InvokeFunction", Principal="*"
        )

    def UpdateFunctionConfiguration20150331v2(self) -> None:
        self.client("lambda").update_function_configuration(
            FunctionName=self.function, Environment={"Variables": {"PASSWORD": "hunter2"}}, Timeout=10
        )

    def UpdateFunctionCode20150331v2(self) -> None:
        self.client("lambda").update_function_code(
            FunctionName=self.function, ZipFile=zipped(CODE), Publish=True, DryRun=False
        )


MAY_LACK = {
    "additionalEventData.CipherSuite": "there is no TLS here",
    "requestParameters.fullyQualifiedArn": "Lambda's own note of the ARN, in the records of one operation",
    "requestParameters.layers": "the real call set layers, ours sets a timeout",
    "responseElements.lastUpdateStatusReason": "ministack's functions are updated at once",
    "responseElements.CreateFlowLogsResponse.clientToken": "ministack answers none",
    "responseElements.layers": "the real function had layers",
    "responseElements.subnet.ipv6CidrBlockAssociationSet": "ministack leaves it out when empty",
    "responseElements.vpc.ipv6CidrBlockAssociationSet": "ministack leaves it out when empty",
    "responseElements.runtimeVersionConfig": "ministack gives no version of a runtime",
    "responseElements.snapStart": "ministack leaves out what is off",
    "responseElements.stateReason": "ministack's functions are active at once",
}
MAY_HAVE = {
    "requestParameters.timeout": "the real call set layers, ours sets a timeout",
    "responseElements.kMSKeyArn": "ministack answers it, empty",
    "responseElements.lastUpdateStatus": "ministack answers it",
    "responseElements.lastUpdateStatusReason": "ministack answers it",
    "responseElements.lastUpdateStatusReasonCode": "ministack answers it",
    "responseElements.layers": "ministack answers it, empty",
    "responseElements.name": "records of 2023 have only the ARN of a secret",
    "responseElements.role.description": "ministack answers it, empty",
    "responseElements.role.maxSessionDuration": "ministack answers it",
    "responseElements.packedPolicySize": "ministack answers it even without a policy",
    "responseElements.securityGroupRuleSet.items.[].securityGroupRuleArn": "newer than the record",
    "responseElements.stateReason": "ministack answers it",
    "responseElements.stateReasonCode": "ministack answers it",
    "responseElements.versionId": "records of 2023 have only the ARN of a secret",
    "responseElements.versionStages": "records of 2023 have only the ARN of a secret",
    "responseElements.vpc.defaultNetworkAclId": "ministack answers it",
    "responseElements.vpc.defaultSecurityGroupId": "ministack answers it",
    "responseElements.vpc.mainRouteTableId": "ministack answers it",
    "responseElements.vpcConfig": "ministack answers it, empty",
}
"""Paths in which our records may differ from the real ones, each with the reason."""

PARTS = ("requestParameters", "responseElements", "userIdentity", "additionalEventData")
EVENTS = sorted(name for name in vars(Calls) if name[0].isupper())


@pytest.fixture(scope="module")
def real(attack_logs: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for file in ("stratus.ndjson.gz", "benign_admin_invictus_warmup_a.ndjson.gz"):
        for outcome in read_records(attack_logs / file):
            assert isinstance(outcome, RecordLine)
            found.setdefault(outcome.record["eventName"], []).append(outcome.record)
    return found


def below(path: str, allowed: set[str]) -> bool:
    return any(path == name or path.startswith(f"{name}.") for name in allowed)


@pytest.mark.parametrize("event", EVENTS)
def test_a_record_has_the_key_paths_of_the_real_one(
    local_aws: LocalAws, user: dict[str, str], role: str, function: str, real: dict[str, Any], event: str
) -> None:
    Calls(local_aws, user, role, function).make(event)
    ours = last(local_aws, event, lambda record: record["userIdentity"].get("userName") == user["name"])
    of_users = [r for r in real[event] if r["userIdentity"]["type"] == "IAMUser"]
    theirs = of_users or real[event]
    assert ours["eventSource"] == theirs[0]["eventSource"]
    assert ours["readOnly"] == theirs[0]["readOnly"]
    assert ours["managementEvent"] is theirs[0]["managementEvent"]
    for part in PARTS:
        mine = paths({part: ours.get(part)})
        each = [paths({part: record.get(part)}) for record in theirs]
        always, ever = set.intersection(*each), set.union(*each)
        lacking = {path for path in always - mine if not below(path, set(MAY_LACK))}
        extra = {path for path in mine - ever if not below(path, set(MAY_HAVE))}
        assert not lacking, f"{part} lacks {sorted(lacking)}"
        assert not extra, f"{part} has {sorted(extra)}, which the real records have not"


@pytest.mark.parametrize("event", ["CreateRole", "PutBucketPolicy", "GetParameter", "AssumeRole", "CreateLogGroup"])
def test_a_record_has_the_fields_of_the_real_one(
    local_aws: LocalAws, user: dict[str, str], role: str, function: str, real: dict[str, Any], event: str
) -> None:
    Calls(local_aws, user, role, function).make(event)
    ours = last(local_aws, event, lambda record: record["userIdentity"].get("userName") == user["name"])
    # There is no TLS here, and error fields are those of the real call's luck.
    fields = set.intersection(*(set(record) for record in real[event])) - {"tlsDetails", "errorCode", "errorMessage"}
    assert set(ours) == fields
    assert {type(ours[name]) for name in ("readOnly", "managementEvent")} == {bool}


def test_nothing_secret_is_in_any_record(local_aws: LocalAws, user: dict[str, str], role: str, function: str) -> None:
    calls = Calls(local_aws, user, role, function)
    for event in ("CreateSecret", "PutParameter", "UpdateFunctionConfiguration20150331v2", "AssumeRole"):
        calls.make(event)
    local_aws.client("iam").create_login_profile(UserName=user["name"], Password="hunter2-Hunter2")
    last(local_aws, "CreateLoginProfile")
    pages = local_aws.client("cloudtrail").get_paginator("lookup_events").paginate()
    everything = [event["CloudTrailEvent"] for page in pages for event in page["Events"]]
    assert len(everything) > 10
    for text in everything:
        assert "hunter2" not in text.lower()
        assert user["secret"] not in text
        assert "secretaccesskey" not in text.lower()
    shown = last(local_aws, "PutParameter")["requestParameters"]
    assert shown["value"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
    local_aws.client("iam").delete_login_profile(UserName=user["name"])


def test_creating_a_user_and_a_key_reads_as_aws_documents_it(local_aws: LocalAws, user: dict[str, str]) -> None:
    def mine(record: dict[str, Any]) -> bool:
        return (record["requestParameters"] or {}).get("userName") == user["name"]

    created = last(local_aws, "CreateUser", mine)
    assert paths(created["responseElements"]) == {
        "user",
        *(f"user.{key}" for key in ("path", "userName", "userId", "arn", "createDate")),
    }
    assert created["awsRegion"] == "us-east-1"
    key = last(local_aws, "CreateAccessKey", mine)["responseElements"]["accessKey"]
    assert set(key) == {"userName", "accessKeyId", "status", "createDate"}
    assert key["accessKeyId"] == user["key"]


def test_an_iam_user_is_named_by_the_key_that_signed(local_aws: LocalAws, user: dict[str, str]) -> None:
    local_aws.client("sqs", access_key_id=user["key"], secret_access_key=user["secret"]).create_queue(
        QueueName=f"q-{user['name']}"
    )
    record = last(local_aws, "CreateQueue", lambda record: user["name"] in json.dumps(record["requestParameters"]))
    assert record["userIdentity"] == {
        "type": "IAMUser",
        "principalId": user["id"],
        "arn": f"arn:aws:iam::{ACCOUNT}:user/{user['name']}",
        "accountId": ACCOUNT,
        "accessKeyId": user["key"],
        "userName": user["name"],
    }


def test_the_account_key_is_an_administrators_session_and_not_root(local_aws: LocalAws) -> None:
    local_aws.client("sts").get_caller_identity()
    identity = last(local_aws, "GetCallerIdentity", lambda r: r["userIdentity"]["type"] == "AssumedRole")[
        "userIdentity"
    ]
    assert identity["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/Administrator/operator"
    assert identity["sessionContext"]["sessionIssuer"]["userName"] == "Administrator"
    assert identity["accessKeyId"].startswith("ASIA")


def test_a_role_session_names_its_role_and_session(local_aws: LocalAws, role: str) -> None:
    session = local_aws.client("sts").assume_role(RoleArn=role, RoleSessionName="night-shift")
    keys = session["Credentials"]
    local_aws.client(
        "logs", access_key_id=keys["AccessKeyId"], secret_access_key=keys["SecretAccessKey"]
    ).describe_log_groups()
    record = last(
        local_aws, "DescribeLogGroups", lambda record: record["userIdentity"]["accessKeyId"] == keys["AccessKeyId"]
    )
    identity = record["userIdentity"]
    assert identity["arn"] == session["AssumedRoleUser"]["Arn"]
    assert identity["principalId"] == session["AssumedRoleUser"]["AssumedRoleId"]
    assert identity["sessionContext"]["sessionIssuer"]["arn"] == role


def test_a_function_calls_as_its_role_under_its_own_name(local_aws: LocalAws, role: str, function: str) -> None:
    answer = local_aws.client("lambda").invoke(FunctionName=function)
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/{function}"
    assert json.loads(answer["Payload"].read()) == arn
    identity = last(local_aws, "GetCallerIdentity", lambda record: record["userIdentity"]["arn"] == arn)["userIdentity"]
    assert identity["type"] == "AssumedRole"
    assert identity["sessionContext"]["sessionIssuer"]["arn"] == role
    assert identity["inScopeOf"]["issuerType"] == "AWS::Lambda::Function"


def test_a_refused_call_is_recorded_with_its_error_and_without_an_answer(local_aws: LocalAws) -> None:
    with pytest.raises(ClientError):
        local_aws.client("iam").delete_user(UserName="nobody-at-all")
    record = last(local_aws, "DeleteUser")
    assert record["errorCode"] == "NoSuchEntityException"
    assert "nobody-at-all" in record["errorMessage"]
    assert record["responseElements"] is None


@pytest.mark.parametrize(
    ("service", "call", "arguments", "code"),
    [
        ("s3", "get_bucket_policy", {"Bucket": "no-such-bucket-here"}, "NoSuchBucket"),
        ("ec2", "delete_security_group", {"GroupId": "sg-00000000000000000"}, "Client.InvalidGroup.NotFound"),
        ("lambda", "get_function", {"FunctionName": "no-such-function"}, "ResourceNotFoundException"),
        ("logs", "delete_log_group", {"logGroupName": "/no/such"}, "ResourceNotFoundException"),
    ],
)
def test_error_codes_read_as_cloudtrail_writes_them(
    local_aws: LocalAws, service: str, call: str, arguments: dict[str, str], code: str
) -> None:
    with pytest.raises(ClientError):
        getattr(local_aws.client(service), call)(**arguments)
    name = "GetFunction20150331v2" if service == "lambda" else "".join(part.title() for part in call.split("_"))
    assert last(local_aws, name, lambda record: "errorCode" in record)["errorCode"] == code


def test_a_client_behind_a_proxy_is_named_by_its_own_address(local_aws: LocalAws) -> None:
    client = local_aws.client("sns")
    client.meta.events.register(
        "before-sign.sns.*", lambda request, **_: request.headers.add_header("X-Forwarded-For", "203.0.113.9, 10.0.0.1")
    )
    client.create_topic(Name="proxied")
    record = last(local_aws, "CreateTopic", lambda record: record["requestParameters"]["name"] == "proxied")
    assert record["sourceIPAddress"] == "203.0.113.9"


def test_the_emulators_own_pages_are_no_api_calls(local_aws: LocalAws) -> None:
    import urllib.request

    urllib.request.urlopen(f"{local_aws.endpoint}/_ministack/health").read()
    local_aws.client("sts").get_caller_identity()
    pages = local_aws.client("cloudtrail").get_paginator("lookup_events").paginate()
    assert "_ministack" not in json.dumps([event["CloudTrailEvent"] for page in pages for event in page["Events"]])


def test_global_services_are_recorded_in_us_east_1(local_aws: LocalAws) -> None:
    local_aws.client("iam", region="eu-west-1").list_account_aliases()
    assert last(local_aws, "ListAccountAliases")["awsRegion"] == "us-east-1"
    name = f"far-{uuid.uuid4().hex[:8]}"
    local_aws.client("sqs", region="eu-west-1").create_queue(QueueName=name)
    far = local_aws.client("cloudtrail", region="eu-west-1")

    def find() -> list[Any]:
        attributes = [{"AttributeKey": "EventName", "AttributeValue": "CreateQueue"}]
        events = far.lookup_events(LookupAttributes=attributes)["Events"]
        return [event for event in events if name in event["CloudTrailEvent"]]

    [event] = wait_for(find, "CreateQueue in eu-west-1")
    assert json.loads(event["CloudTrailEvent"])["awsRegion"] == "eu-west-1"
