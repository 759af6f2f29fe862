"""The code blocks of documentation pages, and what runs them."""

import importlib
import re
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from project import ROOT
from runs import TINY
from typer.testing import CliRunner

from docs_build.generated import filled

PAGES = sorted((ROOT / "docs").rglob("*.md"))
FENCE = re.compile(
    r"^```(?P<language>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL
)
SMALLER = {"--seeds": "1", "--tune": "2"}  # what a test gives instead


@dataclass
class Reader:
    """A reader who follows a page in a working folder: runs its sh and python blocks, and writes its titled files.

    Blocks of the language console are only shown: they install, or need another machine. Runs are made tiny.
    """

    folder: Path
    names: dict[str, object] = field(default_factory=dict)

    def follow(self, page: Path) -> int:
        """Run a page. Returns how many blocks it has."""
        blocks = [*FENCE.finditer(filled(page.read_text()))]
        for block in blocks:
            language, title, text = block["language"], block["title"], block["text"]
            if title:
                (self.folder / title).write_text(text)
            elif language == "python":
                exec(text, self.names)
            elif language == "sh":
                for line in text.splitlines():
                    self.type(line)
        return len(blocks)

    def type(self, line: str) -> None:
        words = shlex.split(line)
        if words[:2] != ["python", "-m"]:
            subprocess.run(words, cwd=self.folder, check=True)
            return
        command, *arguments = words[2].removeprefix("bench."), *words[3:]
        app = importlib.import_module(f"bench.{command}").app
        result = CliRunner().invoke(app, tiny(arguments) if command == "run" else arguments)
        assert result.exit_code == 0, f"{line}\n{result.output}"


def tiny(arguments: list[str]) -> list[str]:
    """The arguments of a run that takes seconds."""
    smaller = list(arguments)
    for i, word in enumerate(arguments[:-1]):
        smaller[i + 1] = SMALLER.get(word, arguments[i + 1])
    given = [argument.partition("=")[0] for argument in arguments]
    settings = [f"{key}={value}" for key, value in TINY.items() if key not in given]
    settings += ["search.points=2"] if "--config" in arguments else []
    return [*smaller, "--executor", "serial", *(word for each in settings for word in ("--set", each))]


def commands(text: str) -> list[str]:
    """The bench commands that a page shows, in blocks of any kind."""
    blocks = "\n".join(block["text"] for block in FENCE.finditer(text) if block["language"] in ("sh", "console"))
    indented = "\n".join(re.findall(r"^    (python -m bench\..*)$", text, re.MULTILINE))
    return re.findall(r"^python -m (bench\..*)$", f"{blocks}\n{indented}", re.MULTILINE)
