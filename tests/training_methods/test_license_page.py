from datetime import timedelta

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from training_methods import licensing
from training_methods.licensing import Authority, State
from training_methods.models import License

URL = "/license/"
pytestmark = pytest.mark.django_db


def state() -> State:
    return licensing.authority.status().state


def test_it_shows_everybody_where_the_license_stands(client, expert, licensed):
    client.force_login(expert)

    page = client.get(URL).text

    assert "Active." in page
    assert "ACME Ltd" in page
    assert "add methods, delete methods" in page
    assert "a permission that your account does not have" in page
    assert "<textarea" not in page


def test_it_needs_login(client, db):
    assert client.get(URL).url == f"/accounts/login/?next={URL}"


def test_it_shows_what_a_key_opens_before_it_is_installed(client, admin, issue):
    client.force_login(admin)

    page = client.post(URL, {"key": issue(seats=42)})

    assert "This key can be installed" in page.text
    assert "ACME Ltd" in page.text
    assert "42" in page.text
    assert state() == State.COMMUNITY


def test_it_looks_at_a_file(client, admin, issue):
    client.force_login(admin)
    file = SimpleUploadedFile("acme.key", b"\xef\xbb\xbf" + issue().encode() + b"\r\n")

    page = client.post(URL, {"file": file, "key": ""})

    assert "This key can be installed" in page.text


def test_it_installs_what_was_looked_at(client, admin, issue):
    client.force_login(admin)
    looked_at = client.post(URL, {"key": f" {issue()} \n"}).context["form"].cleaned_data["key"]

    page = client.post(URL, {"key": looked_at, "install": ""}, follow=True)

    assert "Installed the license of ACME Ltd." in page.text
    assert state() == State.ACTIVE
    assert License.objects.get().installed_by == admin


@pytest.mark.parametrize("given", [{"key": ""}, {"key": "hello"}, {"key": "DEEPEXT-1.abc", "install": ""}])
def test_it_says_at_the_field_why_a_key_is_refused(client, admin, licensed, given):
    client.force_login(admin)

    page = client.post(URL, given)

    assert "This license key is damaged" in page.context["form"].errors["key"][0]
    assert state() == State.ACTIVE


def test_it_says_at_the_file_why_that_is_refused(client, admin, signer):
    client.force_login(admin)

    page = client.post(URL, {"file": SimpleUploadedFile("cat.png", b"\x89PNG\r\n\xff")})

    assert page.context["form"].errors["file"] == ["This license key is damaged: it is not text."]


def test_it_keeps_the_key_in_use_when_another_is_refused(client, admin, licensed, issue):
    client.force_login(admin)

    page = client.post(URL, {"key": issue(by=Ed25519PrivateKey.generate()), "install": ""})

    assert "which is not trusted here" in page.text
    assert licensing.authority.status().terms == licensed


def test_it_removes(client, admin, licensed):
    client.force_login(admin)

    page = client.post(URL, {"remove": ""}, follow=True)

    assert "Removed the license." in page.text
    assert state() == State.COMMUNITY


@pytest.mark.parametrize("given", [{"remove": ""}, {"key": "x", "install": ""}, {"key": "x"}])
def test_it_lets_administrators_alone_change_it(client, engineer, licensed, given):
    client.force_login(engineer)

    page = client.post(URL, given)

    assert page.status_code == 403
    assert state() == State.ACTIVE


def test_it_says_when_nobody_is_trusted_yet(client, admin, monkeypatch):
    monkeypatch.setattr(licensing, "authority", Authority({}))
    client.force_login(admin)

    assert "trusts no signer yet" in client.get(URL).text


def test_it_says_why_an_installed_key_does_not_count_any_more(client, admin, licensed, monkeypatch):
    monkeypatch.setattr(licensing, "authority", Authority({}))
    client.force_login(admin)

    page = client.get(URL).text

    assert "Community edition." in page
    assert f"signed by the key “{licensed.key_id}”, which is not trusted here" in page


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        (0, None),
        (336, "ends in 29 days"),
        (351, "ends in 14 days"),
        (358, "ends in 7 days"),
        (364, "ends within a day"),
        (370, "What it opens stays open until"),
        (400, "adding and deleting methods is locked"),
    ],
)
def test_it_tells_administrators_on_every_page(client, admin, licensed, days, sentence):
    with time_machine.travel(timezone.now() + timedelta(days=days)):
        client.force_login(admin)
        banner = client.get("/methods/").context["license_banner"]

    assert (sentence is None and not banner) or sentence in banner.text


def test_it_does_not_bother_experts(client, expert, issue):
    licensing.install(issue(days=-5), user=None)
    client.force_login(expert)

    assert "What it opens stays open" not in client.get("/methods/").text
