"""Charts in a real browser: what is drawn, what a reader can change, and what cannot happen."""

import json
from itertools import combinations

import pytest

from bench.reporting import page as pages
from bench.reporting.charts import Chart, rounded
from bench.reporting.section import Section
from bench.reporting.style import Figure, LineStyle, colour_and_marker, configured_looks

CURVE = "#convergence-figure-fd_classifier_1k"
VARIANTS = f"document.querySelector('{CURVE} .plot').data.filter((t) => t.text).map((t) => t.text[0])"


def drawn(page, section: str = CURVE):
    """Scroll to a chart and wait until plotly has drawn it."""
    chart = page.locator(f"{section} .chart")
    chart.scroll_into_view_if_needed()
    chart.locator(".plot .main-svg").first.wait_for(timeout=30_000)
    return chart


def shown(chart) -> list[str]:
    """What hovering a chart would show, a text per trace."""
    return chart.locator(".plot").evaluate("plot => plot.data.filter((t) => t.text).map((t) => t.text[0])")


def test_charts_are_drawn_without_a_message_or_a_request(page):
    drawn(page)
    for section in page.locator("section:has(.plot:not(.samples))").all():
        drawn(page, f"#{section.get_attribute('id')}")
    assert page.messages == []
    assert all(url.startswith(("file:", "data:", "blob:")) for url in page.requests)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_hovering_tells_variant_seed_and_value(page):
    texts = shown(drawn(page))
    assert any(text.startswith("<b>moco</b> seed 0") and "value: <b>100</b>" in text for text in texts)
    assert any(text.startswith("<b>mmd</b>, mean of 5 seeds") for text in texts)


def test_a_variant_is_hidden_and_isolated_with_the_keyboard_in_all_charts(page):
    chart = drawn(page)
    button = chart.get_by_role("button", name="moco")
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_function(f"!({VARIANTS}).some((text) => text.includes('moco'))")
    assert button.get_attribute("aria-pressed") == "false"
    other = page.locator("#convergence-figure-reconstruction_test").get_by_role("button", name="moco")
    assert other.get_attribute("aria-pressed") == "false"
    page.keyboard.press("Shift+Enter")
    page.wait_for_function(f"({VARIANTS}).every((text) => text.includes('moco'))")
    page.reload()
    assert drawn(page).get_by_role("button", name="mmd").get_attribute("aria-pressed") == "false"


def test_points_are_told_and_picked_with_the_keyboard(page):
    chart = drawn(page)
    plot, told = chart.locator(".plot"), chart.locator(".unseen")
    plot.focus()
    seen = set()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
        seen.add(told.inner_text())
    assert len(seen) == 4
    assert all("seed" in text and "value: " in text and "<" not in text for text in seen)
    page.locator(".hoverlayer text").first.wait_for()
    page.keyboard.press("Escape")
    assert told.inner_text() == ""
    for key in ("ArrowRight", "Enter"):
        page.keyboard.press(key)
    variant = told.inner_text().split(" seed")[0]
    assert chart.locator(".picked figcaption code").inner_text() == variant
    assert page.messages == []


def test_a_tap_picks_one_trial(open_page, page_file):
    page = open_page(page_file, "phone", has_touch=True)
    chart = drawn(page)
    for variant, shown in (("moco", ["moco"]), ("mmd", ["moco", "mmd"])):
        place = chart.locator(".plot").evaluate(
            """(plot, variant) => {
                const isMean = (t) => t.text && t.text[0].startsWith(`<b>${variant}</b>, mean`);
                const { x: [x], y: [y] } = plot.data.find(isMean);
                const { xaxis, yaxis } = plot._fullLayout, { left, top } = plot.getBoundingClientRect();
                return [left + xaxis._offset + xaxis.d2p(x), top + yaxis._offset + yaxis.d2p(y)];
            }""",
            variant,
        )
        page.touchscreen.tap(*place)
        captions = chart.locator(".picked figcaption")
        captions.nth(len(shown) - 1).wait_for()
        page.wait_for_timeout(300)  # for a second click of the same tap
        assert [text.split(" seed")[0] for text in captions.all_inner_texts()] == shown
        page.wait_for_timeout(300)


def test_a_mean_shows_the_samples_of_its_first_seed(page):
    plot = drawn(page).locator(".plot")
    mean, seeds = (
        plot.evaluate("(plot, text) => plot.data.find((t) => t.text && t.text[0].startsWith(text)).customdata", text)
        for text in ("<b>moco</b>, mean", "<b>moco</b> seed 0")
    )
    assert mean == seeds[: len(mean)]  # seed 0 has finished
    assert all(trial for trial, _ in mean)


def test_a_point_of_a_hidden_variant_is_forgotten(page):
    """Hiding it gives its place in the plot to another variant, whose trial was not announced."""
    chart = drawn(page)
    plot = chart.locator(".plot")
    plot.focus()
    page.keyboard.press("ArrowRight")
    variant = chart.locator(".unseen").inner_text().split(" seed")[0]
    chart.get_by_role("button", name=variant, exact=True).press("Enter")
    page.wait_for_function(f"!({VARIANTS}).includes({variant!r})")
    plot.focus()
    page.keyboard.press("Enter")
    assert chart.locator(".picked figcaption").count() == 0


def test_axes_are_switched(page):
    chart = drawn(page)
    chart.get_by_label("against").select_option("epoch")
    chart.get_by_label("vertical").select_option("linear")
    page.wait_for_function(
        "section => document.querySelector(section + ' .plot').layout.yaxis.type === 'linear'", arg=CURVE
    )
    layout = chart.locator(".plot").evaluate("plot => plot.layout")
    assert layout["xaxis"]["title"]["text"] == "epochs"
    assert chart.locator(".plot").evaluate("plot => Math.max(...plot.data.at(-1).x)") == 10


def test_a_floor_far_below_is_an_arrow_with_its_value(open_page, tmp_path):
    levels = [{"text": "floor", "value": 0.001, "dashed": False}]
    page = open_page(page_of(tmp_path, {"m": LineStyle("#D55E00", "o")}, levels=levels))
    low, _ = drawn(page, "#s-figure-f").locator(".plot").evaluate("plot => plot.layout.yaxis.range")
    assert low > -1
    assert "↓ floor, 0.001" in page.locator(".plot").text_content()


def test_the_text_of_a_level_does_not_hide_the_end_of_a_curve(open_page, tmp_path):
    levels = [{"text": "floor: samples of the prior", "value": 1.0, "dashed": False}]
    page = open_page(page_of(tmp_path, {"m": LineStyle("#D55E00", "o")}, y=[10.0, 1.05], levels=levels))
    chart = drawn(page, "#s-figure-f")
    text, end = (chart.locator(f".plot {of}").last.bounding_box() for of in (".annotation-text", ".points path"))
    assert abs(text["y"] - end["y"]) < 3 * text["height"]  # both are at the floor
    assert text["x"] + text["width"] < end["x"]


@pytest.mark.parametrize("y", [[3.63, 4.13], [4.0001, 4.0004], [10000.0, 10005.0], [0.5, 60.0], [4e-5, 900.0]])
def test_an_axis_has_enough_round_ticks_and_not_too_many(open_page, tmp_path, y):
    page = open_page(page_of(tmp_path, {"m": LineStyle("#D55E00", "o")}, y=y))
    axis = drawn(page, "#s-figure-f").locator(".plot").evaluate("plot => plot.layout.yaxis")
    assert axis["type"] == "log"
    assert 3 <= len(axis["tickvals"]) <= 12
    assert all(y[0] * 0.7 < tick < y[1] * 1.4 for tick in axis["tickvals"])
    assert len(set(axis["ticktext"])) == len(axis["ticktext"])
    shown = [float(text.removesuffix("k")) * (1000 if text.endswith("k") else 1) for text in axis["ticktext"]]
    assert shown == pytest.approx(axis["tickvals"], rel=1e-9)


def page_of(folder, styles, *, y=(5.0, 4.0), **data):
    """A page with one chart of two points a variant."""
    lines = [{"variant": v, "seed": 0, "trial": v, "done": True, "step": [1, 2], "y": list(y)} for v in styles]
    chart = {"axes": {"step": "steps"}, "title": "<i>t</i>", "lines": lines, "levels": [], "blank": 0.25} | data
    for suffix in ("png", "pdf", "csv"):
        (folder / f"f.{suffix}").write_bytes(b"\x89PNG" + bytes(30))
    figure = Figure("f", "t", "c", chart=Chart("lines", styles, chart))
    path = folder / "index.html"
    path.write_text(pages.html("t", ["l"], [Section("s", "S", figures=[figure], folder=folder)]))
    return path


def test_labels_of_strangers_are_text(open_page, tmp_path):
    evil = '</script><script>window.evil=1</script><a href="https://x.invalid">x</a>%{x}<!--'
    page = open_page(page_of(tmp_path, {evil: LineStyle("#D55E00", "o")}))
    chart = drawn(page, "#s-figure-f")
    box = chart.locator(".plot .nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.05, box["y"] + box["height"] * 0.06)
    page.locator(".hoverlayer text").first.wait_for()
    assert evil in page.locator(".hoverlayer").text_content()
    assert page.locator(".plot a[href*='x.invalid']").count() == 0
    assert chart.get_by_role("button", name=evil).is_visible()
    assert page.evaluate("window.evil") is None
    assert page.messages == []


@pytest.mark.parametrize("screen", ["desktop", "phone"])  # light and dark
def test_methods_differ_in_colour_or_symbol(open_page, tmp_path, screen):
    styles = {method: LineStyle(*colour_and_marker(method)) for method in configured_looks()}
    page = open_page(page_of(tmp_path, styles), screen)
    swatches = page.locator(".legend .swatch").evaluate_all(
        """all => all.map((swatch) => ({
          method: swatch.parentElement.textContent, symbol: swatch.querySelector("path").getAttribute("d"),
          colour: getComputedStyle(swatch).borderTopColor.match(/[0-9]+/g).slice(0, 3).map(Number)}))"""
    )
    assert {swatch["method"] for swatch in swatches} == set(styles)
    for one, other in combinations(swatches, 2):
        difference = max(abs(a - b) for a, b in zip(one["colour"], other["colour"], strict=True))
        assert difference >= 25 or one["symbol"] != other["symbol"], (one, other)
    grey, black = (next(s["colour"] for s in swatches if s["method"] == method) for method in ("autoencoder", "koleo"))
    assert abs(grey[0] - black[0]) >= 60, "their curves are crowded, and markers stand at a few points only"


def test_without_scripts_figures_are_images(open_page, page_file):
    page = open_page(page_file, java_script_enabled=False)
    assert page.locator(f"{CURVE} img").is_visible()


def test_values_that_json_cannot_hold_are_missing():
    assert rounded([1.23456789, float("nan"), float("inf")]) == [1.2346, None, None]
    text = Chart("lines", {"</script>": LineStyle("#000000", "?")}, {}).json()
    assert "<" not in text
    assert json.loads(text)["variants"]["</script>"]["symbol"] == "circle"
    with pytest.raises(ValueError, match="not JSON compliant"):
        Chart("lines", {}, {"value": float("nan")}).json()
