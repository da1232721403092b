"""The catalog: every registered trainer, where it comes from, and what does not load."""

from pathlib import Path

import pytest

from tests.training_methods.test_catalog import TRAINER
from training_methods import catalog, checks
from training_methods.bench_results import Check
from training_methods.models import TrainerCheck

URL = "/methods/trainers/"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(data_dir, monkeypatch) -> Path:
    monkeypatch.setattr(catalog, "_memory", catalog.Memory())
    (data_dir / "trainers").mkdir()
    return data_dir / "trainers"


def text_of(client, user, url: str = URL) -> str:
    client.force_login(user)
    page = client.get(url)
    assert page.status_code == 200
    return page.text


def test_it_needs_login(client):
    assert client.get(URL).url == f"/accounts/login/?next={URL}"


def test_it_lists_every_trainer_with_where_it_comes_from(client, engineer, lora, folder):
    (folder / "kettle.py").write_text(TRAINER.format(slug="kettle"))
    (folder / "lora.py").write_text(TRAINER.format(slug="lora"))

    page = text_of(client, engineer)

    assert all(f'href="{URL}{slug}/"' in page for slug in ("sft", "lora", "kettle", "custom02"))
    assert catalog.get("kettle").code_hash[:8] in page
    assert "in place of the built-in one" in page
    assert '<a href="/methods/lora/">LoRA fine-tuning</a>' in page


def test_it_lists_what_does_not_load_with_line_and_reason(client, engineer, custom, folder):
    (folder / "custom01.py").write_text("x = 1\nx = (")

    page = text_of(client, engineer)

    assert str(folder / "custom01.py") in page
    assert "SyntaxError: &#x27;(&#x27; was never closed" in page
    assert "The trainer <code>custom01</code>, whose place it takes, is not run meanwhile." in page
    assert '<a href="/methods/custom01/">Custom 01</a> cannot start a train' in page


def test_it_tells_where_files_lie_only_to_those_who_write_them(client, expert, folder):
    (folder / "kettle.py").write_text("(")

    page = text_of(client, expert)

    assert "kettle.py" in page
    assert str(folder) not in page
    assert "Read every file again" not in page


@pytest.mark.parametrize("path", ["nowhere", "a-file"])
def test_it_opens_whatever_the_trainers_folder_is(client, engineer, settings, folder, path):
    settings.TRAINERS_DIR = folder / path
    (folder / "a-file").touch()

    page = text_of(client, engineer)

    assert str(settings.TRAINERS_DIR) in page
    assert ("Not a directory" in page) == (path == "a-file")


def test_it_opens_with_names_that_are_no_text(client, engineer, folder):
    (folder / b"kettle\xff.py".decode(errors="surrogateescape")).touch()
    (folder / "<b>.py").write_text("(")

    page = text_of(client, engineer)

    assert "Its name is not UTF-8: rename it." in page
    assert "<b>.py" not in page


def test_it_shows_the_last_check_of_each_method(client, expert, lora, engineer):
    checks.ask(lora, engineer)
    claim = checks.claim(TrainerCheck.objects.get().pk)
    checks.still_at_it(claim, code_hash="of another time")
    checks.finish(claim, [Check(name="loads", outcome="failed", said="No.")])

    for url in (URL, "/methods/", "/methods/trainers/lora/"):
        page = text_of(client, expert, url)
        assert "Failed" in page
        assert "The code has changed since." in page


def test_it_asks_the_database_as_often_however_many_methods_there_are(
    client, expert, lora, custom, django_assert_max_num_queries
):
    client.force_login(expert)
    client.get(URL)

    with django_assert_max_num_queries(5):
        client.get(URL)


def test_it_shows_one_trainer_whole(client, engineer, folder):
    (folder / "kettle.py").write_text(TRAINER.format(slug="kettle"))

    page = text_of(client, engineer, URL + "kettle/")

    assert "Boils water." in page
    assert str(folder / "kettle.py") in page
    assert catalog.get("kettle").code_hash in page
    assert 'Cups <code class="code-name">cups</code>' in page
    assert "check_trainer kettle" in page


def test_it_lets_the_lines_of_a_docstring_flow(client, expert, folder):
    (folder / "kettle.py").write_text('"""Boils\nwater <hot>:\n- fast\n\nOr not."""\nprint()')

    assert "Boils water &lt;hot&gt;:<br>- fast<br><br>Or not." in text_of(client, expert, URL + "kettle/")


def test_it_tells_nobody_else_where_a_trainer_lies(client, expert):
    assert catalog.get("lora").origin not in text_of(client, expert, URL + "lora/")


def test_it_does_not_know_a_trainer_that_is_not_there(client, expert):
    client.force_login(expert)

    assert client.get(URL + "nonesuch/").status_code == 404


def test_it_reads_every_file_again_for_those_who_write_them(client, engineer, folder):
    (folder / "kettle.py").write_text(f"open({str(folder / 'leaf')!r})\n" + TRAINER.format(slug="kettle"))
    assert "FileNotFoundError" in text_of(client, engineer)
    (folder / "leaf").touch()

    page = client.post(URL + "read-again/", follow=True)

    assert "Every file was read again." in page.text
    assert f"{URL}kettle/" in page.text


def test_it_reads_nothing_again_for_others(client, expert):
    client.force_login(expert)

    assert client.post(URL + "read-again/").status_code == 403
    assert client.get(URL + "read-again/").status_code == 405


def test_no_method_takes_the_catalogs_address(client, engineer, licensed, written):
    client.force_login(engineer)

    page = client.post("/methods/add/", written | {"internal_name": "trainers"})

    assert "“trainers” is the address of the catalog of trainers" in page.text
