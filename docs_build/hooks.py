"""The hooks that MkDocs calls while it builds the site."""

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from docs_build import links


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the copies of the repository's files that pages link to."""
    waiting = [file.src_uri for file in files if file.src_uri.endswith(".md")]
    while waiting:
        page = waiting.pop()
        file = files.get_file_from_path(page)
        assert file is not None
        for address in links.copied(file.content_string, page):
            if files.get_file_from_path(address) is None:
                files.append(File.generated(config, address, abs_src_path=str(links.source(address))))
                waiting += [address] if address.endswith(".md") else []
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Lead links that leave docs/ to the copies."""
    return links.rewritten(markdown, page.file.src_uri)
