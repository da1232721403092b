"""Moving waiting jobs, and giving them another priority."""

from itertools import permutations

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied

from tests.training_jobs import records
from tests.training_jobs.engine import claim
from training_jobs import ordering
from training_jobs.models import Priority, Status, TrainingJob

pytestmark = pytest.mark.django_db


def turn() -> str:
    return "".join(TrainingJob.objects.waiting().in_turn().values_list("name", flat=True))


@pytest.fixture
def jobs(expert) -> dict[str, TrainingJob]:
    return {name: records.job(name=name, created_by=expert) for name in "abcde"}


@pytest.mark.parametrize(
    ("move", "name", "expected", "place"),
    [
        (ordering.move_first, "d", "dabce", 1),
        (ordering.move_up, "d", "abdce", 3),
        (ordering.move_down, "b", "acbde", 3),
        (ordering.move_up, "a", "abcde", 0),
        (ordering.move_down, "e", "abcde", 0),
        (ordering.move_first, "a", "abcde", 0),
    ],
)
def test_it_moves_among_those_that_wait(admin, jobs, move, name, expected, place):
    assert move(jobs[name], by=admin) == place

    assert turn() == expected


@pytest.mark.parametrize(
    ("move", "other", "expected"),
    [
        (ordering.move_before, "b", "aebcd"),
        (ordering.move_after, "b", "abecd"),
        (ordering.move_after, "d", "abcde"),
        (ordering.move_before, "a", "eabcd"),
    ],
)
def test_it_moves_beside_another(admin, jobs, move, other, expected):
    move(jobs["e"], jobs[other].pk, by=admin)

    assert turn() == expected


def test_one_move_after_the_other_adds_up(admin, jobs):
    for name in "edcb":
        ordering.move_first(jobs[name], by=admin)
    ordering.move_down(jobs["b"], by=admin)
    ordering.move_before(jobs["a"], jobs["d"].pk, by=admin)

    assert turn() == "cbade"


@pytest.mark.parametrize("gap", [1, 2, 3])
def test_they_come_as_they_were_put_when_there_is_no_room_between_them_any_more(admin, jobs, monkeypatch, gap):
    monkeypatch.setattr(ordering, "GAP", gap)
    order = list("abcde")

    for name, other in permutations("abcde", 2):
        ordering.move_after(jobs[name], jobs[other].pk, by=admin)
        order.remove(name)
        order.insert(order.index(other) + 1, name)
        assert turn() == "".join(order)


def test_a_long_queue_is_put_in_order_part_by_part(admin, jobs, monkeypatch):
    monkeypatch.setattr(ordering, "AT_ONCE", 2)

    ordering.move_after(jobs["a"], jobs["e"].pk, by=admin)

    assert turn() == "bcdea"


def test_those_behind_keep_no_place_and_go_on_in_fair_share(admin, expert, jobs):
    ordering.move_first(jobs["c"], by=admin)

    records.job(Status.RUNNING, created_by=expert)
    records.job(name="x", created_by=admin)

    assert turn() == "cxabde"


def test_a_job_that_started_meanwhile_is_left_alone(admin, jobs):
    claim(jobs["d"].pk, "worker")

    assert ordering.move_first(jobs["d"], by=admin) == 0
    assert ordering.move_before(jobs["e"], jobs["d"].pk, by=admin) == 0
    assert ordering.move_up(jobs["e"], by=admin) == 3
    assert turn() == "abec"
    assert TrainingJob.objects.get(name="d").place is None


def test_it_stays_within_its_priority(admin, jobs):
    other = records.job(name="h", priority=Priority.HIGH)

    assert ordering.move_before(jobs["a"], other.pk, by=admin) == 0
    assert ordering.move_first(jobs["b"], by=admin) == 1
    assert turn() == "hbacde"


def test_it_is_recorded(admin, jobs):
    ordering.move_first(jobs["c"], by=admin)
    ordering.give(jobs["c"], Priority.LOW, by=admin)

    events = list(jobs["c"].events.values_list("kind", "data"))
    assert events == [("moved", {"by": "admin", "place": "1"}), ("priority", {"by": "admin", "priority": "low"})]


def test_nothing_is_recorded_of_what_did_not_happen(admin, jobs):
    ordering.move_up(jobs["a"], by=admin)
    ordering.give(jobs["a"], Priority.NORMAL, by=admin)

    assert not jobs["a"].events.exists()


def test_another_priority_forgets_the_place(admin, jobs):
    ordering.move_first(jobs["e"], by=admin)

    ordering.give(jobs["e"], Priority.LOW, by=admin)
    ordering.give(jobs["e"], Priority.NORMAL, by=admin)

    assert turn() == "abcde"


def test_whoever_started_a_job_lowers_it_and_does_not_raise_it(expert, jobs):
    assert ordering.give(jobs["a"], Priority.LOW, by=expert)

    with pytest.raises(PermissionDenied, match="Administrators raise"):
        ordering.give(jobs["b"], Priority.HIGH, by=expert)
    assert turn() == "bcdea"


def test_its_own_priority_is_nothing_new_to_a_job(expert, jobs):
    assert not ordering.give(jobs["a"], Priority.NORMAL, by=expert)


def test_whoever_looks_at_what_was_so_before_raises_nothing(admin, expert, jobs):
    seen_before = jobs["a"]
    seen_before.priority = Priority.HIGH
    ordering.give(jobs["a"], Priority.LOW, by=admin)

    assert not ordering.give(seen_before, Priority.NORMAL, by=expert)

    assert TrainingJob.objects.get(name="a").priority == Priority.LOW


@pytest.mark.parametrize(("is_staff", "permissions"), [(True, []), (False, ["change_trainingjob"])])
def test_others_change_nothing(django_user_model, jobs, is_staff, permissions):
    other = django_user_model.objects.create_user("other", is_staff=is_staff)
    other.user_permissions.set(Permission.objects.filter(codename__in=permissions))

    for change in (
        lambda: ordering.move_first(jobs["b"], by=other),
        lambda: ordering.give(jobs["b"], Priority.LOW, by=other),
    ):
        with pytest.raises(PermissionDenied):
            change()


def test_staff_with_the_permission_to_change_jobs_move_them(engineer, jobs):
    engineer.user_permissions.add(Permission.objects.get(codename="change_trainingjob"))

    assert ordering.move_first(jobs["b"], by=engineer) == 1


def test_a_job_held_by_staff_is_not_released_by_its_owner(admin, expert, jobs):
    ordering.hold(jobs["a"], by=admin)
    jobs["a"].refresh_from_db()

    with pytest.raises(PermissionDenied, match="held by admin"):
        ordering.release(jobs["a"], by=expert)
    assert ordering.release(jobs["a"], by=admin)
