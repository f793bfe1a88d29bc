"""How Sphinx builds the documentation: `make docs`."""

import re
from typing import Any

import vaedyn

project = "vaedyn"
author = "the vaedyn developers"
version = release = vaedyn.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
    "sphinx.ext.viewcode",
]
myst_enable_extensions = ["amsmath", "attrs_block", "deflist", "dollarmath"]
myst_heading_anchors = 4
myst_dmath_double_inline = True

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


def setup(app: Any) -> None:
    """Hook in after napoleon, whose priority is 500, and after the extension that has MathJax."""
    app.config.mathjax_path = "mathjax/tex-svg.js"  # one file: no network, no fonts
    app.connect("autodoc-process-docstring", unwrap_shapes, priority=900)


def unwrap_shapes(
    app: Any, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Write shapes in single brackets: (times, latent), not ((times, latent))."""
    lines[:] = [re.sub(r"\(\*(\([^*]*\)[^*]*)\*\)", r"*\1*", line) for line in lines]
