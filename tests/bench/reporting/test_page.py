"""The page in a real browser: its tables, images and links. Charts: test_charts.py."""

from bench.reporting import page as pages
from bench.reporting import sentences
from bench.reporting.section import Section
from bench.reporting.table import Cell, Table, prose


def column(page, table: str, index: int) -> list[str]:
    return page.locator(f"#{table} tbody tr > :nth-child({index + 1})").all_inner_texts()


def test_all_images_load(page):
    page.eval_on_selector_all("main img", "images => images.forEach((image) => { image.loading = 'eager'; })")
    page.eval_on_selector_all("main img", "images => Promise.all(images.map((image) => image.decode()))")
    sizes = page.eval_on_selector_all("main img", "images => images.map((image) => image.naturalWidth)")
    assert len(sizes) > 5
    assert min(sizes) > 10


def test_a_click_on_a_heading_sorts_and_another_turns_it_round(page):
    heading = page.locator("#results-generated thead tr:last-child th").nth(3).locator("button")
    heading.click()
    up = column(page, "results-generated", 3)
    assert up == ["3.0 ± 2.0", "12.0 ± 2.0", "20", "-"]  # as numbers: not 12 before 2, and what is missing last
    heading.click()
    assert column(page, "results-generated", 3) == ["20", "12.0 ± 2.0", "3.0 ± 2.0", "-"]
    page.locator("#results-generated thead tr:last-child th").nth(0).locator("button").click()
    assert column(page, "results-generated", 0) == sorted(column(page, "results-generated", 0))


def test_a_figure_can_be_enlarged_and_closed(page):
    page.locator("figure .enlarge:visible").first.click()
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


def test_the_first_screen_has_every_claim(page):
    height = page.viewport_size["height"]
    names = page.locator("#verdict-matrix tbody th").all()
    assert len(names) == 5  # neither settings nor the match to the prior are compared here
    assert all(name.bounding_box()["y"] + name.bounding_box()["height"] <= height for name in names)


def test_names_of_several_claims_leave_room_for_their_answers(open_page, tmp_path):
    names = ", ".join(sentences.CLAIMS)
    rows = [[prose(names), prose("not asked: " + "a reason " * 8), Cell("")]]
    table = Table("verdict", "Verdict", ["claim", "answer", "shown by"], rows, "", words=3, stacked=True)
    path = tmp_path / "index.html"
    path.write_text(pages.html("t", ["l"], [Section("s", "S", tables=[table], folder=tmp_path)]))
    cells = open_page(path).locator("#s-verdict tbody tr > *")
    claim, answer = (cells.nth(i).bounding_box()["width"] for i in range(2))
    assert claim < answer


def test_a_cell_of_the_matrix_opens_its_sentence(page):
    cell = page.locator("#verdict-matrix .tone a").first
    sentence = page.locator(f"[id='{cell.get_attribute('href')[1:]}']")
    assert not sentence.is_visible()
    cell.click()
    sentence.wait_for()
    assert "mmd" in sentence.inner_text()
    assert page.messages == []


def test_a_cell_of_the_matrix_opens_a_row_that_nothing_covers(open_page, page_file):
    """On a phone too, the words of the row are beside the first column, not below it."""
    for screen in ("desktop", "phone"):
        page = open_page(page_file, screen)
        page.locator("#verdict-matrix .tone a").first.click()
        row = page.locator("tr:target")
        row.wait_for()
        assert row.evaluate("row => row.closest('.scroll').scrollLeft") == 0
        for cell in row.locator("> *").all():
            box = cell.bounding_box()
            assert box is None or (box["x"] >= 0 and box["x"] + box["width"] <= page.viewport_size["width"] + 1)
            if screen == "phone":
                break_at = row.locator("th").bounding_box()
                assert box is None or box["y"] >= break_at["y"]


def test_a_narrow_screen_shows_numbers_beside_the_names(open_page, page_file):
    """The first column takes at most a third of a phone's width; the distance is in view."""
    page = open_page(page_file, "phone")
    table = page.locator("#results-generated")
    assert table.locator("tbody th").first.bounding_box()["width"] <= 390 / 3
    distance = table.locator("tbody tr").first.locator("td").nth(2).bounding_box()
    assert distance["x"] + distance["width"] <= 390


def test_rows_of_sentences_stack_on_a_narrow_screen(open_page, page_file):
    page = open_page(page_file, "phone")
    answer = page.locator("#verdict-verdict tbody tr").first
    name, text = answer.locator("th").bounding_box(), answer.locator("td").first.bounding_box()
    assert text["y"] >= name["y"] + name["height"] - 1
    assert text["width"] > 300


def test_the_shade_of_a_wide_table_covers_none_of_it(open_page, page_file):
    page = open_page(page_file, "phone")
    wide = page.locator(".wide.more").first
    right, width = wide.evaluate("box => { const s = getComputedStyle(box, '::after'); return [s.right, s.width]; }")
    assert float(right.removesuffix("px")) <= -float(width.removesuffix("px"))


def test_rules_of_the_first_column_continue_those_of_the_others(page):
    for row in page.locator("#results-generated tbody tr").all():
        bottoms = row.locator("> :visible").evaluate_all("cells => cells.map((c) => c.getBoundingClientRect().bottom)")
        assert max(bottoms) - min(bottoms) < 0.01
        heights = row.evaluate("row => row.getBoundingClientRect().height")
        assert heights == round(heights)


def test_names_break_between_settings_only():
    from bench.reporting.page import _breakable

    assert str(_breakable("mmd")) == "mmd"
    assert str(_breakable("4.3, 4.7")) == "4.3, 4.7"
    assert str(_breakable("a[b=1,c=2] †")) == "".join(
        f'<span class="part">{p}</span>' for p in ("a[", "b=1,", "c=2] †")
    )
    assert "learning_rate=<wbr>0.004" in str(_breakable("mmd[learning_rate=0.004]"))
    assert "&lt;" in str(_breakable("<b>[x=1]"))


def test_names_can_be_read(page):
    """The first column stays in view and is wide enough for words."""
    for cell in page.locator("tbody tr > :first-child").all()[:8]:
        assert cell.bounding_box()["width"] >= 100
        assert cell.bounding_box()["height"] < 100


def test_a_table_wider_than_the_screen_says_so_and_keeps_its_first_column(open_page, page_file):
    page = open_page(page_file, "phone")
    section = page.locator("#results-generated")
    assert "to the right" in section.locator(".hint").inner_text()
    before = section.locator("tbody th").first.bounding_box()["x"]
    section.locator(".scroll").evaluate("box => { box.scrollLeft = 10000; }")
    section.locator(".hint", has_text="scroll the table back").wait_for()
    assert section.locator("tbody th").first.bounding_box()["x"] == before


def test_the_page_uses_the_width_of_the_screen(open_page, page_file):
    page = open_page(page_file)
    page.set_viewport_size({"width": 2400, "height": 1200})
    assert page.locator("main").bounding_box()["width"] > 2200


def test_a_script_that_is_not_the_pages_own_does_not_run(open_page, page_file, tmp_path):
    """Text of strangers is escaped. Should some not be, the page's policy stops it."""
    forged = tmp_path / "forged.html"
    forged.write_text(page_file.read_text().replace("</main>", "<script>window.forged = 1</script></main>"))
    page = open_page(forged)
    assert page.evaluate("window.forged") is None
    assert any("Content Security Policy" in message for message in page.messages)


def test_groups_of_columns_fold_and_their_first_column_stays(open_page, page_file):
    page = open_page(page_file)
    table = page.locator("#convergence-convergence table")
    button = table.get_by_role("button", name="time", exact=True)
    before = table.locator("tbody tr").first.locator("td:visible").count()
    button.focus()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-expanded") == "false"
    assert table.locator("tbody tr").first.locator("td:visible").count() == before - 2
    assert table.get_by_role("button", name="images/s").is_visible()
    page.reload()
    assert table.locator("tbody tr").first.locator("td:visible").count() == before - 2


def test_no_group_of_columns_ends_beyond_its_table(open_page, page_file):
    page = open_page(page_file)
    for table in page.locator("table:has(.groups)").all():
        spans = table.locator(".groups > *").evaluate_all("cells => cells.reduce((n, cell) => n + cell.colSpan, 0)")
        assert spans == table.locator("thead tr").last.locator("th").count()
