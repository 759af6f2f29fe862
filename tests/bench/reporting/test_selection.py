"""Every table and figure says how the variants that it shows were selected."""

from dataclasses import replace

from groups import variants_of

from bench.reporting import selection
from bench.reporting.group import MOST_SHOWN, Group
from bench.reporting.style import Figure
from bench.reporting.table import Table


def many(count: int) -> Group:
    """A group of one method with so many variants."""
    return variants_of({f"m[weight={i}]": 1.0 for i in range(count)})


def test_figures_of_some_variants_say_how_they_were_chosen():
    (figure,) = selection.captioned(many(MOST_SHOWN + 1), [Figure("f", "F", "What it shows")])
    assert figure.caption.startswith("What it shows. Shown: the best variant of each method and prior (1 of 17)")
    (figure,) = selection.captioned(many(2), [Figure("f", "F", "What it shows")])
    assert figure.caption == "What it shows"


def test_variants_that_a_search_chose_are_called_so_at_every_table():
    group = replace(many(2), searched={"m[weight=0]": 24, "m[weight=1]": 24})
    (table,) = selection.noted(group, [Table("t", "T", ["variant"], [], "About.")])
    assert table.about == "About. Each variant is the best of 24 points of a search, retrained with other seeds."
    some = replace(many(2), searched={"m[weight=1]": 24})
    assert selection.of_variants(some).startswith("`m[weight=1]`: each is the best of 24 points")
    assert selection.noted(many(2), [table])[0] == table
