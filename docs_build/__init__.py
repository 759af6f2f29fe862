"""The site's generated pages. MkDocs runs `docs_build.hooks` during `make docs`; the pages exist only in the site."""
