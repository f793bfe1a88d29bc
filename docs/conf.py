"""How Sphinx builds the documentation: `make docs`."""

import re
from typing import Any

from pygments.lexer import inherit
from pygments.lexers.shell import BashLexer, BashSessionLexer
from pygments.token import Name

import vaedyn

project = "vaedyn"
author = "The vaedyn developers"
version = release = vaedyn.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
    "sphinx.ext.viewcode",
]
myst_enable_extensions = ["amsmath", "attrs_block", "deflist", "dollarmath"]
myst_heading_anchors = 4
myst_dmath_double_inline = True

nb_execution_mode = "force"  # the notebook in the repository has no outputs
nb_execution_timeout = 600  # seconds: the first run compiles
nb_execution_raise_on_error = True
nb_ipywidgets_js = {}  # these come from a network

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings have types, with the shapes of arrays
autodoc_inherit_docstrings = False
napoleon_google_docstring = False
napoleon_use_param = False  # types are words such as "(times, latent)", not names to be linked
napoleon_custom_sections = [("Attributes", "params_style")]  # several names share one line
napoleon_use_rtype = False
default_role = "literal"  # `name` in a docstring
nitpick_ignore_regex = [
    # types outside of vaedyn, and shapes of arrays: there are no pages of theirs here
    ("py:.*", r"(?!vaedyn).*"),
]

exclude_patterns = ["package.md"]  # what an index of packages shows
smartquotes = False

html_theme = "furo"
html_title = f"vaedyn {release}"
html_copy_source = False
html_show_copyright = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0072B2", "color-brand-content": "#0072B2"},
    "dark_css_variables": {"color-brand-primary": "#56B4E9", "color-brand-content": "#56B4E9"},
}
html_static_path = ["site.css"]
html_css_files = ["site.css"]
pygments_style = "friendly"


class Shell(BashLexer):
    """Shell whose options are tokens: site.css keeps lines from being broken inside of them."""

    tokens = {"data": [(r"(?<=\s)--?[A-Za-z][\w-]*", Name.Tag), inherit]}  # noqa: RUF012


class Session(BashSessionLexer):
    """Commands in that shell, and what they print."""

    _innerLexerCls = Shell  # noqa: N815


def setup(app: Any) -> None:
    """Hook in after napoleon, whose priority is 500, and after the extension that has MathJax."""
    app.config.mathjax_path = "mathjax/tex-svg.js"  # one file: no network, no fonts
    app.add_lexer("console", Session)
    app.connect("autodoc-process-docstring", unwrap_shapes, priority=900)


def unwrap_shapes(
    app: Any, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Write shapes in single brackets: (times, latent), not ((times, latent))."""
    lines[:] = [re.sub(r"\(\*(\([^*]*\)[^*]*)\*\)", r"*\1*", line) for line in lines]
