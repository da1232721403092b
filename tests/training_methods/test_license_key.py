"""A licence key: what is read from it, and everything that is refused."""

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
    "text",
    [
        "",
        " \n",
        "hello",
        "DEEPEXT-1.",
        "DEEPEXT-1.." + "A" * 86,
        "DEEPEXT-1." + "A" * 20_000,
        "DEEPEXT-1.é." + "A" * 86,
    ],
)
def test_it_calls_garbage_damaged(signer, text):
    assert refusal(text).code == "damaged"


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
