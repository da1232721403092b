"""The first curve of a job with a million points in headless Chromium: from the click until it is drawn."""

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from django.conf import settings
from playwright.sync_api import Browser, sync_playwright

from benchmarks.pages import signed_in
from benchmarks.records import a_job
from deepext import console
from training_jobs import metrics
from training_jobs.models import TrainingJob
from training_methods.trainers.events import Metrics

POINTS = 1_000_000
AT_ONCE = 50_000
ROUNDS = 5
NAMES = (
    "loss",
    "grad_norm",
    "learning_rate",
    "mean_token_accuracy",
    "entropy",
    "reward",
    "reward_std",
    "kl",
    "epoch",
    "num_tokens",
)
FLAGS = ["--no-sandbox", "--disable-background-networking"]
CURVE = 'figure[data-metric="loss"] canvas'
FACTS = """() => {
  const one = performance.getEntriesByType("resource").find((entry) => entry.name.includes("/metrics?"));
  const page = performance.getEntriesByType("navigation")[0];
  const points = one.responseEnd - one.startTime;
  return { drawn: performance.now(), page: page.responseEnd, points, kb: one.encodedBodySize / 1000 };
}"""


def measure() -> list[dict[str, object]]:
    jobs = {"one curve": with_points(NAMES[:1]), "ten curves": with_points(NAMES)}
    session = signed_in().cookies[settings.SESSION_COOKIE_NAME].value
    with a_web_process() as url, sync_playwright() as playwright:
        chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session, "url": url}
        first_view(browser, cookie, next(iter(jobs.values())))  # the web process's own first page
        return [row(way, [first_view(browser, cookie, job) for _ in range(ROUNDS)]) for way, job in jobs.items()]


def with_points(names: tuple[str, ...]) -> TrainingJob:
    """A job with a million of them in all."""
    job = a_job(f"{len(names)} curves")
    for start in range(0, POINTS // len(names), AT_ONCE):
        steps = range(start, min(start + AT_ONCE, POINTS // len(names)))
        metrics.append(job.pk, 1, [Metrics(step=step, values=dict.fromkeys(names, 1 / (step + 1))) for step in steps])
    return job


@contextmanager
def a_web_process() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with console.started(console.web_command("127.0.0.1", port)) as (web,):
        console.wait_until_it_answers(port, web)
        yield f"http://127.0.0.1:{port}"


def first_view(browser: Browser, cookie: dict[str, str], job: TrainingJob) -> dict[str, float]:
    """In milliseconds since the navigation began, in a browser that has seen nothing of the console yet."""
    with browser.new_context(base_url=cookie["url"]) as context:
        context.add_cookies([cookie])
        page = context.new_page()
        page.goto(f"{job.get_absolute_url()}?tab=evaluation", wait_until="commit")
        page.locator(CURVE).wait_for()
        return page.evaluate(FACTS)


def row(way: str, views: list[dict[str, float]]) -> dict[str, object]:
    middle = {name: round(median(view[name] for view in views)) for name in views[0]}
    return {
        "way": f"a million points in {way}",
        "ms until the first is drawn": middle["drawn"],
        "slowest": round(max(view["drawn"] for view in views)),
        "ms until the page is here": middle["page"],
        "ms for the points": middle["points"],
        "KB of points": middle["kb"],
        "within a second": max(view["drawn"] for view in views) < 1000,
    }
