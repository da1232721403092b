"""A clock that is set takes no try-out, making, micro-run or check from its worker, and hides none that is lost."""

import time
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from tests.interleaving import before_first_update
from tests.training_jobs import records
from tests.training_jobs.database_clock import set_by, setter, trusting_sweeper
from training_jobs import makings, model_work, rehearsals, slot_uses, tryouts, workers
from training_jobs.models import CustomizedModel, Making, Rehearsal, TryOut, Worker
from training_methods import checks, clocks
from training_methods.claims import Claim, still_at_it
from training_methods.models import TrainerCheck

pytestmark = pytest.mark.django_db(transaction=True)
LEASE = timedelta(seconds=0.2)
HOURS = pytest.mark.parametrize("hours", [1, -1])


@pytest.fixture
def model():
    return CustomizedModel.objects.create(name="acorn", kind="adapter", path="/nowhere", size_bytes=1)


@pytest.fixture
def sweeper():
    return trusting_sweeper(LEASE)


def a_web_process(monkeypatch, patience: timedelta) -> None:
    """It has seen the clock."""
    monkeypatch.setattr(clocks, "of_this_process", clocks.ClockWatch(timedelta(seconds=5), patience))
    assert clocks.is_trusted()


@pytest.fixture
def web(monkeypatch):
    """It does not trust a clock that is set as long as a test takes."""
    a_web_process(monkeypatch, timedelta(hours=1))


@pytest.fixture
def trusting_web(monkeypatch):
    """It trusts a clock again soon after it was set."""
    a_web_process(monkeypatch, LEASE)


def try_out(model: CustomizedModel, user) -> Claim:
    tryouts.ask(model, user, prompt="Who?")
    return model_work.claim(TryOut, TryOut.objects.get().pk)


def making(model: CustomizedModel) -> Claim:
    return model_work.claim(Making, Making.objects.create(model=model, what="merge", queue="default").pk)


def rehearsal() -> Claim:
    waiting = Rehearsal.objects.create(key="k", spec={}, state="waiting", queue="default", asked_at=timezone.now())
    return rehearsals.claim(waiting.pk)


def check(user) -> Claim:
    checks.ask(records.method(), user)
    return checks.claim(TrainerCheck.objects.get().pk)


@HOURS
def test_a_sweep_takes_no_work_from_a_worker_that_is_there(sweeper, model, expert, hours):
    claims = [try_out(model, expert), making(model)]

    with set_by(hours):
        sweeper.reap()
        assert all(still_at_it(claim) for claim in claims)
        time.sleep(LEASE.total_seconds())
        sweeper.reap()

        assert all(still_at_it(claim) for claim in claims)


@HOURS
def test_a_sweep_gives_up_lost_work_before_the_clock_is_there_again(sweeper, model, expert, hours):
    claims = [try_out(model, expert), making(model)]

    with set_by(hours):
        sweeper.reap()
        time.sleep(LEASE.total_seconds())
        sweeper.reap()

        assert not any(claim.held() for claim in claims)


def test_a_sweep_forgets_no_worker_that_is_there(sweeper):
    worker = records.worker(draining_requested=True)

    with set_by(hours=2):
        sweeper.reap()

        assert workers.Presence(id=worker.pk, queues=["default"], slots=1).beat().draining


@HOURS
def test_asking_again_takes_nothing_from_a_worker_that_is_there(web, model, expert, admin, monkeypatch, hours):
    monkeypatch.setattr(makings, "reason_against", lambda *_: "")
    tried, made, checked = try_out(model, expert), making(model), check(admin)
    rehearsal()

    with set_by(hours):
        assert not Rehearsal.objects.settled()
        tryouts.ask(model, expert, prompt="Who else?")
        with pytest.raises(makings.Refused):
            makings.ask(model, makings.What.MERGE, admin)
        assert not checks.ask(TrainerCheck.objects.get().method, admin)

        assert still_at_it(tried)
        assert still_at_it(made)
        assert still_at_it(checked)


@HOURS
@pytest.mark.parametrize("asked", ["merge", "prompt"])
def test_asking_takes_nothing_from_a_worker_where_the_clock_is_set_just_then(
    web, model, expert, admin, monkeypatch, hours, asked
):
    monkeypatch.setattr(makings, "reason_against", lambda *_: "")
    tried = try_out(model, expert)

    with set_by(0), before_first_update(lambda: setter(hours)(connection)):
        if asked == "merge":
            makings.ask(model, makings.What.MERGE, admin)
        else:
            tryouts.ask(model, expert, prompt="Who else?")

    assert still_at_it(tried)


@HOURS
def test_what_is_lost_can_be_asked_for_again_before_the_clock_is_there_again(trusting_web, model, expert, admin, hours):
    tried, checked = try_out(model, expert), check(admin)
    rehearsal()

    with set_by(hours):
        assert not clocks.is_trusted()
        time.sleep(LEASE.total_seconds())
        assert Rehearsal.objects.settled()
        tryouts.ask(model, expert, prompt="Who else?")

        assert checks.ask(TrainerCheck.objects.get().method, admin)
        assert not tried.held()
        assert not checked.held()


@HOURS
def test_what_pages_say_is_right_as_soon_as_a_worker_is_heard_of(model, expert, admin, hours):
    tried, rehearsed, checked = try_out(model, expert), rehearsal(), check(admin)

    with set_by(hours):
        assert all(
            found.is_lost for found in (TryOut.objects.get(), Rehearsal.objects.get(), TrainerCheck.objects.get())
        )
        assert slot_uses.unended() == []

        still_at_it(tried)
        still_at_it(rehearsed)
        still_at_it(checked)

        assert not TryOut.objects.get().is_lost
        assert not Rehearsal.objects.get().is_lost
        assert not TrainerCheck.objects.get().is_lost
        assert len(slot_uses.unended()) == 3


@HOURS
def test_a_worker_is_there_once_it_is_heard_of(hours):
    records.worker()

    with set_by(hours):
        assert not Worker.objects.heard()
        Worker.objects.update(heartbeat_at=Now())
        assert Worker.objects.heard()


def test_lost_messages_do_not_wait_until_the_clock_is_there_again(model, expert, admin):
    tryouts.ask(model, expert, prompt="Who?")
    checks.ask(records.method(), admin)
    Rehearsal.objects.create(key="k", spec={}, state="waiting", queue="default", asked_at=timezone.now())
    for kind in (TryOut, Rehearsal, TrainerCheck):
        kind.objects.update(woken_at=Now())

    with set_by(hours=-1):
        assert all(kind.objects.unheard(timedelta(seconds=30)) for kind in (TryOut, Rehearsal, TrainerCheck))
