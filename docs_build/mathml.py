"""Equations as MathML, so that pages need no script: fences of the language math, and $`...`$ within a line."""

from typing import Any

from latex2mathml import converter
from markdown import Markdown
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor


def convert(source: str, display: str = "inline") -> str:
    """Return LaTeX as MathML. Bars of a norm do not stretch: each would, by itself, with whatever stands beside it."""
    return converter.convert(source, display=display).replace(
        "<mo>&#x02016;</mo>", '<mo stretchy="false">&#x02016;</mo>'
    )


def block(source: str, *_: Any, **__: Any) -> str:
    """Return a fence of the language math as MathML (a formatter of pymdownx.superfences)."""
    return f'<div class="equation">{convert(source.strip(), display="block")}</div>'


class _Inline(InlineProcessor):
    def handleMatch(self, m: Any, data: str) -> tuple[str, int, int]:  # noqa: ARG002
        return self.md.htmlStash.store(convert(m.group(1))), m.start(0), m.end(0)


class InlineMath(Extension):
    """Markdown extension: $`x^2`$ is an equation, as on GitHub."""

    def extendMarkdown(self, md: Markdown) -> None:
        """Register the pattern, before that of code between backticks."""
        md.inlinePatterns.register(_Inline(r"\$`([^`]+)`\$", md), "inline-math", 195)


def makeExtension(**settings: Any) -> InlineMath:
    """Return the extension; Markdown calls this function by name."""
    return InlineMath(**settings)
