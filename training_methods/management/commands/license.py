"""The licence from the command line: see where it stands, install and remove a key; make a key pair and issue keys."""

import sys
import uuid
from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta
from json import dumps
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from pydantic import ValidationError

from training_methods import issuing, license_key, licensing
from training_methods.license_key import LicenseRefused, LicenseTerms
from training_methods.licensing import LicenseStatus
from training_methods.trainers.parameters import mistakes

ISSUED = ("product", "customer", "edition", "days", "not_before", "grace_days", "seats")


class Command(BaseCommand):
    help = "Show, install or remove the license; make a key pair and issue license keys."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        status = actions.add_parser("status", help="Say where the license stands.")
        status.add_argument("--json", action="store_true")
        install = actions.add_parser("install", help="Install a license key.")
        install.add_argument("file", help="The file that holds the key; - reads standard input.")
        actions.add_parser("remove", help="Remove the installed key.")
        keygen = actions.add_parser("keygen", help="Make the pair of keys that license keys are signed with.")
        keygen.add_argument("--private-key", type=Path, required=True, metavar="FILE", help="Where to write it.")
        keygen.add_argument("--trust", action="store_true", help="Add the public half to trusted_keys.py.")
        add_issue_arguments(actions.add_parser("issue", help="Sign a license key."))

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, options["action"])(**options)

    def status(self, *, json: bool, **options: Any) -> None:
        status = licensing.authority.status()
        facts = describe(status)
        self.stdout.write(dumps(facts, indent=2, ensure_ascii=False) if json else as_lines(facts))

    def install(self, *, file: str, **options: Any) -> None:
        try:
            terms = licensing.install(read_key(file), user=None)
        except LicenseRefused as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(f"Installed the license of {terms.customer}: {validity(terms)}.")

    def remove(self, **options: Any) -> None:
        removed = licensing.remove(user=None)
        self.stdout.write("Removed the license." if removed else "There is no license to remove.")

    def keygen(self, *, private_key: Path, trust: bool, **options: Any) -> None:
        try:
            public_key = issuing.create_private_key(private_key).public_key()
        except FileExistsError:
            raise CommandError(f"{private_key} exists already, and a private key is never overwritten.") from None
        except OSError as error:
            raise CommandError(f"{private_key} cannot be written: {error.strerror}.") from error
        self.stdout.write(f"The private key is in {private_key}. Keep it out of the repository.")
        line = f'"{issuing.key_id(public_key)}": "{issuing.as_text(public_key)}",'
        if not trust:
            self.stdout.write(f"To trust it, add this line to training_methods/trusted_keys.py:\n    {line}")
            return
        try:
            issuing.trust(public_key)
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be written; add this line to it: {line}") from error
        self.stdout.write(f"The public key “{issuing.key_id(public_key)}” is trusted from the next start on.")

    def issue(self, *, private_key: Path, output: Path | None, **options: Any) -> None:
        try:
            signer = issuing.read_private_key(private_key)
        except issuing.NoPrivateKey as error:
            raise CommandError(str(error)) from error
        key_id = issuing.key_id(signer.public_key())
        wanted = {name: options[name] for name in ISSUED}
        terms = terms_of(key_id=key_id, **wanted)
        if key_id not in licensing.authority.trusted_keys:
            self.stderr.write(f"Note that this installation does not trust the key “{key_id}”.")
        self.hand_over(license_key.sign(terms, signer), output)
        if output:
            self.stdout.write(f"{output} holds a license key for {terms.customer}: {validity(terms)}.")

    def hand_over(self, key: str, output: Path | None) -> None:
        if output is None:
            self.stdout.write(key)
            return
        try:
            output.write_text(key + "\n")
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}.") from error


def add_issue_arguments(parser: CommandParser) -> None:
    parser.add_argument("--private-key", type=Path, required=True, metavar="FILE")
    parser.add_argument("--customer", required=True, metavar="NAME")
    parser.add_argument(
        "--days", type=int, metavar="N", help="How long it is valid; without it, for ever. A negative number is past."
    )
    parser.add_argument("--seats", type=int, metavar="N", help="How many people may use it; without it, any number.")
    parser.add_argument("--output", type=Path, metavar="FILE", help="Where to write it; without it, standard output.")
    parser.add_argument("--not-before", type=date, metavar="YYYY-MM-DD", help="When it begins; without it, now.")
    parser.add_argument("--grace-days", type=int, default=30, metavar="N", help="Days it stays open after its end.")
    parser.add_argument("--edition", default="commercial", metavar="NAME")
    parser.add_argument("--product", default=licensing.PRODUCT, metavar="NAME")


def date(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise ArgumentTypeError(f"“{text}” is not a date like 2027-01-31") from None


def terms_of(*, days: int | None, not_before: datetime | None, **given: Any) -> LicenseTerms:
    now = timezone.now().replace(microsecond=0)
    begins = not_before or now
    try:
        expires = None if days is None else begins + timedelta(days=days)
    except OverflowError:
        raise CommandError(f"--days {days} lies beyond the calendar.") from None
    try:
        return LicenseTerms(
            **given,
            license_id=str(uuid.uuid4()),
            issued=now,
            not_before=min(begins, expires or begins),
            expires=expires,
            entitlements=tuple(licensing.LICENSED_ACTIONS),
        )
    except ValidationError as error:
        raise CommandError("; ".join(f"--{path}: {why}" for path, why in mistakes(error).items())) from error


def read_key(name: str) -> str:
    """A key file's text; `-` is standard input."""
    try:
        with sys.stdin.buffer if name == "-" else Path(name).open("rb") as file:
            return license_key.text_of(file.read(licensing.LARGEST_FILE))
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.") from error


def validity(terms: LicenseTerms) -> str:
    if not terms.expires:
        return "valid for ever"
    tense = "valid until" if terms.expires > timezone.now() else "it ended on"
    return f"{tense} {licensing.day(terms.expires)}"


def describe(status: LicenseStatus) -> dict[str, Any]:
    terms = status.terms.model_dump(mode="json") if status.terms else {}
    trusted = list(licensing.authority.trusted_keys)
    return {
        "state": status.state,
        "meaning": status.state.meaning,
        "reason": status.reason,
        "days_left": status.days_left,
        **terms,
        "trusted_keys": trusted,
    }


def as_lines(facts: dict[str, Any]) -> str:
    """One fact a line, those that there are."""
    given = {name: ", ".join(fact) if isinstance(fact, list) else fact for name, fact in facts.items()}
    lines = [f"{name.replace('_', ' ') + ':':<14} {fact}" for name, fact in given.items() if fact not in (None, "")]
    return "\n".join(lines if facts["trusted_keys"] else [*lines, str(licensing.TRUSTS_NOBODY)])
