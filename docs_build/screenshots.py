"""Pictures of the report's page for the documentation.

    python -m docs_build.screenshots

opens the page of the digits' reference study in Chromium, and writes docs/assets/report.png.
Run it after `make reference`.
"""

import io
import shutil
from pathlib import Path

from PIL import Image

from docs_build.links import DOCS, ROOT

PAGE = ROOT / "results" / "reference" / "digits" / "index.html"
PICTURE = DOCS / "assets" / "report.png"
WIDTH, HEIGHT = 1100, 760
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def take(page: Path, picture: Path) -> None:
    """Write a picture of the top of a page."""
    from playwright.sync_api import sync_playwright

    browser = next((found for found in map(shutil.which, BROWSERS) if found), None)
    if browser is None:
        raise SystemExit("error: chromium is not installed; apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        opened = chromium.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        opened.goto(page.as_uri())
        opened.wait_for_load_state("load")
        content = opened.screenshot()
        chromium.close()
    Image.open(io.BytesIO(content)).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(picture, optimize=True)


if __name__ == "__main__":
    take(PAGE, PICTURE)
