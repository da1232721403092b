"""Curves as one works with them: axes, smoothing, zoom, other trains laid over, files to keep."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NEEDS_CHROMIUM
from tests.training_jobs import records
from training_jobs import metrics
from training_jobs.models import Status, TrainingJob
from training_methods.trainers.events import Metrics

pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM]


@pytest.fixture
def job(transactional_db) -> TrainingJob:
    return finished("acorn", lambda step: 3 - step / 20)


def finished(name: str, loss, steps: int = 40, **more: object) -> TrainingJob:
    """A train that reported something twice a second, and a hundred tokens a step."""
    job = records.job(Status.SUCCEEDED, name=name, **more)
    start = job.started_at.timestamp()
    metrics.append(
        job.pk,
        1,
        [
            Metrics(step=n, at=start + n / 2, values={"loss": loss(n), "num_tokens": n * 100.0})
            for n in range(1, steps + 1)
        ],
    )
    return job


def open_curves(page: Page, job: TrainingJob, more: str = "") -> Locator:
    page.goto(f"{job.get_absolute_url()}?tab=evaluation{more}")
    curve = page.locator('figure[data-metric="loss"]')
    expect(curve.locator("canvas")).to_be_visible()
    return curve


def point_at(curve: Locator, part: float) -> None:
    box = curve.locator(".u-over").bounding_box()
    curve.page.mouse.move(box["x"] + box["width"] * part, box["y"] + box["height"] / 2)


def drag(curve: Locator, start: float, end: float) -> None:
    point_at(curve, start)
    curve.page.mouse.down()
    point_at(curve, end)
    curve.page.mouse.up()


def test_the_cursor_tells_the_values_of_every_curve(expert_page: Page, job: TrainingJob):
    curve = open_curves(expert_page, job)
    expert_page.get_by_text("Speed and volume").click()
    tokens = expert_page.locator('figure[data-metric="num_tokens"]')
    expect(tokens.locator("canvas")).to_be_visible()

    curve.scroll_into_view_if_needed()
    point_at(curve, 1)

    expect(curve).to_contain_text("1 at step 40")
    expect(tokens).to_contain_text("4,000 at step 40")


def test_the_arrow_keys_move_along_a_curve(expert_page: Page, job: TrainingJob):
    curve = open_curves(expert_page, job)

    curve.get_by_role("img").press("ArrowRight")

    expect(curve.locator("[data-values]")).to_have_text("2.95 at step 1")


def test_smoothing_scale_and_axis_are_kept_in_the_address(expert_page: Page, job: TrainingJob):
    open_curves(expert_page, job)

    expert_page.get_by_label("Smoothing").fill("0.6")
    expert_page.get_by_label("Log scale").check()
    expert_page.get_by_label("Across").select_option("tokens")

    expect(expert_page).to_have_url(re.compile(r"smooth=0\.6&log=1|x=tokens&smooth=0\.6&log=1"))
    expert_page.reload()
    expect(expert_page.get_by_label("Smoothing")).to_have_value("0.6")
    expect(expert_page.get_by_label("Log scale")).to_be_checked()
    expect(expert_page.get_by_label("Across")).to_have_value("tokens")


def test_smoothing_is_tensorboards(expert_page: Page, job: TrainingJob):
    """Its values for 1, 0, 0 at 0.5: 1, 1/3, 1/7."""
    open_curves(expert_page, job)

    assert expert_page.evaluate("smoothed([1, 0, null, 0], 0.5).map((one) => one && 1 / one)") == pytest.approx(
        [1, 3, None, 7]
    )


@pytest.mark.parametrize(("axis", "last"), [("step", 40), ("time", 20), ("tokens", 4000)])
def test_x_is_steps_time_or_tokens(expert_page: Page, job: TrainingJob, axis: str, last: float):
    open_curves(expert_page, job, f"&x={axis}")

    seen = expert_page.evaluate(
        f"""async () => {{
            const run = new Run({{ started: {job.started_at.timestamp()} }});
            run.take(await (await fetch("{job.get_absolute_url()}metrics?after=0")).json());
            return run.columns("loss", "{axis}").xs.at(-1);
        }}"""
    )

    assert seen == pytest.approx(last, abs=0.1)


def test_zooming_asks_for_the_finer_points_and_can_be_undone(expert_page: Page, transactional_db):
    long = finished("long", lambda step: 1 / step, steps=60_000)
    asked: list[str] = []
    curve = open_curves(expert_page, long)
    expert_page.on("request", lambda request: asked.append(request.url))

    drag(curve, 0.5, 0.51)

    expect(expert_page.get_by_role("button", name="Reset the zoom")).to_be_visible()
    point_at(curve, 0.25)
    expect(curve.locator("[data-values]")).to_have_text(re.compile(r"at step 30,1\d\d"))
    (url,) = [url for url in asked if "metrics?from=" in url]
    first, last = map(int, re.findall(r"\d+", url.rpartition("?")[2]))
    assert 29_500 < first < last < 31_500
    expect(curve).to_have_attribute("data-points", re.compile(r"^1[45]\d\d$"))  # some 960 beside all within the window
    expert_page.get_by_role("button", name="Reset the zoom").click()
    expect(expert_page).not_to_have_url(re.compile("from="))


def test_a_zoom_in_the_address_is_shown(expert_page: Page, job: TrainingJob):
    curve = open_curves(expert_page, job, "&from=10&to=20")

    point_at(curve, 0)

    expect(curve).to_contain_text("2.5 at step 10")


def test_another_train_is_found_by_name_and_laid_over(expert_page: Page, job: TrainingJob):
    finished("birch", lambda step: 2.0)
    curve = open_curves(expert_page, job)
    expert_page.get_by_label("Smoothing").fill("0.5")

    expert_page.get_by_placeholder("Add a train by name").fill("bir")
    expert_page.get_by_role("button", name="Find").click()
    expert_page.get_by_role("link", name="birch").click()

    expect(curve.locator("[data-values]")).to_contain_text("birch last 2 at step 40")
    expect(curve.locator("[data-values]")).to_contain_text("acorn last 1 at step 40")
    expect(expert_page.get_by_label("Smoothing")).to_have_value("0.5")
    expert_page.get_by_role("link", name="Take birch out").click()
    expect(curve.locator("[data-values]")).to_have_text(re.compile("^last 1 at step 40"))


def test_a_curve_can_be_kept_as_points_and_as_a_picture(expert_page: Page, job: TrainingJob):
    curve = open_curves(expert_page, job)

    with expert_page.expect_download() as points:
        curve.get_by_role("link", name="Download the points of loss").click()
    with expert_page.expect_download() as picture:
        curve.get_by_role("button", name="Save loss as PNG").click()

    assert Path(points.value.path()).read_text().splitlines()[40].endswith(",1.0")
    assert picture.value.suggested_filename == "acorn-loss.png"
    assert Path(picture.value.path()).read_bytes().startswith(b"\x89PNG")


def test_groups_fold_and_the_important_ones_come_first(expert_page: Page, job: TrainingJob):
    open_curves(expert_page, job)

    groups = expert_page.locator("[data-group]:visible summary h2")
    expect(groups).to_have_text(["Loss and reward", "Speed and volume"])
    expect(expert_page.locator('figure[data-metric="num_tokens"]')).to_be_hidden()
    expect(expert_page.locator('figure[data-metric="loss"] figcaption')).to_contain_text("Loss loss")


def test_a_german_reads_labels_and_numbers_in_german(expert_page: Page, job: TrainingJob):
    expert_page.set_extra_http_headers({"Accept-Language": "de"})

    open_curves(expert_page, job)

    expect(expert_page.locator('figure[data-metric="num_tokens"] [data-label]')).to_have_text("Gesehene Tokens")
    expect(expert_page.locator("[data-smoothing]")).to_have_text("0,00")


@pytest.mark.parametrize("width", [1440, 390])
def test_odd_names_break_nothing(expert_page: Page, job: TrainingJob, width: int):
    names = ["<b>bold</b>", "LOSS", "a/../b", "x" * 200, "🔥" * 200, "__proto__", "'\"`${1}", "%(name)s&amp;?metric=#"]
    metrics.append(job.pk, 1, [Metrics(step=step, values=dict.fromkeys(names, 0.5)) for step in range(1, 41)])
    expert_page.set_viewport_size({"width": width, "height": 900})

    open_curves(expert_page, job)
    expert_page.get_by_text("Further metrics").click()

    figures = expert_page.locator("[data-group=other] figure")
    expect(figures).to_have_count(len(names))
    for figure in figures.all():
        expect(figure.locator("[data-values]")).to_have_text(re.compile("^last 0.5 at step 40"))
    assert sorted(figures.locator("[data-label]").all_text_contents()) == sorted(names)
    assert expert_page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    with expert_page.expect_download() as points:
        figures.filter(has_text="🔥").locator("[data-csv]").click()
    assert Path(points.value.path()).read_text().splitlines()[1].endswith(",0.5")
