"""Links from pages to files outside docs/."""

import pytest

from docs_build import links


def test_a_link_that_leaves_docs_leads_to_a_copy():
    text = "see [the script](../../examples/slurm.sh), or [a page](start.md#install)"
    assert list(links.copied(text, "how-to/cluster.md")) == ["repository/examples/slurm.sh"]
    assert links.rewritten(text, "how-to/cluster.md") == (
        "see [the script](../repository/examples/slurm.sh), or [a page](start.md#install)"
    )


def test_a_copied_page_reaches_files_beside_it():
    page = "repository/results/reference/digits/summary.md"
    assert list(links.copied("![samples](figures/samples.png)", page)) == [
        "repository/results/reference/digits/figures/samples.png"
    ]
    assert links.rewritten("![samples](figures/samples.png)", page) == "![samples](figures/samples.png)"


@pytest.mark.parametrize(
    "link", ["../../no/such/file.txt", "../../configs", "https://arxiv.org", "#here", "../../../x"]
)
def test_other_links_stay_as_they_are(link):
    assert not list(links.copied(f"[x]({link})", "how-to/cluster.md"))
    assert links.rewritten(f"[x]({link})", "how-to/cluster.md") == f"[x]({link})"


def test_a_copied_page_leads_back_into_docs():
    page = "repository/CONTRIBUTING.md"
    assert not list(links.copied("[start](docs/start.md#install)", page))
    assert links.rewritten("[start](docs/start.md#install)", page) == "[start](../start.md#install)"
