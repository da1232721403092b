"""/datasets/add/"""

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from model_bakery import baker

from training_jobs.models import Dataset

pytestmark = pytest.mark.django_db

GOOD = b'{"question": "Why?", "answer": "So."}\n'


@pytest.fixture(autouse=True)
def signed_in(client, expert, data_dir):
    client.force_login(expert)


def add(client, content: bytes, name: str = "faq.jsonl", **fields: str):
    return client.post("/datasets/add/", {"file": SimpleUploadedFile(name, content), **fields})


def files_in(data_dir: Path) -> list[Path]:
    return [path for path in data_dir.rglob("*") if path.is_file()]


def test_it_brings_a_file_in_at_once(client, expert):
    page = add(client, GOOD)

    dataset = Dataset.objects.get()
    assert page.url == dataset.get_absolute_url()
    assert (dataset.name, dataset.original_name, dataset.created_by) == ("faq", "faq.jsonl", expert)


def test_it_keeps_one_copy_of_the_file(client, data_dir):
    add(client, GOOD)

    assert files_in(data_dir) == [Path(Dataset.objects.get().path)]


def test_it_takes_a_large_upload(client):
    add(client, GOOD * 100_000)

    assert Dataset.objects.get().row_count == 100_000


def test_it_names_the_bad_lines_in_a_table_and_keeps_nothing(client, data_dir):
    page = add(client, GOOD + b'{"question": "", "answer": "So."}\n{"question": "Why?" "answer"\n')

    assert page.context["form"].errors["file"] == [
        "faq.jsonl has 2 bad rows, the first in line 2: “question” is empty."
    ]
    assert "It is not JSON: Expecting &#x27;,&#x27; delimiter at column 21" in page.text
    assert files_in(data_dir) == []
    assert not Dataset.objects.exists()


def test_it_refuses_in_chinese(client):
    rows = GOOD + b'{"question": "", "answer": "So."}\n{"question": "Why?" "answer"\n'
    upload = {"file": SimpleUploadedFile("faq.jsonl", rows)}

    page = client.post("/datasets/add/", upload, headers={"Accept-Language": "zh-hans"})

    assert page.context["form"].errors["file"] == ["faq.jsonl 有 2 行有误，首先是第 2 行：“question”是空的。"]
    assert "不是 JSON：缺少逗号，位于第 21 列" in page.text


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b"", "empty.csv", "empty.csv is empty."),
        (b"caf\xe9", "menu.csv", "menu.csv is not UTF-8: in line 1, byte 4 is 0xE9. Save it as UTF-8."),
        (b"PK\x03\x04", "sheet.xlsx", "sheet.xlsx is a ZIP archive or an Excel workbook: unpack it, or save the sheet "
         "as CSV."),
    ],
)  # fmt: skip
def test_it_says_what_is_wrong_with_the_file(client, content, name, sentence):
    page = add(client, content, name)

    assert page.context["form"].errors["file"] == [sentence]


@pytest.mark.parametrize(("file", "typed"), [("faq.jsonl", ""), ("other.jsonl", "faq")])
def test_it_asks_for_another_name_and_keeps_the_file(client, file, typed):
    baker.make(Dataset, name="FAQ")

    columns = add_named(client, typed, file)
    page = client.get(columns)
    chosen = {"name": "faq-2", "data_format": "question-answer", "columns_of": "question-answer"}
    client.post(columns, {**chosen, "question": "question", "answer": "answer"})

    assert "A dataset named “faq” exists already: choose another name." in page.text
    assert page.context["form"]["name"].value() == "faq"
    assert Dataset.objects.get(name="faq-2").row_count == 1


def test_it_shortens_a_name_that_is_too_long_and_asks(client):
    columns = add_named(client, "x" * 101)

    assert client.get(columns).context["form"]["name"].value() == "x" * 100


def add_named(client, name: str, file: str = "faq.jsonl") -> str:
    return client.post("/datasets/add/", {"file": SimpleUploadedFile(file, GOOD), "name": name}).url


def test_it_asks_for_a_file(client):
    page = client.post("/datasets/add/", {"name": "faq"})

    assert page.context["form"].errors["file"] == ["Choose a file, or drop one here."]


@pytest.mark.parametrize(
    "name", ["../../escape.jsonl", "/etc/passwd", "..", "", "a\\..\\b.jsonl", "x" * 300 + ".jsonl"]
)
def test_it_writes_nowhere_but_in_the_data_directory(client, data_dir, name):
    part = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()

    client.generic("POST", "/datasets/add/", part + GOOD + b"\r\n--b--\r\n", "multipart/form-data; boundary=b")

    assert {path.parent for path in files_in(data_dir)} <= {data_dir / "datasets", data_dir / "uploads"}
    assert not list(data_dir.parent.glob("escape*"))


def test_it_asks_for_the_columns_it_does_not_know(client):
    page = add(client, b"Frage,Antwort\nWarum?,Darum.\n", "hilfe.csv")

    assert page.url.startswith("/datasets/add/")
    assert not Dataset.objects.exists()


def test_it_asks_for_the_columns_when_told_to(client):
    page = add(client, GOOD, choose="on")

    assert page.url.startswith("/datasets/add/")
    assert not Dataset.objects.exists()


def test_it_needs_a_login(client):
    client.logout()

    assert add(client, GOOD).url == "/accounts/login/?next=/datasets/add/"
    assert not Dataset.objects.exists()
