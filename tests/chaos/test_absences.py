"""A supervisor that is frozen, a database that is locked: two attempts are never at work at once."""

import os
import signal
import sqlite3
import time
from contextlib import closing

import pytest
from django.db import connection, transaction

from tests.chaos import site
from tests.chaos.proxy import Proxy
from tests.chaos.site import LEASE_SECONDS
from tests.training_jobs.engine import database_url, has_gone, wait_for
from training_jobs.models import TrainingJob

pytestmark = pytest.mark.django_db(transaction=True)
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="cuts connections: needs PostgreSQL")
on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="locks a whole SQLite database")


def test_a_second_attempt_begins_after_the_first_has_ended_when_a_supervisor_is_frozen():
    job = site.a_job(pause=LEASE_SECONDS / 30)
    with site.workers(2) as crew:
        assert wait_for(lambda: site.step_of(job) >= 7, 10 * LEASE_SECONDS)
        [supervisor] = [pid for worker in crew if worker.trainings() for pid in worker.pool()]

        with transaction.atomic():  # not while it writes: SQLite would keep everybody from writing until it goes on
            os.kill(supervisor, signal.SIGSTOP)
            assert wait_for(lambda: site.is_frozen(supervisor))
        try:
            assert site.all_ended([job])
        finally:
            os.kill(supervisor, signal.SIGCONT)
    site.check_undisturbed(job)
    assert job.attempt >= 2


def check_went_on_later(job: TrainingJob) -> None:
    assert job.attempt >= 2


def test_a_supervisor_that_was_frozen_past_the_save_hands_its_job_back_and_blames_nobody():
    job = site.a_job(pause=LEASE_SECONDS / 30)
    with site.workers() as [worker]:
        assert wait_for(lambda: site.step_of(job) >= 7, 10 * LEASE_SECONDS)
        [training], [supervisor] = worker.trainings(), worker.pool()

        with transaction.atomic():
            os.kill(supervisor, signal.SIGSTOP)
            assert wait_for(lambda: site.is_frozen(supervisor))
        assert wait_for(lambda: has_gone(training), 2 * LEASE_SECONDS)  # its keeper saw to that
        os.kill(supervisor, signal.SIGCONT)

        assert site.all_ended([job])
    site.check_undisturbed(job)
    assert not any(kind == "interrupted" for _, kind in site.history(job)), site.history(job)


@on_sqlite
@pytest.mark.parametrize(
    ("leases", "check"),
    [(0.25, site.check_not_lost), (1.5, check_went_on_later)],
    ids=["shortly", "for longer than a lease"],
)
def test_a_training_outlasts_a_locked_database_or_saves_and_goes_on_later(leases, check):
    job = site.a_job(pause=LEASE_SECONDS / 20)
    with site.workers(2):
        assert wait_for(lambda: site.step_of(job) >= 7, 10 * LEASE_SECONDS)

        with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as locking:
            locking.execute("BEGIN IMMEDIATE")
            time.sleep(leases * LEASE_SECONDS)

        assert site.all_ended([job])
    site.check_undisturbed(job)
    check(job)


@on_postgresql
@pytest.mark.parametrize("others", [0, 1], ids=["for all", "for one worker"])
def test_a_training_saves_and_is_gone_on_with_when_the_database_is_cut_off(others):
    facts = connection.settings_dict
    proxy = Proxy(facts["HOST"], int(facts["PORT"] or 5432))
    place = f"{facts['HOST']}:{facts['PORT'] or 5432}"
    job = site.a_job(pause=LEASE_SECONDS / 20, steps=100)  # it has to last until another worker has started
    with site.workers(DATABASE_URL=database_url().replace(place, f"127.0.0.1:{proxy.port}")):
        assert wait_for(lambda: site.step_of(job) >= 7, 10 * LEASE_SECONDS)
        with site.workers(others):
            proxy.cut()
            time.sleep(2 * LEASE_SECONDS)
            if not others:
                proxy.mend()

            assert site.all_ended([job])
            proxy.mend()
    site.check_undisturbed(job)
    assert job.attempt >= 2
