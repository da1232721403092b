"""Light and dark, the language, the time zone: chosen once, and kept."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from deepext.preferences import zone_named
from tests.training_jobs import records
from training_jobs.models import TrainingJob

pytestmark = pytest.mark.django_db
SIGN_IN = "/accounts/login/"
FIELDS = {"username": "expert", "password": "expert-password"}


def test_it_follows_the_system_unasked(client):
    assert 'data-theme="system"' in client.get(SIGN_IN).text


def test_it_is_dark_from_the_first_byte_once_chosen(client):
    answer = client.post("/theme/", {"theme": "dark", "next": SIGN_IN})

    assert answer.headers["Location"] == SIGN_IN
    assert 'data-theme="dark" data-bs-theme="dark"' in client.get(SIGN_IN).text


@pytest.mark.parametrize("theme", ["", "purple", '"><script>'])
def test_it_knows_no_other_theme(client, theme):
    client.post("/theme/", {"theme": theme})
    client.cookies["theme"] = theme

    assert 'data-theme="system"' in client.get(SIGN_IN).text


@pytest.mark.parametrize("address", ["/theme/", "/language/"])
def test_a_choice_is_a_post_and_leads_nowhere_else(client, address):
    assert client.get(address).status_code == 405
    assert client.post(address, {"next": "//elsewhere.example/"}).headers["Location"] == "/"


def test_it_speaks_as_the_browser_does(client):
    page = client.get(SIGN_IN, headers={"Accept-Language": "de-AT,de;q=0.9"}).text

    assert '<html lang="de"' in page
    assert "Anmelden" in page


def test_it_speaks_as_was_chosen(client):
    client.post("/language/", {"language": "zh-hans", "next": SIGN_IN})

    assert '<html lang="zh-hans"' in client.get(SIGN_IN, headers={"Accept-Language": "de"}).text


def test_a_language_that_was_chosen_is_spoken_on_every_machine(client, expert):
    client.force_login(expert)
    client.post("/language/", {"language": "de"})
    client.logout()
    client.cookies.clear()

    client.post(SIGN_IN, FIELDS)

    assert '<html lang="de"' in client.get("/").text


def test_it_speaks_no_language_that_nobody_taught_it(client):
    client.post("/language/", {"language": "fr"})

    assert '<html lang="en"' in client.get(SIGN_IN).text


def test_times_are_told_in_the_browsers_zone(client, expert):
    client.force_login(expert)
    job = records.job()
    TrainingJob.objects.filter(pk=job.pk).update(created_at=datetime(2026, 1, 2, 23, 30, tzinfo=UTC))
    client.cookies["timezone"] = "Asia/Shanghai"

    page = client.get("/jobs/").text

    assert "3 January 2026, 07:30 CST" in page
    assert timezone.get_current_timezone_name() == "UTC"


@pytest.mark.parametrize("name", ["", "Nowhere/Land", "../../etc/passwd", "/etc/passwd", "a\0b", "Europe"])
def test_a_zone_that_nobody_knows_is_the_sites(name):
    assert zone_named(name) is None


def test_the_scripts_words_are_kept_until_they_change(client):
    page = client.get(SIGN_IN, headers={"Accept-Language": "de"}).text
    address = page.split('<script src="/words/')[1].split('"')[0]

    answer = client.get(f"/words/{address}")

    assert "immutable" in answer.headers["Cache-Control"]
    assert "vor %(count)s Minuten" in answer.text
    assert "Vary" not in answer.headers


def test_older_words_are_not_kept(client):
    assert "Cache-Control" not in client.get("/words/de.000000000000.js").headers
    assert client.get("/words/fr.000000000000.js").status_code == 404


def test_it_names_the_installation(client, settings):
    settings.SITE_NAME = "Staging"

    page = client.get(SIGN_IN).text

    assert "· Staging · DeepExtension</title>" in page
    assert '<span class="name-plate" title="Staging">Staging</span>' in page
