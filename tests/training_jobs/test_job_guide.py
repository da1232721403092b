"""The guided form: choices with their facts, searched where they are many; settings in three views; what is changed."""

import json
from pathlib import Path

import pytest
from django.urls import reverse

from tests.training_jobs import records
from training_jobs.forms.choices import PAGE
from training_jobs.models import Dataset, FoundationModel, Status, TrainingJob

URL = reverse("training_jobs:job-new")
RAIL = reverse("training_jobs:job-new-rail")
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def signed_in(client, expert):
    client.force_login(expert)


@pytest.fixture
def filled_in(tmp_path: Path) -> dict[str, object]:
    rows = tmp_path / "rows.jsonl"
    rows.touch()
    records.method()
    base_model = records.base_model(path=str(tmp_path), context_length=2048, parameter_count=134_515_008)
    dataset = records.dataset(path=str(rows), preview=[{"prompt": "Who?", "completion": "Aunt Agatha"}])
    chosen = {"method": "lora", "settings_of": "lora", "base_model": base_model.pk, "dataset": dataset.pk}
    return chosen | {"name": "first", "seed": "7", "view": "basic", "shown_as": "fields"} | defaults()


def defaults(**changed: object) -> dict[str, object]:
    """What a browser sends of a form nobody has touched; an unchecked box is not sent."""
    from training_methods import catalog

    values = {one.name: one.default for one in catalog.get("lora").parameters} | changed
    return {f"p-{name}": "" if value is None else value for name, value in values.items() if value is not False}


def as_json(filled_in: dict[str, object], text: str) -> dict[str, object]:
    rest = {name: value for name, value in filled_in.items() if not name.startswith("p-")}
    return rest | {"view": "json", "shown_as": "json", "settings": text}


def test_it_shows_what_was_chosen_with_its_facts(client, filled_in):
    page = client.post(RAIL, filled_in).text

    for fact in ("through a small adapter", "2,048 tokens", "Aunt Agatha", "Prompt and completion"):
        assert fact in page


@pytest.mark.parametrize(("priority", "before"), [(1, "No train is"), (0, "2 trains are"), (-1, "3 trains are")])
def test_the_place_in_the_queue_is_that_of_the_priority_chosen(client, filled_in, priority, before):
    records.job(Status.RUNNING, worker=records.worker())
    for other in (0, 0, -1):
        records.job(priority=other)

    assert f"{before} before it." in client.post(RAIL, filled_in | {"priority": priority}).text


def test_a_dataset_that_the_method_cannot_read_is_said_at_once(client, filled_in):
    pairs = records.dataset(name="pairs", data_format="preference", path=Dataset.objects.get().path)

    page = client.post(RAIL, filled_in | {"dataset": pairs.pk}).text

    assert "“pairs” has the format Preference; LoRA fine-tuning learns from" in page


def test_a_base_model_of_the_wrong_kind_is_said_at_once(client, filled_in):
    FoundationModel.objects.update(kind="reward")

    assert "is a reward model;" in client.post(RAIL, filled_in).text


def test_a_thousand_datasets_are_one_page_of_options(client, filled_in):
    one = Dataset.objects.get()
    more = [Dataset(**records_of(one) | {"name": f"set-{number}"}) for number in range(1000)]
    Dataset.objects.bulk_create(more)

    page = client.get(f"{URL}?dataset={one.pk}").text

    assert page.count("set-") <= PAGE
    assert f'value="{one.pk}" selected' in page
    assert 'name="find_dataset"' in page


def records_of(dataset: Dataset) -> dict[str, object]:
    names = ("path", "original_name", "file_type", "data_format", "row_count", "size_bytes", "sha256")
    return {name: getattr(dataset, name) for name in names}


def test_a_search_finds_what_is_not_among_the_options(client, filled_in):
    for number in range(PAGE + 5):
        records.dataset(name=f"set-{number:03}")
    records.dataset(name="kettles of Leeds")

    found = client.get(reverse("training_jobs:job-new-choices", args=["dataset"]), {"find_dataset": "leeds kettle"})

    assert "kettles of Leeds" in found.text
    assert "set-" not in found.text


@pytest.mark.parametrize(
    ("words", "language"),
    [
        ("prompt and completion", "en"),
        ("prompt-completion", "en"),
        ("antwort prompt", "de"),
        ("house completion", "en"),
    ],
)
def test_a_dataset_is_found_by_its_format_as_the_page_calls_it(client, filled_in, words, language):
    records.dataset(name="pairs", data_format="preference")

    address = reverse("training_jobs:job-new-choices", args=["dataset"])
    found = client.get(address, {"find_dataset": words}, headers={"Accept-Language": language}).text

    assert "house-style" in found
    assert "pairs" not in found


def test_datasets_that_the_method_can_read_come_first(client, filled_in):
    records.dataset(name="pairs", data_format="preference")

    options = client.get(reverse("training_jobs:job-new-choices", args=["dataset"]), {"method": "lora"}).text

    assert options.index("house-style") < options.index("pairs")
    assert "pairs · Preference · 120 rows · not for this method" in options


def test_there_is_nothing_else_to_search(client, filled_in):
    assert client.get(reverse("training_jobs:job-new-choices", args=["seed"])).status_code == 404


def test_three_settings_are_basic_and_the_rest_is_there(client, filled_in):
    page = client.get(f"{URL}?method=lora").text

    basic, rest = page.split('<div class="settings-rest">')
    assert [name for name in ("epochs", "learning_rate", "batch_size", "rank") if f'name="p-{name}"' in basic] == [
        *("epochs", "learning_rate", "batch_size")
    ]
    assert 'name="p-rank"' in rest


def test_what_is_changed_is_marked_with_its_default_beside(client, filled_in):
    page = client.post(URL, filled_in | {"p-rank": "12", "p-learning_rate": "2e-4", "seed": "x"}).text

    assert page.count("setting is-changed") == 1
    assert "default: 16" in page


def test_settings_can_be_given_as_json(client, filled_in):
    client.post(URL, as_json(filled_in, '{"rank": 12, "packing": true, "max_steps": 5}'))

    job = TrainingJob.objects.get()
    assert {name: job.parameters[name] for name in ("rank", "packing", "max_steps", "epochs")} == {
        "rank": 12,
        "packing": True,
        "max_steps": 5,
        "epochs": 3,
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"rank": 0}', "0 is too small"),
        ('{"rank": "many"}', "“many” is not a whole number."),
        (f'{{"rank": {"9" * 5000}}}', "Unable to parse input string as an integer"),
        ('{"warp": 9}', "There is no such setting to change."),
        ('{"epoch": 9}', "There is no such setting to change. Did you mean “epochs”?"),
        ('{"rank": [1]}', "A setting is a number, text, true, false or null."),
        ('{"rank": 1,}', "This is not JSON: line 1, column 12"),
        ("[]", "Settings are a JSON object"),
    ],
)
def test_json_has_the_mistakes_that_the_fields_have(client, filled_in, text, sentence):
    page = client.post(URL, as_json(filled_in, text)).text

    assert sentence in page
    assert text.replace('"', "&quot;") in page
    assert not TrainingJob.objects.exists()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"rank": 1 "epochs": 2}', "Es fehlt ein Komma"),
        ('{"rank": "1', "Ein Text hat kein schließendes Anführungszeichen."),
        ("{} 1", "Dahinter steht noch"),
    ],
)
def test_what_is_no_json_is_said_in_the_readers_language(client, filled_in, text, problem):
    page = client.post(URL, as_json(filled_in, text), headers={"Accept-Language": "de"}).text

    assert f": {problem}" in page


def test_numbers_are_written_as_the_reader_writes_them(client, filled_in):
    FoundationModel.objects.update(parameter_count=134_515_008)

    page = client.get(URL, filled_in, headers={"Accept-Language": "de"}).text

    assert "134,5 Mio. Parameter" in page and "134.5" not in page


def test_fields_become_json_and_json_becomes_fields(client, filled_in):
    htmx = {"HX-Request": "true"}
    text = client.post(URL, filled_in | {"view": "json", "p-rank": "12"}, headers=htmx).text
    fields = client.post(URL, as_json(filled_in, '{"rank": 13}') | {"view": "all"}, headers=htmx).text

    assert "&quot;rank&quot;: 12" in text
    assert 'name="p-rank" value="13"' in fields
    assert not TrainingJob.objects.exists()


def test_without_javascript_the_page_is_updated_and_keeps_what_was_typed(client, filled_in):
    page = client.post(URL, filled_in | {"look": "1", "p-rank": "12", "name": "kept"}).text

    for part in ('value="kept"', 'name="p-rank" value="12"', "What to expect", "120 rows"):
        assert part in page
    assert not TrainingJob.objects.exists()


def test_parts_need_a_login(client, filled_in):
    client.logout()

    assert client.post(RAIL).status_code == 302
    assert client.get(reverse("training_jobs:job-new-choices", args=["dataset"])).status_code == 302


def test_the_whole_as_json_holds_every_setting(client, filled_in):
    from training_jobs.drafts import Settings

    settings = Settings.of("lora", view="json")

    assert settings
    assert json.loads(settings.text)["learning_rate"] == 2e-4
    assert len(json.loads(settings.text)) == len(settings.form.parameters)
