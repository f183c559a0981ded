"""What a resource refers to must exist: the emulator takes a reference to nothing in silence, and AWS fails it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from raytrail.localaws._cloudformation._completions._completed import Handler, Json, Properties
from raytrail.localaws._hooks import hook

Refusal = str | None


def install(handlers: dict[str, Handler]) -> None:
    """Refuse permissions, policies and subscriptions of what is not there."""
    find_function = hook("ministack.services.cloudformation.provisioners:_lambda_function_for_cfn_ref")
    topics = hook("ministack.services.sns:_topics")
    queues = hook("ministack.services.sqs:_queues")
    region = hook("ministack.core.responses:get_region")
    account = hook("ministack.core.responses:get_account_id")

    def function(props: Properties) -> Refusal:
        name = props["FunctionName"]
        found = find_function(name)[0]
        return None if found else f"Function not found: {name} (Service: Lambda, Status Code: 404)"

    def missing_topic(arns: Iterable[str]) -> Refusal:
        here = f"arn:aws:sns:{region()}:{account()}:"
        gone = any(arn.startswith(here) and arn not in topics for arn in arns)
        return "Topic does not exist (Service: Sns, Status Code: 404)" if gone else None

    def missing_queue(urls: Iterable[str]) -> Refusal:
        gone = any(url not in queues for url in urls)
        return "The specified queue does not exist. (Service: Sqs, Status Code: 400)" if gone else None

    checks: dict[str, Callable[[Properties], Refusal]] = {
        "AWS::Lambda::Permission": function,
        "AWS::SNS::Subscription": lambda props: missing_topic([props["TopicArn"]]),
        "AWS::SNS::TopicPolicy": lambda props: missing_topic(props["Topics"]),
        "AWS::SQS::QueuePolicy": lambda props: missing_queue(props["Queues"]),
    }
    for type_name, check in checks.items():
        handlers[type_name] = _checked(handlers[type_name], check)


def _checked(handler: Handler, check: Callable[[Properties], Refusal]) -> Handler:
    def create(logical_id: str, props: Properties, stack_name: str) -> tuple[str, Json]:
        if refusal := check(props):
            raise ValueError(refusal)
        created: tuple[str, Json] = handler["create"](logical_id, props, stack_name)
        return created

    return {**handler, "create": create}
