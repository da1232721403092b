import pytest

from training_methods import registry

URL = "/methods/custom01/history/"
pytestmark = pytest.mark.django_db


def test_it_says_who_changed_what(client, expert, engineer, custom):
    custom.display_name = "House style"
    custom.config = {"parameters": {"learning_rate": {"default": 0.001}}}
    registry.change(custom, engineer)
    client.force_login(expert)

    newest, first = client.get(URL).context["versions"]

    assert (newest.verb, newest.who, first.verb, first.who) == ("Changed", engineer, "Added", None)
    changes = {change.what: (change.before, change.after) for change in newest.changes}
    assert changes == {
        "Display name": ("Custom 01", "House style"),
        "parameters.learning_rate.default": ("not set", "0.001"),
    }


def test_it_stays_after_the_method_is_deleted(client, admin, licensed, custom):
    registry.delete(custom, admin)
    client.force_login(admin)

    page = client.get(URL)

    assert "This method was deleted. Its history stays." in page.text
    assert "Deleted" in page.text


def test_it_knows_what_changed_across_pages(client, expert, custom):
    for number in range(30):
        custom.description = f"Text {number}"
        registry.change(custom, user=None)
    client.force_login(expert)

    oldest_on_first_page = client.get(URL).context["versions"][-1]
    second_page = client.get(URL, {"page": 2}).context["versions"]

    assert oldest_on_first_page.changes[0].before == "Text 4"
    assert [version.verb for version in second_page] == ["Changed"] * 5 + ["Added"]


def test_it_takes_few_queries(client, admin, custom, django_assert_max_num_queries):
    for number in range(30):
        custom.description = f"Text {number}"
        registry.change(custom, admin)
    client.force_login(admin)

    with django_assert_max_num_queries(6):
        client.get(URL)


def test_it_needs_login(client, custom):
    assert client.get(URL).url == f"/accounts/login/?next={URL}"


def test_it_does_not_know_a_method_that_never_was(client, expert):
    client.force_login(expert)

    assert client.get("/methods/nonesuch/history/").status_code == 404
