import pytest

from deepext.accounts import first_admin

pytestmark = pytest.mark.django_db


def test_it_makes_an_administrator_with_a_one_time_password(client):
    password = first_admin.one_time_password()

    assert sign_in(client, "admin", password).status_code == 302


def test_it_asks_for_a_password_of_their_own_before_anything_else(client):
    sign_in(client, "admin", first_admin.one_time_password())

    assert client.get("/methods/").headers["Location"] == "/accounts/password/"


def test_it_lets_them_in_once_the_password_is_their_own(client):
    once = first_admin.one_time_password()
    sign_in(client, "admin", once)
    mine = "seven-otters-rowing"
    client.post("/accounts/password/", {"old_password": once, "new_password1": mine, "new_password2": mine})

    assert client.get("/").status_code == 200
    assert first_admin.one_time_password() is None


def test_it_replaces_a_one_time_password_that_nobody_used(client):
    lost = first_admin.one_time_password()
    first_admin.one_time_password()

    assert "Please enter a correct username" in sign_in(client, "admin", lost).content.decode()


def test_it_leaves_a_site_that_has_an_administrator_alone(admin):
    assert first_admin.one_time_password() is None


def sign_in(client, username, password):
    return client.post("/accounts/login/", {"username": username, "password": password})
