"""/datasets/"""

import pytest
from model_bakery import baker

from training_jobs.models import Dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def many(expert):
    for number in range(60):
        baker.make(
            Dataset, name=f"rows {number:02}", data_format="text" if number % 2 else "messages",
            row_count=number, created_by=expert,
        )  # fmt: skip


def names(page) -> list[str]:
    return [dataset.name for dataset in page.context["page_obj"]]


def test_it_shows_the_newest_first(client, expert, many):
    client.force_login(expert)

    page = client.get("/datasets/")

    assert names(page)[0] == "rows 59"
    assert "1–25 of 60" in page.text


def test_it_takes_a_fixed_number_of_queries(client, expert, many, django_assert_max_num_queries):
    client.force_login(expert)

    with django_assert_max_num_queries(5):
        client.get("/datasets/?q=rows&sort=-row_count")


def test_it_searches_filters_sorts_and_pages(client, expert, many):
    client.force_login(expert)

    assert names(client.get("/datasets/?q=07")) == ["rows 07"]
    assert names(client.get("/datasets/?format=messages&sort=row_count"))[:2] == ["rows 00", "rows 02"]
    assert len(names(client.get("/datasets/?page=3"))) == 10


def test_it_offers_to_add_the_first_one(client, expert):
    client.force_login(expert)

    assert "No dataset yet" in client.get("/datasets/").text


def test_it_says_when_nothing_matches(client, expert, many):
    client.force_login(expert)

    assert "No dataset matches" in client.get("/datasets/?q=nothing").text


def test_it_needs_a_login(client):
    assert client.get("/datasets/").url == "/accounts/login/?next=/datasets/"


def test_it_names_formats_in_the_readers_language(client, expert):
    baker.make(Dataset, name="rows", data_format="prompt-completion", row_count=1, created_by=expert)
    client.force_login(expert)

    page = client.get("/datasets/", headers={"Accept-Language": "de"}).text

    assert ">Prompt und Antwort</option>" in page and ">Prompt und Antwort</td>" in page
    assert "Prompt and completion" not in page and ">prompt-completion<" not in page
