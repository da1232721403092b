import pytest

from training_methods.models import TrainingMethod

URL = "/methods/custom01/edit/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def changed(custom) -> dict[str, str]:
    return {
        "display_name": "House style",
        "method_type": "SFT",
        "description": "Ours.",
        "trainer": "custom01",
        "config": '{"resources": {"queue": "night"}}',
    }


def test_it_edits_without_a_license(client, engineer, custom, changed):
    client.force_login(engineer)

    page = client.post(URL, changed, follow=True)

    custom.refresh_from_db()
    assert page.redirect_chain[0][0] == "/methods/custom01/"
    assert (custom.display_name, custom.config) == ("House style", {"resources": {"queue": "night"}})
    assert custom.updated_by == engineer


def test_it_shows_the_internal_name_and_never_changes_it(client, engineer, custom, changed):
    client.force_login(engineer)

    client.post(URL, changed | {"internal_name": "other"})

    assert 'value="custom01"' in client.get(URL).text
    assert TrainingMethod.objects.get().internal_name == "custom01"


def test_it_needs_login(client, custom):
    assert client.get(URL).url == f"/accounts/login/?next={URL}"


def test_it_needs_a_role(client, expert, custom, changed):
    client.force_login(expert)

    page = client.post(URL, changed)

    custom.refresh_from_db()
    assert page.status_code == 403
    assert custom.display_name == "Custom 01"


def test_it_says_at_the_field_what_is_wrong(client, engineer, custom, lora, changed):
    client.force_login(engineer)

    page = client.post(URL, changed | {"display_name": "LORA fine-tuning", "config": "[]"})

    assert set(page.context["form"].errors) == {"display_name", "config"}


def test_it_keeps_a_trainer_that_is_away(client, engineer, custom, changed):
    TrainingMethod.objects.update(trainer="gone")
    client.force_login(engineer)

    client.post(URL, changed | {"trainer": "gone"})

    custom.refresh_from_db()
    assert (custom.trainer, custom.display_name) == ("gone", "House style")
    assert "gone (not available now)" in client.get(URL).text


def test_it_does_not_know_a_method_that_is_not_there(client, engineer):
    client.force_login(engineer)

    assert client.get(URL).status_code == 404
