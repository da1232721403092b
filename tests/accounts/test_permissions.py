import pytest
from django.contrib.auth.models import Group, Permission

pytestmark = pytest.mark.django_db


@pytest.fixture
def group_of_engineers():
    group = Group.objects.create(name="engineers")
    group.permissions.add(Permission.objects.get(codename="delete_trainingmethod"))
    return group


def test_it_joins_a_users_own_and_those_of_the_groups(expert, group_of_engineers, django_assert_num_queries):
    expert.groups.add(group_of_engineers)
    expert.user_permissions.add(Permission.objects.get(codename="add_trainingmethod"))

    with django_assert_num_queries(1):
        own = expert.get_all_permissions()

    assert own == {"training_methods.delete_trainingmethod", "training_methods.add_trainingmethod"}


def test_it_gives_an_inactive_user_nothing(expert, group_of_engineers):
    expert.groups.add(group_of_engineers)
    expert.is_active = False

    assert not expert.has_perm("training_methods.delete_trainingmethod")


def test_it_gives_a_superuser_everything(admin):
    assert admin.has_perm("training_methods.delete_trainingmethod")
