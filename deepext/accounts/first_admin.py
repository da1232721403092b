import secrets

from deepext.accounts.models import User

NAME = "admin"


def one_time_password() -> str | None:
    """A fresh one-time password for the first administrator, who is created if there is none.

    None once an administrator has signed in and chosen a password.
    """
    if User.objects.filter(is_superuser=True).exclude(must_change_password=True).exists():
        return None
    admin, _ = User.objects.get_or_create(username=NAME, defaults={"is_superuser": True, "is_staff": True})
    password = "-".join(secrets.token_hex(2) for _ in range(4))
    admin.set_password(password)
    admin.must_change_password = True
    admin.save()
    return password
