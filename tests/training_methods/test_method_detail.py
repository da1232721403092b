import pytest

from training_methods.models import TrainingMethod

pytestmark = pytest.mark.django_db


def test_it_shows_the_method(client, expert, lora, jobs_of):
    TrainingMethod.objects.update(config={"parameters": {"learning_rate": {"default": 0.005, "locked": True}}})
    jobs_of(lora, 2)
    client.force_login(expert)

    page = client.get("/methods/lora/")

    assert "LoRA fine-tuning" in page.text
    assert "0.005" in page.text
    assert "locked" in page.text
    assert "&quot;parameters&quot;: {" in page.text
    assert page.context["job_count"] == 2


def test_it_needs_login(client, lora):
    assert client.get("/methods/lora/").url == "/accounts/login/?next=/methods/lora/"


def test_it_does_not_know_a_method_that_is_not_there(client, expert):
    client.force_login(expert)

    assert client.get("/methods/nonesuch/").status_code == 404


def test_it_opens_when_the_trainer_is_away(client, expert, lora):
    TrainingMethod.objects.update(trainer="gone")
    client.force_login(expert)

    page = client.get("/methods/lora/").text

    assert "The trainer “gone” is not available now" in page
    assert "/jobs/new/?method=lora" not in page


def test_it_says_what_does_not_fit_the_trainer_any_more(client, expert, lora):
    TrainingMethod.objects.update(config={"parameters": {"removed_since": {"default": 1}}})
    client.force_login(expert)

    assert "has no parameter “removed_since”" in client.get("/methods/lora/").text


def test_it_keeps_the_locked_buttons_in_sight(client, engineer, lora):
    client.force_login(engineer)

    page = client.get("/methods/lora/").text

    assert 'href="/methods/lora/delete/" aria-disabled="true"' in page
    assert "Deleting training methods is locked" in page
    assert 'class="btn btn-outline" href="/methods/lora/edit/"' in page


def test_it_shows_a_hostile_name_as_text(client, expert, lora):
    TrainingMethod.objects.update(display_name="<script>alert(1)</script>", description="<b>bold</b>")
    client.force_login(expert)

    assert "<script>alert" not in client.get("/methods/lora/").text
    assert "<script>alert" not in client.get("/methods/").text
