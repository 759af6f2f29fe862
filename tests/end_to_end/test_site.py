"""The documentation site is built strictly, and loads nothing from elsewhere."""

import functools
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image
from project import ROOT

from docs_build import screenshots

pytestmark = pytest.mark.slow
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def build(*options: str) -> subprocess.CompletedProcess[str]:
    """Build as `make docs` does. With --quiet, MkDocs would not notice warnings, and --strict would mean nothing."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", *options]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "site"
    built = build("--site-dir", str(folder))
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


class Loaded(HTMLParser):
    """The addresses that a browser loads by itself, and not those that a reader may follow."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link" and given.get("rel") not in ("canonical", "prev", "next"):
            self.addresses.append(given.get("href") or "")
        elif tag != "a":
            self.addresses += [given[name] or "" for name in ("src", "srcset", "poster", "data") if name in given]


def test_nothing_is_loaded_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        elsewhere = [address for address in Loaded(page).addresses if re.match(r"(https?:)?//", address)]
        assert not elsewhere, f"{page.relative_to(site)} loads {elsewhere}"
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", style.read_text()), style


def test_every_mark_was_filled_and_every_equation_converted(site):
    for page in site.rglob("*.html"):
        text = page.read_text()
        assert "<!-- generated:" not in text, page
        assert 'class="language-math"' not in text, page
    assert "<math" in (site / "methods" / "moco.html").read_text()


def test_the_python_page_documents_functions_and_not_the_command_of_the_same_name(site):
    documented = re.findall(r'id="(bench\.[^"]+)"', (site / "reference" / "python.html").read_text())
    assert {"bench.from_python.run", "bench.load", "bench.api.Loaded"} <= set(documented)
    assert "bench.run" not in documented


@pytest.mark.parametrize("text", ["[x](no-such-page.md)", "[x](#no-such-heading)", "[x](../no/such/file.txt)"])
def test_a_broken_link_fails(text, tmp_path):
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "index.md").write_text(f"# x\n\n{text}\n")
    settings = tmp_path / "mkdocs.yml"
    settings.write_text(
        f"INHERIT: {ROOT / 'mkdocs.yml'}\ndocs_dir: {pages}\nnav: [index.md]\nhooks: []\nextra_css: []\n"
    )
    built = build("--config-file", str(settings), "--site-dir", str(tmp_path / "site"))
    assert built.returncode == 1, built.stdout + built.stderr
    assert "strict mode" in built.stdout + built.stderr


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(site):
    """Where the site is served."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.skipif(BROWSER is None, reason="chromium is not installed; apt-get install chromium enables this test")
@pytest.mark.parametrize("width", [1280, 390], ids=["desktop", "phone"])
def test_in_a_browser_no_request_leaves_the_site_and_nothing_is_cut_off(address, width):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        for name in ("index", "methods/moco", "reference/settings", "explanation/guarantees"):
            page = browser.new_page(viewport={"width": width, "height": 900})
            requests, messages = [], []
            page.on("request", lambda request, seen=requests: seen.append(request.url))
            page.on("console", lambda message, seen=messages: seen.append(message.text))
            page.goto(f"{address}/{name}.html")
            page.wait_for_load_state("networkidle")
            assert [url for url in requests if not url.startswith((address, "data:", "blob:"))] == []
            assert messages == []
            assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), name
            broken = page.evaluate("[...document.images].filter(image => !image.naturalWidth).map(image => image.src)")
            assert broken == [], name
            page.close()
        browser.close()


@pytest.mark.skipif(BROWSER is None, reason="chromium is not installed; apt-get install chromium enables this test")
def test_the_picture_of_the_page_can_be_taken(tmp_path):
    screenshots.take(screenshots.PAGE, tmp_path / "report.png")
    with Image.open(tmp_path / "report.png") as picture:
        assert picture.size == (screenshots.WIDTH, screenshots.HEIGHT)
        assert len(picture.convert("RGB").getcolors() or []) > 5
