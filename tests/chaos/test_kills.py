"""SIGKILL for a training, its supervisor, a worker, its warm parent, or all of them, at random moments."""

import random
import signal

import pytest

from tests.chaos import site
from tests.chaos.site import TIMES, Worker
from tests.training_jobs.engine import has_gone, wait_for
from training_jobs.models import TrainingJob

pytestmark = pytest.mark.django_db(transaction=True)


def kill_training(worker: Worker) -> None:
    for pid in worker.trainings()[:1]:
        site.end(pid, signal.SIGKILL)


def kill_supervisor(worker: Worker) -> None:
    for pid in worker.pool()[:1]:
        site.end(pid, signal.SIGKILL)


def kill_worker(worker: Worker) -> None:
    worker.kill()
    worker.start()


def kill_warm_parent(worker: Worker) -> None:
    """While it has a training, if it is ever so far: it takes seconds to import, and other kills end it too."""
    wait_for(worker.forked, 60)
    assert wait_for(site.all_may_be_lost_twice, 300)  # a loss may have been told of meanwhile
    for pid in worker.warm_parents():
        site.end(pid, signal.SIGKILL)


def kill_all(worker: Worker) -> None:
    kill_training(worker)
    kill_worker(worker)


def test_the_pool_of_a_killed_worker_takes_no_further_job():
    with site.workers() as [worker]:
        first, second = site.a_job(pause=0.1), site.a_job()
        assert wait_for(lambda: site.step_of(first) >= 3, 60)
        pool = worker.pool()

        site.end(worker.process.pid, signal.SIGKILL)
        worker.process.wait()

        assert wait_for(lambda: all(map(has_gone, pool)), 120)
    second.refresh_from_db()
    assert second.attempt == 0


KILLS = [kill_training, kill_supervisor, kill_worker, kill_warm_parent, kill_all]


def test_every_job_comes_to_the_same_end_whatever_is_killed_when():
    jobs: list[TrainingJob] = []
    with site.workers(2, "--concurrency", "2", DEEPEXT_WARM_PARENT="on") as crew:
        for number in range(TIMES):
            while TrainingJob.objects.exclude(status__in=site.ENDED).count() < 5:
                jobs.append(site.a_job(seed=len(jobs)))
            site.random_moment()
            assert wait_for(site.all_may_be_lost_twice, 300)  # asked last: a loss is only known once it is reaped
            KILLS[number % len(KILLS)](random.choice(crew))  # noqa: S311
        assert site.all_ended(jobs), list(TrainingJob.objects.values_list("status", "attempt"))

    for job in jobs:
        site.check_undisturbed(job)
    assert wait_for(lambda: site.nothing_left(jobs))
    print(f"{TIMES} kills, {len(jobs)} jobs, {sum(job.attempt for job in jobs)} attempts")
