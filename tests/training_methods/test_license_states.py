"""What an installed key amounts to, day by day."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from training_methods import licensing
from training_methods.license_key import LicenseRefused
from training_methods.licensing import Action, Authority, NotAllowed, State, decide
from training_methods.models import License

pytestmark = pytest.mark.django_db
FIRST = datetime(2027, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def year(issue):
    """A key for the year that begins on `FIRST`, installed on that day."""
    with time_machine.travel(FIRST, tick=False):
        return licensing.install(issue(days=365), user=None)


@pytest.mark.parametrize(
    ("days", "state", "days_left"),
    [
        (0, State.ACTIVE, 365),
        (334, State.ACTIVE, 31),
        (335, State.EXPIRING, 30),
        (351, State.EXPIRING, 14),
        (364, State.EXPIRING, 1),
        (365, State.GRACE, 0),
        (394, State.GRACE, -29),
        (395, State.EXPIRED, -30),
    ],
)
def test_it_ages(year, days, state, days_left):
    with time_machine.travel(FIRST + timedelta(days=days), tick=False):
        status = licensing.authority.status()

    assert (status.state, status.days_left) == (state, days_left)


def test_without_grace_days_it_locks_at_its_end(issue):
    with time_machine.travel(FIRST, tick=False):
        licensing.install(issue(days=365, grace_days=0), user=None)

    with time_machine.travel(FIRST + timedelta(days=365), tick=False):
        assert licensing.authority.status().state == State.EXPIRED
        assert not decide(Action.ADD_METHOD, None).allowed


def test_in_its_grace_days_it_says_until_when_they_last(year):
    with time_machine.travel(FIRST + timedelta(days=380)):
        assert licensing.authority.status().until == "31 January 2028"


def test_it_does_not_count_where_the_clock_stands_before_it(year):
    with time_machine.travel(FIRST - timedelta(days=1)):
        assert "not valid before" in licensing.authority.status().reason
        assert not decide(Action.ADD_METHOD, None).allowed


def test_it_can_last_for_ever(issue):
    licensing.install(issue(days=None), user=None)

    with time_machine.travel(FIRST + timedelta(days=36_500)):
        assert licensing.authority.status().state == State.ACTIVE


@pytest.mark.parametrize(("days", "allowed"), [(0, True), (350, True), (380, True), (400, False)])
def test_it_opens_adding_and_deleting_until_the_grace_days_are_over(year, days, allowed):
    with time_machine.travel(FIRST + timedelta(days=days)):
        decisions = [decide(action, None).allowed for action in (Action.ADD_METHOD, Action.DELETE_METHOD)]

    assert decisions == [allowed, allowed]


def test_it_never_locks_editing(year):
    with time_machine.travel(FIRST + timedelta(days=4000)):
        assert decide(Action.CHANGE_METHOD, None).allowed


def test_it_says_when_it_expired(year):
    with time_machine.travel(FIRST + timedelta(days=400)):
        decision = decide(Action.ADD_METHOD, None)

    assert decision.code == "license-expired"
    assert "expired on 1 January 2028" in decision.message


@pytest.mark.parametrize(
    ("days", "code", "sentence"),
    [(-31, "expired", "expired on"), (-3000, "expired", "expired on")],
)
def test_it_refuses_an_expired_key_and_keeps_the_one_in_use(licensed, issue, days, code, sentence):
    with pytest.raises(LicenseRefused, match=sentence) as refused:
        licensing.install(issue(days=days, customer="Late Ltd"), user=None)

    assert refused.value.code == code
    assert licensing.authority.status().terms == licensed


def test_it_takes_a_key_in_its_grace_days(db, issue):
    licensing.install(issue(days=-1), user=None)

    assert licensing.authority.status().state == State.GRACE


def test_it_refuses_a_key_whose_time_has_not_come(licensed, issue):
    with pytest.raises(LicenseRefused, match="not valid before 1 January 2099") as refused:
        licensing.install(issue(not_before=datetime(2099, 1, 1, tzinfo=UTC)), user=None)

    assert refused.value.code == "not-yet-valid"
    assert licensing.authority.status().terms == licensed


def test_it_is_the_community_edition_without_a_key(db):
    assert licensing.authority.status().state == State.COMMUNITY
    assert decide(Action.ADD_METHOD, None).code == "license-missing"


def test_it_falls_back_to_community_when_the_signer_is_not_trusted_any_more(licensed, monkeypatch):
    monkeypatch.setattr(licensing, "authority", Authority({}))

    status = licensing.authority.status()

    assert status.state == State.COMMUNITY
    assert licensed.key_id in status.reason
    assert licensed.key_id in decide(Action.ADD_METHOD, None).message


def test_it_falls_back_to_community_when_the_stored_key_is_edited(licensed):
    License.objects.update(key="DEEPEXT-1.nonsense")

    assert "damaged" in licensing.authority.status().reason


def test_it_opens_only_what_the_key_lists(db, issue):
    licensing.install(issue(entitlements=("delete-method",)), user=None)

    assert decide(Action.DELETE_METHOD, None).allowed
    assert decide(Action.ADD_METHOD, None).code == "not-entitled"


def test_it_takes_the_clock_it_is_given(signer, issue):
    later = Authority(licensing.authority.trusted_keys, clock=lambda: datetime.now(UTC) + timedelta(days=500))

    assert later.judge(issue()).state == State.EXPIRED


def test_it_keeps_one_key_at_a_time(licensed, issue):
    licensing.install(issue(customer="Next Ltd"), user=None)

    assert License.objects.count() == 1
    assert licensing.authority.status().terms.customer == "Next Ltd"


def test_it_asks_the_role_before_the_license(licensed, expert, engineer):
    assert decide(Action.ADD_METHOD, expert).code == "role"
    assert decide(Action.ADD_METHOD, engineer).allowed
    assert decide(Action.INSTALL_LICENSE, engineer).code == "role"


def test_administrators_alone_install_and_remove_it_by_whatever_door(licensed, issue, engineer):
    for change in (lambda: licensing.install(issue(customer="Next Ltd"), engineer), lambda: licensing.remove(engineer)):
        with pytest.raises(NotAllowed):
            change()

    assert licensing.authority.status().terms == licensed


def test_it_locks_an_engineer_without_a_license_and_names_the_free_way(db, engineer):
    decision = decide(Action.DELETE_METHOD, engineer)

    assert decision.code == "license-missing"
    assert "custom01" in decision.next_step
    assert "DEEPEXT_TRAINERS_DIR" in decision.next_step
