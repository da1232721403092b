"""What people may change about a waiting job: whether it is held, its priority, its place among those of its priority.

Each change is one transaction and leaves a job event. Jobs may start or end meanwhile: what does not wait any more is
left as it is, and whoever asked is told. No user: a command on the machine itself, which may do everything.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Case, F, PositiveIntegerField, Value, When
from django.utils.translation import gettext as _

from training_jobs import dispatch, leases
from training_jobs.models import Priority, TrainingJob, TrainingJobQuerySet

PERMISSION = "training_jobs.change_trainingjob"
GAP = 1024  # between two places, so that moving one job seldom moves others
AT_ONCE = 100  # places in a statement, which looks through all of them for each row


def may_order(user: Any) -> bool:
    """Administrators, and staff with the permission to change jobs."""
    return user is None or user.is_superuser or (user.is_staff and user.has_perm(PERMISSION))


def require_order(user: Any) -> None:
    if not may_order(user):
        raise PermissionDenied(_("Administrators change the order of the waiting trains."))


def hold(job: TrainingJob, *, by: Any) -> bool:
    """False: it does not wait, or is held already. Raises PermissionDenied."""
    if by and not job.may_be_held_by(by):
        raise PermissionDenied(_("“%(train)s” was started by somebody else: staff can hold it.") % {"train": job})
    return leases.hold(job.pk, by=by)


def release(job: TrainingJob, *, by: Any) -> bool:
    """False: it is not held. Raises PermissionDenied."""
    if by and not job.may_be_released_by(by):
        words = {"train": job, "who": job.held_by or _("somebody")}
        raise PermissionDenied(_("“%(train)s” is held by %(who)s: they can release it, and staff.") % words)
    won = leases.let_go(job.pk, by=by)
    if won:
        dispatch.wake(job)
    return won


def give(job: TrainingJob, priority: Priority, *, by: Any) -> bool:
    """Let it wait with that priority, at its usual place there. Whoever started it may only lower it.

    False: it does not wait, or has that priority already. Raises PermissionDenied.
    """
    waiting = TrainingJob.objects.waiting().filter(pk=job.pk)
    others = waiting.exclude(priority=priority) if may_order(by) else lowered_by_owner(job, waiting, priority, by)
    with transaction.atomic():
        won = bool(others.update(priority=priority, place=None))
        if won:
            leases.record(job.pk, "priority", by=name_of(by), priority=priority.name.lower())
    return won


def lowered_by_owner(
    job: TrainingJob, waiting: TrainingJobQuerySet, priority: Priority, user: Any
) -> TrainingJobQuerySet:
    if job.created_by_id != user.pk:
        raise PermissionDenied(_("Whoever started a train may lower its priority; administrators may change any."))
    if priority > job.priority:
        raise PermissionDenied(_("Administrators raise a train's priority; you may lower your own."))
    return waiting.filter(priority__gt=priority)


def move_first(job: TrainingJob, *, by: Any) -> int:
    return move(job, lambda others, now: 0, by=by)


def move_up(job: TrainingJob, *, by: Any) -> int:
    return move(job, lambda others, now: now - 1, by=by)


def move_down(job: TrainingJob, *, by: Any) -> int:
    return move(job, lambda others, now: now + 1, by=by)


def move_before(job: TrainingJob, other: UUID, *, by: Any) -> int:
    return move(job, lambda others, now: others.index(other), by=by)


def move_after(job: TrainingJob, other: UUID, *, by: Any) -> int:
    return move(job, lambda others, now: others.index(other) + 1, by=by)


def move(job: TrainingJob, choose: Callable[[list[UUID], int], int], *, by: Any) -> int:
    """Its new place among those of its priority, from 1. 0: nothing changed. Raises PermissionDenied.

    `choose` is given the others in turn, and how many of them are before it; a ValueError of it says that the one it
    looks for is not among them.
    """
    require_order(by)
    with transaction.atomic():
        turn = turn_with(job.pk)
        order = list(turn)
        if job.pk not in order:
            return 0
        now = order.index(job.pk)
        order.remove(job.pk)
        try:
            place = min(max(choose(order, now), 0), len(order))
        except ValueError:
            return 0
        if place == now:
            return 0
        order.insert(place, job.pk)
        put(turn | {job.pk: None}, order, up_to=place)
        leases.record(job.pk, "moved", by=name_of(by), place=str(place + 1))
    return place + 1


def turn_with(job_id: UUID) -> dict[UUID, int | None]:
    """The waiting jobs of its priority in turn, each with its place, as they stay until the transaction ends."""
    waiting = TrainingJob.objects.waiting()
    alike = waiting.filter(priority__in=waiting.filter(pk=job_id).values("priority"))
    list(alike.select_for_update().order_by().values_list("pk"))
    return dict(alike.in_turn().values_list("pk", "place"))


def put(places: dict[UUID, int | None], order: Sequence[UUID], *, up_to: int) -> None:
    """Give the jobs up to that one places, so that they come in this order. The others go on as fair share has them."""
    last = max([up_to, *(index for index, pk in enumerate(order) if places[pk] is not None)])
    changed = list(new_places(places, order[: last + 1]))
    for some in (changed[first : first + AT_ONCE] for first in range(0, len(changed), AT_ONCE)):
        cases = [When(pk=pk, then=Value(place)) for pk, place in some]
        waiting = TrainingJob.objects.waiting().filter(pk__in=[pk for pk, _place in some])
        waiting.update(place=Case(*cases, default=F("place"), output_field=PositiveIntegerField()))


def new_places(places: dict[UUID, int | None], order: Sequence[UUID]) -> Iterator[tuple[UUID, int]]:
    """As few as will do: a place after the one before it stays, and between two there is room for others."""
    last = 0
    for index, pk in enumerate(order):
        place = places[pk]
        if place is None or place <= last:
            place = between(last, next((later for other in order[index + 1 :] if (later := places[other])), None))
            yield pk, place
        last = place


def between(before: int, after: int | None) -> int:
    return (before + after) // 2 if after and after - before > 1 else before + GAP


def name_of(user: AbstractBaseUser | None) -> str:
    return user.get_username() if user else ""
