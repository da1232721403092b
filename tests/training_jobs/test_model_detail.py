import io
import os
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from django.urls import reverse

from training_jobs.archives import zipped
from training_jobs.models import CustomizedModel

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def signed_in(client, expert):
    client.force_login(expert)


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "Acorn_house-style"
    (folder / "tokenizer").mkdir(parents=True)
    (folder / "README.md").write_text("# Acorn <b>house style</b>")
    (folder / "adapter.safetensors").write_bytes(b"weights")
    (folder / "tokenizer" / "vocabulary.json").write_text("{}")
    return CustomizedModel.objects.create(
        name="Acorn_house-style", base_model_name="Acorn-135M", kind="adapter", path=str(folder), size_bytes=7
    )


def download(client, model):
    return client.get(reverse("training_jobs:model-download", args=[model.pk]))


def test_it_shows_the_card_as_plain_text_and_the_files(client, model):
    page = client.get(model.get_absolute_url()).text

    for shown in ("# Acorn &lt;b&gt;house style&lt;/b&gt;", "adapter.safetensors", model.path, "Acorn-135M"):
        assert shown in page


def test_it_says_that_the_folder_is_gone(client, model):
    model.path += "-moved"
    model.save()

    page = client.get(model.get_absolute_url()).text

    assert f"The folder {model.path} is not on this machine any more" in page
    assert "Download" not in page
    assert download(client, model).status_code == 404


def test_the_download_is_a_zip_of_the_folder(client, model):
    answer = download(client, model)

    with zipfile.ZipFile(io.BytesIO(answer.getvalue())) as archive:
        assert archive.testzip() is None
        assert archive.read("Acorn_house-style/adapter.safetensors") == b"weights"
        assert "Acorn_house-style/tokenizer/vocabulary.json" in archive.namelist()
    assert answer.headers["Content-Disposition"] == 'attachment; filename="Acorn_house-style.zip"'


@pytest.mark.parametrize("time", [0, 5e9])
def test_the_download_takes_files_of_any_time(client, model, time):
    os.utime(Path(model.path) / "adapter.safetensors", (time, time))

    with zipfile.ZipFile(io.BytesIO(download(client, model).getvalue())) as archive:
        assert archive.read("Acorn_house-style/adapter.safetensors") == b"weights"


def test_the_download_leaves_links_out(client, model, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "Acorn_house-style" / "link").symlink_to(tmp_path / "secret")

    names = zipfile.ZipFile(io.BytesIO(download(client, model).getvalue())).namelist()

    assert not any("link" in name for name in names)


def test_the_download_leaves_exports_out(client, model, tmp_path):
    exports = Path(model.path) / "gguf"
    exports.mkdir()
    (exports / "acorn.gguf").write_bytes(b"GGUF")

    names = zipfile.ZipFile(io.BytesIO(download(client, model).getvalue())).namelist()

    assert names and not any("gguf" in name for name in names)


def test_the_download_is_never_whole_in_memory(tmp_path):
    with (tmp_path / "weights").open("wb") as weights:
        weights.truncate(64 << 20)

    tracemalloc.start()
    size = sum(len(piece) for piece in zipped(tmp_path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert size > 64 << 20
    assert peak < 8 << 20


@pytest.mark.parametrize("name", ["model-detail", "model-download"])
def test_it_needs_a_login(client, model, name):
    client.logout()

    assert client.get(reverse(f"training_jobs:{name}", args=[model.pk])).status_code == 302


def test_an_unknown_model_is_not_found(client):
    assert client.get("/models/4711/").status_code == 404
