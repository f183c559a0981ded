"""Whether Lambda may make a function's log group anew: as the function's role says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from raytrail.localaws._hooks import hook


def within_permissions(original: Callable[..., None]) -> Callable[..., None]:
    """Write a function's log lines, but make no log group that its role may not make.

    The line is lost then, as it is on AWS. A role that IAM does not know is not asked.
    """
    groups = hook("ministack.services.cloudwatch_logs:_log_groups")
    scope = hook("ministack.core.lambda_runtime:_account_region_from_function_config")
    evaluate = hook("ministack.core.iam_evaluator:evaluate")
    context = hook("ministack.core.iam_evaluator:EvalContext")
    policies_of = hook("ministack.core.iam_evaluator:_gather_role_policies")
    roles = hook("ministack.services.iam:_roles")

    def may_create(config: Mapping[str, Any], group: str) -> bool:
        account, region = scope(config)
        role = str(config.get("Role", "")).rpartition("/")[2]
        if roles.get_scoped(account, None, role) is None:
            return True
        request = context(
            principal_arn=f"arn:aws:sts::{account}:assumed-role/{role}/{config['FunctionName']}",
            principal_type="AssumedRole",
            principal_account=account,
            action="logs:CreateLogGroup",
            resource_arn=f"arn:aws:logs:{region}:{account}:log-group:{group}",
            region=region,
        )
        return bool(evaluate(request, policies_of(role, account)).decision == "Allow")

    def emit(func: dict[str, Any], *rest: Any, **options: Any) -> None:
        config = func.get("config") or func
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
        if group in groups or may_create(config, group):
            original(func, *rest, **options)

    return emit
