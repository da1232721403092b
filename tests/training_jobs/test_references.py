"""Parameters that refer to another base model: chosen by name, refused with a sentence, frozen with the job."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse

from tests.training_jobs import records
from tests.training_jobs.engine import inputs
from training_jobs import base_models, run_folders
from training_jobs.models import FoundationModel, Status, TrainingJob
from training_jobs.submission import Refused, submit

URL = reverse("training_jobs:job-new")
TRAINER = '''from training_methods.trainers import DataFormat, MethodType, Run, Trainer, register
from pydantic import Field


@register
class Learner(Trainer):
    """Looks up to others."""

    slug = "learner"
    label = "learner"
    method_type = MethodType.CUSTOM
    data_formats = (DataFormat.TEXT,)

    teacher: str = Field(title="Teacher", json_schema_extra={"refers_to": "causal-lm"})
    judge: str | None = Field(None, title="Judge", json_schema_extra={"refers_to": "reward"})

    def train(self, run: Run) -> None: ...
'''
pytestmark = pytest.mark.django_db


@pytest.fixture
def chosen(data_dir: Path) -> dict[str, Any]:
    given = inputs(data_dir)
    (data_dir / "trainers" / "learner.py").write_text(TRAINER)
    given["method"].config = {}
    given["method"].save()
    return given


@pytest.fixture
def teacher(data_dir: Path) -> FoundationModel:
    (data_dir / "wise").mkdir()
    return records.base_model(name="Wise", path=str(data_dir / "wise"), vocabulary_size=300)


@pytest.fixture
def judge(data_dir: Path) -> FoundationModel:
    (data_dir / "strict").mkdir()
    return records.base_model(name="Strict", path=str(data_dir / "strict"), kind="reward")


def mistakes(**submitted: Any) -> dict[str, str]:
    with pytest.raises(Refused) as refused:
        submit(**submitted)
    return refused.value.mistakes


def test_it_freezes_the_model_that_a_name_stands_for(chosen, teacher):
    job = submit(**chosen, values={"teacher": "wise", "judge": ""})

    job.refresh_from_db()
    frozen = job.reference_snapshots["teacher"]
    assert job.parameters == {"teacher": "Wise", "judge": None}
    assert (frozen["name"], frozen["path"], frozen["vocabulary_size"]) == ("Wise", teacher.path, 300)
    assert frozen["fingerprint"] == teacher.fingerprint
    assert list(job.referred_models.all()) == [teacher]


def test_the_trainer_is_told_the_folder(chosen, teacher, judge):
    job = submit(**chosen, values={"teacher": "Wise", "judge": "Strict"})

    spec = run_folders.run_spec(job, job.directory, threads=1, devices=None)

    assert spec.models == {"Wise": Path(teacher.path), "Strict": Path(judge.path)}


@pytest.mark.parametrize(
    ("values", "sentences"),
    [
        (
            {"teacher": "Nobody"},
            {"teacher": "There is no base model “Nobody”. The language models are: Base, Wise."},
        ),
        (
            {"teacher": "Strict"},
            {"teacher": "“Strict” is a reward model; a language model is needed here."},
        ),
        ({"teacher": ""}, {"teacher": "A base model has to be chosen."}),
        (
            {"teacher": "Wise", "judge": "Wise"},
            {"judge": "“Wise” is a language model; a reward model is needed here."},
        ),
    ],
)
def test_it_refuses_a_name_that_stands_for_no_such_model(chosen, teacher, judge, values, sentences):
    assert mistakes(**chosen, values=values) == sentences


def test_it_refuses_a_model_whose_folder_is_gone(chosen, teacher):
    Path(teacher.path).rmdir()

    said = mistakes(**chosen, values={"teacher": "Wise"})

    assert said == {"teacher": f"The folder of “Wise”, {teacher.path}, is not there any more."}


def test_a_job_does_not_start_without_the_folder(chosen, teacher):
    job = submit(**chosen, values={"teacher": "Wise"})
    Path(teacher.path).rmdir()

    missing = run_folders.missing_input(job)

    assert missing and missing.message == f"The base model “Wise” is not at {teacher.path} any more."


def test_the_form_offers_the_models_of_that_kind(client, expert, chosen, teacher, judge):
    client.force_login(expert)

    page = client.get(f"{URL}?method=learn").text

    assert '<option value="Wise">Wise</option>' in page
    assert page.count('<option value="Strict">Strict</option>') == 1
    assert "Choose a base model</option>" in page
    assert "– none –</option>" in page


def test_the_form_says_at_the_field_what_is_wrong_with_it(client, expert, chosen, teacher):
    client.force_login(expert)
    sent = {"method": "learn", "settings_of": "learn", "seed": "1", "p-teacher": "Nobody"}

    page = client.post(URL, sent | {"base_model": chosen["base_model"].pk, "dataset": chosen["dataset"].pk}).text

    about = page.partition('id="about-p-teacher"')[2].partition("form-text")[0]
    assert "There is no base model “Nobody”." in about


def test_the_command_takes_its_name(chosen, teacher):
    out = StringIO()
    names = ["--method", "learn", "--base-model", "Base", "--dataset", "rows", "--set", "teacher=WISE"]

    call_command("submit_job", *names, "--json", stdout=out)

    assert TrainingJob.objects.get(pk=json.loads(out.getvalue())["id"]).parameters["teacher"] == "Wise"


def test_the_page_of_the_job_shows_it_even_when_it_is_deleted(client, expert, chosen, teacher):
    job = submit(**chosen, values={"teacher": "Wise"})
    client.force_login(expert)
    link = f'<a href="{teacher.get_absolute_url()}">Wise</a>'

    before = client.get(job.get_absolute_url()).text
    TrainingJob.objects.update(status=Status.SUCCEEDED)
    base_models.delete(teacher)
    after = client.get(job.get_absolute_url()).text

    assert link in before and link not in after
    assert "<dt>Teacher</dt>" in after
    assert "Wise <span" in after


def test_the_page_of_the_model_lists_the_jobs_that_refer_to_it(client, engineer, chosen, teacher):
    job = submit(**chosen, values={"teacher": "Wise"}, name="pupil")
    client.force_login(engineer)

    assert job.get_absolute_url() in client.get(teacher.get_absolute_url()).text
    assert f"{job.name} still needs it." in client.get(f"{teacher.get_absolute_url()}delete/").text


def test_a_copy_says_that_the_model_is_gone(client, expert, chosen, teacher):
    job = submit(**chosen, values={"teacher": "Wise"})
    TrainingJob.objects.update(status=Status.SUCCEEDED)
    base_models.delete(teacher)
    client.force_login(expert)

    page = client.get(reverse("training_jobs:job-copy", args=[job.pk])).text

    assert "The base model “Wise”, which was “Teacher”, is not there any more: choose another." in page
