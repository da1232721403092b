from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person who signs in. Roles are Django's: staff administers, permissions say what else."""

    must_change_password = models.BooleanField(
        default=False, help_text="Asks for a new password before anything else, as after a one-time password."
    )
