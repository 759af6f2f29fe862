"""Labels of means in charts of trade-offs, in a real browser."""

import itertools

import pytest
from test_charts import drawn

from bench.reporting import page as pages
from bench.reporting.charts import Chart
from bench.reporting.section import Section
from bench.reporting.style import Figure, LineStyle

MEANS = {"moco": (1, 1), "mmd": (1.02, 1.01), "gan[prior=sphere,weight=0.0316]": (1.01, 1.02), "vae": (9, 9)}


@pytest.fixture
def page_file(tmp_path):
    """A page with one chart: three means that nearly coincide, and one at the upper right corner."""
    clouds = [
        {
            "variant": v,
            "trials": [v],
            "seeds": [0],
            "x": [x],
            "y": [y],
            "mean": [x, y],
            "ellipse": [],
            "far": [False, False],
        }
        for v, (x, y) in MEANS.items()
    ]
    styles = {variant: LineStyle("#D55E00", "o") for variant in MEANS}
    chart = Chart("clouds", styles, {"x": "cost", "title": "distance", "clouds": clouds, "front": [[1], [1]]})
    for suffix in ("png", "pdf", "csv"):
        (tmp_path / f"f.{suffix}").write_bytes(b"\x89PNG" + bytes(30))
    section = Section("s", "S", figures=[Figure("f", "t", "c", chart=chart)], folder=tmp_path)
    path = tmp_path / "index.html"
    path.write_text(pages.html("t", ["l"], [section]))
    return path


@pytest.mark.parametrize("screen", ["desktop", "phone"])
def test_labels_of_means_stay_inside_the_plot_and_clear_of_each_other(open_page, page_file, screen):
    plot = drawn(open_page(page_file, screen), "#s-figure-f").locator(".plot")
    inside = plot.locator(".nsewdrag").first.bounding_box()
    boxes = [text.bounding_box() for text in plot.locator(".textpoint text").all() if text.text_content()]
    assert len(boxes) >= 2
    for box in boxes:
        assert inside["x"] - 2 <= box["x"] <= box["x"] + box["width"] <= inside["x"] + inside["width"] + 2
        assert inside["y"] - 2 <= box["y"] <= box["y"] + box["height"] <= inside["y"] + inside["height"] + 2
    assert not any(overlap(one, other) for one, other in itertools.combinations(boxes, 2))


def overlap(one, other) -> bool:
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "width"), ("y", "height"))
    )
