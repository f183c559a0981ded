import pytest

pytestmark = pytest.mark.local


def test_the_embedded_aws_answers(local_aws):
    assert local_aws.client("sts").get_caller_identity()["Account"] == "111122223333"
