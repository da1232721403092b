import pytest

pytestmark = pytest.mark.django_db


def test_it_dresses_a_page_that_is_not_there(client, expert):
    client.force_login(expert)

    answer = client.get("/methods/no-such-method/")

    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()
