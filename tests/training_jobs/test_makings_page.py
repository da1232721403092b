"""What can be made of a customized model, as its page offers it; without a worker."""

import json
from pathlib import Path

import pytest

from tests.training_jobs import records
from training_jobs import makings, model_work, removals
from training_jobs.models import CustomizedModel, Making, Status

pytestmark = pytest.mark.django_db
SAME = {"prompts": 5, "differences": [], "largest_difference": 0.00123}


@pytest.fixture
def model(tmp_path, expert, data_dir) -> CustomizedModel:
    folder, base = tmp_path / "adapter", tmp_path / "base"
    folder.mkdir()
    base.mkdir()
    job = records.job(
        Status.SUCCEEDED, created_by=expert, base_model_snapshot={"name": "tiny", "path": str(base), "fingerprint": "f"}
    )
    return CustomizedModel.objects.create(
        name="acorn", base_model_name="tiny", kind="adapter", path=str(folder), size_bytes=7, job=job
    )


@pytest.fixture(autouse=True)
def signed_in(client, expert):
    client.force_login(expert)


def url(model: CustomizedModel) -> str:
    return f"/models/{model.pk}/make/"


def complete(model: CustomizedModel, architecture: str = "LlamaForCausalLM") -> None:
    CustomizedModel.objects.filter(pk=model.pk).update(kind="complete")
    (Path(model.path) / "config.json").write_text(json.dumps({"architectures": [architecture]}))


def test_one_button_queues_the_merge(client, expert, model):
    page = client.post(url(model), {"what": "merge"}, follow=True).text

    making = Making.objects.get()
    assert (making.what, making.state, making.asked_by) == ("merge", "waiting", expert)
    assert "No worker is there." in page
    assert f'hx-get="/models/{model.pk}/makings/?seen=' in page


def test_it_says_that_it_is_being_made_already(client, model):
    client.post(url(model), {"what": "merge"})

    page = client.get(model.get_absolute_url()).text
    assert "Save as a complete model" not in page and "Export as GGUF, f16" in page
    assert "It is being made already." in client.post(url(model), {"what": "merge"}, follow=True).text
    assert Making.objects.count() == 1


def test_an_export_says_first_that_an_adapter_has_to_be_saved(client, model):
    assert "Save it as a complete model first" in client.get(model.get_absolute_url()).text

    assert "Save it as a complete model first" in client.post(url(model), {"what": "f16"}, follow=True).text
    assert not Making.objects.exists()


def test_a_complete_llama_is_exported(client, model):
    complete(model)

    client.post(url(model), {"what": "q8_0"})

    assert Making.objects.get().what == "q8_0"


def test_another_architecture_names_the_converter(client, model):
    complete(model, "Qwen3ForCausalLM")

    page = client.get(model.get_absolute_url()).text

    assert "It is a Qwen3ForCausalLM" in page and "convert_hf_to_gguf.py" in page


def test_a_merged_model_is_not_merged_again(client, model):
    CustomizedModel.objects.create(name="acorn_merged", kind="complete", path="/x", size_bytes=1, merged_from=model)

    page = client.post(url(model), {"what": "merge"}, follow=True).text
    assert "It was merged already" in page
    assert "It is exported from the complete model: “acorn_merged”." in page


def test_it_says_that_the_disk_is_too_full(client, model, settings):
    settings.DISK_RESERVE_GB = 10**9

    page = client.post(url(model), {"what": "merge"}, follow=True).text

    assert "0.0 GB are free on the disk" in page
    assert not Making.objects.exists()


def test_others_may_not(client, django_user_model, model):
    client.force_login(django_user_model.objects.create_user("stranger"))

    assert client.post(url(model), {"what": "merge"}).status_code == 403
    assert 'name="what"' not in client.get(model.get_absolute_url()).text


def cancel_url(making: Making) -> str:
    return f"/models/{making.model_id}/makings/{making.pk}/cancel/"


def test_what_waits_is_cancelled_and_may_be_asked_for_again(client, expert, model):
    making = makings.ask(model, Making.What.MERGE, expert)
    assert cancel_url(making) in client.get(model.get_absolute_url()).text

    page = client.post(cancel_url(making), follow=True).text

    assert not Making.objects.exists() and cancel_url(making) not in page
    assert removals.use_of(model) == ""
    assert "It has ended already." in client.post(cancel_url(making), follow=True).text
    assert makings.ask(model, Making.What.MERGE, expert)


def test_what_has_ended_is_not_cancelled(client, expert, model):
    making = makings.ask(model, Making.What.MERGE, expert)
    model_work.finish(model_work.claim(Making, making.pk), model_work.State.FAILED, said="It failed.")

    page = client.post(cancel_url(making), follow=True).text

    assert "It has ended already." in page and "It failed." in page


def test_others_may_not_cancel(client, django_user_model, expert, model):
    making = makings.ask(model, Making.What.MERGE, expert)
    client.force_login(django_user_model.objects.create_user("stranger"))

    assert client.post(cancel_url(making)).status_code == 403
    assert cancel_url(making) not in client.get(model.get_absolute_url()).text
    client.logout()
    assert client.post(cancel_url(making)).url.startswith("/accounts/login/")
    assert Making.objects.exists()


def test_it_needs_a_login(client, model):
    client.logout()

    assert client.post(url(model), {"what": "merge"}).url.startswith("/accounts/login/")


def test_what_cannot_be_made_is_refused(client, model):
    assert client.post(url(model), {"what": "pickle"}).status_code == 400


def test_it_sends_what_is_new_and_stops_asking(client, expert, model):
    making = makings.ask(model, Making.What.MERGE, expert)
    followed = f"/models/{model.pk}/makings/"
    seen = client.get(followed).context["seen"]
    assert client.get(followed, {"seen": seen}).status_code == 204

    claim = model_work.claim(Making, making.pk)
    model_work.finish(claim, made={"weights": "bfloat16", "likeness": SAME})

    news = client.get(followed, {"seen": seen}).text
    assert "The same answers to all 5 probe prompts" in news and "hx-get" not in news


def test_it_tells_which_answers_differ(client, expert, model):
    making = makings.ask(model, Making.What.MERGE, expert)
    claim = model_work.claim(Making, making.pk)
    likeness = SAME | {"differences": [{"prompt": "Who?", "before": "<b>oak</b>", "after": "birch"}]}
    model_work.finish(claim, made={"weights": "q8_0", "likeness": likeness})

    page = client.get(model.get_absolute_url()).text

    assert "1 of 5 probe prompts are answered otherwise" in page
    assert "&lt;b&gt;oak&lt;/b&gt;" in page


def test_a_gguf_file_is_fetched_and_nothing_else(client, model):
    complete(model)
    folder = Path(model.path) / "gguf"
    folder.mkdir()
    (folder / "acorn-f16.gguf").write_bytes(b"GGUF")

    assert f"/models/{model.pk}/gguf/acorn-f16.gguf" in client.get(model.get_absolute_url()).text
    assert client.get(f"/models/{model.pk}/gguf/acorn-f16.gguf").getvalue() == b"GGUF"
    assert client.get(f"/models/{model.pk}/gguf/config.json").status_code == 404
