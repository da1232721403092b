"""The state of a check: asked for, claimed once, written by whoever holds it, and never running for ever."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from tests.interleaving import after_first_update
from training_methods import catalog, checks, registry
from training_methods.bench_results import Check
from training_methods.claims import Claim, still_at_it
from training_methods.licensing import NotAllowed
from training_methods.models import PATIENCE, TrainerCheck, TrainingMethod
from training_methods.registry import MethodGone

pytestmark = pytest.mark.django_db
PASSED = Check(name="loads", outcome="passed", said="built-in")
FAILED = Check(name="loads", outcome="failed", said="No.")


def check_of(method: TrainingMethod) -> TrainerCheck:
    return TrainerCheck.objects.get(method=method)


def claimed(method: TrainingMethod, user) -> Claim:
    checks.ask(method, user)
    claim = checks.claim(check_of(method).pk)
    assert claim
    return claim


def lose_worker_of(method: TrainingMethod) -> None:
    TrainerCheck.objects.filter(method=method).update(heard_at=Now() - PATIENCE - timedelta(seconds=1))


def test_it_queues_where_the_methods_jobs_run(lora, engineer):
    TrainingMethod.objects.update(config={"resources": {"queue": "gpu"}})

    assert checks.ask(lora, engineer)

    check = check_of(lora)
    assert (check.state, check.queue, check.asked_by, check.is_unfinished) == ("waiting", "gpu", engineer, True)


def test_it_asks_for_the_permission_to_edit_the_method(lora, expert):
    with pytest.raises(NotAllowed, match="permission"):
        checks.ask(lora, expert)

    assert not TrainerCheck.objects.exists()


def test_it_says_that_the_method_has_gone(lora, engineer):
    TrainingMethod.objects.filter(pk=lora.pk).delete()

    with pytest.raises(MethodGone):
        checks.ask(lora, engineer)


def test_it_waits_once_however_often_it_is_asked_for(lora, engineer):
    assert [checks.ask(lora, engineer) for _ in range(3)] == [True, False, False]

    claim = checks.claim(check_of(lora).pk)

    assert claim
    assert not checks.ask(lora, engineer)


def test_it_is_claimed_once_however_often_it_is_announced(lora, engineer):
    checks.ask(lora, engineer)

    claims = [checks.claim(check_of(lora).pk) for _ in range(3)]

    assert [claim is None for claim in claims] == [False, True, True]


def test_it_keeps_results_as_they_come(lora, engineer):
    claim = claimed(lora, engineer)

    assert still_at_it(claim, results=checks.storable([PASSED]))

    assert (check_of(lora).state, [one["name"] for one in check_of(lora).results]) == ("running", ["loads"])


@pytest.mark.parametrize(("results", "state"), [([PASSED], "passed"), ([PASSED, FAILED], "failed")])
def test_it_ends_as_its_results_are(lora, engineer, results, state):
    claim = claimed(lora, engineer)

    assert checks.finish(claim, results)

    check = check_of(lora)
    assert (check.state, check.is_unfinished, len(check.results)) == (state, False, len(results))
    assert check.finished_at
    assert not checks.finish(claim, [])


def test_it_can_be_asked_for_again_once_it_has_ended(lora, engineer):
    checks.finish(claimed(lora, engineer), [FAILED])

    assert checks.ask(lora, engineer)

    check = check_of(lora)
    assert (check.state, check.results, check.finished_at) == ("waiting", [], None)


def test_a_check_whose_worker_is_lost_counts_as_interrupted(lora, engineer):
    lost = claimed(lora, engineer)
    lose_worker_of(lora)
    assert (check_of(lora).label, check_of(lora).is_unfinished) == ("Interrupted", False)

    assert checks.ask(lora, engineer)

    assert not checks.finish(lost, [PASSED])
    assert check_of(lora).state == "waiting"


def test_a_worker_that_lost_its_check_changes_nothing_of_the_next_run(lora, engineer):
    lost = claimed(lora, engineer)
    lose_worker_of(lora)
    checks.ask(lora, engineer)
    again = checks.claim(check_of(lora).pk)

    assert not still_at_it(lost, results=checks.storable([FAILED]))
    assert checks.finish(again, [PASSED])
    assert check_of(lora).state == "passed"


def test_a_worker_that_stalls_as_it_claims_does_not_hold_the_next_run(lora, engineer):
    checks.ask(lora, engineer)
    again = []

    def lose_and_claim_again() -> None:
        lose_worker_of(lora)
        again.append(claimed(lora, engineer))

    with after_first_update(lose_and_claim_again):
        stalled = checks.claim(check_of(lora).pk)

    assert stalled and not still_at_it(stalled)
    assert still_at_it(again[0])


def test_it_goes_back_to_the_queue_when_its_worker_leaves(lora, engineer):
    claim = claimed(lora, engineer)
    still_at_it(claim, results=checks.storable([PASSED]))

    assert checks.hand_back(claim)

    assert (check_of(lora).state, check_of(lora).results) == ("waiting", [])
    assert not checks.hand_back(claim)
    assert checks.claim(check_of(lora).pk)


def test_it_goes_with_its_method(lora, engineer, licensed):
    claim = claimed(lora, engineer)

    registry.delete(lora, engineer)

    assert not checks.finish(claim, [PASSED])
    assert not TrainerCheck.objects.exists()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({}, ""),
        ({"config": {"resources": {"gpus": 1}}}, "The configuration has changed since."),
        ({"trainer": "sft"}, "The code has changed since."),
    ],
)
def test_it_says_what_has_changed_since(lora, engineer, changed, sentence):
    claim = claimed(lora, engineer)
    info = catalog.get("lora")
    still_at_it(claim, trainer="lora", config={}, code_hash=info.code_hash)
    checks.finish(claim, [PASSED])
    TrainingMethod.objects.update(**changed)

    assert checks.standing(TrainingMethod.objects.get(), catalog.trainers()).outdated == sentence


def test_it_keeps_text_that_no_database_takes(lora, engineer):
    claim = claimed(lora, engineer)

    checks.finish(claim, [Check(name="loads", outcome="failed", said="a\0b\ud800")])

    assert check_of(lora).results[0]["said"] == "a\ufffdb?"
