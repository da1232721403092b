from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class User(AbstractUser):
    """A person who signs in. Roles are Django's: staff administers, permissions say what else."""

    language = models.CharField(
        _("Language"), max_length=10, blank=True, help_text=_("Chosen in the menu; else the browser's.")
    )
    must_change_password = models.BooleanField(
        _("Has to change the password"),
        default=False,
        help_text=_("Asks for a new password before anything else, as after a one-time password."),
    )
