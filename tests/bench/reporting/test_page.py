"""The page in a real browser: Debian's chromium, driven by Playwright. Skipped if chromium is not installed."""

import shutil
from pathlib import Path

import pytest
from synthetic_experiments import experiment

from bench.reporting import build

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="chromium is not installed; apt-get install chromium enables this test"),
    pytest.mark.draws,
]


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory) -> Path:
    """The page of an experiment with failed, diverged and unmeasured trials."""
    folder = experiment(tmp_path_factory.mktemp("page") / "exp")
    build.build(folder)
    return folder.report / "index.html"


@pytest.fixture(params=[(1280, 800, "light"), (390, 844, "dark")], ids=["desktop", "phone"])
def page(browser, page_file, request):
    """The opened page. `messages` holds console messages and errors, `requests` the requested addresses."""
    width, height, scheme = request.param
    opened = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    opened.messages, opened.requests = [], []
    opened.on("console", lambda message: opened.messages.append(message.text))
    opened.on("pageerror", lambda error: opened.messages.append(str(error)))
    opened.on("request", lambda request: opened.requests.append(request.url))
    opened.goto(page_file.as_uri())
    yield opened
    opened.close()


def column(page, table: str, index: int) -> list[str]:
    return page.locator(f"#{table} tbody tr > :nth-child({index + 1})").all_inner_texts()


def test_nothing_is_logged_and_no_request_leaves_the_machine(page):
    page.wait_for_load_state("load")
    assert page.messages == []
    assert all(url.startswith(("file:", "data:")) for url in page.requests)


def test_all_images_load(page):
    for image in page.locator("main img").all():
        image.scroll_into_view_if_needed()
        image.evaluate("image => image.decode()")
    sizes = page.eval_on_selector_all("main img", "images => images.map((image) => image.naturalWidth)")
    assert len(sizes) > 5
    assert min(sizes) > 10


def test_a_click_on_a_heading_sorts_and_another_turns_it_round(page):
    heading = page.locator("#results-generated th").nth(3).locator("button")
    heading.click()
    up = column(page, "results-generated", 3)
    assert up == ["3.0 ± 2.0", "12.0 ± 2.0", "20", "-"]  # as numbers: not 12 before 2, and what is missing last
    heading.click()
    assert column(page, "results-generated", 3) == ["20", "12.0 ± 2.0", "3.0 ± 2.0", "-"]
    page.locator("#results-generated th").nth(0).locator("button").click()
    assert column(page, "results-generated", 0) == sorted(column(page, "results-generated", 0))


def test_a_figure_can_be_enlarged_and_closed(page):
    page.locator("figure .enlarge").first.click()
    dialog = page.locator("dialog")
    assert dialog.is_visible()
    page.keyboard.press("Escape")
    assert not dialog.is_visible()


def test_data_can_be_had_as_csv(page, tmp_path):
    with page.expect_download() as download:
        page.locator("#results-generated .links a").first.click()
    download.value.save_as(tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text().startswith("variant,prior,seeds,fd_classifier_1k")


def test_the_page_is_as_wide_as_the_screen(page):
    """Wide tables scroll inside it."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_names_can_be_read(page):
    """The first column stays in view and is wide enough for words."""
    for cell in page.locator("tbody tr > :first-child").all()[:8]:
        assert cell.bounding_box()["width"] >= 100
        assert cell.bounding_box()["height"] < 100
