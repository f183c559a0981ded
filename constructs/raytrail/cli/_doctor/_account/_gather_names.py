"""Which of the names that the templates fix are taken in the account, by something that is not the app's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from raytrail.cli._aws import Aws
from raytrail.cli._doctor._account._gather_lists import Listed
from raytrail.cli._doctor._account._gather_stacks import bucket, owner_of
from raytrail.cli._doctor._account._look import Look
from raytrail.cli._doctor._account._plan import Plan
from raytrail.cli._doctor._account._seen import StackSeen, Taken, owned
from raytrail.cli._refusals import code_of


def taken_names(
    look: Look, aws: Aws, plan: Plan, stacks: Mapping[str, StackSeen] | None, listed: Listed
) -> Iterator[Taken]:
    """The names that are taken. Without knowing the app's own stacks none can be told to be."""
    if stacks is None:
        return
    names = listed.names()
    for planned in plan.resources:
        if not planned.name or any(made.is_called(planned.name) for made in owned(stacks, planned.type)):
            continue
        if planned.type in names:
            physical = names[planned.type].get(planned.name)
        else:
            needs, ask = _PROBES[planned.type]
            what = f"the name {planned.name} of an {planned.type}"
            physical = look.at(what, (needs,), partial(ask, aws, planned.name))
        if physical == REFUSED:
            yield Taken(resource=planned, owner=None, physical="")
        elif physical:
            yield Taken(resource=planned, owner=owner_of(look, aws, physical), physical=physical)


REFUSED = "refused"
"""In place of a physical id: there is something, and its service refuses to speak of it."""


def _found(ask: Callable[[], Any], *absent: str) -> bool:
    """Whether a call finds something, which it says by an error code when it does not."""
    try:
        ask()
    except ClientError as error:
        if code_of(error) in absent:
            return False
        raise
    return True


def _workgroup(aws: Aws, name: str) -> str:
    def ask() -> None:
        try:
            aws.client("athena").get_work_group(WorkGroup=name)
        except ClientError as error:
            # Athena has one code for whatever is wrong with a request.
            if code_of(error) == "InvalidRequestException" and "not found" in str(error):
                error.response["Error"]["Code"] = "NotFound"
            raise

    return name if _found(ask, "NotFound") else ""


def _alarm(aws: Aws, name: str) -> str:
    both: Any = ["MetricAlarm", "CompositeAlarm"]
    found = aws.client("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=both)
    return name if found.get("MetricAlarms") or found.get("CompositeAlarms") else ""


def _table(aws: Aws, name: str) -> str:
    ask = aws.client("dynamodb").describe_table
    return name if _found(lambda: ask(TableName=name), "ResourceNotFoundException") else ""


def _database(aws: Aws, name: str) -> str:
    ask = aws.client("glue").get_database
    return name if _found(lambda: ask(Name=name), "EntityNotFoundException") else ""


def _role(aws: Aws, name: str) -> str:
    return name if _found(lambda: aws.client("iam").get_role(RoleName=name), "NoSuchEntity") else ""


def _function(aws: Aws, name: str) -> str:
    ask = aws.client("lambda").get_function_configuration
    return name if _found(lambda: ask(FunctionName=name), "ResourceNotFoundException") else ""


def _log_group(aws: Aws, name: str) -> str:
    pages = aws.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
    return name if any(each["logGroupName"] == name for page in pages for each in page["logGroups"]) else ""


def _bucket(aws: Aws, name: str) -> str:
    there = bucket(aws, name)
    if there == "taken":
        return REFUSED
    return name if there else ""


def _topic(aws: Aws, name: str) -> str:
    pages = aws.client("sns").get_paginator("list_topics").paginate()
    arns = (each["TopicArn"] for page in pages for each in page.get("Topics", ()))
    return next((arn for arn in arns if arn.rpartition(":")[2] == name), "")


def _queue(aws: Aws, name: str) -> str:
    try:
        return str(aws.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])
    except ClientError as error:
        if code_of(error) in ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"):
            return ""
        raise


Probe = Callable[[Aws, str], str]

_PROBES: Mapping[str, tuple[str, Probe]] = {
    "AWS::Athena::WorkGroup": ("athena:GetWorkGroup", _workgroup),
    "AWS::CloudWatch::Alarm": ("cloudwatch:DescribeAlarms", _alarm),
    "AWS::CloudWatch::CompositeAlarm": ("cloudwatch:DescribeAlarms", _alarm),
    "AWS::DynamoDB::Table": ("dynamodb:DescribeTable", _table),
    "AWS::Glue::Database": ("glue:GetDatabase", _database),
    "AWS::IAM::Role": ("iam:GetRole", _role),
    "AWS::Lambda::Function": ("lambda:GetFunctionConfiguration", _function),
    "AWS::Logs::LogGroup": ("logs:DescribeLogGroups", _log_group),
    "AWS::S3::Bucket": ("s3:ListBucket", _bucket),
    "AWS::SNS::Topic": ("sns:ListTopics", _topic),
    "AWS::SQS::Queue": ("sqs:GetQueueUrl", _queue),
}
"""How a name is looked for that nothing else lists: what it needs, and a call that answers the physical id, or ""."""
