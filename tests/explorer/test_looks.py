"""How the page looks before anything is computed: all of it, part by part."""

import pytest

from .listed import FILE, lines, page


def test_the_page_is_as_it_was_seen():
    bokeh = pytest.importorskip("bokeh")
    begin, *expected = FILE.read_text().splitlines()
    if begin != f"bokeh {bokeh.__version__}":
        pytest.skip("another version of Bokeh has other defaults")
    assert lines(page())[1:] == expected
