"""The priority that a train is started with."""

import pytest

from tests.training_jobs import records
from training_jobs.forms.jobs import TrainForm
from training_jobs.models import Priority
from training_jobs.submission import wrong_priority

pytestmark = pytest.mark.django_db


def offered(user) -> list[int]:
    form = TrainForm()
    form.offer_priorities(user)
    return [int(value) for value, _label in form.fields["priority"].choices]


def test_everybody_may_start_a_train_that_lets_others_pass(expert):
    assert offered(expert) == [Priority.NORMAL, Priority.LOW]
    assert wrong_priority(Priority.LOW, expert) == {}


def test_administrators_may_start_one_that_goes_first(admin, expert):
    assert Priority.HIGH in offered(admin)
    assert wrong_priority(Priority.HIGH, admin) == {}
    assert "Administrators" in wrong_priority(Priority.HIGH, expert)["priority"]


@pytest.mark.parametrize(("given", "priority"), [({}, Priority.NORMAL), ({"priority": "-1"}, Priority.LOW)])
def test_the_form_says_which(given, priority):
    form = TrainForm({"name": "acorn", "seed": "42"} | given)

    form.is_valid()

    assert form.cleaned_data["priority"] == priority


def test_the_page_offers_it(client, expert):
    client.force_login(expert)
    records.base_model(), records.dataset(), records.method()

    assert 'name="priority"' in client.get("/jobs/new/").text
