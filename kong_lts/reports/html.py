"""A report as one HTML file: no script, nothing loaded; for a phone, the dark and paper too."""

from pathlib import Path

from kong_lts.errors import CannotRenderError
from kong_lts.reports.chart import bar_chart, chart
from kong_lts.reports.document import Break, Document, inline

__all__ = ["write"]

_TEMPLATES = Path(__file__).parent / "templates"


def write(document: Document) -> str:
    """The report as HTML.

    Raises:
        CannotRenderError: jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError:
        how = "html after `pip install kong-lts[reports]`"
        raise CannotRenderError(document.title, "html", ("text", "markdown", "json", how)) from None
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(bar_chart=bar_chart, chart=chart, inline=inline)
    environment.tests["break"] = lambda value: isinstance(value, Break)
    return environment.get_template("report.html.j2").render(document=document) + "\n"
