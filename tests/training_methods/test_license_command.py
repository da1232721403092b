"""`manage.py license`, from outside as a distributor and a customer use it."""

import io
import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from training_methods import issuing, licensing, trusted_keys
from training_methods.licensing import State

REPOSITORY = Path(__file__).parents[2]


def license_(*arguments: str | Path) -> str:
    out = io.StringIO()
    call_command("license", *map(str, arguments), stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.fixture
def private_key(tmp_path, monkeypatch) -> Path:
    """A pair made by the command; the product trusts it."""
    path = tmp_path / "private.pem"
    license_("keygen", "--private-key", path)
    public_key = issuing.read_private_key(path).public_key()
    authority = licensing.Authority({issuing.key_id(public_key): issuing.as_text(public_key)})
    monkeypatch.setattr(licensing, "authority", authority)
    return path


@pytest.fixture
def key_file(private_key, tmp_path) -> Path:
    path = tmp_path / "acme.key"
    license_("issue", "--private-key", private_key, "--customer", "ACME", "--days", "90", "--output", path)
    return path


def status() -> dict:
    return json.loads(license_("status", "--json"))


def test_a_key_that_is_past_is_said_to_be(private_key, tmp_path):
    output = tmp_path / "old.key"

    said = license_("issue", "--private-key", private_key, "--customer", "ACME", "--days", "-3", "--output", output)

    assert "ACME: it ended on" in said


def test_it_installs_what_it_issued(db, key_file):
    said = license_("install", key_file)

    assert "Installed the license of ACME: valid until" in said
    assert (status()["state"], status()["customer"], status()["days_left"]) == ("active", "ACME", 90)


def test_it_tells_the_status_in_lines(db, key_file):
    license_("install", key_file)

    said = license_("status")

    assert "state:         active" in said
    assert "customer:      ACME" in said


def test_it_removes(db, key_file):
    license_("install", key_file)

    assert license_("remove") == "Removed the license.\n"
    assert license_("remove") == "There is no license to remove.\n"
    assert status()["state"] == "community"


def test_it_issues_for_ever_and_for_seats(db, private_key, tmp_path):
    key = license_("issue", "--private-key", private_key, "--customer", "ACME", "--seats", "5")

    terms = licensing.authority.verify(key)

    assert (terms.expires, terms.seats) == (None, 5)


def test_it_issues_keys_that_have_run_out(db, private_key):
    in_grace = license_("issue", "--private-key", private_key, "--customer", "ACME", "--days", "-1")

    assert licensing.authority.judge(in_grace).state == State.GRACE


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--days", "-40"], "This license key expired on"),
        (["--not-before", "2099-01-01"], "This license key is not valid before 1 January 2099."),
        (["--product", "deepother"], "This license key is for “deepother”, not for deepextension."),
    ],
)
def test_it_says_why_a_key_is_refused(db, private_key, tmp_path, arguments, reason):
    path = tmp_path / "refused.key"
    license_("issue", "--private-key", private_key, "--customer", "ACME", "--output", path, *arguments)

    with pytest.raises(CommandError, match=reason):
        license_("install", path)

    assert status()["state"] == "community"


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff\xfe\x00binary", b"DEEPEXT-1." + b"A" * 3_000_000])
def test_it_calls_a_garbage_file_damaged(db, tmp_path, content):
    path = tmp_path / "garbage.key"
    path.write_bytes(content)

    with pytest.raises(CommandError, match="This license key is damaged"):
        license_("install", path)


def test_it_says_that_a_file_cannot_be_read(db, tmp_path):
    with pytest.raises(CommandError, match=r"nonesuch\.key cannot be read: No such file or directory\."):
        license_("install", tmp_path / "nonesuch.key")
    with pytest.raises(CommandError, match=r"cannot be read: Is a directory\."):
        license_("install", tmp_path)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--customer", " "], "--customer"),
        (["--customer", "ACME", "--seats", "0"], "--seats: 0 is too small: the least is 1."),
        (["--customer", "ACME", "--grace-days", "-1"], "--grace_days: -1 is too small"),
        (["--customer", "ACME", "--days", "99999999"], "--days 99999999 lies beyond the calendar."),
        (["--customer", "ACME", "--days", "soon"], "invalid int value: 'soon'"),
        (["--customer", "ACME", "--not-before", "tomorrow"], "“tomorrow” is not a date like 2027-01-31"),
    ],
)
def test_it_issues_no_nonsense(private_key, arguments, reason):
    with pytest.raises(CommandError, match=reason):
        license_("issue", "--private-key", private_key, *arguments)


def test_it_signs_with_nothing_but_a_private_key(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("no key")

    with pytest.raises(CommandError, match="holds no Ed25519 private key"):
        license_("issue", "--private-key", path, "--customer", "ACME")


def test_it_keeps_the_private_key_to_its_owner_and_never_replaces_one(private_key):
    before = private_key.read_bytes()

    with pytest.raises(CommandError, match="a private key is never overwritten"):
        license_("keygen", "--private-key", private_key, "--trust")

    assert private_key.stat().st_mode & 0o777 == 0o600
    assert private_key.read_bytes() == before


def test_it_writes_a_trusted_key_into_the_source_once(private_key, tmp_path):
    source = tmp_path / "trusted_keys.py"
    shutil.copy(trusted_keys.__file__, source)
    public_key = issuing.read_private_key(private_key).public_key()

    issuing.trust(public_key, source)
    issuing.trust(public_key, source)

    written = runpy.run_path(str(source))
    assert (
        written["TRUSTED_KEYS"] == {issuing.key_id(public_key): issuing.as_text(public_key)} | trusted_keys.TRUSTED_KEYS
    )
    assert source.read_text().startswith('"""The public keys')


@pytest.fixture
def product(tmp_path) -> Path:
    """A copy of the product whose source file of trusted keys may change."""
    copy = tmp_path / "product"
    copy.mkdir()
    for name in ("deepext", "training_jobs", "training_methods", "manage.py"):
        (shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy)(REPOSITORY / name, copy / name)
    return copy


def test_the_whole_way_from_a_pair_of_keys_to_an_installed_license(product, tmp_path):
    def manage(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *map(str, arguments)]
        env = os.environ | {"DEEPEXT_DATA_DIR": str(tmp_path / "data")}
        env.pop("DATABASE_URL", None)
        return subprocess.run(command, cwd=product, env=env, capture_output=True, text=True, timeout=120)

    pair, key = tmp_path / "pair.pem", tmp_path / "acme.key"
    manage("migrate")
    manage("license", "keygen", "--private-key", pair, "--trust")
    manage("license", "issue", "--private-key", pair, "--customer", "ACME", "--output", key)
    edited = tmp_path / "edited.key"
    edited.write_text(key.read_text().replace("A", "B", 1))

    refused = manage("license", "install", edited)
    installed = manage("license", "install", key)

    assert (refused.returncode, installed.returncode) == (1, 0)
    assert "Traceback" not in refused.stderr
    assert json.loads(manage("license", "status", "--json").stdout)["state"] == "active"
