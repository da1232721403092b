from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from deepext import console
from deepext.accounts import first_admin
from training_jobs import broker


class Command(BaseCommand):
    help = "Runs the whole console on this machine: web pages, one worker and, unless REDIS_URL is set, the broker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--host", default="127.0.0.1", help="the address to listen at; 0.0.0.0 for every one")

    def handle(self, *, port: int, host: str, **options: Any) -> None:
        if not console.port_is_free(port):
            raise CommandError(f"Port {port} is taken. Choose another: make run PORT={port + 1}")
        console.prepare()
        commands = console.web_command(host, port), console.worker_command()
        with broker.running(settings.DATA_DIR), console.started(*commands) as processes:
            console.wait_until_it_answers(port, processes[0])
            self.welcome(port)
            ended = console.wait_for_any(processes)
            self.stdout.write("Stopping. Running jobs save a checkpoint and go on at the next start.")
        if ended:
            raise CommandError(
                f"A part of the console ended with exit code {ended.returncode}; what it said stands above."
            )

    def welcome(self, port: int) -> None:
        self.stdout.write(f"\nDeepExtension is at http://127.0.0.1:{port}   (Ctrl-C stops it)")
        if password := first_admin.one_time_password():
            self.stdout.write(
                f"Sign in as “{first_admin.NAME}” with the one-time password {password}; you choose your own at once."
            )
        self.stdout.write(f"Data is kept in {settings.DATA_DIR}\n")
        self.stdout.flush()
