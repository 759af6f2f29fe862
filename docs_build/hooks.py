"""The hooks that MkDocs calls while it builds the site."""

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from docs_build import links
from docs_build.generated import filled
from docs_build.tables import bars_in_code


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Insert the generated parts of pages, and add the copies of the repository's files that pages link to."""
    waiting = [file.src_uri for file in files if file.src_uri.endswith(".md")]
    while waiting:
        address = waiting.pop()
        file = files.get_file_from_path(address)
        assert file is not None
        if not address.startswith(links.COPIES):
            file.content_string = filled(file.content_string)
        for copy in links.copied(file.content_string, address):
            if files.get_file_from_path(copy) is None:
                files.append(File.generated(config, copy, abs_src_path=str(links.source(copy))))
                waiting += [copy] if copy.endswith(".md") else []
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Lead links that leave docs/ to the copies, and show bars in the code of tables as they are."""
    return bars_in_code(links.rewritten(markdown, page.file.src_uri))
