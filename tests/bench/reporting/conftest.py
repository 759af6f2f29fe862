"""Pages of reports in a real browser: Debian's chromium, driven by Playwright. Skipped if chromium is not installed."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from synthetic_experiments import experiment

from bench.reporting import build
from bench.reporting.contents import Contents, limited_to

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SCREENS = {"desktop": (1280, 800, "light"), "phone": (390, 844, "dark")}


@pytest.fixture(scope="session")
def browser():
    if BROWSER is None:
        pytest.skip("chromium is not installed; apt-get install chromium enables this test")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def page_file(tmp_path_factory) -> Path:
    """The page of an experiment with failed, diverged and unmeasured trials, and a verdict on moco."""
    folder = experiment(tmp_path_factory.mktemp("page") / "exp")
    folder.describe(replace(folder.description(), methods=["moco", "mmd", "vae", "gan[prior=sphere]"]))
    with limited_to(Contents.figures):
        build.build(folder)
    return folder.report / "index.html"


@pytest.fixture
def open_page(browser):
    """Opens a file on a screen. `messages` holds console messages and errors, `requests` the requested addresses."""
    opened = []

    def open_file(path: Path, screen: str = "desktop", **options: object):
        width, height, scheme = SCREENS[screen]
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme, **options)
        opened.append(page)
        page.messages, page.requests = [], []
        page.on("console", lambda message: page.messages.append(message.text))
        page.on("pageerror", lambda error: page.messages.append(str(error)))
        page.on("request", lambda request: page.requests.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_file
    for page in opened:
        page.close()


@pytest.fixture(params=SCREENS)
def page(open_page, page_file, request):
    """The page of the experiment, on every screen."""
    return open_page(page_file, request.param)
