"""Makes a site of these pages with Sphinx; `nox -s docs` does, and takes no warning.

The pages are Markdown as any viewer shows it: what only the site needs is added here.
"""

import itertools
import re

import mermaidx
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

project = "kong_lts"
root_doc = "README"
extensions = ["myst_parser"]
exclude_patterns = ["examples"]
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False

myst_enable_extensions = ["tasklist"]
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]

PARTS = {
    "Tutorial": "tutorial/*",
    "How to": "how-to/*",
    "Explanation": "explanation/*",
    "Reference": "reference/*",
    "Public names": "reference/api/*",
}
"""A heading of the navigation, and the pages under it."""


class Mermaid(SphinxDirective):
    """A diagram as a picture, so that no reader's browser has to load Mermaid."""

    has_content = True
    _numbers = itertools.count(1)

    def run(self) -> list[nodes.Node]:
        """Draw it; what Mermaid does not take ends the build."""
        try:
            picture = mermaidx.render("\n".join(self.content)).svg()
        except RuntimeError as exc:
            raise self.error(str(exc)) from exc
        picture = picture.replace("my-svg", f"diagram-{next(self._numbers)}")
        width = re.search(r"max-width: ([\d.]+)px", picture)
        # At its own size, in a box that scrolls: what is shrunk to a phone cannot be read.
        style = f"min-width: min({width[1]}px, 44rem)" if width else ""
        box = (
            '<div class="diagram" tabindex="0" role="img" aria-label="Diagram">'
            f'<div style="{style}">{picture}</div></div>'
        )
        return [nodes.raw("", box, format="html")]


def add_contents(app: Sphinx, docname: str, source: list[str]) -> None:
    """The navigation, on the first page: there it would be a block of text to other viewers."""
    if docname == root_doc:
        for title, pages in PARTS.items():
            source[0] += (
                f"\n\n```{{toctree}}\n:hidden:\n:glob:\n:caption: {title}\n\n{pages}\n```\n"
            )


def setup(app: Sphinx) -> None:
    """What this file adds to Sphinx."""
    app.add_directive("mermaid", Mermaid)
    app.connect("source-read", add_contents)
