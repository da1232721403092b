"""What the lists of methods, trains, datasets, base models and customized models have in common."""

import csv
from uuid import uuid4

import pytest
from django.urls import reverse

from tests.training_jobs import records
from training_jobs.models import CustomizedModel, Dataset, FoundationModel, Status, TrainingJob
from training_methods.models import TrainingMethod

TRAINS = reverse("training_jobs:job-list")
pytestmark = pytest.mark.django_db


def a_method(number: int) -> None:
    TrainingMethod.objects.create(
        internal_name=f"acorn-{number:02}", display_name=f"acorn-{number:02}", method_type="SFT", trainer="sft"
    )


def a_model(number: int) -> None:
    CustomizedModel.objects.create(
        name=f"acorn-{number:02}",
        job=records.job(Status.SUCCEEDED),
        base_model_name="Acorn",
        kind="adapter",
        path="/nowhere",
        size_bytes=1,
    )


LISTS = {
    "/methods/": a_method,
    "/jobs/": lambda number: records.job(name=f"acorn-{number:02}"),
    "/datasets/": lambda number: records.dataset(name=f"acorn-{number:02}"),
    "/base-models/": lambda number: records.base_model(name=f"acorn-{number:02}"),
    "/models/": a_model,
}
RECORDS = {
    "/methods/": TrainingMethod,
    "/jobs/": TrainingJob,
    "/datasets/": Dataset,
    "/base-models/": FoundationModel,
    "/models/": CustomizedModel,
}
each_list = pytest.mark.parametrize("url", LISTS)


def table(page) -> list[dict[str, str]]:
    return list(csv.DictReader(page.getvalue().decode().splitlines()))


@pytest.fixture(autouse=True)
def signed_in(client, admin):
    client.force_login(admin)


@each_list
def test_each_filter_in_force_is_a_chip_that_takes_it_back(client, url):
    LISTS[url](1)

    page = client.get(f"{url}?q=acorn&sort=-name&page=7").text

    assert "Search: acorn" in page
    assert f'class="chip" href="{url}?sort=-name"' in page


@each_list
def test_it_goes_through_pages_both_ways(client, url):
    for number in range(52):
        LISTS[url](number)

    pages = [client.get(f"{url}?sort=name&page={number}") for number in (1, 2, 3, 9)]

    assert [len(page.context["page_obj"]) for page in pages] == [25, 25, 2, 2]
    assert [page.context["page_obj"].has_next() for page in pages] == [True, True, False, False]
    assert "51–52 of 52" in pages[2].text


@each_list
def test_a_file_has_what_is_filtered(client, url):
    for number in range(30):
        LISTS[url](number)

    page = client.get(f"{url}?q=acorn-2&sort=-name&download=csv")

    names = [next(iter(row.values())) for row in table(page)]
    assert names == [f"acorn-2{number}" for number in range(9, -1, -1)]
    assert page["Content-Type"] == "text/csv; charset=utf-8"
    assert page["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@now", "\tx"])
def test_a_file_starts_no_formula(client, name):
    records.job(name=name, latest_metrics={"loss": -0.5})

    row = table(client.get(f"{TRAINS}?download=csv"))[0]

    assert row["Train"] == f"'{name}"
    assert row["Loss"] == "-0.5"


@each_list
def test_columns_are_chosen_and_remembered(client, url):
    LISTS[url](1)
    asked = {"/jobs/": "queue", "/models/": "folder", "/datasets/": "sha256"}.get(url, "by")

    answer = client.get(f"{url}?sort=name&columns={asked}&keep=1")
    page = client.get(answer.url)

    assert answer.url == f"{url}?sort=name"
    assert [column.name for column in page.context["listing"].columns] == ["name", asked]


def test_columns_in_the_address_come_before_those_remembered(client):
    records.job()
    client.get(f"{TRAINS}?columns=queue&keep=1")

    page = client.get(f"{TRAINS}?columns=attempt&columns=none-such")

    assert [column.name for column in page.context["listing"].columns] == ["name", "attempt"]


def test_the_usual_columns_come_back(client):
    records.job()
    client.get(f"{TRAINS}?columns=queue&keep=1")

    client.get(f"{TRAINS}?columns=queue&keep=")

    assert len(client.get(TRAINS).context["listing"].columns) > 5


@each_list
def test_bulk_deletion_asks_first_and_then_deletes(client, licensed, url):
    LISTS[url](1)
    model = RECORDS[url]
    TrainingJob.objects.update(status=Status.FAILED)
    asked = {"action": "delete", "chosen": [model.objects.get().pk]}

    question = client.post(url, asked)
    assert "acorn-01" in question.text and model.objects.count() == 1

    answer = client.post(f"{url}?q=acorn", asked | {"confirmed": "1"})
    assert answer.url == f"{url}?q=acorn" and model.objects.count() == 0


@each_list
@pytest.mark.parametrize("key", ["9" * 30, "9" * 5000, "", "x"])
def test_what_can_be_no_record_s_key_is_passed_over(client, licensed, url, key):
    LISTS[url](1)

    page = client.post(url, {"action": "delete", "chosen": key, "confirmed": "1"}, follow=True)

    assert "Nothing was chosen that is still there." in page.text


def test_what_may_not_be_done_with_one_does_not_keep_the_others_from_it(client, expert):
    own = records.job(Status.FAILED, created_by=expert, name="own")
    others = records.job(Status.FAILED, name="others")
    running = records.job(Status.RUNNING, created_by=expert, name="running")
    client.force_login(expert)

    chosen = [own.pk, others.pk, running.pk, uuid4(), "no-key"]
    page = client.post(TRAINS, {"action": "delete", "chosen": chosen, "confirmed": "1"}, follow=True).text

    assert set(TrainingJob.objects.all()) == {others, running}
    for said in ("Deleted one train.", "“others” was started by somebody else", "“running” has not ended"):
        assert said in page


def test_a_model_in_use_and_those_of_others_stay_when_many_are_deleted(client, expert):
    train = {"job": records.job(Status.SUCCEEDED, created_by=expert)}
    own, used, others = (
        CustomizedModel.objects.create(name=name, path=f"/{name}", base_model_name="Acorn", size_bytes=1, **of)
        for name, of in (
            ("own", train),
            ("used", {"job": records.job(Status.SUCCEEDED, created_by=expert)}),
            ("others", {}),
        )
    )
    records.base_model(name="in-use", path=used.path)
    client.force_login(expert)

    asked = {"action": "delete", "chosen": [own.pk, used.pk, others.pk], "confirmed": "1"}
    page = client.post("/models/", asked, follow=True).text

    assert set(CustomizedModel.objects.all()) == {used, others}
    for said in ("Deleted one customized model.", "“used”: It is the base model “in-use”", "“others”: Whoever started"):
        assert said in page


def test_methods_are_deleted_with_a_license_alone(client):
    a_method(1)

    chosen = TrainingMethod.objects.get().pk
    page = client.post("/methods/", {"action": "delete", "chosen": [chosen], "confirmed": "1"}, follow=True).text

    assert "Deleting training methods is locked: this site has no license installed." in page
    assert TrainingMethod.objects.count() == 1


def test_nobody_is_offered_what_their_role_does_not_allow(client, expert):
    a_method(1)
    records.base_model()
    client.force_login(expert)

    for url in ("/methods/", "/base-models/"):
        assert 'name="chosen"' not in client.get(url).text
        assert client.post(url, {"action": "delete", "chosen": ["1"]}).status_code == 404


def test_trains_are_cancelled_held_and_released_together(client):
    jobs = [records.job(name="first"), records.job(name="second")]
    chosen = [job.pk for job in jobs]

    client.post(TRAINS, {"action": "hold", "chosen": chosen})
    assert not TrainingJob.objects.claimable().exists()

    client.post(TRAINS, {"action": "release", "chosen": chosen})
    assert TrainingJob.objects.claimable().count() == 2

    client.post(TRAINS, {"action": "cancel", "chosen": chosen, "confirmed": "1"})
    assert TrainingJob.objects.filter(status=Status.CANCELLED).count() == 2


def test_two_to_six_trains_are_compared(client):
    chosen = [records.job().pk for _ in range(2)]

    assert client.post(TRAINS, {"action": "compare", "chosen": chosen}).url == (
        f"/jobs/compare/?job={chosen[0]}&job={chosen[1]}"
    )
    assert client.post(TRAINS, {"action": "compare", "chosen": chosen[:1]}).url == TRAINS


@each_list
def test_a_post_needs_a_login(client, url):
    client.logout()

    assert client.post(url, {"action": "delete"}).url == f"/accounts/login/?next={url}"


@each_list
@pytest.mark.parametrize("who", ["admin", "engineer", "expert"])
@pytest.mark.parametrize("number", [1, 30])
def test_it_takes_at_most_five_queries(client, request, licensed, url, who, number, django_assert_max_num_queries):
    for place in range(number):
        LISTS[url](place)
    client.force_login(request.getfixturevalue(who))

    with django_assert_max_num_queries(5):
        client.get(f"{url}?q=a&sort=-name&columns=by&columns=created_at&columns=updated")


def test_counting_stops_at_a_bound(client, monkeypatch):
    monkeypatch.setattr("training_methods.paging.MOST_COUNTED", 26)
    for number in range(80):
        records.job(name=f"acorn-{number}")

    assert "1–25 of more than 26" in client.get(TRAINS).text

    last = client.get(f"{TRAINS}?page=4")
    assert "76–80 of more than 26" in last.text and "?page=3" in last.text
    assert last.context["page_obj"].has_next() is False
    assert client.get(f"{TRAINS}?page=9").context["page_obj"].number == 4
