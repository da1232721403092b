"""/base-models/"""

import pytest
from model_bakery import baker

from training_jobs.models import FoundationModel

pytestmark = pytest.mark.django_db


@pytest.fixture
def many():
    for number in range(30):
        architecture = "LlamaForCausalLM" if number % 2 else "Qwen3ForCausalLM"
        baker.make(FoundationModel, name=f"model {number:02}", architecture=architecture, parameter_count=1000 * number)


def names(page) -> list[str]:
    return [model.name for model in page.context["page_obj"]]


def test_it_lists_them_by_name(client, expert, many):
    client.force_login(expert)

    page = client.get("/base-models/")

    assert names(page)[:2] == ["model 00", "model 01"]
    assert "1–25 of 30" in page.text


def test_it_takes_a_fixed_number_of_queries(client, expert, many, django_assert_max_num_queries):
    client.force_login(expert)

    with django_assert_max_num_queries(5):
        client.get("/base-models/?q=model&sort=-parameter_count")


def test_it_searches_names_and_architectures_and_sorts(client, expert, many):
    client.force_login(expert)

    assert names(client.get("/base-models/?q=07")) == ["model 07"]
    assert names(client.get("/base-models/?q=llama&sort=-parameter_count"))[0] == "model 29"


def test_it_is_narrowed_to_reward_models_to_a_kind_of_weights_and_to_who_added_them(client, expert, engineer):
    client.force_login(expert)
    baker.make(FoundationModel, name="plain", kind="causal-lm", weights="safetensors", created_by=expert)
    baker.make(FoundationModel, name="judge", kind="reward", weights="safetensors", created_by=engineer)
    baker.make(FoundationModel, name="packed", kind="causal-lm", weights="gguf", created_by=engineer)

    assert names(client.get("/base-models/?kind=reward")) == ["judge"]
    assert names(client.get("/base-models/?weights=gguf")) == ["packed"]
    assert names(client.get(f"/base-models/?by={engineer.username}&kind=causal-lm")) == ["packed"]


def test_it_lets_staff_add(client, engineer):
    client.force_login(engineer)

    assert "/base-models/add/" in client.get("/base-models/").text


def test_it_tells_others_why_they_may_not(client, expert):
    client.force_login(expert)

    page = client.get("/base-models/")

    assert "Base models are folders of the server, so staff add them." in page.text
    assert "/base-models/add/" not in page.text


def test_it_needs_a_login(client):
    assert client.get("/base-models/").url == "/accounts/login/?next=/base-models/"
