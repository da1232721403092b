"""Addresses that nobody's browser sends: text that a database does not take is looked for in vain, and is no error."""

import pytest

from tests.training_jobs import records

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "address",
    [
        "/search/?q=a%00b",
        "/jobs/?q=a%00b",
        "/jobs/compare/?find=a%00b",
        "/jobs/new/?method=lo%00ra",
        "/jobs/new/choices/dataset/?find_dataset=a%00b",
    ],
)
def test_text_with_a_null_character_finds_nothing(client, expert, address):
    for record in (records.method, records.base_model, records.dataset):
        record()
    client.force_login(expert)

    assert client.get(address).status_code == 200


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("/jobs/new/rail/", "method=lo%00ra&base_model=%00&dataset=%00"),
        ("/jobs/new/check/", "method=lora&settings_of=lora&name=a%00b&seed=%00&priority=%00"),
    ],
)
def test_neither_does_a_form_with_one(client, expert, address, sent):
    for record in (records.method, records.base_model, records.dataset):
        record()
    client.force_login(expert)

    assert client.post(address, sent, "application/x-www-form-urlencoded").status_code == 200
