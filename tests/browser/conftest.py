"""A console of its own (web process, worker, broker, database) and a browser that overlooks nothing."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Locator, Page, Request, expect, sync_playwright

from deepext import console as processes
from tests.training_jobs import records
from training_jobs import datasets

ROOT = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NEEDS_CHROMIUM = pytest.mark.skipif(
    CHROMIUM is None, reason="There is no Chromium here: Debian's package “chromium” brings one."
)
PATIENCE = 20_000  # milliseconds: pages ask every few seconds, and other tests keep the machine busy
FLAGS = ["--no-sandbox", "--disable-background-networking"]

expect.set_options(timeout=PATIENCE)


@dataclass(frozen=True)
class Console:
    """A running console, its first administrator's password, and the data directory it works in."""

    url: str
    password: str
    data_dir: Path

    def manage(self, *arguments: str) -> str:
        return manage(self.data_dir, *arguments)


def manage(data_dir: Path, *arguments: str) -> str:
    """What a management command prints. Fails with what it complains of."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ | {"DEEPEXT_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    """A console on its first day."""
    with a_console(tmp_path / "data", DEEPEXT_WARM_PARENT="off") as console:
        yield console


@contextmanager
def a_console(data_dir: Path, **variables: str) -> Iterator[Console]:
    manage(data_dir, "license", "keygen", "--private-key", str(data_dir / "signer.pem"))
    password = re.search(r"one-time password ([\w-]+)", manage(data_dir, "prepare"))[1]
    port = free_port()
    web = [sys.executable, "-m", "gunicorn", "tests.browser.wsgi", "--bind", f"127.0.0.1:{port}"]
    web += ["--worker-class", "gthread", "--threads", "4", "--log-level", "warning"]
    variables |= {"DEEPEXT_DATA_DIR": str(data_dir)}
    with processes.started(processes.worker_command(), web, **variables) as (_, web_process):
        processes.wait_until_it_answers(port, web_process)
        yield Console(f"http://127.0.0.1:{port}", password, data_dir)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def watched_page(url: str, *, refused: Mapping[str, int] = MappingProxyType({}), **options: Any) -> Iterator[Page]:
    """A browser's page. In the end nothing may have been complained of, and nothing asked of another machine.

    `refused`: paths that are meant to be answered with that status, which the browser itself complains of.
    """
    complaints: list[str] = []
    expected = {url + path: f"status of {status} " for path, status in refused.items()}

    def listen(message: ConsoleMessage) -> None:
        source = message.location.get("url", "")
        is_expected = expected.get(source, "no such page") in message.text
        if message.type in ("error", "warning") and not is_expected:
            complaints.append(f"{message.text} ({source})")

    def watch(request: Request) -> None:
        if not request.url.startswith((url, "data:")):
            complaints.append(f"It asked {request.url}.")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(base_url=url, **options)
        page.set_default_timeout(PATIENCE)
        page.on("console", listen)
        page.on("request", watch)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        browser.close()
    assert complaints == []


@pytest.fixture
def page(console: Console) -> Iterator[Page]:
    """A page of the whole console, nobody signed in."""
    with watched_page(console.url) as page:
        yield page


@pytest.fixture
def expert_page(live_server, client, expert, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A page of the web process alone, on the test's own database, with the expert signed in."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright has an event loop in this thread
    with watched_page(live_server.url) as page:
        sign_in_as(expert, client, page, live_server.url)
        yield page


@pytest.fixture
def form(expert_page: Page, data_dir: Path, tmp_path: Path) -> Page:
    """The page that starts a train, where there is one of everything that it takes."""
    rows = [{"question": "Who makes the kettle?", "answer": f"Aunt Agatha, {number}."} for number in range(40)]
    (tmp_path / "some.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    records.base_model(path=str(tmp_path), parameter_count=10**8)
    datasets.import_file(tmp_path / "some.jsonl", name="kettles")
    records.method()
    expert_page.goto("/jobs/new/")
    return expert_page


def sign_in_as(user: Any, client: Any, page: Page, url: str) -> None:
    client.force_login(user)
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": url}])


def follow(link: Locator) -> None:
    """Until the scripts of the page that it leads to have run as well: what they act on is there before them."""
    with link.page.expect_navigation():
        link.click()


def hide(page: Page, hidden: bool) -> None:
    """As the browser tells a page whose tab is not looked at."""
    page.evaluate(f"Object.defineProperty(document, 'hidden', {{ value: {str(hidden).lower()}, configurable: true }})")
