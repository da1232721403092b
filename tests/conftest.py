"""The cast of every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission


@pytest.fixture(autouse=True)
def fast_and_plain(settings) -> None:
    """Argon2 takes 0.3 s a log-in, and hashed file names need a collectstatic."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


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
