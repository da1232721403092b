"""Every page, narrow and wide, light and dark, in every language: nothing overflows, is cut or is complained of.

axe-core (vendor/axe-core, from npm) looks for what WCAG 2.2 AA asks; `watched_page` for errors in the browser's
console and for anything that is asked of another machine. With EVERY_LOOK=1 in the environment all rules are tried at
every width, in both looks and in all languages, which takes ten times as long.
"""

import json
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.test import RequestFactory
from django.views import defaults
from playwright.sync_api import Page, expect

from tests.browser import pages
from tests.browser.conftest import NEEDS_CHROMIUM, sign_in_as, watched_page
from tests.browser.scenes import SCENES
from tests.browser.site import full_site
from tests.tiny_model import make_tiny_model
from training_jobs import base_models, datasets

pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM]

WIDTHS = (1440, 768, 390)
THEMES = ("light", "dark")
HEIGHT = 900
SIGN_IN = "/accounts/login/"
OTHER_LANGUAGES = ("de", "zh-hans")
EVERY_LOOK = "EVERY_LOOK" in os.environ
WHOLE = ((1440, "light"), (390, "dark"))  # where all rules are tried; elsewhere those that the look can break
TAGS = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
OF_LOOKS = {"type": "rule", "values": ["color-contrast", "target-size", "link-in-text-block"]}
VIOLATIONS = """async rules => {
  // Preloading styles of styles is refused by our policy, and no rule that is asked for needs them.
  const found = await axe.run(document, {runOnly: rules, resultTypes: ["violations"], preload: false});
  return found.violations.flatMap(one => one.nodes.map(node => `${one.id}: ${node.html.slice(0, 160)}`));
}"""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
LOOKS, PAUSE = 30, 100  # milliseconds between looks: curves are drawn anew once the window has its new size
# Text behind an edge, of which no title tells the rest; what is there for screen readers alone is a pixel wide.
CUT = """() => {
  const isCut = (overflow, whole, seen) => ["hidden", "clip"].includes(overflow) && whole - seen > 1;
  return [...document.querySelectorAll("body *")].filter((one) => {
    const style = getComputedStyle(one);
    const cut = isCut(style.overflowX, one.scrollWidth, one.clientWidth)
      || isCut(style.overflowY, one.scrollHeight, one.clientHeight);
    const isSeen = one.clientWidth > 1 && one.checkVisibility() && one.innerText?.trim();
    return cut && isSeen && !one.closest("[title], .visually-hidden");
  }).map((one) => one.outerHTML.slice(0, 160));
}"""
WEAR = "theme => Object.assign(document.documentElement.dataset, {bsTheme: theme, theme})"  # Django's own pages too
ROWS = [{"question": "Who makes the kettle?", "answer": f"Aunt Agatha, {number}."} for number in range(20)]


@cache
def axe() -> str:
    return (Path(__file__).parent / "vendor/axe-core/axe.min.js").read_text()


@pytest.fixture
def admin_page(live_server, client, admin, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A page of the web process alone, with the administrator signed in, who sees the most."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with watched_page(live_server.url, reduced_motion="reduce") as page:
        sign_in_as(admin, client, page, live_server.url)
        yield page


@pytest.fixture
def site(transactional_db, licensed, issue, admin, data_dir: Path, tmp_path: Path) -> SimpleNamespace:
    site = full_site(tmp_path / "full", admin)
    site.license_key = issue(days=700)
    return site


@pytest.fixture
def readable_site(site: SimpleNamespace, tmp_path: Path) -> SimpleNamespace:
    """With a base model and a dataset that are really there."""
    (tmp_path / "some.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    base_model = base_models.add(str(make_tiny_model(tmp_path / "tiny")), name="Tiny")
    site.readable = base_model, datasets.import_file(tmp_path / "some.jsonl", name="kettles")
    return site


@pytest.mark.parametrize("group", pages.PAGES)
def test_pages_of_a_full_site(admin_page: Page, site: SimpleNamespace, group: str):
    assert complaints(admin_page, [address.format(**vars(site)) for address in pages.PAGES[group]]) == []


@pytest.mark.parametrize("group", SCENES)
def test_what_shows_when_somebody_does_something(admin_page: Page, readable_site: SimpleNamespace, group: str):
    found = []
    for scene in SCENES[group]:
        scene(admin_page, readable_site)
        found += [f"{scene.__name__} {complaint}" for complaint in complaints_of(admin_page)]
        admin_page.set_viewport_size({"width": WIDTHS[0], "height": HEIGHT})

    assert found == []


def test_pages_of_an_empty_site(admin_page: Page, transactional_db):
    assert complaints(admin_page, pages.EMPTY) == []


def test_pages_before_anybody_signed_in(admin_page: Page, transactional_db):
    admin_page.context.clear_cookies()

    assert complaints(admin_page, pages.FOR_STRANGERS) == []


@pytest.mark.parametrize(("address", "status"), pages.REFUSALS.items())
def test_pages_that_refuse(
    live_server, client, expert, site: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, address: str, status: int
):
    """The browser itself logs their status, and nothing else may be logged."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    path = address.format(**vars(site))
    with watched_page(live_server.url, refused={path: status}) as page:
        sign_in_as(expert, client, page, live_server.url)

        assert page.goto(path).status == status

        assert list(complaints_of(page)) == []


@pytest.mark.parametrize(("view", "status"), [(defaults.server_error, 500), (defaults.bad_request, 400)])
def test_pages_of_errors_that_cannot_be_called_up(live_server, view: Callable[..., HttpResponse], status: int):
    """What Django answers when something breaks, put where a page of the console would be."""
    request = RequestFactory().get("/broken/")
    request.user = AnonymousUser()
    body = view(request, *([Exception()] if status == 400 else [])).content.decode()
    with watched_page(live_server.url, refused={"/broken/": status}) as page:
        page.route("**/broken/", lambda route: route.fulfill(status=status, content_type="text/html", body=body))
        page.goto("/broken/")

        assert list(complaints_of(page)) == []


def test_long_names_in_the_frame_can_be_read_whole(admin_page: Page, admin, settings):
    settings.SITE_NAME = "Training of the works at Leeds, second floor"
    admin.username = "agatha.who.makes.the.kettles@kettle-works.example"
    admin.save()
    admin_page.goto("/methods/")

    assert list(excesses(admin_page)) == []


def test_the_page_of_whoever_is_locked_out(live_server, client, expert, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    for _ in range(settings.AXES_FAILURE_LIMIT):
        client.post(SIGN_IN, {"username": "expert", "password": "a guess"})
    with watched_page(live_server.url, refused={SIGN_IN: 429}) as page:
        page.goto(SIGN_IN)
        sign_in(page)

        expect(page.get_by_role("heading", name="Too many attempts")).to_be_visible()
        assert list(complaints_of(page)) == []


def test_the_page_of_a_form_without_its_token(live_server, transactional_db, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with watched_page(live_server.url, refused={SIGN_IN: 403}) as page:
        page.goto(SIGN_IN)
        page.context.clear_cookies()
        sign_in(page)

        expect(page.get_by_role("heading", name="This form is out of date")).to_be_visible()
        assert list(complaints_of(page)) == []


def sign_in(page: Page) -> None:
    page.get_by_label("Username").fill("expert")
    page.get_by_label("Password").fill("expert-password")
    page.get_by_role("button", name="Sign in").click()


def complaints(page: Page, addresses: list[str]) -> list[str]:
    found = []
    for address in addresses:
        answer = page.goto(address)
        assert answer and answer.status == 200, address
        found += [f"{address} {complaint}" for complaint in complaints_of(page)]
        found += [f"{address} {complaint}" for complaint in complaints_in_other_languages(page, address)]
    return found


def complaints_of(page: Page) -> Iterator[str]:
    """Of the page as it stands there. Colours change at once, so that no contrast is measured half way."""
    page.emulate_media(reduced_motion="reduce")
    page.evaluate(axe())
    yield from excesses(page)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        for theme in THEMES:
            page.evaluate(WEAR, theme)
            rules = TAGS if EVERY_LOOK or (width, theme) in WHOLE else OF_LOOKS
            yield from (f"at {width}, {theme}: {violation}" for violation in page.evaluate(VIOLATIONS, rules))


def excesses(page: Page) -> Iterator[str]:
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        if (wider := settled_excess(page)) > 0:
            yield f"at {width}: {wider} px too wide"
        yield from (f"at {width}: text is cut: {element}" for element in page.evaluate(CUT))


def complaints_in_other_languages(page: Page, address: str) -> Iterator[str]:
    for language in OTHER_LANGUAGES:
        speak(page, language)
        page.goto(address)
        if page.evaluate("document.documentElement.lang") != language:
            yield f"in {language}: it speaks another language"
        complaints = complaints_of(page) if EVERY_LOOK else excesses(page)
        yield from (f"in {language}, {complaint}" for complaint in complaints)
    speak(page, "en")


def speak(page: Page, language: str) -> None:
    """From the next page on."""
    origin = page.evaluate("location.origin")
    page.context.add_cookies([{"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": origin}])


def settled_excess(page: Page) -> int:
    """By how many pixels the page is wider than the window, once it has had time to follow it."""
    for _ in range(LOOKS):
        if (wider := page.evaluate(WIDER)) <= 0:
            break
        page.wait_for_timeout(PAUSE)
    return wider
