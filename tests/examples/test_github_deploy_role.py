"""The role by which a workflow deploys: who may assume it, and what it may do. That it passes nag and cfn-lint is held
with the other examples."""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any

import pytest
from aws_cdk import App, Environment
from tests.synth import ACCOUNT, only, resources, statements, template_of

from raytrail.errors import InvalidProps

PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"


@pytest.fixture(scope="module")
def example(root) -> ModuleType:
    spec = importlib.util.spec_from_file_location("github_deploy_role", root / "examples" / "github_deploy_role.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def made(example: ModuleType, **props: Any) -> dict[str, Any]:
    app = App(builtin_cloud_formation_validation=False)
    stack = example.DeployRoleStack(app, "role", env=Environment(account=ACCOUNT, region="eu-west-1"), **props)
    return template_of(stack)


@pytest.mark.parametrize("repository", ["octo-org/octo-repo", "octo-org@123456/octo-repo@456789"])
def test_one_environment_of_one_repository_may_assume_it(example, repository):
    template = made(example, repository=repository, environment="live")
    [trust] = only(template, "AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]
    # The two forms of the subject that GitHub documents, word for word and without a wildcard.
    assert trust["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": f"repo:{repository}:environment:live",
        }
    }
    assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"


def test_it_may_assume_the_roles_of_the_bootstrap_and_do_nothing_else(example):
    template = made(example, regions=["eu-west-1", "us-east-1"], provider_arn=PROVIDER)
    [statement] = statements(only(template, "AWS::IAM::Policy")["PolicyDocument"])
    assert (statement["Action"], statement["Effect"]) == ("sts:AssumeRole", "Allow")
    names = {str(each).rpartition("role/")[2].rstrip("]}'") for each in statement["Resource"]}
    assert names == {
        f"cdk-hnb659fds-{name}-role-{ACCOUNT}-{region}"
        for name in ("deploy", "file-publishing", "image-publishing", "lookup")
        for region in ("eu-west-1", "us-east-1")
    }
    assert "ManagedPolicyArns" not in only(template, "AWS::IAM::Role")


def test_a_provider_that_is_there_is_taken(example):
    assert len(resources(made(example), "AWS::IAM::OIDCProvider")) == 1
    template = made(example, provider_arn=PROVIDER)
    assert resources(template, "AWS::IAM::OIDCProvider") == {}
    [trust] = only(template, "AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Federated": PROVIDER}


@pytest.mark.parametrize("repository", ["octo-org/*", "octo-org", "octo-org/repo:ref", "octo-org/repo\n"])
def test_a_repository_that_would_let_others_in_is_refused(example, repository):
    with pytest.raises(InvalidProps, match="repository is OWNER/NAME"):
        made(example, repository=repository)


def test_a_colon_in_the_name_of_an_environment_is_written_as_github_writes_it(example):
    template = made(example, environment="live:eu")
    [trust] = only(template, "AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]
    assert str(trust["Condition"]).count("environment:live%3Aeu") == 1
