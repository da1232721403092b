"""The cast of every test."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.contrib.auth.models import Permission
from django.utils import timezone, translation
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from training_methods import catalog, clocks, issuing, license_key, licensing, messages

# How fast a machine is says nothing of the code. Fixtures of a test are the same for all its examples, and meant to be.
hypothesis_settings.register_profile(
    "any machine",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
hypothesis_settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def fast_and_plain(settings) -> None:
    """Argon2 takes 0.3 s a log-in, and hashed file names need a collectstatic."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture(autouse=True)
def broker_not_asked_before(monkeypatch) -> None:
    """What an earlier test did to its broker does not count."""
    monkeypatch.setattr(messages, "silent_until", 0.0)


@pytest.fixture(autouse=True)
def language_not_asked_for_before() -> None:
    """That of an earlier test's last page does not count."""
    translation.deactivate()


@pytest.fixture(autouse=True)
def clock_not_seen_before(monkeypatch) -> None:
    """To what an earlier test set the database's clock does not count."""
    watch = clocks.of_this_process
    monkeypatch.setattr(watch, "ahead", None)
    monkeypatch.setattr(watch, "trusted_from", 0.0)


@pytest.fixture(autouse=True)
def trainers_not_read_before(monkeypatch) -> None:
    """Packages that an earlier test brought along are gone, which no file in the trainers folder tells."""
    monkeypatch.setattr(catalog, "_memory", catalog.Memory())


@pytest.fixture
def admin(django_user_model):
    """Installs licences, adds and deletes methods, manages people."""
    return django_user_model.objects.create_superuser("admin", password="admin-password")


@pytest.fixture
def engineer(django_user_model):
    """Brings training methods, and may change those that are there."""
    user = django_user_model.objects.create_user("engineer", password="engineer-password", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__endswith="_trainingmethod"))
    return user


@pytest.fixture
def expert(django_user_model):
    """Knows the field, not the code: submits jobs, has no permission beyond signing in."""
    return django_user_model.objects.create_user("expert", password="expert-password")


@pytest.fixture
def data_dir(settings, tmp_path: Path) -> Iterator[Path]:
    """A data directory of the test's own."""
    settings.DATA_DIR = tmp_path
    settings.MEDIA_ROOT = tmp_path / "uploads"
    settings.TRAINERS_DIR = tmp_path / "trainers"
    yield tmp_path


@pytest.fixture
def signer(monkeypatch) -> Ed25519PrivateKey:
    """A distributor of the test's own, whom the product trusts as long as the test runs."""
    private_key = Ed25519PrivateKey.generate()
    public_key = private_key.public_key()
    trusted = {issuing.key_id(public_key): issuing.as_text(public_key)}
    monkeypatch.setattr(licensing, "authority", licensing.Authority(trusted))
    return private_key


@pytest.fixture
def issue(signer) -> Callable[..., str]:
    """Signs a license key: by default for ACME, a year from now. Any term may be given, and the signer."""

    def issue(*, days: int | None = 365, by: Ed25519PrivateKey = signer, **terms: object) -> str:
        now = timezone.now()
        given = {
            "product": licensing.PRODUCT,
            "customer": "ACME Ltd",
            "edition": "commercial",
            "license_id": "3f6f1a9e-5c1c-4d0e-9d56-0c9a3a1f7b11",
            "issued": now,
            "not_before": now,
            "expires": None if days is None else now + timedelta(days=days),
            "grace_days": 30,
            "seats": 25,
            "entitlements": tuple(licensing.LICENSED_ACTIONS),
            "key_id": issuing.key_id(by.public_key()),
        }
        return license_key.sign(license_key.LicenseTerms(**given | terms), by)

    return issue


@pytest.fixture
def licensed(db, issue) -> license_key.LicenseTerms:
    """The site has a license, for a year: methods can be added and deleted."""
    return licensing.install(issue(), user=None)
