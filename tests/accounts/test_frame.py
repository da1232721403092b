"""What stands around every page."""

import pytest
from django.urls import set_script_prefix

from tests.training_jobs import records

pytestmark = pytest.mark.django_db


def test_the_list_of_keys_is_each_readers_own(client, admin, expert):
    """It is kept, and written anew for another language and for those whom other sections are for."""
    client.force_login(admin)
    assert 'data-key="g a">Admin<' in client.get("/jobs/").text

    client.force_login(expert)
    plain = client.get("/jobs/").text
    german = client.get("/jobs/", headers={"Accept-Language": "de"}).text

    assert 'data-key="g a"' not in plain
    assert 'data-key="g m">Models<' in plain
    assert 'data-key="g m">Modelle<' in german


def test_pages_of_records_follow_where_the_console_is_mounted():
    job = records.job()
    assert job.get_absolute_url() == f"/jobs/{job.pk}/"

    set_script_prefix("/console/")
    try:
        assert job.get_absolute_url() == f"/console/jobs/{job.pk}/"
    finally:
        set_script_prefix("/")
