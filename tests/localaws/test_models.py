"""What the sessions of a process share: botocore's models of the services, and nothing else."""

from __future__ import annotations

from raytrail.localaws import LocalAws
from raytrail.localaws._models import loader


def test_a_model_is_read_once_for_all_sessions() -> None:
    first, second = LocalAws(port=9).client("xray"), LocalAws(port=9, region="eu-west-1").client("xray")
    assert first.meta.service_model.metadata is second.meta.service_model.metadata
    assert first.meta.service_model.metadata is loader().load_service_model("xray", "service-2")["metadata"]


def test_a_session_keeps_its_region_and_its_keys_to_itself() -> None:
    one = LocalAws(port=9).session(access_key_id="AKIAEXAMPLE", secret_access_key="not a secret")
    other = LocalAws(port=9, region="eu-west-1").session()
    assert one.get_credentials().access_key == "AKIAEXAMPLE"
    assert other.get_credentials().access_key == "111122223333"
    assert (one.region_name, other.region_name) == ("us-east-1", "eu-west-1")


def test_the_folders_of_the_models_do_not_grow_with_each_session() -> None:
    before = list(loader().search_paths)
    for _ in range(3):
        LocalAws(port=9).session()
    assert loader().search_paths == before
    assert "dynamodb" in LocalAws(port=9).session().get_available_resources()
