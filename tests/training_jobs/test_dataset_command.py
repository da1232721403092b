"""manage.py import_dataset"""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from training_jobs.models import Dataset

pytestmark = pytest.mark.django_db


def import_dataset(*arguments: object) -> str:
    output = io.StringIO()
    call_command("import_dataset", *map(str, arguments), stdout=output)
    return output.getvalue()


@pytest.fixture
def file(data_dir):
    path = data_dir / "faq.csv"
    path.write_text("Frage,Antwort\nWarum?,Darum.\nWann?,Jetzt.\n")
    return path


def test_it_says_in_a_line_what_it_found(file):
    output = import_dataset(file, "--map", "question=Frage", "--map", "answer=Antwort")

    sha256 = Dataset.objects.get().sha256
    assert output == f"Imported “faq”: 2 rows, Question and answer, SHA-256 {sha256[:12]}…\n"


def test_it_says_it_in_json(file):
    output = import_dataset(file, "--name", "Hilfe", "--format", "text", "--map", "text=Antwort", "--json")

    described = json.loads(output)
    assert described["name"] == "Hilfe"
    assert described["format"] == "text"
    assert described["rows"] == 2
    assert described["id"] == Dataset.objects.get().pk
    assert len(described["sha256"]) == 64


def test_it_says_which_columns_trainers_will_not_see(data_dir):
    path = data_dir / "films.jsonl"
    path.write_text('{"text": "A good film.", "label": 1}\n')

    assert "\nNo part of this format, and not read: “label”\n" in import_dataset(path)
    kept = import_dataset(path, "--name", "kept", "--format", "prompt", "--map", "prompt=text")
    assert "not read" not in kept


def test_it_says_how_to_name_columns_that_it_does_not_know(file):
    with pytest.raises(CommandError, match=r"--map NAME=COLUMN, as in --map prompt=Frage$"):
        import_dataset(file)


def test_it_says_which_line_is_bad_and_why(file):
    file.write_text('prompt,completion\na,b\n"c,d\n')

    with pytest.raises(CommandError) as error:
        import_dataset(file)

    assert str(error.value) == "faq.csv has a bad line 3: it opens a quotation mark that is never closed."
    assert error.value.returncode == 1


def test_it_lists_the_first_bad_lines(file):
    file.write_text("prompt,completion\na,b\n" + "c,\n" * 30)

    with pytest.raises(CommandError) as error:
        import_dataset(file)

    first, *rest = str(error.value).splitlines()
    assert first == "faq.csv has 30 bad rows, the first in line 3: “completion” is empty."
    assert rest[0] == "  line 3: “completion” is empty"
    assert len(rest) == 21
    assert rest[-1] == "  … and 10 more"


def test_it_refuses_a_mapping_that_is_none(file):
    with pytest.raises(CommandError, match="“Frage” is not of the form prompt=Question"):
        import_dataset(file, "--map", "Frage")
