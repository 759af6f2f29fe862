"""Equations become MathML."""

from markdown import markdown

from docs_build.mathml import block


def html(text: str) -> str:
    fences = {"custom_fences": [{"name": "math", "class": "equation", "format": block}]}
    extensions = ["docs_build.mathml", "pymdownx.superfences"]
    return markdown(text, extensions=extensions, extension_configs={"pymdownx.superfences": fences})


def test_an_equation_within_a_line():
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in html("the square $`x^2`$ of `x`").replace("\n", "")


def test_a_fence_is_an_equation_of_its_own():
    page = html("```math\n\\frac{1}{n} \\sum_i z_i\n```")
    assert '<div class="equation"><math' in page
    assert 'display="block"' in page
    assert "<mfrac>" in page


def test_dollars_without_backticks_are_text():
    assert html("from $5 to $10") == "<p>from $5 to $10</p>"
