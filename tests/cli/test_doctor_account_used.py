"""The doctor's look at a used account, on the embedded AWS: names, quotas, trails, settings of which there is one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.doctor_kit import REGION, Account, make_stack, make_trail, of, resources_of, rule, write_app

from raytrail.cli._doctor._assembly import Assembly
from raytrail.localaws import LocalAws
from raytrail.settings import read_settings

pytestmark = pytest.mark.local

GROUP = of("AWS::XRay::Group", GroupName="shop-faults", FilterExpression="fault")
LISTENS = {"detail-type": ["AWS API Call via CloudTrail"], "source": ["aws.iam"]}
LAKE = {"storage.location.template": "s3://trail-files/AWSLogs/${account}/CloudTrail/${region}/${timestamp}/"}


@pytest.fixture
def account(local_aws: LocalAws) -> Account:
    """An account that nobody has used."""
    return Account(aws=local_aws)


@pytest.fixture
def app(tmp_path: Path) -> Callable[..., Assembly]:
    """Writes an app of one stack, called shop, with the resources that are given."""

    def write(**resources: Any) -> Assembly:
        return write_app(tmp_path / "cdk.out", {"shop": resources})

    return write


# Names


def test_what_an_earlier_deployment_left_can_be_taken_over(account, app):
    account.client("logs").create_log_group(logGroupName="/shop/alerts")
    found = account.finding(
        "name-left-behind", app(Log=of("AWS::Logs::LogGroup", LogGroupName="/shop/alerts", retained=True))
    )
    assert found.command == ("cdk deploy shop --import-existing-resources",)


def test_names_that_something_else_has_are_found_for_every_type_that_is_looked_for(account, app):
    number = account.number
    account.client("xray").create_group(GroupName="shop-faults")
    account.client("xray").create_sampling_rule(SamplingRule=rule("shop-default", 9000, ServiceName="else"))
    account.client("athena").create_work_group(Name="shop")
    account.client("glue").create_database(DatabaseInput={"Name": "shop"})
    account.client("cloudwatch").put_dashboard(DashboardName="shop", DashboardBody='{"widgets": []}')
    account.client("cloudwatch").put_metric_alarm(
        AlarmName="shop",
        Namespace="n",
        MetricName="m",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    account.client("logs").create_log_group(logGroupName="/shop")
    document = '{"Version": "2012-10-17", "Statement": []}'
    account.client("logs").put_resource_policy(policyName="shop", policyDocument=document)
    account.client("events").put_rule(Name="shop", ScheduleExpression="rate(1 day)")
    account.client("iam").create_role(RoleName="shop", AssumeRolePolicyDocument="{}")
    account.client("s3").create_bucket(Bucket=f"shop-{number}")
    account.client("sns").create_topic(Name="shop")
    account.client("sqs").create_queue(QueueName="shop")
    account.client("dynamodb").create_table(
        TableName="shop",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    make_trail(account, "shop", on=False)
    planned = {
        "Group": GROUP,
        "Rule": of("AWS::XRay::SamplingRule", SamplingRule=rule("shop-default", 9000, ServiceName="other")),
        "Workgroup": of("AWS::Athena::WorkGroup", Name="shop"),
        "Database": of("AWS::Glue::Database", DatabaseInput={"Name": "shop"}),
        "Board": of("AWS::CloudWatch::Dashboard", DashboardName="shop"),
        "Alarm": of("AWS::CloudWatch::Alarm", AlarmName="shop"),
        "Log": of("AWS::Logs::LogGroup", LogGroupName="/shop"),
        "Policy": of("AWS::Logs::ResourcePolicy", PolicyName="shop"),
        "Event": of("AWS::Events::Rule", Name="shop"),
        "Role": of("AWS::IAM::Role", RoleName="shop"),
        "Bucket": of("AWS::S3::Bucket", BucketName={"Fn::Sub": "shop-${AWS::AccountId}"}),
        "Topic": of("AWS::SNS::Topic", TopicName="shop"),
        "Queue": of("AWS::SQS::Queue", QueueName="shop"),
        "Table": of("AWS::DynamoDB::Table", TableName="shop"),
        "Trail": of("AWS::CloudTrail::Trail", TrailName="shop"),
    }
    taken = [each for each in account.examined(app(**planned)).findings if each.name == "name-taken"]
    assert sorted(each.title for each in taken) == sorted(
        f"an {each['Type']} of the app's name exists already" for each in planned.values()
    )
    # The same app under names that nobody has.
    renamed = json.loads(json.dumps(planned).replace("shop", "store"))
    assert not {"name-taken", "name-left-behind"} & set(account.findings(app(**renamed)))


def test_a_thing_of_another_stack_is_told_with_its_stack(account, app):
    assert make_stack(account, "platform", {"Theirs": GROUP}) == "CREATE_COMPLETE"
    # The embedded AWS finds no stack by what is in it.
    arn = account.client("xray").get_group(GroupName="shop-faults")["Group"]["GroupARN"]
    account.answer("cloudformation", "DescribeStackResources", resources_of("platform", "Theirs", GROUP["Type"], arn))
    found = account.finding("name-of-another-stack", app(Faults=GROUP))
    assert "is part of the stack platform" in found.seen


def test_a_bucket_that_is_refused_may_be_another_accounts(account, app):
    # The embedded AWS lets accounts see each other's buckets; S3 answers a HEAD with 403 and no body.
    account.refuses = lambda service, operation: "AccessDenied" if service == "s3" else ""
    found = account.finding("name-refused", app(Bucket=of("AWS::S3::Bucket", BucketName="shop-files", retained=True)))
    assert "shop-files is refused" in found.seen


# Sampling rules


@pytest.mark.parametrize(
    ("theirs", "finding"),
    [
        (rule("all", 10), "sampling-rule-hidden"),
        (rule("same", 500, ServiceName="shop-*"), "sampling-rule-tied"),
        (rule("later", 600, ServiceName="shop-web"), "sampling-rule-hides"),
    ],
)
def test_sampling_rules_in_each_others_way_are_named(account, app, theirs, finding):
    account.client("xray").create_sampling_rule(SamplingRule=theirs)
    ours = of("AWS::XRay::SamplingRule", SamplingRule=rule("shop-rule", 500, ServiceName="shop-*"))
    found = account.finding(finding, app(Rule=ours))
    assert theirs["RuleName"] in found.seen


# Quotas


def test_the_group_too_many_is_counted_before_it_fails(account, app):
    for number in range(24):
        account.client("xray").create_group(GroupName=f"team-{number}")
    assert account.findings(app(Faults=GROUP)) == ["quota-near"]
    two = {"Faults": GROUP, "Errors": of("AWS::XRay::Group", GroupName="shop-errors", FilterExpression="error")}
    found = account.finding("quota-exceeded", app(**two))
    assert "there are 24, and a deployment makes it 26; 25 are allowed" in found.seen
    assert "AWS does not raise it" in found.means


def test_rules_of_the_default_bus_are_counted_with_their_wildcards(account, app):
    events = account.client("events")
    for number in range(30):
        pattern = {"detail": {"name": [{"wildcard": f"a*{number}"}]}}
        events.put_rule(Name=f"wild-{number}", EventPattern=json.dumps(pattern))
    wild = of("AWS::Events::Rule", EventPattern={"detail": {"name": [{"wildcard": "shop*"}]}})
    other = of("AWS::Events::Rule", EventBusName="own", EventPattern={"detail": {"name": [{"wildcard": "shop*"}]}})
    assert account.finding("quota-exceeded", app(Rule=wild)).title == (
        "too many rules with wildcards of the default event bus"
    )
    as_text = of("AWS::Events::Rule", EventPattern=json.dumps(wild["Properties"]["EventPattern"]))
    assert "quota-exceeded" in account.findings(app(Rule=as_text))
    assert account.findings(app(Rule=other)) == []


def test_trails_resource_policies_and_metric_filters_are_counted(account, app):
    for number in range(9):
        account.client("logs").put_resource_policy(
            policyName=f"p{number}", policyDocument='{"Version": "2012-10-17", "Statement": []}'
        )
    account.client("logs").create_log_group(logGroupName="/trail")
    counted = [{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}]
    account.client("logs").put_metric_filter(
        logGroupName="/trail", filterName="f", filterPattern="x", metricTransformations=counted
    )
    for number in range(5):
        make_trail(account, f"trail-{number}", on=False)
    planned = {
        "Policy": of("AWS::Logs::ResourcePolicy", PolicyName="shop"),
        "Filter": of("AWS::Logs::MetricFilter", LogGroupName="/trail", FilterPattern="y"),
        "Trail": of("AWS::CloudTrail::Trail", TrailName="shop"),
    }
    examined = account.examined(app(**planned))
    assert {each.title: each.name for each in examined.findings if each.name.startswith("quota")} == {
        "too many trails that record this Region": "quota-exceeded",
        "nearly too many resource policies of CloudWatch Logs": "quota-near",
    }
    assert f"metric filters of /trail: 2 of 100 ({REGION})" in examined.looked_at


# Trails


OURS = of("AWS::CloudTrail::Trail", TrailName="shop", IsMultiRegionTrail=True)


def test_a_trail_that_is_there_can_be_adopted_by_the_settings_that_are_said(account, app):
    group = f"arn:aws:logs:{REGION}:{account.number}:log-group:trail-log:*"
    account.client("logs").create_log_group(logGroupName="trail-log")
    role = account.client("iam").create_role(RoleName="delivers", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    key = account.client("kms").create_key()["KeyMetadata"]["Arn"]
    bucket = make_trail(
        account,
        "first",
        KmsKeyId=key,
        IsMultiRegionTrail=True,
        S3KeyPrefix="audit",
        CloudWatchLogsLogGroupArn=group,
        CloudWatchLogsRoleArn=role,
    )
    found = account.finding("second-trail", app(Trail=OURS))
    assert "2.00 USD per 100,000" in found.means
    adopted = json.loads(found.todo[found.todo.index("{") : found.todo.rindex("}") + 1])
    settings = read_settings(adopted)
    assert settings.audit.existing_trail is not None
    assert settings.audit.existing_trail.model_dump() == {
        "bucket_name": bucket,
        "prefix": "audit",
        "organization_id": None,
        "log_group_name": "trail-log",
        "kms_key_arn": None,
        "files_key_arn": key,
    }


def test_an_organizations_trail_is_adopted_with_its_id(account, app):
    made = account.client("organizations").describe_organization()["Organization"]["Id"]
    make_trail(account, "all", IsMultiRegionTrail=True, IsOrganizationTrail=True)
    found = account.finding("second-trail", app(Trail=OURS))
    assert f'"organization_id": "{made}"' in found.todo
    assert "organization's trail all" in found.title


def test_each_of_several_trails_is_told(account, app):
    make_trail(account, "one", IsMultiRegionTrail=True)
    make_trail(account, "two", IsMultiRegionTrail=True)
    assert account.findings(app(Trail=OURS)) == ["second-trail", "second-trail"]


def test_a_trail_that_is_off_or_records_no_writes_is_no_replacement(account, app):
    make_trail(account, "off", on=False, IsMultiRegionTrail=True)
    make_trail(account, "reads", IsMultiRegionTrail=True)
    account.client("cloudtrail").put_event_selectors(
        TrailName="reads", EventSelectors=[{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}]
    )
    found = account.examined(app(Trail=OURS)).findings
    assert [each.name for each in found] == ["trail-of-no-use", "trail-of-no-use"]
    assert "it is switched off" in found[0].seen
    assert "does not record management calls that write" in found[1].seen


def test_the_apps_own_trail_is_no_second_copy_of_itself(account, app):
    bucket = f"shop-files-{account.number}"
    policy = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": ["s3:GetBucketAcl", "s3:PutObject"],
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
    }
    trail = of("AWS::CloudTrail::Trail", TrailName="shop", IsMultiRegionTrail=True, IsLogging=True, S3BucketName=bucket)
    resources = {
        "Bucket": of("AWS::S3::Bucket", BucketName=bucket),
        "Access": of("AWS::S3::BucketPolicy", Bucket=bucket, PolicyDocument={"Statement": [policy]})
        | {"DependsOn": "Bucket"},
        "Trail": trail | {"DependsOn": "Access"},
    }
    assert make_stack(account, "shop", resources) == "CREATE_COMPLETE"
    assert account.findings(app(**resources)) == []


def test_rules_that_no_trail_brings_anything_to_are_told_so(account, app):
    listens = of("AWS::Events::Rule", EventPattern=LISTENS)
    assert account.findings(app(Rule=listens)) == ["no-trail"]
    make_trail(account, "first")
    assert account.findings(app(Rule=listens)) == []


def test_a_lake_over_files_that_no_trail_of_the_account_delivers_is_worth_a_note(account, app):
    make_trail(account, "first")
    table = of("AWS::Glue::Table", DatabaseName="d", TableInput={"Name": "events", "Parameters": LAKE})
    found = account.finding("lake-without-trail", app(Table=table))
    assert "the lake reads trail-files" in found.seen


# Settings of which there is one


def test_transaction_search_that_is_on_is_told_with_the_share_that_is_indexed(account, app):
    source = f"arn:aws:xray:{REGION}:{account.number}:*"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "xray.amazonaws.com"},
        "Action": "logs:PutLogEvents",
        "Resource": [
            f"arn:aws:logs:{REGION}:{account.number}:log-group:aws/spans:*",
            f"arn:aws:logs:{REGION}:{account.number}:log-group:/aws/application-signals/data:*",
        ],
        "Condition": {
            "ArnLike": {"aws:SourceArn": source},
            "StringEquals": {"aws:SourceAccount": account.number},
        },
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    account.client("logs").put_resource_policy(policyName="spans", policyDocument=document)
    account.client("xray").update_trace_segment_destination(Destination="CloudWatchLogs")
    found = account.finding("transaction-search-on", app(Faults=GROUP))
    assert "indexes 1 % of spans" in found.seen
    search = of("AWS::XRay::TransactionSearchConfig", IndexingPercentage=50)
    assert "the app's templates say 50" in account.finding("transaction-search-replaced", app(Search=search)).seen


@pytest.mark.parametrize(("adopt", "severity"), [("false", "error"), ("true", "warning")])
def test_a_key_that_somebody_set_is_taken_over_only_when_that_is_said(account, app, adopt, severity):
    key = account.client("kms").create_key()["KeyMetadata"]["Arn"]
    account.client("xray").put_encryption_config(Type="KMS", KeyId=key)
    wants = {"KeyArn": f"arn:aws:kms:{REGION}:{account.number}:key/other", "Adopt": adopt}
    found = account.finding("trace-key-set", app(Key=of("Custom::XRayEncryption", **wants)))
    assert (found.severity, key in found.seen) == (severity, True)
    assert account.findings(app(Key=of("Custom::XRayEncryption", KeyArn=key, Adopt=adopt))) == []


def test_the_role_that_api_gateway_has_is_told_before_it_is_replaced(account, app):
    role = account.client("iam").create_role(RoleName="gateway", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    change = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role}
    account.client("apigateway").update_account(patchOperations=[change])
    found = account.finding("api-gateway-role-replaced", app(Account=of("AWS::ApiGateway::Account")))
    assert role in found.seen
    assert role in found.command[0]


def test_application_signals_that_was_on_is_worth_a_note(account, app):
    discovery = of("AWS::ApplicationSignals::Discovery")
    assert account.findings(app(Signals=discovery)) == []
    account.client("iam").create_service_linked_role(AWSServiceName="application-signals.cloudwatch.amazonaws.com")
    roles = [each["RoleName"] for each in account.client("iam").list_roles()["Roles"]]
    if "AWSServiceRoleForCloudWatchApplicationSignals" not in roles:
        # The embedded AWS makes up the names of such roles.
        account.client("iam").create_role(
            RoleName="AWSServiceRoleForCloudWatchApplicationSignals", AssumeRolePolicyDocument="{}"
        )
    assert account.findings(app(Signals=discovery)) == ["application-signals-on"]


def test_a_layer_that_does_not_exist_is_an_error_and_one_that_is_refused_is_not(account, app):
    mine = f"arn:aws:lambda:{REGION}:{account.number}:layer:tracing:7"
    function = of("AWS::Lambda::Function", Layers=[mine])
    assert account.findings(app(Function=function)) == ["layer-missing"]
    abroad = of("AWS::Lambda::Function", Layers=[mine.replace(REGION, "eu-west-1")])
    assert account.findings(app(Function=abroad)) == ["layer-of-another-region"]
    account.answer("lambda", "GetLayerVersionByArn", {"__type": "AccessDeniedException", "Message": "not yours"}, 403)
    examined = account.examined(app(Function=function))
    assert examined.findings == ()
    (missed,) = examined.not_looked_at
    assert missed.reason == "needs lambda:GetLayerVersion and its owner's leave"


def test_dashboards_beyond_those_that_are_free_are_worth_a_note(account, app):
    for number in range(2):
        account.client("cloudwatch").put_dashboard(DashboardName=f"d{number}", DashboardBody='{"widgets": []}')
    boards = {f"B{n}": of("AWS::CloudWatch::Dashboard", DashboardName=f"shop-{n}") for n in range(2)}
    assert account.finding("dashboards-paid", app(**boards)).title == "1 of the app's 2 dashboards cost money"
