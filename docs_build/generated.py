"""What is inserted into pages: `<!-- generated: NAME ARGUMENT -->` becomes the text that GENERATED[NAME] returns.

The lines directly below a mark are for readers of the file itself, as on a code host: they say where the generated part
is. The site does not show them.
"""

import re

from docs_build import catalogue, checks, claims, columns, commands, gallery, objects, settings

GENERATED = {
    "commands": commands.all_commands,
    "settings": settings.all_settings,
    "settings_by_dataset": settings.by_dataset,
    "datasets": catalogue.datasets,
    "networks": catalogue.networks,
    "measures": columns.measures,
    "from_file": columns.from_file,
    "file": columns.file,
    "object": objects.documented,
    "checks": checks.all_checks,
    "claims": claims.all_claims,
    "methods": gallery.overview,
    "about": gallery.about,
    "method": gallery.method,
}
MARK = re.compile(r"^<!-- generated: (\w+) ?(.*?) -->$\n?((?:.+\n?)*)", re.MULTILINE)  # group 3: the lines below


def filled(text: str) -> str:
    """Return a page with its generated parts.

    Raises:
        KeyError: GENERATED lacks a name.
    """

    def insert(mark: re.Match[str]) -> str:
        arguments = [mark[2]] if mark[2] else []
        return GENERATED[mark[1]](*arguments)

    return MARK.sub(insert, text)
