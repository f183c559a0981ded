"""What happens in the demo: traffic, and calls of an administrator and of an intruder."""

from __future__ import annotations

import contextlib
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from raytrail.demo._target import ApiAnswer, Target

VICTIM, BACKDOOR, GROUP = "raytrail-demo-contractor", "raytrail-demo-backdoor", "raytrail-demo-ssh"
ORDER = {"items": [{"sku": "lamp", "quantity": 2}]}
ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"


@dataclass(frozen=True, kw_only=True, slots=True)
class Traffic:
    """What the API answered.

    Attributes:
        since: When the first request was sent.
        answers: Every answer, in order.
        slow: The answer to the request that was made slow.
        faulty: The answers to the requests that were made to fail.
    """

    since: datetime
    answers: tuple[ApiAnswer, ...]
    slow: ApiAnswer
    faulty: tuple[ApiAnswer, ...]


def send_traffic(target: Target) -> Traffic:
    """Create, get and list orders; fail twice; be slow once."""
    # CloudTrail tells whole seconds: what came before must not be of the second in which this begins.
    time.sleep(1 - time.time() % 1)
    since = datetime.now(UTC)
    answers = []
    for number in range(1, 4):
        created = target.call_api("POST", "/orders", ORDER | {"customer": f"customer {number}"})
        answers.append(created)
        if isinstance(created.body, dict) and "id" in created.body:
            answers.append(target.call_api("GET", f"/orders/{created.body['id']}"))
    answers.append(target.call_api("GET", "/orders/no-such-order"))
    slow = target.call_api("GET", "/orders?fault=slow", traced=True)
    order = ORDER | {"customer": "customer 4"}
    faulty = tuple(target.call_api("POST", "/orders?fault=error", order, traced=True) for _ in range(2))
    return Traffic(since=since, answers=(*answers, slow, *faulty), slow=slow, faulty=faulty)


@dataclass(kw_only=True)
class Intrusion:
    """A contractor's key is stolen; the thief makes an administrator, opens two ports and stops the trail.

    Only for an account that nobody needs: `undo` takes back what `commit` did. Each has a contractor of its own, since
    what one and the same actor does again within the hour is no page again.
    """

    identity_changes: ClassVar[int] = 5
    """Calls that change something in IAM: two users, two keys, one policy attached."""

    target: Target
    started_at: float = 0.0
    _group_id: str = ""
    _tag: str = field(default_factory=lambda: uuid.uuid4().hex[:6])

    def commit(self) -> None:
        """Do it."""
        self.undo()
        self.started_at = time.time()
        iam = self.target.client("iam")
        victim, backdoor = f"{VICTIM}-{self._tag}", f"{BACKDOOR}-{self._tag}"
        iam.create_user(UserName=victim)
        key = iam.create_access_key(UserName=victim)["AccessKey"]

        def as_intruder(service: str) -> Any:
            return self.target.session.client(
                service,  # type: ignore[call-overload] # a name that mypy cannot know
                endpoint_url=self.target.endpoint,
                aws_access_key_id=key["AccessKeyId"],
                aws_secret_access_key=key["SecretAccessKey"],
            )

        as_intruder("sts").get_caller_identity()
        as_intruder("iam").create_user(UserName=backdoor)
        as_intruder("iam").create_access_key(UserName=backdoor)
        as_intruder("iam").attach_user_policy(UserName=backdoor, PolicyArn=ADMINISTRATOR_ACCESS)
        ec2 = as_intruder("ec2")
        self._group_id = ec2.create_security_group(GroupName=GROUP, Description="demo")["GroupId"]
        for port in (22, 3389):
            to_all = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
            ec2.authorize_security_group_ingress(GroupId=self._group_id, IpPermissions=[to_all])
        # Last: what comes after it is not recorded.
        as_intruder("cloudtrail").stop_logging(Name=self.target.output("TrailName"))

    def undo(self) -> None:
        """Take back what `commit` did, as far as it got, and what one that was broken off has left."""
        iam, ec2 = self.target.client("iam"), self.target.client("ec2")
        with contextlib.suppress(ClientError):
            self.target.client("cloudtrail").start_logging(Name=self.target.output("TrailName"))
        with contextlib.suppress(ClientError):
            ec2.delete_security_group(GroupId=self._group_id) if self._group_id else None
        users = (user["UserName"] for page in iam.get_paginator("list_users").paginate() for user in page["Users"])
        for user in [each for each in users if each.startswith((VICTIM, BACKDOOR))]:
            with contextlib.suppress(ClientError):
                iam.detach_user_policy(UserName=user, PolicyArn=ADMINISTRATOR_ACCESS)
            with contextlib.suppress(ClientError):
                for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
                    iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
            with contextlib.suppress(ClientError):
                iam.delete_user(UserName=user)
