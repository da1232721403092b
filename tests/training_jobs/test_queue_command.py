"""manage.py queue"""

import pytest
from django.core.management import CommandError, call_command

from tests.training_jobs import records
from training_jobs.models import Priority, TrainingJob

pytestmark = pytest.mark.django_db


def test_it_lists_those_that_wait_in_turn(capsys):
    records.job(name="usual")
    job = records.job(name="urgent", priority=Priority.HIGH)

    call_command("queue")

    first, second = capsys.readouterr().out.splitlines()
    assert str(job.pk) in first and "urgent: No worker is there." in first
    assert "usual" in second


def test_it_changes_one_by_its_name_or_its_id():
    records.job(name="first")
    job = records.job(name="second")

    call_command("queue", "first", "second")
    call_command("queue", "hold", str(job.pk))

    job.refresh_from_db()
    assert job.place and job.held_at
    assert [event.kind for event in job.events.all()] == ["moved", "held"]


def test_it_gives_a_priority():
    records.job(name="acorn")

    call_command("queue", "high", "acorn")

    assert TrainingJob.objects.get().priority == Priority.HIGH


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["hold", "nonesuch"], "No train “nonesuch” waits."),
    (["hold"], "Which train?"),
    (["release", "acorn"], "Nothing changed"),
    (["hold", "twin"], "Several waiting trains"),
])  # fmt: skip
def test_it_says_what_is_wrong(arguments, sentence):
    for name in ("acorn", "twin", "twin"):
        records.job(name=name)

    with pytest.raises(CommandError, match=sentence):
        call_command("queue", *arguments)
