from datetime import timedelta

import pytest
from django.utils import timezone

from deepext import demo
from tests.training_jobs import records
from training_jobs.models import CustomizedModel, Dataset, Status, TrainingJob

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def signed_in(client, expert):
    client.force_login(expert)


def test_an_empty_site_offers_the_next_steps(client):
    page = client.get("/").text

    for step in ("seed_methods", "Add a base model", "Import a dataset", "make demo"):
        assert step in page


def test_it_shows_what_runs_and_where(client):
    records.job(Status.RUNNING, name="acorn")

    page = client.get("/").text

    for shown in (">acorn<", "12 of 40", "trainer-01"):
        assert shown in page


def test_it_counts_those_that_wait_further_behind(client):
    for number in range(9):
        records.job(name=f"acorn-{number}")

    page = client.get("/").text

    assert page.count(">acorn-") == 6
    assert "3 more wait" in page


def test_it_shows_what_failed_lately_and_why(client):
    records.job(Status.FAILED, name="acorn", failure={"message": "Out of memory."})
    old = timezone.now() - timedelta(days=8)
    records.job(Status.FAILED, name="birch", failure={"message": "Long ago."}, finished_at=old)

    page = client.get("/").text

    assert "Out of memory." in page
    assert "Long ago." not in page


def test_it_says_that_no_worker_takes_what_waits(client):
    job = records.job()
    assert "Trains wait." not in client.get("/").text

    TrainingJob.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(minutes=2))

    assert "Trains wait. No worker is there. “make worker” starts one" in client.get("/").text


def test_it_says_what_each_waits_for(client):
    records.job(Status.RUNNING, worker=records.worker(), seconds_left=600)
    records.job()

    assert "It starts in about 10 min." in client.get("/").text


def test_it_shows_recent_models(client):
    job = records.job(Status.SUCCEEDED)
    CustomizedModel.objects.create(
        name="Acorn_x", job=job, base_model_name="Acorn", kind="adapter", path="/x", size_bytes=1
    )

    assert "Acorn_x" in client.get("/").text


def test_what_is_live_asks_for_itself_alone(client):
    records.job(Status.RUNNING)

    part = client.get("/", headers={"HX-Request": "true"}).text

    assert 'hx-trigger="every 4s"' in part
    assert "<html" not in part


def test_it_needs_a_login(client):
    client.logout()

    assert client.get("/").status_code == 302


def test_it_takes_few_queries(client, admin, django_assert_max_num_queries):
    client.force_login(admin)
    for status in Status:
        records.job(status, failure={"message": "no"} if status == Status.FAILED else None)

    with django_assert_max_num_queries(11):
        client.get("/")
    with django_assert_max_num_queries(7):  # what is asked for again and again
        client.get("/", headers={"HX-Request": "true"})


def test_it_counts_how_trains_ended_day_by_day(client):
    yesterday = timezone.now() - timedelta(days=1)
    for status in (Status.SUCCEEDED, Status.SUCCEEDED, Status.FAILED):
        records.job(status, finished_at=yesterday)
    records.job(Status.CANCELLED, finished_at=timezone.now() - timedelta(days=20))

    page = client.get("/").text

    assert "3 trains have ended in the last two weeks" in page
    assert '<td class="num">2</td><td class="num">1</td><td class="num">0</td>' in page
    assert '<rect class="succeeded" x="336" y="24" width="24" height="48"/>' in page


def test_a_drawing_is_the_same_in_every_language(client):
    records.job(Status.SUCCEEDED)

    drawn = [client.get("/", headers={"Accept-Language": language}).text for language in ("en", "de", "zh-hans")]

    assert len({page.split("<rect")[1].split("/>")[0] for page in drawn}) == 1


def test_it_counts_models_by_base(client):
    records.job()
    for number in range(3):
        base = "Acorn" if number else "Oak"
        made = {"name": f"m-{number}", "base_model_name": base, "kind": "adapter", "path": "/x", "size_bytes": 1}
        CustomizedModel.objects.create(**made)

    page = client.get("/").text

    assert page.index("/models/?q=Acorn") < page.index("/models/?q=Oak")
    assert '/models/?q=Acorn">2</a>' in page


def test_it_shows_how_busy_workers_are(client):
    records.job(Status.RUNNING, worker=records.worker(slots=4))

    assert "1 of 4" in client.get("/").text


def test_it_says_that_the_disk_is_nearly_full(client, settings):
    records.job()
    settings.DISK_RESERVE_GB = 10**9

    assert "The disk is nearly full" in client.get("/").text


def test_a_train_that_waits_for_the_disk_says_it_once(client, settings):
    records.worker()
    records.job(created_at=timezone.now() - timedelta(hours=1))
    settings.DISK_RESERVE_GB = 10**9

    matters = client.get("/").text.split('id="attention"')[1].split("</section>")[0]

    assert matters.count("The disk is nearly full") == 1


def test_it_says_that_a_trainer_does_not_load(client, data_dir):
    records.job()
    (data_dir / "trainers").mkdir()
    (data_dir / "trainers" / "mine.py").write_text("from training_methods.trainers import register\n1 / 0\n")

    assert "1 trainer does not load." in client.get("/").text


def test_an_empty_site_offers_the_sample(client, admin, data_dir):
    client.force_login(admin)
    assert "Bring in the sample" in client.get("/").text
    records.base_model(name=demo.BASE_MODEL, path=str(data_dir))  # as if it were unpacked already

    answer = client.post("/sample/")

    assert answer.headers["Location"] == "/jobs/new/"
    assert Dataset.objects.get().name == "Tern & Tide"


def test_it_says_what_keeps_the_sample_from_coming(client, admin, data_dir):
    client.force_login(admin)
    records.base_model(name=demo.BASE_MODEL, path=str(data_dir))
    records.dataset(name=demo.DATASET.upper())

    page = client.post("/sample/", follow=True)

    assert "A dataset named “Tern &amp; Tide” exists already" in page.text


def test_only_who_may_add_base_models_brings_the_sample(client):
    assert "Bring in the sample" not in client.get("/").text
    assert client.post("/sample/").status_code == 403
