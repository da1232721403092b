from typing import Any

from django.core.management import BaseCommand

from deepext import console
from deepext.accounts import first_admin


class Command(BaseCommand):
    help = "Gets a site ready: database, built-in methods, static files, first administrator. For deployments."

    def handle(self, **options: Any) -> None:
        console.prepare()
        if password := first_admin.one_time_password():
            self.stdout.write(f"Sign in as “{first_admin.NAME}” with the one-time password {password}.")
