"""Settings of a job, saved under a name: on the job's page, in the form, on the method's page, in the command."""

import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from tests.training_jobs import records
from tests.training_jobs.engine import inputs
from training_jobs import base_models, profiles
from training_jobs.models import FoundationModel, ParameterProfile, Status, TrainingJob
from training_jobs.submission import submit

NEW = reverse("training_jobs:job-new")
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
    steps: int = Field(100, ge=1, title="Steps")
    speed: float = Field(2.5, gt=0, lt=10, title="Speed")

    def train(self, run: Run) -> None: ...
'''
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def signed_in(client, expert):
    client.force_login(expert)


@pytest.fixture
def chosen(data_dir: Path) -> dict[str, Any]:
    given = inputs(data_dir)
    (data_dir / "trainers" / "learner.py").write_text(TRAINER)
    offer(given["method"])
    return given


@pytest.fixture
def teacher(data_dir: Path) -> FoundationModel:
    (data_dir / "wise").mkdir()
    return records.base_model(name="Wise", path=str(data_dir / "wise"))


@pytest.fixture
def job(chosen, teacher) -> TrainingJob:
    return submit(**chosen, values={"teacher": "Wise", "steps": 20}, name="first")


@pytest.fixture
def profile(job, expert) -> ParameterProfile:
    return profiles.save(job, "Quick", expert)


def offer(method, **parameters: Any) -> None:
    method.config = {"parameters": parameters}
    method.save()


def save(client, job, name: str):
    return client.post(reverse("training_jobs:profile-save", args=[job.pk]), {"name": name}, follow=True)


def delete_page(profile) -> str:
    return reverse("training_jobs:profile-delete", args=[profile.pk])


def filled_in(client, profile) -> str:
    return client.get(NEW, {"method": "learn", "profile": profile.pk}).text


def test_it_saves_every_value_of_the_job(client, expert, job):
    page = save(client, job, " Quick ")

    profile = ParameterProfile.objects.get()
    assert (profile.name, profile.method, profile.created_by) == ("Quick", job.method, expert)
    assert profile.values == {"teacher": "Wise", "steps": 20, "speed": 2.5}
    assert "Saved the profile “Quick” of Learn." in page.text


def test_the_page_of_the_job_leads_there_and_shows_what_is_kept(client, job):
    address = reverse("training_jobs:profile-save", args=[job.pk])

    assert f'href="{address}"' in client.get(job.get_absolute_url()).text
    assert re.search(r">Speed <code[^>]*>speed</code></th>\s*<td[^>]*>2\.5\s*<", client.get(address).text)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("quick", "The method has a profile with this name already: choose another name."),
        ("  ", "A profile needs a name."),
        ("x" * 101, "Ensure this value has at most 100 characters"),
    ],
)
def test_it_refuses_a_name_at_its_field(client, job, profile, name, sentence):
    page = save(client, job, name).text

    assert sentence in page
    assert 'id="error_1_id_name"' in page
    assert ParameterProfile.objects.count() == 1


def test_another_method_may_have_a_profile_of_that_name(client, chosen, profile):
    other = records.method(internal_name="other", trainer="learner")

    save(client, submit(**chosen | {"method": other}, values={"teacher": "Wise"}), "Quick")

    assert set(ParameterProfile.objects.values_list("method__internal_name", flat=True)) == {"learn", "other"}


def test_it_leaves_out_what_the_method_does_not_have_any_more(client, job):
    job.parameters["warp"] = 9
    job.save()

    save(client, job, "Quick")

    assert "warp" not in ParameterProfile.objects.get().values


def test_a_job_whose_method_is_deleted_leaves_no_profile(client, job):
    job.method.delete()

    page = save(client, job, "Quick").text

    assert "The training method “Learn” is deleted" in page
    assert not ParameterProfile.objects.exists()


def test_a_job_whose_trainer_is_away_leaves_no_profile(client, job):
    job.method.trainer = "gone"
    job.method.save()

    page = save(client, job, "Quick").text

    assert "The trainer “gone” is not here." in page
    assert not ParameterProfile.objects.exists()


def test_the_form_is_filled_in_with_it(client, profile):
    page = filled_in(client, profile)

    assert f'<option value="{profile.pk}" selected>Quick</option>' in page
    assert 'value="20"' in page
    assert '<option value="Wise" selected>' in page
    assert "notice-warning" not in page


def test_a_default_that_changes_later_does_not_change_it(client, chosen, profile):
    offer(chosen["method"], speed={"default": 5.5})

    assert 'value="2.5"' in filled_in(client, profile)


def test_choosing_it_loads_the_settings_alone(client, profile):
    answer = client.get(NEW, {"method": "learn", "profile": profile.pk}, headers={"HX-Request": "true"})

    assert 'value="20"' in answer.text
    assert "<html" not in answer.text


def test_what_is_changed_after_choosing_it_stays(client, chosen, profile):
    sent = {"method": "learn", "settings_of": "learn", "profile": profile.pk, "filled_in_from": profile.pk, "seed": 1}
    sent |= {"base_model": chosen["base_model"].pk, "dataset": chosen["dataset"].pk}

    client.post(NEW, sent | {"name": "second", "p-teacher": "Wise", "p-steps": "33", "p-speed": "2.5"})

    assert TrainingJob.objects.get(name="second").parameters == {"teacher": "Wise", "steps": 33, "speed": 2.5}


def test_it_stays_chosen_beside_a_mistake(client, profile):
    sent = {"method": "learn", "settings_of": "learn", "profile": profile.pk, "filled_in_from": profile.pk}

    page = client.post(NEW, sent | {"p-steps": "0"}).text

    assert "0 is too small" in page
    assert f'<option value="{profile.pk}" selected>Quick</option>' in page


def test_without_javascript_it_fills_in_the_next_page(client, profile):
    sent = {"method": "learn", "settings_of": "learn", "profile": profile.pk, "name": "kept", "p-steps": "33"}

    page = client.post(NEW, sent).text

    assert "Look through the settings of Learn" in page
    assert 'value="20"' in page and 'value="kept"' in page
    assert TrainingJob.objects.count() == 1


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        ({"maximum": 10, "default": 5}, "“Steps” no longer takes its value. 20 is too large: the most is 10. It is at"),
        ({"maximum": 10, "required": True}, "its value. 20 is too large: the most is 10. Give another."),
        ({"default": 7, "locked": True}, "“Steps” is fixed at 7 now; it was 20."),
    ],
)
def test_the_form_says_which_value_does_not_fit_any_more(client, chosen, profile, steps, sentence):
    offer(chosen["method"], steps=steps)

    page = filled_in(client, profile)

    assert sentence in page
    assert 'value="20"' not in page


def test_the_form_says_what_has_gone_and_what_is_new(client, profile):
    del profile.values["speed"]
    profile.values["warp"] = 9
    profile.save()

    page = filled_in(client, profile)

    assert "Learn no longer has “warp”, which was 9." in page
    assert "New since, and at their defaults: Speed." in page


def test_the_form_says_that_a_base_model_is_gone(client, teacher, profile):
    TrainingJob.objects.update(status=Status.SUCCEEDED)
    base_models.delete(teacher)

    page = filled_in(client, profile)

    assert "The base model “Wise”, which was “Teacher”, is not there any more: choose another." in page


def test_it_keeps_what_a_site_added_to_a_script(client, expert, chosen):
    width = {"width": {"type": "integer", "default": 3, "maximum": 9}}
    script = records.method(internal_name="custom02", trainer="custom02", config={"parameters": width})
    rows = records.dataset(name="pairs", path=chosen["dataset"].path)
    wide = submit(**chosen | {"method": script, "dataset": rows}, values={"width": 8})

    profile = profiles.save(wide, "Wide", expert)

    assert profile.values["width"] == 8
    assert 'name="p-width" value="8"' in client.get(NEW, {"method": "custom02", "profile": profile.pk}).text


@pytest.mark.parametrize("wrong", ["99999", "nonsense"])
def test_a_profile_that_is_not_there_is_said_in_a_sentence(client, profile, wrong):
    page = client.get(NEW, {"method": "learn", "profile": wrong}).text

    assert "Learn does not have the profile that was chosen any more: choose another." in page


def test_the_page_of_the_method_lists_it_with_what_it_changes(client, profile):
    page = client.get("/methods/learn/").text

    assert f"?method=learn&amp;profile={profile.pk}" in page
    assert '<span title="steps">Steps</span> 20' in page
    assert 'title="speed"' not in page
    assert delete_page(profile) in page


def test_more_profiles_take_no_more_queries(client, expert, job, profile, django_assert_max_num_queries):
    with django_assert_max_num_queries(6) as few:  # session, user, method, licence, profiles, number of jobs
        client.get("/methods/learn/")
    for number in range(10):
        profiles.save(job, f"Profile {number}", expert)

    with django_assert_max_num_queries(len(few)):
        client.get("/methods/learn/")


def test_a_hostile_name_is_shown_as_text(client, profile):
    ParameterProfile.objects.update(name="<script>alert(1)</script>")

    assert "<script>alert" not in client.get("/methods/learn/").text + filled_in(client, profile)


def test_its_maker_deletes_it(client, profile):
    asked = client.get(delete_page(profile)).text

    page = client.post(delete_page(profile), follow=True).text

    assert "Delete the profile “Quick”?" in asked
    assert "Deleted the profile “Quick”." in page
    assert not ParameterProfile.objects.exists()


def test_an_administrator_deletes_any(client, admin, profile):
    client.force_login(admin)

    client.post(delete_page(profile))

    assert not ParameterProfile.objects.exists()


def test_nobody_else_deletes_it(client, engineer, profile):
    client.force_login(engineer)

    answer = client.post(delete_page(profile))

    assert (answer.status_code, client.get(delete_page(profile)).status_code) == (403, 403)
    assert "“Quick” was saved by somebody else: administrators can delete it." in answer.text
    assert delete_page(profile) not in client.get("/methods/learn/").text
    assert ParameterProfile.objects.exists()


def test_it_goes_with_its_method(client, admin, licensed, profile):
    client.force_login(admin)
    asked = client.get("/methods/learn/delete/").text

    client.post("/methods/learn/delete/")

    assert "1 profile of settings goes with it." in asked
    assert not ParameterProfile.objects.exists()


def test_saving_and_deleting_need_a_login(client, job, profile):
    client.logout()

    save(client, job, "Other")
    client.post(delete_page(profile))

    assert list(ParameterProfile.objects.values_list("name", flat=True)) == ["Quick"]


def submitted(*flags: str) -> tuple[TrainingJob, str]:
    told = StringIO()
    names = ["--method", "learn", "--base-model", "Base", "--dataset", "rows", "--name", "second"]
    call_command("submit_job", *names, *flags, stdout=StringIO(), stderr=told)
    return TrainingJob.objects.get(name="second"), told.getvalue()


def test_the_command_takes_it_with_settings_on_top(profile):
    job, told = submitted("--profile", "QUICK", "--set", "speed=4")

    assert job.parameters == {"teacher": "Wise", "steps": 20, "speed": 4.0}
    assert told == ""


def test_the_command_says_what_has_gone(profile):
    profile.values["warp"] = 9
    profile.save()

    job, told = submitted("--profile", "Quick")

    assert told == "Learn no longer has “warp”, which was 9.\n"
    assert job.parameters["steps"] == 20


def test_the_command_refuses_a_value_that_does_not_fit_any_more_unless_given_another(chosen, profile):
    offer(chosen["method"], steps={"default": 5, "maximum": 10})

    with pytest.raises(CommandError, match="steps: 20 is too large"):
        submitted("--profile", "Quick")

    assert submitted("--profile", "Quick", "--set", "steps=10")[0].parameters["steps"] == 10


def test_the_command_names_the_profiles_that_there_are(profile):
    with pytest.raises(CommandError, match=r"Learn has no profile “Slow”. There are: Quick."):
        submitted("--profile", "Slow")
