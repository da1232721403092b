"""/datasets/add/<token>/, where an upload's columns are named"""

import os
import time
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from model_bakery import baker

from training_jobs.models import Dataset
from training_jobs.uploads import Upload

pytestmark = pytest.mark.django_db

CSV = b"Frage,Antwort,Quelle\nWarum?,Darum.,Buch\nWann?,,Heft\n"
CHOICE = {
    "name": "Hilfe", "data_format": "question-answer", "columns_of": "question-answer",
    "question": "Frage", "answer": "Antwort",
}  # fmt: skip


@pytest.fixture
def upload(client, expert, data_dir) -> Upload:
    client.force_login(expert)
    return Upload.keep(SimpleUploadedFile("hilfe.csv", CSV.replace(b"Wann?,,", b"Wann?,Jetzt.,")), title="My help")


@pytest.fixture
def url(upload) -> str:
    return f"/datasets/add/{upload.token}/"


def test_it_shows_the_first_rows_as_they_are(client, url):
    page = client.get(url)

    assert all(value in page.text for value in ("Frage", "Warum?", "Darum.", "Buch"))
    assert page.context["form"].initial["name"] == "My help"


def test_it_brings_the_file_in_under_the_columns_chosen(client, url, upload):
    page = client.post(url, CHOICE)

    dataset = Dataset.objects.get()
    assert page.url == dataset.get_absolute_url()
    assert dataset.mapping == {"question": "Frage", "answer": "Antwort"}
    assert dataset.preview[0] == {"question": "Warum?", "answer": "Darum."}
    assert not upload.path.exists()


def test_it_selects_what_it_recognizes(client, data_dir, upload):
    known = Upload.keep(SimpleUploadedFile("faq.csv", b"Question,Answer\na,b\n"), title="FAQ")

    form = client.get(f"/datasets/add/{known.token}/").context["form"]

    assert form.initial["data_format"] == "question-answer"
    assert form["question"].initial == "Question"


def test_it_calls_the_columns_what_users_of_the_original_look_for(client, url):
    page = client.get(url).text

    assert "PromptInputColumn" in page
    assert "PromptOutputColumn" in page


def test_it_gives_htmx_the_columns_of_another_format(client, url):
    part = client.get(url, {"data_format": "instruction"}, headers={"HX-Request": "true"}).text

    assert part.lstrip().startswith('<div id="columns">')
    assert "Instruction" in part


def test_it_gives_the_columns_of_another_format_without_javascript(client, url):
    page = client.post(url, CHOICE | {"data_format": "text"})

    assert "text" in page.context["form"].fields
    assert not page.context["form"].errors
    assert not Dataset.objects.exists()


def test_it_asks_for_each_column_that_is_needed(client, url):
    page = client.post(url, CHOICE | {"answer": ""})

    assert page.context["form"].errors == {"answer": ["Choose the column that holds the answer."]}


def test_it_names_the_bad_lines_and_keeps_the_upload(client, expert, data_dir):
    client.force_login(expert)
    upload = Upload.keep(SimpleUploadedFile("hilfe.csv", CSV), title="Hilfe")

    page = client.post(f"/datasets/add/{upload.token}/", CHOICE)

    assert page.context["form"].non_field_errors() == ["hilfe.csv has a bad line 3: “Antwort” is empty."]
    assert upload.path.exists()


def test_it_refuses_a_name_in_use(client, url):
    baker.make(Dataset, name="hilfe")

    page = client.post(url, CHOICE)

    assert page.context["form"].errors["name"] == ["A dataset named “Hilfe” exists already: choose another name."]


@pytest.mark.parametrize("token", ["made-up", "WyIuLi8uLi9ldGMvcGFzc3dkIiwieCJd:1tTT0q:forged"])
def test_it_takes_no_token_that_somebody_made_up(client, expert, data_dir, token):
    client.force_login(expert)

    page = client.get(f"/datasets/add/{token}/", follow=True)

    assert "This upload is not here any more: add the file again." in page.text


def test_it_drops_uploads_after_a_day(upload: Upload):
    yesterday = time.time() - 25 * 3600
    os.utime(upload.path, (yesterday, yesterday))

    Upload.keep(SimpleUploadedFile("other.csv", CSV), title="Other")

    assert not Path(upload.path).exists()


def test_it_takes_an_upload_while_another_is_brought_in(upload: Upload, monkeypatch):
    def brought_in_meanwhile(folder: Path, pattern: str):
        yield upload.path
        yield folder / "brought-in-by-somebody-else"

    monkeypatch.setattr(Path, "glob", brought_in_meanwhile)

    assert Upload.keep(SimpleUploadedFile("other.csv", CSV), title="Other").path.exists()


def test_a_file_that_cannot_be_read_any_more_is_asked_for_again(client, url, upload):
    upload.path.write_bytes(b"PK\x03\x04")

    page = client.get(url, follow=True)

    assert page.redirect_chain == [("/datasets/add/", 302)]
    assert "is a ZIP archive or an Excel workbook" in page.text


def test_it_needs_a_login(client, url):
    client.logout()

    assert client.get(url).url.startswith("/accounts/login/")
