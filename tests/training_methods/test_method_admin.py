"""Django's admin site goes through the same gate and the same checks."""

import pytest
from django.contrib.admin import site

from training_methods.models import TrainingMethod

LIST = "/admin/training_methods/trainingmethod/"
pytestmark = pytest.mark.django_db


def bulk_delete(client):
    chosen = [method.pk for method in TrainingMethod.objects.all()]
    return client.post(LIST, {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}, follow=True)


def test_it_lists(client, admin, lora):
    client.force_login(admin)

    page = client.get(LIST)

    assert "LoRA fine-tuning" in page.text


def test_it_needs_login(client, lora):
    assert client.get(LIST).status_code == 302


def test_it_adds(client, admin, licensed, written):
    client.force_login(admin)

    client.post(f"{LIST}add/", written)

    method = TrainingMethod.objects.get()
    assert (method.created_by, method.updated_by) == (admin, admin)


def test_it_does_not_add_without_a_license(client, admin, written):
    client.force_login(admin)

    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(f"{LIST}add/", written).status_code == 403
    assert not TrainingMethod.objects.exists()


def test_it_checks_the_configuration(client, admin, licensed, written):
    client.force_login(admin)

    page = client.post(f"{LIST}add/", written | {"config": '{"resources": {"gpus": -1}}'})

    assert "resources.gpus: -1 is too small: the least is 0." in page.text
    assert not TrainingMethod.objects.exists()


def test_it_edits_without_a_license(client, engineer, custom, written):
    client.force_login(engineer)

    client.post(f"{LIST}{custom.pk}/change/", written | {"internal_name": "other", "trainer": "custom01"})

    custom.refresh_from_db()
    assert (custom.internal_name, custom.display_name, custom.updated_by) == ("custom01", "Support LoRA", engineer)


def test_it_deletes_one(client, admin, licensed, lora):
    client.force_login(admin)

    client.post(f"{LIST}{lora.pk}/delete/", {"post": "yes"})

    assert not TrainingMethod.objects.exists()


def test_it_does_not_delete_one_without_a_license(client, admin, lora):
    client.force_login(admin)

    assert client.post(f"{LIST}{lora.pk}/delete/", {"post": "yes"}).status_code == 403
    assert TrainingMethod.objects.exists()


def test_it_deletes_many(client, admin, licensed, lora, custom):
    client.force_login(admin)

    bulk_delete(client)

    assert not TrainingMethod.objects.exists()
    assert TrainingMethod.history.filter(history_type="-", history_user=admin).count() == 2


def test_one_of_many_that_is_gone_keeps_nobody_from_the_rest(rf, admin, licensed, lora, custom):
    request, chosen = rf.post(LIST), TrainingMethod.objects.all()
    request.user = admin
    assert len(chosen) == 2
    lora.delete()

    site.get_model_admin(TrainingMethod).delete_queryset(request, chosen)

    assert not TrainingMethod.objects.exists()


def test_it_does_not_delete_many_without_a_license(client, admin, lora, custom):
    client.force_login(admin)

    bulk_delete(client)

    assert TrainingMethod.objects.count() == 2


def test_it_does_not_delete_many_without_the_role(client, engineer, licensed, lora):
    engineer.user_permissions.remove(*engineer.user_permissions.filter(codename="delete_trainingmethod"))
    client.force_login(engineer)

    bulk_delete(client)

    assert TrainingMethod.objects.exists()


def test_it_shows_the_history(client, admin, lora):
    client.force_login(admin)

    assert client.get(f"{LIST}{lora.pk}/history/").status_code == 200


def test_it_only_shows_the_license(client, admin, licensed):
    client.force_login(admin)
    url = "/admin/training_methods/license/"

    page = client.get(f"{url}1/change/")

    assert "ACME Ltd" in page.text
    assert "DEEPEXT-1." not in page.text
    assert client.get(f"{url}add/").status_code == 403
    assert client.post(f"{url}1/delete/", {"post": "yes"}).status_code == 403
