"""A licence key: what is read from it, and everything that is refused."""

import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from training_methods import issuing, licensing
from training_methods.license_key import LicenseRefused, encode

tampering = settings(max_examples=150, deadline=None)


def refusal(text: str) -> LicenseRefused:
    with pytest.raises(LicenseRefused) as refused:
        licensing.authority.verify(text)
    return refused.value


def test_it_says_whom_it_is_for(issue):
    terms = licensing.authority.verify(issue(customer="Müller & Söhne", seats=7))

    assert (terms.customer, terms.seats) == ("Müller & Söhne", 7)
    assert terms.entitlements == ("add-method", "delete-method")


def test_it_survives_a_mail_program(issue):
    key = issue()
    mailed = "\r\n".join(key[start : start + 60] for start in range(0, len(key), 60))

    terms = licensing.authority.verify(f"\n  {mailed}\r\n\t")

    assert terms.customer == "ACME Ltd"


@tampering
@given(data=st.data())
def test_it_refuses_any_edit_of_one_byte(issue, data):
    key = issue().encode()
    position = data.draw(st.integers(0, len(key) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != key[position]))
    edited = key[:position] + bytes([byte]) + key[position + 1 :]

    assert refusal(edited.decode("latin-1")).code in ("damaged", "unknown-signer")


@tampering
@given(data=st.data())
def test_it_refuses_a_key_cut_short(issue, data):
    key = issue()
    length = data.draw(st.integers(0, len(key) - 1))

    assert refusal(key[:length]).code == "damaged"


def test_it_refuses_every_other_last_letter(issue):
    """A signature's last letter has four spare bits: sixteen letters decode to the same bytes."""
    key = issue()
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    codes = {refusal(key[:-1] + letter).code for letter in letters if letter != key[-1]}

    assert codes == {"damaged"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("hello", "it does not begin with “DEEPEXT-1.”"),
        ("DEEPEXT-1.", "it is cut short"),
        ("DEEPEXT-1.." + "A" * 85, "it is cut short"),
        ("DEEPEXT-1.." + "A" * 86, "it holds characters that do not belong there"),
        ("DEEPEXT-1." + "A" * 20_000, "it has 20,010 characters, and no key has more than 10,000"),
        ("DEEPEXT-1.é." + "A" * 86, "it holds characters that do not belong there"),
    ],
)
def test_it_says_how_garbage_is_damaged(signer, text, why):
    refused = refusal(text)

    assert (refused.code, str(refused)) == ("damaged", f"This license key is damaged: {why}.")


def test_it_refuses_a_key_without_its_beginning(issue):
    assert refusal(issue().removeprefix("DEEPEXT-1.")).code == "damaged"


@pytest.mark.parametrize("field", ["not_before", "expires"])
@pytest.mark.parametrize("year", [1, 9999])
def test_it_refuses_a_day_that_no_calendar_can_add_grace_days_to(signer, field, year):
    terms = {"product": "deepextension", "customer": "ACME", "edition": "", "license_id": "", "grace_days": 30}
    moment = datetime(2027, 1, 1, tzinfo=UTC)
    terms |= {"issued": moment, "not_before": moment, "expires": None, "seats": None, "entitlements": []}
    key_id = issuing.key_id(signer.public_key())
    payload = json.dumps(terms | {"key_id": key_id, field: datetime(year, 12, 31, tzinfo=UTC)}, default=str)
    signed = f"DEEPEXT-1.{encode(payload.encode())}"

    assert "cannot be read" in str(refusal(f"{signed}.{encode(signer.sign(signed.encode()))}"))


def test_it_is_not_led_astray_by_deep_nesting(signer):
    text = f"DEEPEXT-1.{encode(b'[' * 5000)}.{'A' * 86}"

    assert "cannot be read" in str(refusal(text))


def test_it_refuses_another_signer(issue):
    stranger = Ed25519PrivateKey.generate()

    refused = refusal(issue(by=stranger))

    assert refused.code == "unknown-signer"
    assert issuing.key_id(stranger.public_key()) in str(refused)


def test_it_refuses_a_stranger_who_uses_a_trusted_name(issue, signer):
    trusted_name = issuing.key_id(signer.public_key())

    assert refusal(issue(by=Ed25519PrivateKey.generate(), key_id=trusted_name)).code == "damaged"


def test_it_refuses_another_product(issue):
    refused = refusal(issue(product="deepspreadsheet"))

    assert refused.code == "other-product"
    assert "“deepspreadsheet”" in str(refused)
