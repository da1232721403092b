import pytest

from tests.training_jobs import records

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def signed_in(client, expert):
    client.force_login(expert)


def test_it_finds_whatever_bears_the_words(client):
    records.job(name="calm-kettle")
    records.dataset(name="Kettles")
    records.base_model(name="Kettle-1B")
    records.method(display_name="Kettle tuning")
    records.dataset(name="house-style")

    page = client.get("/search/?q=kettle").text

    for found in ("calm-kettle", "Kettles", "Kettle-1B", "Kettle tuning"):
        assert found in page
    assert "house-style" not in page


def test_it_says_that_nothing_was_found(client):
    assert "Nothing has “&lt;kettle&gt;” in its name." in client.get("/search/?q=<kettle>").text


def test_htmx_gets_the_list_alone(client):
    part = client.get("/search/?q=kettle", headers={"HX-Request": "true"}).text

    assert "<html" not in part


def test_it_asks_once_for_each_kind(client, django_assert_max_num_queries):
    for number in range(9):
        records.job(name=f"kettle-{number}")

    with django_assert_max_num_queries(8):
        assert client.get("/search/?q=kettle").text.count("kettle-") == 5


def test_it_needs_a_login(client):
    client.logout()

    assert client.get("/search/?q=kettle").status_code == 302
