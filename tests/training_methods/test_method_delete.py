import pytest

from training_methods.models import TrainingMethod

URL = "/methods/lora/delete/"
pytestmark = pytest.mark.django_db


def test_it_asks_and_says_what_becomes_of_the_jobs(client, engineer, licensed, lora, jobs_of):
    jobs_of(lora, 3)
    client.force_login(engineer)

    page = client.get(URL)

    assert "3 trains have used this method." in page.text
    assert "They stay readable" in page.text
    assert TrainingMethod.objects.exists()


def test_it_deletes_and_keeps_the_jobs(client, engineer, licensed, lora, jobs_of):
    (job,) = jobs_of(lora, 1)
    client.force_login(engineer)

    page = client.post(URL, follow=True)

    job.refresh_from_db()
    assert "Deleted the training method “LoRA fine-tuning”. Its jobs stay readable." in page.text
    assert not TrainingMethod.objects.exists()
    assert (job.method, job.method_snapshot["internal_name"]) == (None, "lora")


def test_it_needs_login(client, lora):
    assert client.post(URL).url == f"/accounts/login/?next={URL}"


@pytest.mark.parametrize("send", ["get", "post"])
def test_it_needs_a_license(client, engineer, lora, send):
    client.force_login(engineer)

    page = getattr(client, send)(URL)

    assert page.status_code == 403
    assert "Deleting training methods is locked" in page.text
    assert TrainingMethod.objects.exists()


def test_it_needs_a_role(client, expert, licensed, lora):
    client.force_login(expert)

    assert client.post(URL).status_code == 403
    assert TrainingMethod.objects.exists()


def test_it_tells_whoever_comes_second(client, engineer, licensed, lora):
    client.force_login(engineer)
    client.post(URL)

    page = client.post(URL, follow=True)

    assert page.status_code == 200
    assert "The training method “lora” is not there any more" in page.text


def test_it_does_not_know_a_method_that_never_was(client, engineer, licensed):
    client.force_login(engineer)

    assert client.get("/methods/nonesuch/delete/").status_code == 404
