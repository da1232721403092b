"""A licence key as text: a prefix, what it says, a signature over both. Whether it counts, `licensing` judges.

DEEPEXT-1.<base64url of the JSON payload>.<base64url of the Ed25519 signature over all that stands before it>
"""

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

PREFIX = "DEEPEXT-1."
LONGEST_KEY = 10_000
SIGNATURE_LENGTH = 86  # 64 bytes in base64
CALENDAR = Field(
    ge=datetime(1900, 1, 1, tzinfo=UTC), lt=datetime(9900, 1, 1, tzinfo=UTC)
)  # grace days fit in behind it
Moment = Annotated[AwareDatetime, CALENDAR]


class LicenseTerms(BaseModel):
    """What a key says, as its payload holds it."""

    model_config = ConfigDict(frozen=True)

    product: str
    customer: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    edition: str
    license_id: str
    issued: Moment
    not_before: Moment
    expires: Moment | None
    grace_days: int = Field(ge=0, le=3650)
    seats: Annotated[int, Field(ge=1)] | None
    entitlements: tuple[str, ...]
    key_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]

    @property
    def opens(self) -> str:
        """The entitlements as people say them: “add methods, delete methods”."""
        said = {"add-method": _("add methods"), "delete-method": _("delete methods")}
        return ", ".join(said.get(name, name) for name in self.entitlements)

    @property
    def grace_until(self) -> datetime | None:
        return self.expires and self.expires + timedelta(days=self.grace_days)


class LicenseRefused(Exception):
    """A key that does not count. `code` is for programs, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class LicenseKey:
    """A key taken apart, still unchecked."""

    signed: bytes
    signature: bytes
    terms: LicenseTerms

    @classmethod
    def of_text(cls, text: str) -> Self:
        key = compact(text)
        if not key:
            raise damaged(_("it is empty"))
        if not key.startswith(PREFIX):
            raise damaged(_("it does not begin with “%(prefix)s”") % {"prefix": PREFIX})
        if len(key) > LONGEST_KEY:
            lengths = {"number": intcomma(len(key)), "most": intcomma(LONGEST_KEY)}
            raise damaged(_("it has %(number)s characters, and no key has more than %(most)s") % lengths)
        payload, dot, signature = key.removeprefix(PREFIX).partition(".")
        if not dot or len(signature) < SIGNATURE_LENGTH:
            raise damaged(_("it is cut short"))
        signed = (PREFIX + payload).encode()
        return cls(signed=signed, signature=decode(signature), terms=terms_of(decode(payload)))

    def is_signed_by(self, public_key: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(self.signature, self.signed)
        except InvalidSignature:
            return False
        return True


def sign(terms: LicenseTerms, private_key: Ed25519PrivateKey) -> str:
    """The key's text, in one line."""
    signed = PREFIX + encode(terms.model_dump_json().encode())
    return f"{signed}.{encode(private_key.sign(signed.encode()))}"


def terms_of(payload: bytes) -> LicenseTerms:
    try:
        return LicenseTerms.model_validate_json(payload)
    except ValidationError:
        raise damaged(_("what it says cannot be read")) from None


def damaged(how: str) -> LicenseRefused:
    return LicenseRefused("damaged", _("This license key is damaged: %(how)s.") % {"how": how})


def text_of(data: bytes) -> str:
    """A key file's text."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise damaged(_("it is not text")) from None


def compact(text: str) -> str:
    """The key without the line breaks and blanks that mail programs put in."""
    return re.sub(r"[ \t\r\n]", "", text)


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Base64 in its one canonical spelling: the last letter has spare bits, and an edit there counts as one too."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        data = b""
    if not data or encode(data) != text:
        raise damaged(_("it holds characters that do not belong there"))
    return data
